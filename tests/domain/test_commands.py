"""Where a /guard command is one, and where it is only text."""

from pathlib import Path

import pytest

from pipeline_guard.domain.commands import (
    COMMANDS,
    MARKER,
    MAX_ARGUMENT,
    MAX_COMMANDS,
    Command,
    may,
    parse_commands,
)


@pytest.mark.parametrize(
    ("text", "name", "argument"),
    [
        ("/guard retry", "retry", ""),
        ("/guard  Retry  ", "retry", ""),
        ("/guard\tretry\r\n", "retry", ""),
        ("please look\r\n/guard explain\r\nthanks", "explain", ""),
        ("/guard wrong flaky_test", "wrong", "flaky_test"),
        ("/guard wrong flaky_test  unit  (3.12) ", "wrong", "flaky_test unit (3.12)"),
        ("/guard", "help", ""),
        ("/guard ", "help", ""),
        ("/guard dance now", "dance", "now"),
        ("```\ncode\n```\n/guard off", "off", ""),
        ("```` text\n```\n````\n/guard off", "off", ""),
        ("```inline``` is no fence\n/guard off", "off", ""),
        ("> they said\n\n/guard on", "on", ""),
        ("<!-- a hint -->\n/guard on", "on", ""),
        ("<!-- two\nlines -->\n/guard on", "on", ""),
        ("```\n<!-- in a log\n```\n/guard on", "on", ""),
        ("<!--\n```\n-->\n/guard on", "on", ""),
        ("/guard retry" + " x" * 500, "retry", ("x " * 500)[:MAX_ARGUMENT]),
    ],
)
def test_a_command_at_the_start_of_a_line_is_one(text: str, name: str, argument: str) -> None:
    assert parse_commands(text) == (Command(name, argument),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "retry",
        "try /guard retry",
        " /guard retry",
        "/guardian retry",
        "/guard-retry",
        "`/guard retry`",
        "> /guard retry",
        "    /guard retry",
        "- /guard retry",
        "```\n/guard retry\n```",
        "```\n/guard retry",
        "~~~sh\n/guard retry\n~~~",
        "````\n```\n/guard retry\n````",
        "```\n~~~\n/guard retry\n```",
        "  ```\n/guard retry\n  ```",
        ">>>\n/guard retry\n>>>",
        "<!--\n/guard retry\n-->",
        "<!-- never closed\n/guard retry",
        "<!-- one --> text <!-- two\n/guard retry",
        "<!-- x -->/guard retry",
        "> a stranger's words\u2028/guard off",
        "> a stranger's words\x85/guard off",
        "> a stranger's words\r/guard off",
        f"{MARKER}\n/guard retry",
    ],
)
def test_anything_else_is_only_text(text: str) -> None:
    assert parse_commands(text) == ()


def test_several_commands_are_kept_in_order_each_once_and_not_without_end() -> None:
    text = "/guard wrong crash\n/guard retry\n/guard retry"
    assert parse_commands(text) == (Command("wrong", "crash"), Command("retry"))
    assert len(parse_commands("\n".join(f"/guard {n}" for n in range(50)))) == MAX_COMMANDS


def test_who_may_do_what() -> None:
    assert [name for name, spec in COMMANDS.items() if may("none", spec.needs)] == []
    assert {name for name, spec in COMMANDS.items() if may("read", spec.needs)} == {
        "explain", "help",
    }  # fmt: skip
    only_admins = {name for name, spec in COMMANDS.items() if not may("write", spec.needs)}
    assert only_admins == {"off", "on"}
    assert all(may("admin", spec.needs) for spec in COMMANDS.values())


def test_the_page_for_people_lists_every_command_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    for spec in COMMANDS.values():
        assert f"| `/guard {spec.usage}` | {spec.needs} access | {spec.help} |" in page
