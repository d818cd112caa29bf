"""What the comment says of a change that mends a failure: where it is proposed, or the change."""

from typing import Final

from pipeline_guard.domain.plan import Step, stored_plan
from pipeline_guard.store.tables import Action, Failure

KINDS: Final = ("patch", "quarantine")
SHOWN_LINES: Final = 16
"""Lines of a diff that are shown; whoever wants the rest asks for it with `/guard patch`."""
LINE_CHARS: Final = 300


def suggestions(failure: Failure) -> list[str]:
    """Markdown for each change: a link to what was proposed, else the diff, folded.

    The diff stands in a fence that it cannot leave, so nothing in it acts.
    """
    done = [action for action in failure.actions if action.kind in KINDS]
    told = [_proposed(action) for action in done if action.status == "done" and action.url]
    if told:
        return told
    steps = [step for step in stored_plan(failure.plan).steps if step.kind in KINDS]
    notes = [f"Not proposed: {_inert(action.note or '')}" for action in done if action.note]
    return [*notes, *(_shown(step) for step in steps)]


def _proposed(action: Action) -> str:
    return f"🔧 A change that mends it is proposed: [#{action.external_id}]({action.url})."


def _shown(step: Step) -> str:
    lines = step.params["diff"].splitlines()
    shown = [line[:LINE_CHARS] for line in lines[:SHOWN_LINES]]
    if len(lines) > SHOWN_LINES:
        shown.append(f"… {len(lines) - SHOWN_LINES} more lines")
    longest = max((len(part) for line in shown for part in _ticks(line)), default=0)
    fence = "`" * max(3, longest + 1)
    count = len(step.params["paths"])
    title = f"A change that would mend it ({count} file{'s' if count > 1 else ''})"
    body = "\n".join((f"{fence}diff", *shown, fence))
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _ticks(line: str) -> list[str]:
    return "".join(c if c == "`" else " " for c in line).split()


def _inert(text: str) -> str:
    """Words of ours or a platform's: no markup, no mention."""
    return "".join(c for c in text if c not in "`*_{}[]<>#|~\\@!\n")[:LINE_CHARS]
