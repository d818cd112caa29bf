"""What the database knows of rules, for `rules list`: outcomes, precision, demotion."""

from typing import TYPE_CHECKING, Any

import typer

from pipeline_guard.errors import PipelineGuardError

if TYPE_CHECKING:
    from pipeline_guard.rules.load import RuleSet


def measured(rules: "RuleSet", wanted: bool | None) -> dict[str, dict[str, Any]]:
    """By rule what its re-runs came to, for rules whose text is still the one that was measured.

    Without a word from the user the database is asked where one is configured; when it is away,
    the list does without. Raises PipelineGuardError when it was asked for and is away.
    """
    from pipeline_guard.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    if wanted is False or (wanted is None and settings.database_url is None):
        return {}
    try:
        return _read(rules, settings)
    except PipelineGuardError as error:
        if wanted:
            raise
        typer.echo(f"What the rules' re-runs came to is not known: {error}", err=True)
        return {}


def _read(rules: "RuleSet", settings: Any) -> dict[str, dict[str, Any]]:
    from datetime import UTC, datetime  # noqa: PLC0415

    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.stages.gather.gather import REMEMBERED  # noqa: PLC0415
    from pipeline_guard.stages.gather.policies import Policies  # noqa: PLC0415
    from pipeline_guard.store import trust  # noqa: PLC0415
    from pipeline_guard.web.api.rules import shape  # noqa: PLC0415

    async def work(url: str) -> Any:
        async with runtime.open_database(url) as database, database.transaction() as session:
            found = await trust.of_all(session, datetime.now(UTC) - REMEMBERED)
        return found, (await Policies(settings).operator()).rules

    with runtime.database_url(settings) as url:
        found, limits = runtime.run(work(url))
    versions = {rule.id: rule.version for rule in rules.rules}
    return {
        rule: shape(item, limits).model_dump(exclude={"rule", "version"})
        for rule, item in found.items()
        if versions.get(rule) == item.version
    }


def told(item: dict[str, Any] | None) -> str:
    """One rule's record in a few words."""
    if item is None:
        return ""
    state = ", demoted" if item["demoted"] else ""
    return f"{item['right']} of {item['outcomes']} right{state}"
