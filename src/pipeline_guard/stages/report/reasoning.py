"""The whole reasoning about a failure, for whoever asks with `/guard explain`."""

from collections.abc import Sequence
from typing import Final

from pipeline_guard.domain.markdown import fence, plain
from pipeline_guard.stages.decide.choice import told
from pipeline_guard.stages.report.verdict import sure
from pipeline_guard.store.tables import Action, Failure

MAX_LINES: Final = 60
MAX_LINE: Final = 200


def reasoning(failure: Failure, of_job: Sequence[Failure]) -> str:
    """Everything that led to what was done, as text in a fence: none of it can act."""
    diagnosis, plan = failure.diagnosis, failure.plan
    named_by = f"rule {failure.rule}" if failure.rule else failure.source
    guesses = (f"{item['category']} {item['confidence']:.0%}" for item in diagnosis["candidates"])
    lines = [
        f"cause       {failure.category}, {sure(failure)} sure, named by {named_by}",
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
        *(f"and         {note}" for note in plan.get("notes", ())),
    ]
    for other in of_job:
        lines.append(f"attempt {other.run_attempt:<3} {other.category}, {other.status}")
        lines += [_done(action) for action in other.actions]
    body = fence("\n".join(line.replace("\n", " ")[:MAX_LINE] for line in lines[:MAX_LINES]))
    title = f"How it was judged: {plain(failure.job)}"
    return f"<details open><summary>{title}</summary>\n\n{body}\n\n</details>"


def _done(action: Action) -> str:
    asked_by = action.params.get("asked_by")
    who = f" for {asked_by}" if asked_by else ""
    outcome = action.outcome or "outcome not known yet"
    return f"            {action.kind}{who}: {action.status}, {outcome}. {action.note or ''}"
