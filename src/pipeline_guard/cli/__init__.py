"""The command `pipeline-guard`: one module a command group, each importing only what it runs."""

import importlib
import sys
from typing import Any, Final

import typer

from pipeline_guard import __version__
from pipeline_guard.errors import PipelineGuardError

RUN: Final = "Set it up and run it"
LOOK: Final = "See what happened, and act"
LOGS: Final = "Judge logs"
CARE: Final = "Take care of it"
COMMANDS: Final = {
    "init": (RUN, ("init",)),
    "setup": (RUN, ("setup-token",)),
    "serve": (RUN, ("serve", "worker")),
    "doctor": (RUN, ("doctor",)),
    "demo": (RUN, ("demo",)),
    "tail": (LOOK, ("tail",)),
    "classify": (LOGS, ("classify", "train", "evaluate")),
}
"""Which module registers which commands on the top level, and below which title of the help."""
GROUPS: Final = {
    "failures": (LOOK, "failures"),
    "incidents": (LOOK, "incidents"),
    "deliveries": (LOOK, "deliveries"),
    "audit": (LOOK, "audit"),
    "rules": (LOGS, "rules"),
    "config": (CARE, "config"),
    "tokens": (CARE, "tokens"),
    "db": (CARE, "database"),
}
"""Below which title a group of commands stands, and which module holds it."""


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

    for name, (title, commands) in COMMANDS.items():
        if wanted in (None, *commands):
            before = len(app.registered_commands)
            _module(name).register(app)
            for command in app.registered_commands[before:]:
                command.rich_help_panel = title
    for group, (title, name) in GROUPS.items():
        if wanted in (None, group):
            app.add_typer(_module(name).app, name=group, rich_help_panel=title)
    return app


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")


def main() -> None:
    """Run the command line; an error of ours is a sentence on stderr, never a traceback."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    known = first in GROUPS or any(first in commands for _, commands in COMMANDS.values())
    try:
        build(first if known else None)()
    except PipelineGuardError as error:
        sys.stderr.write(f"pipeline-guard: {error}\n")
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our output (head, less) has seen enough.
        sys.stderr.close()
        sys.exit(1)
