"""The comment: what a person reads on the pull request, as Markdown, from stored failures alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline_guard.store.tables import Failure

MARKER = "<!-- pipeline-guard -->"
"""Finds our comment again; a person never sees it."""
MAX_FAILURES = 8
"""Jobs told in full; the others are counted."""
MAX_EVIDENCE = 3
MAX_LINE = 300
"""Characters of an evidence line."""

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


def render(failures: Sequence[Failure], history: Mapping[int, Seen]) -> str:
    """The comment's body for the newest failure of each job, oldest job first.

    `history` is by failure id. Text from logs stands in code fences only, so that mentions,
    links and markup in it stay inert.
    """
    newest: dict[tuple[str, str], Failure] = {}
    for failure in failures:
        newest[failure.workflow, failure.job] = failure
    shown = list(newest.values())
    parts = [MARKER, *(_one(item, history.get(item.id)) for item in shown[:MAX_FAILURES])]
    if len(shown) > MAX_FAILURES:
        parts.append(f"… and {len(shown) - MAX_FAILURES} more failed jobs of this commit.")
    commit = (shown[0].commit or "")[:10]
    parts.append(f"<sub>Pipeline Guard, for {code(commit)}. Edited in place.</sub>")
    return "\n\n".join(parts)


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
    if seen and seen.times > 1:
        lines.append(_history(seen))
    reasons = [item["reason"] for item in failure.plan["refusals"]]
    if reasons and failure.status not in ("healed", "healing"):
        lines.append(_folded("Why it was not re-run", reasons))
    return "\n\n".join(lines)


def _verdict(failure: Failure) -> str:
    cause = _cause(failure)
    template = _VERDICTS.get(failure.status)
    if template is None:
        template = "❌ **{job}**: yours, most likely: {cause}."
        if failure.category == "unknown":
            template = "❔ **{job}**: unsure. {cause}."
        elif failure.transient:
            template = "🔎 **{job}**: not your change, most likely: {cause}."
    return template.format(job=plain(failure.job), cause=cause)


def _cause(failure: Failure) -> str:
    if failure.category == "unknown":
        return "The log names no cause known here"
    return f"`{failure.category}` ({failure.confidence:.0%} sure)"


def _history(seen: Seen) -> str:
    text = f"Seen {seen.times} times in {seen.days} days"
    if seen.rerun:
        text += f"; {seen.passed} of {seen.rerun} passed on a re-run"
    return f"{text}."


def _folded(title: str, items: Sequence[Any]) -> str:
    body = fence("\n".join(str(item)[:MAX_LINE] for item in items[:20]))
    return f"<details><summary>{title} ({len(items)})</summary>\n\n{body}\n\n</details>"


def fence(text: str) -> str:
    """A code block that its content cannot leave: the fence is longer than any run of its own."""
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}text\n{text}\n{ticks}"


def code(text: str) -> str:
    """Inline code that its content cannot leave."""
    return f"`{text.replace('`', '')}`"


def plain(text: str) -> str:
    """Names from a platform as text: no markup, no mention, no line break."""
    cleaned = " ".join(text.split())
    for character in "\\`*_{}[]<>()#+!|~":
        cleaned = cleaned.replace(character, f"\\{character}")
    # A zero-width space after the sign keeps a name from being notified.
    return cleaned.replace("@", "@\u200b")
