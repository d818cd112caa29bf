"""`setup-token`: lets somebody register a GitHub App in the browser."""

import typer

from pipeline_guard.cli.environment import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("setup-token")
    def setup_token(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
        """Print a token with which a GitHub App can be registered at /setup, once, for an hour.

        Example: pipeline-guard setup-token

        Exit codes: 0 printed, 1 the database does not answer.
        """
        from pipeline_guard.cli import runtime  # noqa: PLC0415
        from pipeline_guard.stages import assemble  # noqa: PLC0415
        from pipeline_guard.stages.upkeep.registrations import Registrations  # noqa: PLC0415

        settings = load_settings()

        async def work(url: str) -> str:
            async with runtime.open_database(url) as database:
                platforms = assemble.Platforms({}, {})
                return await Registrations(settings, database, platforms).setup_token()

        with runtime.database_url(settings) as url:
            token = runtime.run(work(url))
        path = f"/setup?token={token}"
        if as_json:
            runtime.print_json({"token": token, "path": path})
        else:
            typer.echo(f"{settings.public_url or 'http://127.0.0.1:8000'}{path}")
