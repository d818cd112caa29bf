"""`failures`: what went red, why, and what was done about it."""

from typing import TYPE_CHECKING, Any, Final

import typer

from pipeline_guard.cli import labels
from pipeline_guard.cli.stored import Columns, in_store, show_list, show_one
from pipeline_guard.domain.diagnosis import Category
from pipeline_guard.domain.plan import FailureStatus

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

app = typer.Typer(help="Diagnosed failures: list, show, labels.", no_args_is_help=True)
labels.register(app)
AS_JSON = typer.Option(False, "--json", help="Print JSON.")
COLUMNS: Final[Columns] = {
    "id": lambda item: str(item.id),
    "repository": lambda item: item.repository,
    "job": lambda item: item.job,
    "attempt": lambda item: str(item.run_attempt),
    "cause": lambda item: item.category,
    "sure": lambda item: f"{item.confidence:.2f}",
    "state": lambda item: item.status,
    "evidence": lambda item: item.evidence[0].text[:80] if item.evidence else "",
}


@app.command("list")
def list_failures(
    repository: str | None = typer.Option(None, help="Only of this repository."),
    category: Category | None = typer.Option(
        None, metavar="CATEGORY", help="Only of this category."
    ),
    status: FailureStatus | None = typer.Option(None, help="Only in this state."),
    limit: int = typer.Option(20, min=1, max=1000, help="How many, newest first."),
    as_json: bool = AS_JSON,
) -> None:
    """List failures, newest first.

    Example: pipeline-guard failures list --status escalated

    Exit codes: 0 done, 1 the database does not answer, 2 wrong usage.
    """
    from pipeline_guard.store import failures  # noqa: PLC0415
    from pipeline_guard.web.api.failures import shape  # noqa: PLC0415

    async def work(session: "AsyncSession") -> list[Any]:
        rows = await failures.page(
            session, repository=repository, category=category, status=status, limit=limit
        )
        return [shape(row) for row in rows]

    show_list("failures", in_store(work), COLUMNS, as_json=as_json)


@app.command()
def show(failure: int = typer.Argument(help="The failure's id."), as_json: bool = AS_JSON) -> None:
    """Tell the story of one failure: evidence, plan, refusals, actions.

    Example: pipeline-guard failures show 7

    Exit codes: 0 shown, 1 there is no such failure, 2 wrong usage.
    """
    from pipeline_guard.store import failures  # noqa: PLC0415
    from pipeline_guard.web.api.failures import shape  # noqa: PLC0415

    async def work(session: "AsyncSession") -> Any:
        row = await failures.get(session, failure)
        return shape(row) if row else None

    show_one("failure", "failures", failure, in_store(work), _story, as_json=as_json)


def _story(item: Any) -> str:
    from pipeline_guard.stages.decide.choice import told  # noqa: PLC0415

    named_by = f"rule {item.rule}" if item.rule else item.source
    lines = [
        f"Failure {item.id}: {item.job} ({item.workflow}), attempt {item.run_attempt}",
        f"  where     {item.repository} {item.branch or ''} {item.commit or ''}".rstrip(),
        f"  link      {item.url or '-'}",
        f"  cause     {item.category}, {item.confidence:.2f} sure, named by {named_by}",
        f"  transient {'yes' if item.transient else 'no'}",
        f"  state     {item.status}",
        "Evidence",
        *(f"  {line.line:>7}  {line.text}" for line in item.evidence),
        "Plan",
        *(line for step in item.plan["steps"] for line in _step(step)),
        *(
            f"  not   {refusal.get('step', 'rerun')}, {refusal['guard']}: {refusal['reason']}"
            for refusal in item.plan["refusals"]
        ),
        *(f"  note  {note}" for note in item.plan.get("notes", ())),
        "Guards",
        *_guards(item.plan),
        "Choice",
        *(f"  {line}" for line in told(item.plan["facts"].get("choice"))),
        "Facts",
        *_facts(item.plan["facts"]),
        "Policy",
        *_values(item.plan["policy"]),
        "Actions",
        *(
            f"  {action.at:%Y-%m-%d %H:%M:%S}  {action.kind}: {action.status},"
            f" {action.outcome or 'outcome not known yet'}. {action.note or ''}"
            for action in item.actions
        ),
    ]
    return "\n".join(lines)


def _step(step: dict[str, Any]) -> list[str]:
    """The step with what it does, its risk and undo, and the change that it would propose."""
    from pipeline_guard.remedies import in_words  # noqa: PLC0415

    words = in_words(step["kind"], step["params"])
    diff = step["params"].get("diff", "")
    return [
        f"  do    {step['kind']}: {step['why']}",
        *(f"        {name}: {text}" for name, text in (words._asdict() if words else {}).items()),
        *(f"        {line}" for line in diff.splitlines()),
    ]


def _guards(plan: dict[str, Any]) -> list[str]:
    """Which guards of the re-run refused, and which had nothing to say."""
    refused = {item["guard"] for item in plan["refusals"] if item.get("step", "rerun") == "rerun"}
    asked = plan["facts"].get("guards", ())
    silent = [name for name in asked if name not in refused]
    return [
        f"  refused: {', '.join(sorted(refused)) or 'none'}",
        *([f"  nothing against it: {', '.join(silent)}"] if asked else []),
    ]


def _facts(facts: dict[str, Any]) -> list[str]:
    """What the decision rested on, besides the cause; of a plan by an older version what it has."""
    run, job, trust = facts["run"], facts["job"], facts.get("trust")
    incident, seen = facts.get("incident"), facts.get("seen") or {}
    told = {
        "attempt": run["attempt"],
        "red jobs of the run": f"{facts['failed_jobs']} of {facts['all_jobs']}",
        "re-runs of this job at this commit": facts["reruns"],
        "re-runs of this job on this branch or request in 24 h": facts["base_reruns"],
        "newest of them": facts["last_rerun"],
        "tries by the platform's count": job["tries"],
        "newest commit": run["head_sha"],
        "same failure on the target branch": facts["on_target"],
        "protected jobs a common re-run would start": ", ".join(facts["protected_beside"]),
        "protected jobs it may start again": ", ".join(facts.get("starts_again", ())),
        "protected jobs it may start for the first time": ", ".join(facts.get("starts_first", ())),
        "re-runs of the repository in 24 h": _spent(facts["repository"]),
        "re-runs of the organisation in 24 h": _spent(facts.get("organisation")),
        "other runs of the branch with it in 7 days": seen.get("runs") or None,
        "incident": f"{incident['id']}{', as its probe' * incident['probe']}" if incident else None,
        "newest re-runs by the rule that passed": f"{sum(trust['outcomes'])} of"
        f" {len(trust['outcomes'])}"
        if trust
        else None,
        "declined before": ", ".join(f"#{item['number']}" for item in facts.get("declined", ())),
        "our credentials lack": facts.get("missing_right"),
        "switched off": facts.get("switched_off"),
        "our own login": facts.get("identity"),
    }
    return [f"  {name}: {value}" for name, value in told.items() if value not in (None, "")]


def _spent(spent: dict[str, Any] | None) -> str | None:
    if not spent:
        return None
    money = f", {spent['money']:.2f} in money" if spent.get("money") else ""
    return f"{spent['reruns']}, {spent['minutes']:.1f} minutes{money}"


def _values(policy: dict[str, Any]) -> list[str]:
    """The values it was held against, each with its origin, then remarks about the policy."""
    lines = []
    for key, origin in sorted(policy["origins"].items()):
        group, _, leaf = key.rpartition(".")
        value = (policy["values"][group] if group else policy["values"])[leaf]
        lines.append(f"  {key}: {value} ({origin})")
    return [*lines, *(f"  note: {note}" for note in policy["notes"])]
