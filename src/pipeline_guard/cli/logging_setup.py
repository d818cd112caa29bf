"""The process's log: lines for people or JSON for machines, and never a secret in either."""

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Final

import structlog
from pydantic import SecretStr
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from pipeline_guard.logs.redact import Redactor
from pipeline_guard.redaction.known import MASK
from pipeline_guard.settings import Settings, split_secrets

SHORTEST_SECRET: Final = 6
"""Characters; masking shorter values would mask half of every line."""
LONGEST: Final = 20_000
"""Characters kept of one text: an error may quote a whole answer."""
_OURS: Final = frozenset(("level", "timestamp"))
"""Texts that only this module writes."""
_TALKATIVE: Final = (
    *("httpx", "httpcore", "procrastinate", "alembic", "psycopg.pool", "uvicorn", "urllib3"),
    *("opentelemetry", "asyncio"),
)


class Masking:
    """A processor that masks what looks like a secret, and our own settings' wherever they are."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = sorted({v for v in known if len(v) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._redactor = Redactor()

    def __call__(
        self, _: Any, __: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Mask every text of the line, however deep it lies."""
        plain = {key: self._plain(value) for key, value in event.items()}
        # Nearly every line holds none: that is seen in one look at all of it.
        together = "\n".join(_texts(plain))
        return plain if self._redactor.redact(together) == together else self._masked(plain)

    def _plain(self, value: Any) -> Any:
        """The value in types that can be masked and written, without the secrets of ours."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {str(key): self._plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._plain(item) for item in value]
        text = str(value)
        for secret in self._known:
            text = text.replace(secret, MASK)
        return _cut(text)

    def _masked(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._masked(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._masked(item) for item in value]
        if not isinstance(value, str):
            return value
        # Beside its name a value is told to be a secret even where it does not look like one.
        head = f"{name}=" if name else ""
        return self._redactor.redact(head + value).removeprefix(head)


def _cut(text: str) -> str:
    """Both ends of a text too long, for of a traceback both tell something; cut between words."""
    if len(text) <= LONGEST:
        return text
    head, _, _ = text[: LONGEST // 2].rpartition(" ")
    _, _, tail = text[-(LONGEST // 2) :].partition(" ")
    return f"{head}\n[… {len(text) - len(head) - len(tail)} characters cut …]\n{tail}"


def _texts(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in _OURS:
                yield from _texts(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield f"{name}={value}" if name else value


def configure(settings: Settings, *, quiet: bool = False) -> None:
    """Log to stderr as the settings say; `quiet` leaves out all but errors."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    level = max(level, logging.ERROR) if quiet else level
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler()
    handler.addFilter(_is_news)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.StackInfoRenderer(),
                Masking(secrets_of(settings)),
                _renderer(settings),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    set_on_retry_hooks([_tell_retry])


def secrets_of(settings: Settings) -> list[str]:
    """The values of all secret settings, each of a rotation by itself."""
    found: list[str] = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            found += [value.get_secret_value(), *split_secrets(value)]
    return found


def _renderer(settings: Settings) -> Any:
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer(_head_first)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def _head_first(event: Mapping[str, Any], **how: Any) -> str:
    """JSON whose lines begin alike, so that people can read down a column."""
    head = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    return json.dumps(head | dict(event), **how)


def _is_news(record: logging.LogRecord) -> bool:
    """Leaves out the queue's own word on a job that failed: the worker said it in `job_failed`."""
    return getattr(record, "action", "") not in {"job_error", "job_error_retry"}


def _tell_retry(details: RetryDetails) -> None:
    """One short line a retry; stamina's own hook would print the call's arguments."""
    structlog.get_logger("pipeline_guard.retry").info(
        "call_retried",
        number=details.retry_num,
        because=f"{type(details.caused_by).__name__}: {details.caused_by}",
        wait=round(details.wait_for, 2),
    )
