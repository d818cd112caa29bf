"""The `rules` commands: what they print and how they exit."""

import json
from pathlib import Path

from typer.testing import CliRunner

from pipeline_guard.cli.rules import app

RUN = CliRunner()
BAD = """\
rules:
  - id: a-b
    category: crash
    patterns: {any: ['(?=x)']}
    tests: {match: [x]}
"""
WRONG = BAD.replace("(?=x)", "broke")


def test_check_tells_every_problem(tmp_path: Path) -> None:
    assert RUN.invoke(app, ["check"]).exit_code == 0
    (tmp_path / "a.yaml").write_text(BAD)
    result = RUN.invoke(app, ["check", str(tmp_path), "--json"])
    assert result.exit_code == 1
    assert "lookahead" in json.loads(result.stdout)["problems"][0]


def test_check_refuses_a_platform_nobody_knows(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(WRONG + "    where: {platform: [gihub]}\n")
    result = RUN.invoke(app, ["check", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stdout == (
        f"{file}:2:1: a-b: where.platform: 'gihub' is none of buildbot, github, gitlab:"
        " did you mean 'github'?\n"
    )
    file.write_text(WRONG + "    where: {platform: [github]}\n")
    assert RUN.invoke(app, ["check", str(tmp_path)]).exit_code == 0


def test_check_names_expired_rules_and_their_owners(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(WRONG + "    expires: 2020-01-02\n    owner: team-storage\n")
    result = RUN.invoke(app, ["check", str(tmp_path)])
    assert result.exit_code == 0
    assert "a-b expired on 2020-01-02, owner: team-storage" in result.stdout
    told = json.loads(RUN.invoke(app, ["check", str(tmp_path), "--json"]).stdout)
    assert told["expired"] == ["a-b"]


def test_explain_names_the_owner_of_a_rule(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(WRONG + "    owner: team-storage\n")
    log = tmp_path / "build.log"
    log.write_text("it broke\n")
    result = RUN.invoke(app, ["explain", str(log), "--rules", str(tmp_path)])
    assert "owner: team-storage" in result.stdout


def test_test_runs_inline_tests(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(WRONG)
    result = RUN.invoke(app, ["test", str(tmp_path), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["failed"] == [
        {"rule": "a-b", "line": "x", "should_match": True}
    ]
    (tmp_path / "a.yaml").write_text(BAD)
    assert RUN.invoke(app, ["test", str(tmp_path)]).exit_code == 2


def test_list_names_where_a_rule_stands() -> None:
    result = RUN.invoke(app, ["list", "--category", "rate_limit", "--json"])
    rows = json.loads(result.stdout)
    assert {row["category"] for row in rows} == {"rate_limit"}
    assert all(row["where"].startswith("builtin/") for row in rows)


def test_explain_shows_hits_most_telling_first_and_masks_secrets(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text(
        "fatal: unable to access 'https://bob:hunter2secret@git.example.org/a/': "
        "Could not resolve host: git.example.org\nError: Process completed with exit code 1.\n"
    )
    result = RUN.invoke(app, ["explain", str(log), "--json"])
    rows = json.loads(result.stdout)
    assert result.exit_code == 0
    assert [row["line"] for row in rows] == [1, 2]
    assert rows[0]["transient"] is True
    assert "hunter2secret" not in result.stdout
    log.write_text("all is well\n")
    assert RUN.invoke(app, ["explain", str(log)]).exit_code == 1


def test_explain_says_which_condition_of_a_rule_is_not_met(tmp_path: Path) -> None:
    log, rules = tmp_path / "build.log", tmp_path / "own.yaml"
    log.write_text("the press jammed\nexit code 3\n")
    for where, condition in [
        ("{where: {exit_code: [4]}, ", "where.exit_code"),
        ("{where: {tail: 1}, ", "where.tail"),
        ("{where: {log_has: [ink]}, ", "where.log_has"),
        ("{where: {log_lacks: [press]}, ", "where.log_lacks"),
        ("{where: {step: print}, ", "where.step"),
        ("{expires: 2020-01-01, ", "expires"),
    ]:
        rules.write_text(
            f"rules:\n  - {where}id: press-jammed, category: crash, "
            "patterns: {any: [press jammed]}, tests: {match: [press jammed]}}\n"
        )
        result = RUN.invoke(app, ["explain", str(log), "--rules", str(tmp_path)])
        told = f"1  press-jammed (crash, cause), does not count: {condition} is not met\n"
        assert told in result.stdout
    rules.write_text(rules.read_text().replace("expires: 2020-01-01, ", ""))
    assert (
        "does not count"
        not in RUN.invoke(app, ["explain", str(log), "--rules", str(tmp_path)]).stdout
    )


def test_try_matches_as_a_rule_would() -> None:
    result = RUN.invoke(app, ["try", "^no (?P<what>x+)", "\x1b[1mno xx", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)[0]["captures"] == {"what": "xx"}
    assert RUN.invoke(app, ["try", "^no", "yes"]).exit_code == 1
    assert RUN.invoke(app, ["try", "(?=x)", "yes"]).exit_code == 2
    broken = b"\xff no".decode("utf-8", "surrogateescape")  # as the shell hands it over
    assert RUN.invoke(app, ["try", "no", broken]).exit_code == 0
    assert RUN.invoke(app, ["try", broken, "yes"]).exit_code == 1


def test_every_command_has_an_example() -> None:
    for command in app.registered_commands:
        assert command.callback is not None
        assert "Example: pipeline-guard rules" in (command.callback.__doc__ or "")
        assert "Exit codes:" in (command.callback.__doc__ or "")
