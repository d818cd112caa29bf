"""Writes the reference pages of the documentation from the code: reference.py [FOLDER].

Commands, settings, the policy's keys, the API, the remedies and the rules. They are not kept in
the repository, so they cannot be out of date; `make docs` writes them before it builds the site.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic_core import PydanticUndefined

from pipeline_guard.cli import build
from pipeline_guard.platforms import ADAPTERS
from pipeline_guard.policy.schema import GuardFile, RepositoryFile, json_schema
from pipeline_guard.remedies import REMEDIES
from pipeline_guard.rules.load import load_rules
from pipeline_guard.settings import PREFIX, Settings
from pipeline_guard.store.session import Database
from pipeline_guard.web.app import create_app

ROOT = Path(__file__).parents[1]


def table(*columns: str) -> str:
    """The head of a table."""
    return f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"


def row(*cells: object) -> str:
    """One row; a cell is one line and its bars are text."""
    texts = (" ".join(str(cell).split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(texts)} |\n"


def commands() -> str:
    """Every command with its help, arguments and options."""
    page = (
        "# Commands\n\nEvery one ends with 0 when it is done, 1 when it could not be done, and 2\n"
        "when it was asked wrongly, unless it says otherwise. `--help` says the same.\n"
    )
    for path, command in walk(typer.main.get_command(build()), ("pipeline-guard",)):
        page += f"\n## {' '.join(path)}\n\n{help_of(command)}\n"
        named = [item for item in command.params if not getattr(item, "hidden", False)]
        if named:
            page += "\n" + table("parameter", "default", "meaning")
            for item in named:
                page += row(spelled(item), default_of(item), getattr(item, "help", "") or "")
    return page


# Typer brings a click of its own, whose classes have no public names: hence Any.
def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands that do something, in the order of the help."""
    groups = getattr(command, "commands", None)
    if groups is None:
        yield path, command
    for name, inner in (groups or {}).items():
        yield from walk(inner, (*path, name))


def help_of(command: Any) -> str:
    """A command's help, its example as code."""
    parts = []
    for part in (command.help or "").split("\n\n"):
        text = " ".join(part.split())
        label, _, example = text.partition("Example: ")
        parts.append(f"Example:\n\n```text\n{example}\n```" if example and not label else text)
    return "\n\n".join(parts)


def spelled(item: Any) -> str:
    """How a parameter is written."""
    if item.param_type_name == "argument":
        return f"`{(item.metavar or item.name).upper()}`"
    return " ".join(f"`{name}`" for name in [*item.opts, *item.secondary_opts])


def default_of(item: Any) -> str:
    """A parameter's default, as people would write it."""
    if item.required:
        return "required"
    value = item.default
    plain = value is not None and not callable(value) and value not in ((), [], False)
    return f"`{value}`" if plain and isinstance(value, str | int | float | Path) else ""


def settings() -> str:
    """Every environment variable."""
    page = "# Settings\n\nEnvironment variables, or lines of a file `.env` where it is started.\n"
    page += "A secret may list several values separated by commas, so that it can be rotated.\n\n"
    page += table("variable", "default", "meaning")
    for name, field in Settings.model_fields.items():
        known = field.default is not PydanticUndefined and field.default is not None
        default = f"`{field.default}`" if known else ""
        page += row(f"`{PREFIX}{name.upper()}`", default, field.description or "")
    return page


def policy() -> str:
    """Every key of both files."""
    page = "# Keys of the policy\n\nHow the files work together: [The policy](../policy.md).\n"
    for name, shape in (("guard.yaml", GuardFile), (".pipeline-guard.yml", RepositoryFile)):
        schema = json.loads(json_schema(shape))
        page += f"\n## {name}\n\n" + table("key", "type", "default", "meaning")
        page += "".join(row(*cells) for cells in keys(schema, schema.get("$defs", {}), ()))
    return page


def keys(
    shape: dict[str, Any], known: dict[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[str, str, str, str]]:
    """(key, type, default, meaning) of a JSON Schema, its nested objects included."""
    for name, item in shape.get("properties", {}).items():
        here = (*path, name)
        inner = target(item, known)
        default = item.get("default")
        plain = "" if default is None or isinstance(default, dict) else f"`{json.dumps(default)}`"
        yield f"`{'.'.join(here)}`", type_of(item), plain, item.get("description", "")
        if inner and inner.get("type") == "object" and len(path) < 1:
            yield from keys(inner, known, here)


def target(item: dict[str, Any], known: dict[str, Any]) -> dict[str, Any] | None:
    """The object that a key holds, when it holds one."""
    reference = item.get("$ref") or next(iter(item.get("allOf", [])), {}).get("$ref")
    return known.get(reference.rsplit("/", 1)[-1]) if reference else None


def type_of(item: dict[str, Any]) -> str:
    """A type in few words."""
    if "anyOf" in item:
        return " or ".join(dict.fromkeys(type_of(one) for one in item["anyOf"]))
    if "enum" in item:
        return " or ".join(f"`{value}`" for value in item["enum"])
    if item.get("type") == "array":
        return "list"
    return "object" if "$ref" in item else str(item.get("type", "object"))


WEBHOOKS = """
## POST /webhooks/{platform}

Takes one delivery, for the platforms that are configured. It is not in `/openapi.json`, because the
platforms decide what they send.

| answer | meaning |
|---|---|
| 202 | Stored, and its job with it: `{"delivery": 17, "status": "accepted"}` |
| 200 | `ignored`, with the reason; or `duplicate`: it is stored already |
| 400 | Verified, but not what the platform documents |
| 401 | The signature or token is missing or wrong; checked on the raw bytes |
| 404 | No such platform, or it is not configured |
| 413 | Over 25 MB |
| 415 | Not JSON |
| 503 | The database is away; `Retry-After` says when to send it again |
"""


def api() -> str:
    """Every operation of the HTTP API."""
    app = create_app(Settings(_env_file=None), Database("postgresql:///none"), {}, _NoQueue())
    schema = app.openapi()
    page = "# HTTP API\n\nA running service has this at `/docs`, to try out, and `/openapi.json`.\n"
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            page += f"\n## {method.upper()} {path}\n\n{operation.get('description', '')}\n"
            asked = operation.get("parameters", [])
            if asked:
                page += "\n" + table("parameter", "where", "meaning")
            for item in asked:
                page += row(f"`{item['name']}`", item["in"], item.get("description", ""))
            page += "\n" + table("answer", "meaning")
            for status, answer in operation["responses"].items():
                page += row(status, answer.get("description", ""))
    return page + WEBHOOKS


class _NoQueue:
    """The application asks for a queue only when it is used."""

    async def defer(self, *_: object, **__: object) -> None:
        """Defer nothing."""


def rules() -> str:
    """Every built-in rule."""
    loaded = load_rules()
    page = f"# Built-in rules\n\n{len(loaded.rules)} rules, by category. How to write one: "
    page += "[Writing rules](../writing-rules.md).\n"
    by_category: dict[str, list[Any]] = {}
    for rule in loaded.rules:
        by_category.setdefault(rule.category, []).append(rule)
    for category, members in sorted(by_category.items()):
        page += f"\n## {category}\n\n" + table("rule", "strength", "transient", "a line it matches")
        for rule in sorted(members, key=lambda item: str(item.id)):
            transient = {None: "as usual", True: "yes", False: "no"}[rule.transient]
            line = rule.tests.match[0].replace("`", "ˋ")
            page += row(f"`{rule.id}`", rule.strength, transient, f"`{line[:160]}`")
    return page


def remedies() -> str:
    """Every remedy: what may come of it, how it is taken back, what it needs and carries."""
    page = (
        "# Remedies\n\nWhat a plan's steps can be. `failures show ID` and the dashboard tell risk\n"
    )
    page += (
        "and undo with each step. The comment, the check and notices report; they are no steps.\n\n"
    )
    page += table("remedy", "risk: the worst that may come of it", "undo", "needs one of", "on")
    for kind, remedy in sorted(REMEDIES.items()):
        needs = ", ".join(f"`{name}`" for name in sorted(remedy.needs_one_of))
        able = (name for name, can in sorted(ADAPTERS.items()) if can & remedy.needs_one_of)
        page += row(f"[{kind}](#{kind})", remedy.risk, remedy.undo, needs, ", ".join(able))
    page += "\n`asked_by` and `comment` say who asked for a step, and where.\n"
    for kind, remedy in sorted(REMEDIES.items()):
        page += f"\n## {kind}\n\n" + table("parameter", "meaning")
        page += "".join(row(f"`{name}`", text) for name, text in remedy.params.items())
    return page


PAGES = {
    "commands": commands,
    "settings": settings,
    "policy": policy,
    "api": api,
    "remedies": remedies,
    "rules": rules,
}


def write(folder: Path) -> None:
    """Write all pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (folder / f"{name}.md").write_text(make())


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build/reference")
