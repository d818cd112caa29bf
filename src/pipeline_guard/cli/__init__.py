"""The command `pipeline-guard`: one module a command group, each importing only what it runs."""

import sys

import typer

from pipeline_guard import __version__
from pipeline_guard.cli import (
    audit,
    classify,
    config,
    database,
    deliveries,
    demo,
    doctor,
    failures,
    incidents,
    rules,
    serve,
    tokens,
)
from pipeline_guard.errors import PipelineGuardError


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pipeline-guard {__version__}")
        raise typer.Exit


def build() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="pipeline-guard",
        help="Heals red CI pipelines: reads the failure, knows the cause, acts safely.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )

    @app.callback()
    def root(
        version: bool = typer.Option(
            False, "--version", callback=_version, is_eager=True, help="Print the version."
        ),
    ) -> None:
        """Exit codes of every command: 0 done, 1 it could not be done, 2 wrong usage."""

    for module in (serve, classify, demo, doctor):
        module.register(app)
    app.add_typer(rules.app, name="rules")
    app.add_typer(database.app, name="db")
    app.add_typer(deliveries.app, name="deliveries")
    app.add_typer(failures.app, name="failures")
    app.add_typer(incidents.app, name="incidents")
    app.add_typer(audit.app, name="audit")
    app.add_typer(tokens.app, name="tokens")
    app.add_typer(config.app, name="config")
    return app


def main() -> None:
    """Run the command line; an error of ours is a sentence on stderr, never a traceback."""
    try:
        build()()
    except PipelineGuardError as error:
        sys.stderr.write(f"pipeline-guard: {error}\n")
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our output (head, less) has seen enough.
        sys.stderr.close()
        sys.exit(1)
