"""`doctor`: checks the installation, and for what is wrong says what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import typer

from pipeline_guard.errors import PipelineGuardError
from pipeline_guard.settings import Settings, load_settings

if TYPE_CHECKING:
    from pipeline_guard.policy.targets import NoticeTarget


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: how it is, in a sentence, with the fix where there is one."""

    name: str
    state: Literal["ok", "off", "wrong"]
    text: str


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def doctor(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
        """Check settings, database, platforms, rules and model; 1 when something is wrong.

        Example: pipeline-guard doctor
        """
        from pipeline_guard.cli import runtime  # noqa: PLC0415

        settings = load_settings()
        checks = [*_database(settings), *_policy(settings), *_judgement(settings)]
        checks += runtime.run(_platforms(settings))
        if as_json:
            runtime.print_json(
                [{"name": item.name, "state": item.state, "text": item.text} for item in checks]
            )
        else:
            for item in checks:
                typer.echo(f"{item.state:<6} {item.name:<10} {item.text}")
        if any(item.state == "wrong" for item in checks):
            raise typer.Exit(1)


def _database(settings: Settings) -> list[Check]:
    from pipeline_guard.cli import runtime  # noqa: PLC0415

    kind = "given by DATABASE_URL" if settings.database_url else f"embedded in {settings.data_dir}"
    try:
        with runtime.database_url(settings):
            return [Check("database", "ok", f"PostgreSQL, {kind}; the schema is up to date.")]
    except (PipelineGuardError, OSError) as error:
        return [Check("database", "wrong", str(error))]


def _policy(settings: Settings) -> list[Check]:
    from pipeline_guard.policy.layers import Target, resolve  # noqa: PLC0415
    from pipeline_guard.stages.policies import Policies  # noqa: PLC0415

    try:
        service = Policies(settings)
    except PipelineGuardError as error:
        return [Check("policy", "wrong", str(error))]
    found = resolve(service.guard, service.default_mode, None, Target(""))
    told = f"{settings.config or 'built-in values'}; the mode is {found.policy.mode}"
    return [
        Check("policy", "ok", f"{told}, said by {found.origins['mode']}."),
        *_receivers(service.guard.says.notify if service.guard else {}),
    ]


def _receivers(targets: Mapping[str, "NoticeTarget"]) -> list[Check]:
    from pipeline_guard.stages.notices import sender_to  # noqa: PLC0415

    checks = []
    for name, target in targets.items():
        try:
            sender_to(target)
        except PipelineGuardError as error:
            checks.append(Check("notify", "wrong", f"{name}: {error}."))
        else:
            checks.append(Check("notify", "ok", f"{name} is told of {', '.join(target.when)}."))
    return checks


def _judgement(settings: Settings) -> list[Check]:
    from pipeline_guard.stages import assemble  # noqa: PLC0415

    try:
        return [Check("judgement", "ok", assemble.describe_judge(settings))]
    except PipelineGuardError as error:
        return [Check("judgement", "wrong", str(error))]


async def _platforms(settings: Settings) -> list[Check]:
    from pipeline_guard.stages import assemble  # noqa: PLC0415

    platforms = assemble.connect_platforms(settings)
    checks = [Check(name, "off", reason) for name, reason in platforms.off.items()]
    for name, connected in platforms.on.items():
        try:
            checks.append(Check(name, "ok", await connected.platform.check()))
        except PipelineGuardError as error:
            checks.append(Check(name, "wrong", str(error)))
    await platforms.aclose()
    return checks
