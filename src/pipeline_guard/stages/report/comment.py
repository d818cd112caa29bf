"""The comment: what a person reads on the pull request, as Markdown, from stored failures alone.

Under 40 lines, unless somebody asked for the reasoning: failures alike are told once, the first
ones in full, and what has no room is folded or counted.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline_guard.domain.commands import COMMANDS, MARKER
from pipeline_guard.domain.markdown import code, fence, link, plain
from pipeline_guard.stages.report.reasoning import reasoning
from pipeline_guard.stages.report.suggestion import suggestions
from pipeline_guard.stages.report.verdict import against, verdict
from pipeline_guard.store.tables import Command, Failure

MAX_LINES: Final = 39
MAX_GROUPS: Final = 3
"""Kinds of failure that are told in full; of the others the jobs are named."""
MAX_JOBS: Final = 6
"""Jobs that are named in one sentence."""
EVIDENCE: Final = {1: 3, 2: 3, 3: 2}
"""Lines of the log by how many kinds of failure are told in full."""
URGENT: Final = ("yours", "unsure", "not_yours", "settled")
"""Whose failures come first."""
MAX_LINE: Final = 200
MAX_NAME: Final = 100
MAX_ANSWERS: Final = 3
"""The newest commands whose answers are shown."""
FOOT: Final = ("retry", "explain", "ignore", "wrong", "help")
"""Commands that every comment names; `help` names all of them."""
MAX_EXPLAINED: Final = 4
"""Jobs whose reasoning is unfolded: platforms limit how long a comment is."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What history knows of a fingerprint over `days` days; `issue` is its open one, if any."""

    times: int
    rerun: int
    passed: int
    days: int = 7
    issue: tuple[str, str | None] | None = None
    """Its number and address."""


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

    `history` is by failure id. Text from logs stands in code only, so that mentions, links and
    markup in it stay inert.
    """
    newest: dict[tuple[str, str], Failure] = {}
    for failure in failures:
        newest[_job(failure)] = failure
    groups = _groups(newest.values())
    most = MAX_GROUPS - 1 if spoken.commands or spoken.off_by else MAX_GROUPS
    told, others = groups[:most], groups[most:]
    parts = [MARKER]
    named = _names_of(newest.values())
    for group in told:
        parts += _one(group, named, history.get(group[0].id), EVIDENCE[len(told)])
    if not told:
        parts.append("Nothing is known to have failed at this commit.")
    if others:
        left = [item for group in others for item in group]
        parts.append(f"Red, too: {_names(left, named)}.")
    parts += _conversation(spoken)
    foot = _foot(commit, patch=any(suggestions(group[0]) for group in told))
    parts += _as_room_allows(told, MAX_LINES - _height([*parts, foot]))
    if spoken.explained:
        for item in list(newest.values())[:MAX_EXPLAINED]:
            parts.append(reasoning(item, [o for o in failures if _job(o) == _job(item)]))
    return "\n\n".join((*parts, foot))


def _job(failure: Failure) -> tuple[str, str]:
    return failure.workflow, failure.job


def _groups(found: Iterable[Failure]) -> list[list[Failure]]:
    """Failures with the same cause and fate together, in order; those of people first."""
    groups: dict[tuple[str, ...], list[Failure]] = {}
    for item in found:
        alike = (item.category, item.fingerprint, item.status, verdict(item).whose)
        groups.setdefault(alike, []).append(item)
    return sorted(groups.values(), key=lambda group: URGENT.index(verdict(group[0]).whose))


def in_order(found: Iterable[Failure]) -> list[Failure]:
    """Failures as the comment tells them: what waits for a person first."""
    return [item for group in _groups(found) for item in group]


def _names_of(found: Collection[Failure]) -> dict[int, str]:
    """By failure id, its job's name, with the workflow's before it where there are several."""
    several = len({item.workflow for item in found}) > 1
    return {item.id: f"{item.workflow} / {item.job}" if several else item.job for item in found}


def _one(
    group: Sequence[Failure], named: Mapping[int, str], seen: Seen | None, lines: int
) -> list[str]:
    """One kind of failure: the verdict, the telling lines, and what is known besides."""
    first = group[0]
    said = verdict(first)
    parts = [f"{said.sign} **{said.opening}:** {_names(group, named)}: {said.rest}."]
    evidence = first.diagnosis["evidence"][:lines]
    if evidence:
        shown = "\n".join(" ".join(item["text"].split())[:MAX_LINE] for item in evidence)
        parts.append(f"From {_places(evidence, first.url)}:\n{fence(shown)}")
    remarks = [*_suggested(group), *_done(group), *_history(seen), *_corrected(group)]
    if first.diagnosis.get("advice"):
        remarks.append(plain(first.diagnosis["advice"]))
    if remarks:
        parts.append(" ".join(remarks))
    return parts


def _names(group: Sequence[Failure], named: Mapping[int, str]) -> str:
    names = [code(named[item.id][:MAX_NAME]) for item in group[:MAX_JOBS]]
    if len(group) > MAX_JOBS:
        names.append(f"{len(group) - MAX_JOBS} more")
    return ", ".join(names)


def _places(evidence: Sequence[Mapping[str, str]], url: str | None) -> str:
    """Where the lines stand in the log, each linked to its place there."""
    places = {str(item["line"]): item.get("url") or url for item in evidence}
    word = "lines" if len(places) > 1 else "line"
    if len(set(places.values())) == 1:
        return link(f"{word} {', '.join(places)}", next(iter(places.values())))
    return f"{word} {', '.join(link(line, there) for line, there in places.items())}"


def _suggested(group: Sequence[Failure]) -> list[str]:
    """The re-run that only the mode holds back, and how a person has it done."""
    for item in group:
        planned = any(step["kind"] == "rerun" for step in item.plan["steps"])
        guards = {refusal["guard"] for refusal in against(item)}
        if item.status != "open" or not planned or guards != {"mode"}:
            return []
    return [f"Suggested: re-run; {code('/guard retry')} does it."]


def _done(group: Sequence[Failure]) -> list[str]:
    """What was done about it, with links; a change that mends it is told by itself."""
    actions = {action.id: action for item in group for action in item.actions}
    told = []
    for action in actions.values():
        if action.kind == "rerun" and action.status == "done":
            asked_by = action.params.get("asked_by")
            who = f" for {plain(asked_by)}" if asked_by else ""
            outcome = {"healed": "passed", "failed_again": "failed again"}.get(action.outcome or "")
            told.append(f"{link('Re-run', action.url)}{who}{f': {outcome}' if outcome else ''}.")
        elif action.status == "failed":
            what = "re-run" if action.kind == "rerun" else action.kind
            why = (action.note or "")[:MAX_LINE].rstrip(".")
            told.append(f"Could not {what}: {plain(why)}.")
        elif action.kind == "issue" and action.status == "done":
            told.append(f"{link(f'Issue #{action.external_id}', action.url)}.")
    return told[-3:]


def _history(seen: Seen | None) -> list[str]:
    if seen is None:
        return []
    told = []
    if seen.times > 1:
        passed = f", {seen.passed} of {seen.rerun} passed on re-run" if seen.rerun else ""
        told.append(f"Seen {seen.times} times in {seen.days} days{passed}.")
    if seen.issue:
        told.append(f"Known: {link(f'issue #{seen.issue[0]}', seen.issue[1])}.")
    return told


def _corrected(group: Sequence[Failure]) -> list[str]:
    label = next((item.labels[-1] for item in group if item.labels), None)
    return [f"{plain(label.author)} says: it is {code(label.category)}."] if label else []


def _conversation(spoken: Spoken) -> list[str]:
    """What was answered lately, and the commands in full where somebody needs them."""
    parts = []
    if spoken.off_by:
        parts.append(f"⏸️ Healing is switched off in this repository by {plain(spoken.off_by)}.")
    latest = spoken.commands[-MAX_ANSWERS:]
    if latest:
        parts.append("\n".join(_answer(item) for item in latest))
        if latest[-1].name == "help" or latest[-1].status == "unclear":
            parts.append("<br>".join(_usage()))
    return parts


def _answer(item: Command) -> str:
    asked = code(" ".join(("/guard", item.name, item.argument)).strip()[:MAX_LINE])
    sign = {"done": "🎉", "refused": "👎"}.get(item.status, "😕")
    return f"- {sign} {plain(item.author)}, {asked}: {plain(item.answer)}"


def _usage() -> list[str]:
    return [
        f"{code(f'/guard {spec.usage}')}: {spec.help} ({spec.needs} access)"
        for spec in COMMANDS.values()
    ]


def _foot(commit: str | None, *, patch: bool) -> str:
    names = ("patch", *FOOT) if patch else FOOT
    usage = " · ".join(code(f"/guard {COMMANDS[name].usage}") for name in names)
    return f"<sub>Pipeline Guard, for {code((commit or '')[:10])}. Edited in place. {usage}</sub>"


def _as_room_allows(told: Sequence[Sequence[Failure]], room: int) -> list[str]:
    """Changes that would mend it, then the details, folded, as far as so many lines hold them."""
    parts: list[str] = []
    for group in told:
        for part in suggestions(group[0]):
            if _height([part]) <= room:
                parts.append(part)
                room -= _height([part])
    details = [line for group in told for line in _details(group[0])]
    if details and room > _FRAME:
        left = len(details) - (room - _FRAME)
        if left > 0:
            details = [*details[: room - _FRAME - 1], f"… {left + 1} more lines"]
        body = fence("\n".join(details))
        parts.append(f"<details><summary>Details</summary>\n\n{body}\n\n</details>")
    return parts


_FRAME: Final = 7
"""Lines that folding takes besides what is folded, the empty one before it included."""


def _details(failure: Failure) -> list[str]:
    """Failed tests, and why it was not re-run, as plain lines."""
    found = [f"failed test: {name}" for name in failure.diagnosis["failed_tests"]]
    if failure.category == "unknown":
        found += failure.diagnosis["notes"]
    if failure.status not in ("healed", "healing"):
        found += [f"not re-run: {item['reason']}" for item in against(failure)]
    return [" ".join(line.split())[:MAX_LINE] for line in found]


def _height(parts: Sequence[str]) -> int:
    """Lines of the parts, with an empty one behind each."""
    return sum(part.count("\n") + 2 for part in parts)
