"""Every error the product raises on purpose.

PipelineGuardError
├── ConfigError                 a setting or file is wrong: what, where, what to do
├── StoreUnavailable            the database is away; try again later
├── BadSignature                a webhook is not from whom it says it is          (401)
├── MalformedDelivery           verified, but not what the platform documents     (400)
├── LogError                    a log could not be read
└── PlatformError               a CI platform's API, or a receiver of notices, said no
    ├── PlatformUnavailable     5xx, timeout, connection refused: worth a retry
    ├── RateLimited             429 or 403 with a limit: worth a retry at `retry_at`
    ├── NotAuthorized           401 / 403: the credentials do not reach
    ├── NotFound                404 / 410: the thing is gone, or hidden from us
    ├── Conflict                409: changed under us, or already running
    └── Rejected                422 and other 4xx: our request was wrong
"""

from datetime import datetime

from pipeline_guard.redaction.names import masked


class PipelineGuardError(Exception):
    """Base of every error raised on purpose; its text is meant for people."""


class ConfigError(PipelineGuardError):
    """A setting or a file of the user is wrong; the text says what, where and what to do."""


class StoreUnavailable(PipelineGuardError):
    """The database cannot be reached right now."""


class BadSignature(PipelineGuardError):
    """The delivery's signature or token is missing or wrong."""


class MalformedDelivery(PipelineGuardError):
    """The delivery was verified but does not hold what the platform documents."""


class LogError(PipelineGuardError):
    """A log could not be opened or read."""


class PlatformError(PipelineGuardError):
    """A CI platform's API answered something else than success.

    `status` is the HTTP status, or None when no answer came. The text may quote a name.
    """

    #: Would the same call plausibly succeed later, with nothing changed?
    worth_retry = False

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(masked(message))
        self.status = status


class PlatformUnavailable(PlatformError):
    """5xx, a timeout, or no connection."""

    worth_retry = True


class RateLimited(PlatformError):
    """The platform's limit is used up; `retry_at` says (in UTC) when to come back, if known."""

    worth_retry = True

    def __init__(
        self, message: str, *, status: int | None = None, retry_at: datetime | None = None
    ) -> None:
        super().__init__(message, status=status)
        self.retry_at = retry_at


class NotAuthorized(PlatformError):
    """401, or 403 that is not a limit."""


class NotFound(PlatformError):
    """404 or 410."""


class Conflict(PlatformError):
    """409, or the platform's way to say that the thing is already running."""


class Rejected(PlatformError):
    """422, or another 4xx: the request itself is refused."""
