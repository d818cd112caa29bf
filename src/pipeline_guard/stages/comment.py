"""The comment: what a person reads on the pull request, as Markdown, from stored failures alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline_guard.domain.commands import COMMANDS, MARKER
from pipeline_guard.domain.markdown import code, fence, plain
from pipeline_guard.domain.plan import StepKind
from pipeline_guard.stages.choice import told
from pipeline_guard.stages.suggestion import suggestions
from pipeline_guard.store.tables import Action, Command, Failure

MAX_FAILURES = 8
"""Jobs told in full; the others are counted."""
MAX_EVIDENCE = 3
MAX_LINE = 300
"""Characters of an evidence line."""
MAX_ANSWERS = 3
"""The newest commands whose answers are shown."""

_VERDICTS = {
    "healed": "✅ **{job}**: not your change. {cause}; the re-run passed.",
    "healing": "🔁 **{job}**: not your change. {cause}; it is being re-run.",
    "escalated": "⚠️ **{job}**: {cause}. It was still red after what could be tried.",
    "superseded": "⏭️ **{job}**: {cause}. A newer commit has replaced this one.",
    "ignored": "⏹️ **{job}**: {cause}.",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What history knows of a fingerprint over `days` days."""

    times: int
    rerun: int
    passed: int
    days: int = 7


@dataclass(frozen=True, slots=True)
class Spoken:
    """What people said about the commit, oldest first, and who switched healing off."""

    commands: Sequence[Command] = ()
    off_by: str | None = None

    @property
    def explained(self) -> bool:
        """Somebody asked for the whole reasoning."""
        return any(item.name == "explain" and item.status == "done" for item in self.commands)


def render(
    failures: Sequence[Failure],
    history: Mapping[int, Seen],
    commit: str | None,
    spoken: Spoken = Spoken(),
) -> str:
    """The comment's body for the newest failure of each job, oldest job first.

    `history` is by failure id. Text from logs stands in code fences only, so that mentions,
    links and markup in it stay inert.
    """
    newest: dict[tuple[str, str], Failure] = {}
    for failure in failures:
        newest[_job(failure)] = failure
    shown = list(newest.values())
    parts = [MARKER]
    for item in shown[:MAX_FAILURES]:
        parts.append(_one(item, history.get(item.id)))
        if spoken.explained:
            of_job = [other for other in failures if _job(other) == _job(item)]
            parts.append(_reasoning(item, of_job))
    if not shown:
        parts.append("Nothing is known to have failed at this commit.")
    if len(shown) > MAX_FAILURES:
        parts.append(f"… and {len(shown) - MAX_FAILURES} more failed jobs of this commit.")
    parts += _conversation(spoken)
    usage = " · ".join(code(f"/guard {spec.usage}") for spec in COMMANDS.values())
    short = code((commit or "")[:10])
    parts.append(f"<sub>Pipeline Guard, for {short}. Edited in place. {usage}</sub>")
    return "\n\n".join(parts)


def _job(failure: Failure) -> tuple[str, str]:
    return failure.workflow, failure.job


def _conversation(spoken: Spoken) -> list[str]:
    """What was answered lately, and the commands in full where somebody needs them."""
    parts = []
    if spoken.off_by:
        parts.append(f"⏸️ Healing is switched off in this repository by {plain(spoken.off_by)}.")
    latest = spoken.commands[-MAX_ANSWERS:]
    if latest:
        parts.append("\n".join(_answer(item) for item in latest))
        if latest[-1].name == "help" or latest[-1].status == "unclear":
            parts.append("\n".join(_usage()))
    return parts


def _answer(item: Command) -> str:
    asked = code(" ".join(("/guard", item.name, item.argument)).strip()[:MAX_LINE])
    sign = {"done": "🎉", "refused": "👎"}.get(item.status, "😕")
    return f"- {sign} {plain(item.author)}, {asked}: {plain(item.answer)}"


def _usage() -> list[str]:
    return [
        f"- {code(f'/guard {spec.usage}')}: {spec.help} ({spec.needs} access)"
        for spec in COMMANDS.values()
    ]


def _reasoning(failure: Failure, of_job: Sequence[Failure]) -> str:
    """Everything that led to what was done, as text in a fence: none of it can act."""
    diagnosis, plan = failure.diagnosis, failure.plan
    named_by = f"rule {failure.rule}" if failure.rule else failure.source
    guesses = (f"{item['category']} {item['confidence']:.0%}" for item in diagnosis["candidates"])
    lines = [
        f"cause       {failure.category}, {_sure(failure)} sure, named by {named_by}",
        f"candidates  {', '.join(guesses) or 'none'}",
        f"transient   {'yes' if failure.transient else 'no'}",
        f"fingerprint {failure.fingerprint or 'none'}",
        *(f"note        {note}" for note in diagnosis["notes"]),
        *(f"chance      {line}" for line in told(plan["facts"].get("choice"))),
        *(f"do          {step['kind']}: {step['why']}" for step in plan["steps"]),
        *(
            f"not {item.get('step', 'rerun'):<7} {item['guard']}: {item['reason']}"
            for item in plan["refusals"]
        ),
    ]
    for other in of_job:
        lines.append(f"attempt {other.run_attempt:<3} {other.category}, {other.status}")
        lines += [_done(action) for action in other.actions]
    body = fence("\n".join(line[:MAX_LINE] for line in lines))
    title = f"How it was judged: {plain(failure.job)}"
    return f"<details open><summary>{title}</summary>\n\n{body}\n\n</details>"


def _done(action: Action) -> str:
    asked_by = action.params.get("asked_by")
    who = f" for {asked_by}" if asked_by else ""
    outcome = action.outcome or "outcome not known yet"
    return f"            {action.kind}{who}: {action.status}, {outcome}. {action.note or ''}"


def _one(failure: Failure, seen: Seen | None) -> str:
    diagnosis = failure.diagnosis
    lines = [_verdict(failure)]
    evidence = diagnosis["evidence"][:MAX_EVIDENCE]
    if evidence:
        where = f"[line {evidence[0]['line']}]({failure.url})" if failure.url else "the log"
        lines.append(f"From {where}:")
        lines.append(fence("\n".join(item["text"][:MAX_LINE] for item in evidence)))
    if diagnosis.get("advice"):
        lines.append(plain(diagnosis["advice"]))
    if diagnosis["failed_tests"]:
        lines.append(_folded("Failed tests", diagnosis["failed_tests"]))
    lines += suggestions(failure)
    if seen and seen.times > 1:
        lines.append(_history(seen))
    if failure.labels:
        label = failure.labels[-1]
        lines.append(f"{plain(label.author)} says: it is {code(label.category)}.")
    reasons = [item["reason"] for item in _against(failure, "rerun")]
    if reasons and failure.status not in ("healed", "healing"):
        lines.append(_folded("Why it was not re-run", reasons))
    return "\n\n".join(lines)


def _verdict(failure: Failure) -> str:
    cause = _cause(failure)
    template = _VERDICTS.get(failure.status)
    if template is None or (failure.status == "healing" and not failure.transient):
        template = "❌ **{job}**: yours, most likely: {cause}."
        if failure.status == "healing":  # a person has asked for it
            template = "🔁 **{job}**: {cause}; it is being re-run."
        elif any(item["guard"] == "same_on_target" for item in _against(failure, "rerun")):
            template = "🔎 **{job}**: not your change: {cause}, as on the branch it goes to."
        elif failure.category == "unknown":
            template = "❔ **{job}**: unsure. {cause}."
        elif failure.transient:
            template = "🔎 **{job}**: not your change, most likely: {cause}."
    return template.format(job=plain(failure.job), cause=cause)


def _against(failure: Failure, kind: StepKind) -> list[dict[str, str]]:
    """The refusals of steps of that kind."""
    return [item for item in failure.plan["refusals"] if item.get("step", "rerun") == kind]


def _cause(failure: Failure) -> str:
    if failure.category == "unknown":
        return "The log names no cause known here"
    return f"`{failure.category}` ({_sure(failure)} sure)"


def _history(seen: Seen) -> str:
    text = f"Seen {seen.times} times in {seen.days} days"
    if seen.rerun:
        text += f"; {seen.passed} of {seen.rerun} passed on a re-run"
    return f"{text}."


def _folded(title: str, items: Sequence[Any]) -> str:
    body = fence("\n".join(str(item)[:MAX_LINE] for item in items[:20]))
    return f"<details><summary>{title} ({len(items)})</summary>\n\n{body}\n\n</details>"


def _sure(failure: Failure) -> str:
    """The confidence in percent; nothing here is a hundred per cent sure."""
    return f"{min(failure.confidence, 0.99):.0%}"
