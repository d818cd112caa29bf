"""`config`: checks a policy, explains it, and tells what another one would have done."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipeline_guard.cli.environment import load_settings
from pipeline_guard.errors import ConfigError

if TYPE_CHECKING:
    from pipeline_guard.policy.abilities import Abilities

app = typer.Typer(
    help="The policy: check, platforms, schema, show, simulate.", no_args_is_help=True
)
AS_JSON = typer.Option(False, "--json", help="Print JSON.")
FILE = typer.Argument(None, help="guard.yaml or .pipeline-guard.yml; else PIPELINE_GUARD_CONFIG.")


@app.command()
def check(file: Path | None = FILE, as_json: bool = AS_JSON) -> None:
    """Check a policy file; tell each mistake as file:line:column.

    A file named .pipeline-guard.yml is checked as a repository's own, any other as guard.yaml.

    Example: pipeline-guard config check guard.yaml

    Exit codes: 0 it is fine, 1 it is wrong or not there, 2 wrong usage.
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.policy.abilities import impossible  # noqa: PLC0415
    from pipeline_guard.policy.load import check_file  # noqa: PLC0415

    chosen = file or load_settings().config
    if chosen is None:
        raise ConfigError(
            "There is no policy file: give one, or set PIPELINE_GUARD_CONFIG. Without it the"
            " built-in values and PIPELINE_GUARD_MODE count (see: pipeline-guard config show)."
        )
    problems: list[str] = []
    try:
        problems = impossible(check_file(chosen), _abilities())
    except ConfigError as error:
        problems = str(error).splitlines()
    if as_json:
        runtime.print_json({"file": str(chosen), "ok": not problems, "problems": problems})
    else:
        typer.echo("\n".join(problems) or f"{chosen}: fine", err=bool(problems))
    if problems:
        raise typer.Exit(1)


def _abilities() -> "Abilities":
    """What the platforms can do that are configured here; none where that cannot be told."""
    from pipeline_guard.platforms import ADAPTERS, PLATFORMS  # noqa: PLC0415
    from pipeline_guard.platforms.github.registration import configured  # noqa: PLC0415
    from pipeline_guard.vault import KEY_FILE  # noqa: PLC0415

    settings = load_settings()
    sealed = settings.secret_key is not None or (settings.data_dir / KEY_FILE).exists()
    if sealed and not configured(settings):
        return {}  # an App may be registered, which only the database knows
    on = [name for name, build in PLATFORMS.items() if not isinstance(build(settings, None), str)]
    return {name: ADAPTERS[name] for name in on}


@app.command()
def platforms() -> None:
    """Print what each platform can do, as docs/platforms.md has it.

    Example: pipeline-guard config platforms > docs/platforms.md

    Exit codes: 0 printed.
    """
    from pipeline_guard.stages.abilities import page  # noqa: PLC0415

    typer.echo(page(), nl=False)


@app.command()
def schema(
    repository: bool = typer.Option(
        False, "--repository-file", help="Of .pipeline-guard.yml instead of guard.yaml."
    ),
) -> None:
    """Print the JSON Schema of guard.yaml, for editors and other programs.

    Example: pipeline-guard config schema > guard.schema.json

    Exit codes: 0 printed.
    """
    from pipeline_guard.policy import schema as shapes  # noqa: PLC0415

    typer.echo(shapes.json_schema(shapes.RepositoryFile if repository else shapes.GuardFile))


@app.command()
def show(
    repository: str = typer.Option("", help='Full name, for example "acme/shop".'),
    branch: str | None = typer.Option(None, help='Branch; of a fork\'s request "fork:<branch>".'),
    job: str = typer.Option("", help="Job or workflow name."),
    repository_file: Path | None = typer.Option(
        None, help="The repository's own .pipeline-guard.yml, to be laid over it."
    ),
    explain: bool = typer.Option(False, "--explain", help="Say where each value is from."),
    as_json: bool = AS_JSON,
) -> None:
    """Show the policy in force, as a whole or for a repository, branch and job.

    Example: pipeline-guard config show --repository acme/shop --branch main --explain

    Exit codes: 0 shown, 1 a policy file is wrong, 2 wrong usage.
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.policy.layers import Target, resolve  # noqa: PLC0415
    from pipeline_guard.policy.load import load_repository_file  # noqa: PLC0415
    from pipeline_guard.stages.gather.policies import Policies  # noqa: PLC0415

    service = Policies(load_settings())
    own = load_repository_file(repository_file) if repository_file else None
    target = Target(repository, branch, job=job)
    found = resolve(service.guard, service.default_mode, own, target)
    if as_json:
        data = found.explained()
        runtime.print_json(data if explain else data["values"])
        return
    for key, value in found.leaves():
        said = f"{key}: {_yaml(value)}"
        typer.echo(f"{said:<60} # {found.origins[key]}" if explain else said)
    for note in found.notes:
        typer.echo(f"# {note}")


def _yaml(value: Any) -> str:
    import json  # noqa: PLC0415

    return json.dumps(value, ensure_ascii=False)


@app.command()
def simulate(
    file: Path = typer.Argument(help="The guard.yaml or .pipeline-guard.yml to try."),
    days: int = typer.Option(30, min=1, max=3650, help="How far back."),
    repository: str | None = typer.Option(None, help="Only this repository's failures."),
    as_json: bool = AS_JSON,
) -> None:
    """Decide stored failures anew with another policy; tell what would have been different.

    What was counted stays as it was: re-runs that would not have happened still count, and a
    repository's own file is only known when it is the one that is tried.

    Example: pipeline-guard config simulate guard.yaml --days 30

    Exit codes: 0 done, 1 the policy is wrong or the database away, 2 wrong usage.
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.cli.simulation import Told, as_data, told  # noqa: PLC0415
    from pipeline_guard.policy.load import Loaded, check_file  # noqa: PLC0415
    from pipeline_guard.policy.schema import GuardFile  # noqa: PLC0415
    from pipeline_guard.stages.gather.policies import Policies  # noqa: PLC0415
    from pipeline_guard.stages.trials.simulate import Another  # noqa: PLC0415
    from pipeline_guard.stages.trials.simulate import simulate as decide_anew  # noqa: PLC0415

    settings = load_settings()
    service = Policies(settings)
    tried: Loaded[Any] = check_file(file)
    if isinstance(tried.says, GuardFile):
        another = Another(service.default_mode, guard=tried)
    else:
        another = Another(service.default_mode, guard=service.guard, own=tried)

    async def work(url: str) -> Told:
        found = Told()
        async with runtime.open_database(url) as database, database.transaction() as session:
            async for item in decide_anew(session, another, datetime.now(UTC), days):
                if repository is None or item.failure.repository == repository:
                    found.add(item)
        return found

    with runtime.database_url(settings) as url:
        found = runtime.run(work(url))
    if as_json:
        runtime.print_json(as_data(found))
    else:
        told(found, file, days)
