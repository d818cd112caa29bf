"""Takes the secrets out of what a platform sent, before it is shown: one masking for all pages."""

import json
from typing import Any

from pipeline_guard.logs.redact import Redactor


def masked_text(text: str) -> str:
    """A text of lines without its secrets."""
    return _without(_taught_by(text), text)


def masked(data: Any) -> Any:
    """The same JSON-ready data, every text in it without its secrets."""
    return _each(data, _taught_by(json.dumps(data, indent=2, ensure_ascii=False)))


def _taught_by(text: str) -> Redactor:
    redactor = Redactor()
    redactor.observe(text.encode(errors="replace"))
    return redactor


def _without(redactor: Redactor, text: str) -> str:
    return "\n".join(redactor.redact_lines(text.split("\n")))


def _each(data: Any, redactor: Redactor) -> Any:
    if isinstance(data, dict):
        return {key: _each(value, redactor) for key, value in data.items()}
    if isinstance(data, list):
        return [_each(value, redactor) for value in data]
    return _without(redactor, data) if isinstance(data, str) else data
