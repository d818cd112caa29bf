"""The command `pipeline-guard`: one module a command group, each importing only what it runs."""

import importlib
import sys
from typing import Any, Final

import typer

from pipeline_guard import __version__
from pipeline_guard.errors import PipelineGuardError

COMMANDS: Final = {
    "serve": ("serve", "worker"),
    "classify": ("classify", "train", "evaluate"),
    "demo": ("demo",),
    "doctor": ("doctor",),
    "tail": ("tail",),
    "init": ("init",),
    "setup": ("setup-token",),
}
"""Which module registers which commands on the top level."""
GROUPS: Final = {
    "rules": "rules",
    "db": "database",
    "deliveries": "deliveries",
    "failures": "failures",
    "incidents": "incidents",
    "audit": "audit",
    "tokens": "tokens",
    "config": "config",
}
"""Which module holds which group of commands."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pipeline-guard {__version__}")
        raise typer.Exit


def build(wanted: str | None = None) -> typer.Typer:
    """The whole command line, or only what the command of that name needs.

    A command must not pay for the imports of all others.
    """
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

    for name, commands in COMMANDS.items():
        if wanted in (None, *commands):
            _module(name).register(app)
    for group, name in GROUPS.items():
        if wanted in (None, group):
            app.add_typer(_module(name).app, name=group)
    return app


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")


def main() -> None:
    """Run the command line; an error of ours is a sentence on stderr, never a traceback."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    known = first in GROUPS or any(first in commands for commands in COMMANDS.values())
    try:
        build(first if known else None)()
    except PipelineGuardError as error:
        sys.stderr.write(f"pipeline-guard: {error}\n")
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our output (head, less) has seen enough.
        sys.stderr.close()
        sys.exit(1)
