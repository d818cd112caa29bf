"""The API's own description, completed: an example on every operation, the errors on every one."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import FastAPI

from pipeline_guard.web.problems import MEDIA_TYPE

Json = dict[str, Any]

WORDS: Final[Json] = {
    "action": "rerun.done",
    "actor": "github:ann",
    "at": "2026-11-21T09:30:00Z",
    "author": "ann",
    "branch": "feature",
    "category": "network_transient",
    "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8",
    "confidence": 0.97,
    "delivery_id": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "event_name": "workflow_run",
    "fingerprint": "5f2c9a7be1d04c38",
    "job": "tests (3.12)",
    "job_id": "29679449",
    "kind": "rerun",
    "line": 1042,
    "next": "41",
    "note": "Asked to re-run the failed jobs.",
    "outcome": "healed",
    "platform": "github",
    "repository": "acme/shop",
    "rule": "net-dns-curl",
    "run_id": "30433642",
    "scope": "acme/shop",
    "source": "rule",
    "status": "healed",
    "subject": "github:acme/shop",
    "text": "curl: (6) Could not resolve host: mirror.example",
    "url": "https://github.com/acme/shop/actions/runs/30433642",
    "workflow": "CI",
}
"""What the fields of examples say, by their names."""
_BY_FORMAT: Final[Json] = {"date-time": WORDS["at"], "date": "2026-11-21"}
_BY_TYPE: Final[Json] = {"integer": 1, "number": 0.5, "boolean": True, "null": None}
_DEEPEST: Final = 8
_PROBLEM: Final[Json] = {
    "type": "object",
    "description": "An error as RFC 9457 has it.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
_ERRORS: Final = {
    "400": ("Bad Request", "There was an error parsing the body"),
    "401": ("Unauthorized", "Nobody we know: send a token."),
    "403": ("Forbidden", "The token's scope is too little for this."),
    "404": ("Not Found", "There is no failure 7."),
    "422": ("Unprocessable Content", "query.limit: Input should be less than or equal to 200"),
    "503": ("Service Unavailable", "The database does not answer."),
}


def describe(app: FastAPI) -> Callable[[], Json]:
    """The function that makes the description, once, in place of the framework's own."""
    plain = app.openapi

    def openapi() -> Json:
        if app.openapi_schema is None:
            made = plain()
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            schemas["Problem"] = _PROBLEM
            for path, verb, operation in operations(made):
                _complete(made, path, verb, operation)
            app.openapi_schema = made
        return app.openapi_schema

    return openapi


def operations(description: Json) -> Iterator[tuple[str, str, Json]]:
    """Every (path, verb, operation)."""
    for path, verbs in description["paths"].items():
        for verb, operation in verbs.items():
            yield path, verb, operation


def _complete(made: Json, path: str, verb: str, operation: Json) -> None:
    for parameter in operation.get("parameters", ()):
        parameter["example"] = example(made, parameter["schema"], parameter["name"])
    answers = operation["responses"]
    for status in [status for status in answers if status.startswith("2")]:
        for media in answers[status].get("content", {}).values():
            media.setdefault("example", example(made, media.get("schema", {}), "text"))
    for media in operation.get("requestBody", {}).get("content", {}).values():
        media.setdefault("example", example(made, media.get("schema", {}), "text"))
    for status, (title, detail) in _ERRORS.items():
        if (
            (status == "400" and "requestBody" not in operation)
            or (status == "404" and "{" not in path)
            or not operation.get("security")
        ):
            continue
        answers[status] = _problem(int(status), title, detail)
    operation["x-codeSamples"] = [{"lang": "Shell", "source": _curl(path, verb, operation)}]


def _problem(status: int, title: str, detail: str) -> Json:
    told = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": title, "content": {MEDIA_TYPE: {"schema": schema, "example": told}}}


def _curl(path: str, verb: str, operation: Json) -> str:
    """The operation as a command that works where the service listens on its usual port."""
    query = {}
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", str(parameter["example"]))
        elif parameter["in"] == "query" and parameter.get("required"):
            query[parameter["name"]] = parameter["example"]
    full = f"http://127.0.0.1:8000{path}" + (f"?{urlencode(query)}" if query else "")
    method = "" if verb == "get" else f" -X {verb.upper()}"
    token = ' -H "Authorization: Bearer $TOKEN"' if operation.get("security") else ""
    body = "".join(
        f" --json '{json.dumps(media['example'])}'"
        for kind, media in operation.get("requestBody", {}).get("content", {}).items()
        if kind.endswith("json")
    )
    return f"curl -s{method}{token}{body} '{full}'"


def example(made: Json, schema: Json, name: str, depth: int = 0) -> Any:
    """A value that the schema takes, with words that fit the name."""
    if depth > _DEEPEST:
        return None
    if "$ref" in schema:
        known = made["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return example(made, known, name, depth + 1)
    for key in ("const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return example(made, schema[key][0], name, depth + 1)
    return _of_type(made, schema, name, depth)


def _of_type(made: Json, schema: Json, name: str, depth: int) -> Any:
    kind = schema.get("type")
    if kind == "array":
        return [example(made, schema.get("items", {}), name, depth + 1)]
    if kind == "object":
        parts = schema.get("properties", {})
        if not parts and isinstance(schema.get("additionalProperties"), dict):
            parts = {
                str(WORDS.get(name.removeprefix("by_"), "name")): schema["additionalProperties"]
            }
        return {key: example(made, part, key, depth + 1) for key, part in parts.items()}
    word = WORDS.get(name)
    if kind in _BY_TYPE:
        fits = isinstance(word, int | float) and (kind != "integer" or isinstance(word, int))
        return (
            word if fits else max(_BY_TYPE[kind] or 0, schema.get("minimum", 0)) or _BY_TYPE[kind]
        )
    if kind is None and word is None:
        return {}
    return word if isinstance(word, str) else _BY_FORMAT.get(schema.get("format", ""), "text")
