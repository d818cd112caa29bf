"""Every command there is: its help, its example, its exit codes, and what it says to bad input."""

import itertools
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from pipeline_guard.cli import COMMANDS, GROUPS, build
from pipeline_guard.errors import PipelineGuardError

NOWHERE = "postgresql://127.0.0.1:1/none"
WITHOUT_JSON = {"serve", "worker", "demo"}
"""Run until they are ended, and tell what happens."""
A_PAGE = {"config platforms"}
"""Prints a page of the documentation."""
JSON_ANYWAY = {"config schema", "audit export"}
NUMBERS = {"delivery", "failure", "incident"}
UNTRIED = {"demo", "serve", "worker", "rules test"}
"""Would start something, or work for long; their refusals are tested on their own."""


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, child in getattr(command, "commands", {}).items():
        if hasattr(child, "commands"):
            yield from leaves(child, (*path, name))
        else:
            yield " ".join((*path, name)), child


ALL = dict(leaves(get_command(build())))
each = pytest.mark.parametrize("name", sorted(ALL))


def example_of(name: str) -> str:
    text = " ".join((ALL[name].help or "").split())
    found = re.search(r"Example: (.+?)(?= Exit codes:| Ends | Exit code|$)", text)
    assert found, f"{name} shows no example"
    return found[1]


@each
def test_its_help_has_an_example_and_its_exit_codes(name):
    told = ALL[name].help or ""
    assert "pipeline-guard " in example_of(name)
    assert re.search(r"Exit codes: .*\b0\b", " ".join(told.split())), name
    options = {option for param in ALL[name].params for option in param.opts}
    assert ("--json" in options) == (name not in WITHOUT_JSON | JSON_ANYWAY | A_PAGE)
    assert all(param.help for param in ALL[name].params if param.name != "help"), name


@each
def test_its_example_is_a_command_that_exists(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = re.split(r" [|>] ", example_of(name))[0]
    words = [word for word in shlex.split(line) if not re.match(r"[A-Z_]+=", word)]
    assert words[: 1 + len(name.split())] == ["pipeline-guard", *name.split()]
    for word in words[1 + len(name.split()) :]:
        if "." in word and "/" not in word:
            Path(word).touch()  # a file that the example names
    found = CliRunner().invoke(build(), [*words[1:], "--help"])
    assert found.exit_code == 0, found.output
    arguments = words[1 + len(name.split()) :]
    ALL[name].make_context(name, arguments)  # raises on an option or value that there is not


@each
def test_an_option_that_there_is_not_is_wrong_usage(name):
    found = CliRunner().invoke(build(), [*name.split(), "--no-such-option"])
    assert found.exit_code == 2
    assert "--no-such-option" in found.output


def needed(name: str, folder: Path) -> list[str]:
    """The least that a command can be called with."""
    words: list[str] = []
    for param in ALL[name].params:
        if not param.required:
            continue
        value = "7" if param.name in NUMBERS else str(folder / "none.yaml")
        words += [value] if param.param_type_name == "argument" else [param.opts[0], value]
    return words


@pytest.mark.parametrize("name", sorted(ALL.keys() - UNTRIED))
@pytest.mark.parametrize(
    "variables",
    [{"DATABASE_URL": NOWHERE}, {"MODE": "boost", "DATABASE_URL": NOWHERE}],
    ids=["no database", "wrong settings"],
)
def test_what_cannot_be_done_is_said_in_words(name, variables, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPELINE_GUARD_DATA_DIR", str(tmp_path / "data"))
    for key, value in variables.items():
        monkeypatch.setenv(f"PIPELINE_GUARD_{key}", value)
    found = CliRunner().invoke(build(), [*name.split(), *needed(name, tmp_path)], input="")
    error = found.exception
    assert error is None or isinstance(error, SystemExit | PipelineGuardError), repr(error)
    assert "Traceback" not in found.output
    if found.exit_code:
        told = str(error) if isinstance(error, PipelineGuardError) else found.output
        assert len(told.strip()) > 20, "it says why"


def test_the_lists_of_commands_name_what_the_modules_hold():
    registered = [commands for _, commands in COMMANDS.values()]
    assert {name.split()[0] for name in ALL} == {*itertools.chain(*registered), *GROUPS}
    for names in (*registered, *((group,) for group in GROUPS)):
        alone = {name.split()[0] for name, _ in leaves(get_command(build(names[0])))}
        assert alone == set(names)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("pipeline-guard fail", "failures"),
        ("pipeline-guard failures list --sta", "--status"),
        ("pipeline-guard failures list --category time", "timeout"),
        ("pipeline-guard init --js", "--json"),
    ],
)
def test_completion_knows_commands_options_and_values(typed, offered):
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    asked = {"_PIPELINE_GUARD_COMPLETE": "complete_bash", **words}
    found = subprocess.run(
        [Path(sys.executable).with_name("pipeline-guard")],
        env={**os.environ, **asked}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert found.stdout.split() == [offered]
