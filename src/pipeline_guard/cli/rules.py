"""`rules`: check, test and list rules, explain what they see in a log, and try a pattern out."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipeline_guard.cli import backtest
from pipeline_guard.cli import measured as outcomes
from pipeline_guard.domain.diagnosis import Category
from pipeline_guard.errors import ConfigError

if TYPE_CHECKING:
    from pipeline_guard.logs.redact import Redactor
    from pipeline_guard.rules.hits import RuleHit
    from pipeline_guard.rules.load import RuleSet

app = typer.Typer(
    help="Rules that judge logs: check, test, list, explain, try, backtest.", no_args_is_help=True
)
backtest.register(app)
_FAILED = 1
_WRONG = 2
DIRECTORIES = typer.Argument(None, metavar="[DIR]...", help="Folders (or files) of your own rules.")
RULES = typer.Option(None, "--rules", metavar="DIR", help="A folder of your own rules.")
AS_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command()
def check(directories: list[Path] = DIRECTORIES, as_json: bool = AS_JSON) -> None:
    """Read rules and say everything that is wrong with them, with file, line and column.

    A platform nobody knows is wrong, too: its rule would never count. Expired rules are listed.

    Exit codes: 0 all is well, 1 something is wrong, 2 wrong usage.
    Example: pipeline-guard rules check ./rules
    """
    from pipeline_guard.rules.load import load_rules  # noqa: PLC0415

    try:
        rules = load_rules(directories or (), builtin=True)
    except ConfigError as error:
        problems = str(error).splitlines()
    else:
        problems = _unknown_platforms(rules)
    if problems:
        typer.echo(json.dumps({"problems": problems}) if as_json else "\n".join(problems))
        raise typer.Exit(_FAILED)
    own = sum(map(rules.is_own, rules.origins))
    today = datetime.now(UTC).date()
    expired = [rule for rule in rules.rules if rule.expires and rule.expires < today]
    if as_json:
        told = {"rules": len(rules.rules), "own": own, "expired": [rule.id for rule in expired]}
        typer.echo(json.dumps({"problems": [], **told}))
        return
    for rule in expired:
        owner = f", owner: {rule.owner}" if rule.owner else ""
        typer.echo(f"note: {rules.origins[rule.id]}: {rule.id} expired on {rule.expires}{owner}")
    typer.echo(f"{len(rules.rules)} rules, {own} of your own: no problem found")


def _unknown_platforms(rules: "RuleSet") -> list[str]:
    asked = [(rule.id, name) for rule in rules.rules for name in rule.where.platform]
    if not any(rules.is_own(rule) for rule, _ in asked):
        return []
    from pipeline_guard.platforms import PLATFORMS  # noqa: PLC0415
    from pipeline_guard.yamlfile import meant  # noqa: PLC0415

    known = sorted(PLATFORMS)
    return [
        f"{rules.origins[rule]}:1: {rule}: where.platform: {name!r} is none of"
        f" {', '.join(known)}{meant(name, known)}"
        for rule, name in asked
        if name not in known
    ]


@app.command("test")
def run_own_tests(directories: list[Path] = DIRECTORIES, as_json: bool = AS_JSON) -> None:
    """Run the tests that stand inside the rules.

    Exit codes: 0 all pass, 1 some fail, 2 the rules cannot be loaded.
    Example: pipeline-guard rules test ./rules
    """
    from pipeline_guard.rules.selftest import run_tests  # noqa: PLC0415

    rules = _load(directories or ()).rules
    broken = run_tests(rules)
    if as_json:
        failed = [{"rule": b.rule, "line": b.line, "should_match": b.expected} for b in broken]
        typer.echo(json.dumps({"rules": len(rules), "failed": failed}, ensure_ascii=False))
    else:
        for item in broken:
            verb = "should match" if item.expected else "should not match"
            typer.echo(f"{item.rule}: {verb}: {item.line}")
        typer.echo(f"{len(rules)} rules tested, {len(broken)} test lines failed")
    if broken:
        raise typer.Exit(_FAILED)


@app.command("list")
def list_rules(
    directories: list[Path] = DIRECTORIES,
    category: Category | None = typer.Option(
        None, metavar="CATEGORY", help="Only rules of this category."
    ),
    measured: bool | None = typer.Option(
        None,
        help="Say what came of each rule's re-runs and which rules are demoted by it; asked of the"
        " database where PIPELINE_GUARD_DATABASE_URL names one.",
    ),
    as_json: bool = AS_JSON,
) -> None:
    """List the rules in force, your own first.

    Exit codes: 0 done, 1 the database does not answer, 2 the rules cannot be loaded.
    Example: pipeline-guard rules list --category rate_limit
    """
    from pipeline_guard.rules.ranking import transient  # noqa: PLC0415

    rules = _load(directories or ())
    chosen = [rule for rule in rules.rules if category in (None, rule.category)]
    known = outcomes.measured(rules, measured)
    if as_json:
        keep = {"id", "category", "strength", "advice", "link", "owner", "expires"}
        rows = [
            rule.model_dump(mode="json", include=keep)
            | {"transient": transient(rule), "where": rules.origins[rule.id]}
            | ({"measured": known[rule.id]} if rule.id in known else {})
            for rule in chosen
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    from pipeline_guard.cli import runtime  # noqa: PLC0415

    runtime.print_table(
        f"{len(chosen)} rules",
        ["id", "category", "strength", "a re-run", *(["came of it"] if known else []), "where"],
        [
            [
                rule.id,
                rule.category,
                rule.strength,
                "may pass" if transient(rule) else "",
                *([outcomes.told(known.get(rule.id))] if known else []),
                rules.origins[rule.id],
            ]
            for rule in chosen
        ],
    )


@app.command()
def explain(
    file: Path = typer.Argument(..., help="A log, .gz or .zip; - reads standard input."),
    rules: Path | None = RULES,
    as_json: bool = AS_JSON,
) -> None:
    """Show every line of a log that a rule hits, most telling first; secrets are masked.

    Below them stand lines that do not count, with the condition of the rule that is not met.

    Exit codes: 0 at least one rule hits, 1 none does, 2 the rules cannot be loaded.
    Example: pipeline-guard rules explain build.log
    """
    from pipeline_guard.logs.read import ReadReport, read_chunks  # noqa: PLC0415
    from pipeline_guard.logs.redact import Redactor  # noqa: PLC0415
    from pipeline_guard.rules.match import Scanner, rank  # noqa: PLC0415

    redactor, scanner = Redactor(), Scanner(_load([rules] if rules else ()))
    source = sys.stdin.buffer if str(file) == "-" else file
    for chunk in read_chunks(source, ReadReport()):
        redactor.observe(chunk.data)
        scanner.feed(chunk)
    found = scanner.all_hits()
    shown = [_row(hit, redactor) for hit in rank([hit for hit, unmet in found if unmet is None])]
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False))
    for row in () if as_json else shown:
        _tell(row)
        if row["advice"]:
            typer.echo(f"    → {row['advice']}")
        if row["owner"]:
            typer.echo(f"    owner: {row['owner']}")
    for hit, unmet in () if as_json else found:
        if unmet is not None:
            _tell(_row(hit, redactor), f", does not count: {unmet} is not met")
    if not shown:
        typer.echo("no rule hits", err=True)
        raise typer.Exit(_FAILED)


def _tell(row: dict[str, Any], remark: str = "") -> None:
    part = f"{row['part']}:" if row["part"] else ""
    about = f"{row['rule']} ({row['category']}, {row['strength']})"
    typer.echo(f"{part}{row['line']}  {about}{remark}\n    {row['text']}")


@app.command("try")
def try_pattern(
    pattern: str = typer.Argument(..., help="A pattern as it would stand in a rule."),
    lines: list[str] = typer.Argument(..., help="Lines to match it against."),
    as_json: bool = AS_JSON,
) -> None:
    """Match one pattern against lines, as a rule would.

    Exit codes: 0 every line matches, 1 some do not, 2 the pattern is refused.
    Example: pipeline-guard rules try '^error: (?P<what>.+) failed' 'error: upload failed'
    """
    import re2  # noqa: PLC0415

    from pipeline_guard.logs.clean import clean_line  # noqa: PLC0415
    from pipeline_guard.search.patterns import line_options, problem_of  # noqa: PLC0415

    pattern = os.fsencode(pattern).decode("utf-8", "replace")
    problem = problem_of(pattern)
    if problem:
        typer.echo(problem, err=True)
        raise typer.Exit(_WRONG)
    compiled = re2.compile(pattern, line_options())
    found: list[dict[str, Any]] = []
    for line in lines:
        text = clean_line(os.fsencode(line))
        match = compiled.search(text)
        captures = match.groupdict() if match else {}
        found.append({"text": text, "match": match is not None, "captures": captures})
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    for row in () if as_json else found:
        named = "  ".join(f"{name}={value}" for name, value in row["captures"].items())
        typer.echo(f"{'yes' if row['match'] else 'no ':3}  {row['text']}  {named}".rstrip())
    if not all(row["match"] for row in found):
        raise typer.Exit(_FAILED)


def _load(directories: list[Path] | tuple[()]) -> "RuleSet":
    from pipeline_guard.rules.load import load_rules  # noqa: PLC0415

    try:
        return load_rules(directories)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(_WRONG) from None


def _row(hit: "RuleHit", redactor: "Redactor") -> dict[str, Any]:
    from pipeline_guard.rules.hits import around, masked_captures  # noqa: PLC0415
    from pipeline_guard.rules.ranking import transient  # noqa: PLC0415

    masked = masked_captures(hit, redactor.redact)
    return {
        "rule": hit.rule.id,
        "category": hit.rule.category,
        "strength": hit.rule.strength,
        "transient": transient(hit.rule),
        "line": hit.line,
        "part": hit.part,
        "text": around(hit.rule, redactor.redact(hit.text)),
        "captures": masked,
        "advice": hit.rule.told(masked),
        "link": hit.rule.link,
        "owner": hit.rule.owner,
    }
