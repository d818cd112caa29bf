"""Who we are to GitHub: a plain token, or an App that trades its key for installation tokens."""

import hashlib
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import github
import jwt
import orjson

from pipeline_guard.cache import Cache
from pipeline_guard.errors import ConfigError, NotAuthorized
from pipeline_guard.platforms.github.permissions import Permissions, granted_of
from pipeline_guard.platforms.github.read import when
from pipeline_guard.settings import Settings

_RENEW_BEFORE: Final = timedelta(minutes=5)
_LIFETIME: Final = timedelta(hours=1)
"""How long a token lives when GitHub does not say; its documentation says so. What was granted is
asked for as seldom."""

_Key = frozenset[tuple[str, str]]
"""A set of permissions: each has a token of its own."""


class AppCalls(Protocol):
    """The one thing an App needs of the client: a call signed with its key, made at once."""

    def __call__(self, verb: str, path: str, body: Any | None = None) -> Any:
        """Return the decoded answer; raises errors.PlatformError."""


class Credentials(Protocol):
    """Gives the authentication for a repository; called in worker threads, so it may block."""

    is_app: bool

    def app_auth(self) -> github.Auth.Auth:
        """Authentication for calls that concern no repository."""

    def for_repository(
        self, repository: str, wanted: Permissions, calls: AppCalls
    ) -> github.Auth.Auth:
        """Authentication for calls on one repository that take so much.

        Raises errors.PlatformError, NotAuthorized among them where nothing of it was granted.
        """

    def granted(self, repository: str, calls: AppCalls) -> Permissions | None:
        """What an App was granted on a repository; None for a token."""

    def forget(self, repository: str) -> bool:
        """Drop what is cached after a 401; False when there was nothing to drop."""


class TokenCredentials:
    """A personal, fine-grained or Actions token: the same for every call."""

    is_app = False

    def __init__(self, token: str) -> None:
        self._auth = github.Auth.Token(token)

    def app_auth(self) -> github.Auth.Auth:
        """The token."""
        return self._auth

    def for_repository(
        self, repository: str, wanted: Permissions, calls: AppCalls
    ) -> github.Auth.Auth:
        """The token."""
        return self._auth

    def granted(self, repository: str, calls: AppCalls) -> Permissions | None:
        """Nobody tells what a token was granted."""
        return None

    def forget(self, repository: str) -> bool:
        """A plain token cannot be renewed."""
        return False


@dataclass(frozen=True, slots=True)
class _Installation:
    """Where the App is installed for a repository, and what it was granted there."""

    number: int
    granted: Permissions
    until: datetime


@dataclass(frozen=True, slots=True)
class _Narrow:
    """A token for one repository and one set of permissions."""

    auth: github.Auth.Token
    expires_at: datetime

    def to_json(self) -> bytes:
        """As the cache keeps it."""
        return orjson.dumps({"token": self.auth.token, "expires_at": self.expires_at})

    @classmethod
    def from_json(cls, kept: bytes) -> "_Narrow":
        """As it was kept."""
        found = orjson.loads(kept)
        return cls(github.Auth.Token(found["token"]), datetime.fromisoformat(found["expires_at"]))


@dataclass(slots=True)
class _Repository:
    """What an App holds for one repository; whoever has its lock may ask GitHub for more."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    installation: _Installation | None = None
    tokens: dict[_Key, _Narrow] = field(default_factory=dict)


class AppCredentials:
    """A GitHub App; its tokens are narrowed to one repository and to what a call takes.

    https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
    """

    is_app = True

    def __init__(self, app_id: str, private_key: str, cache: Cache | None = None) -> None:
        self._app = github.Auth.AppAuth(app_id, private_key)
        self._cache = cache or Cache()
        self._name = hashlib.sha256(f"{app_id} {private_key}".encode()).hexdigest()
        self._repositories: dict[str, _Repository] = {}

    def app_auth(self) -> github.Auth.Auth:
        """A short-lived token signed with the App's key."""
        return self._app

    def for_repository(
        self, repository: str, wanted: Permissions, calls: AppCalls
    ) -> github.Auth.Auth:
        """The token for a repository and so much, from the cache or asked for anew."""
        held = self._held(repository)
        with held.lock:
            installation = _installation(repository, held, calls)
            allowed = granted_of(wanted, installation.granted)
            if wanted and not allowed:
                told = " or ".join(f"{area}: {level}" for area, level in wanted.items())
                raise NotAuthorized(f"The App has not been granted {told} on {repository}")
            key = frozenset(allowed.items())
            known = held.tokens.get(key)
            if known is None or known.expires_at - _RENEW_BEFORE <= datetime.now(UTC):
                known = self._of_others(repository, key)
                if known is None:
                    known = _narrow(repository, installation, allowed, calls)
                    self._tell_others(repository, key, known)
                held.tokens[key] = known
            return known.auth

    def granted(self, repository: str, calls: AppCalls) -> Permissions | None:
        """What the App was granted there; raises errors.PlatformError."""
        held = self._held(repository)
        with held.lock:
            return _installation(repository, held, calls).granted

    def forget(self, repository: str) -> bool:
        """Drop what is known of the repository."""
        held = self._repositories.pop(repository, None)
        for key in held.tokens if held else ():
            self._cache.forget(self._token_name(repository, key))
        return held is not None and bool(held.tokens)

    def _of_others(self, repository: str, key: _Key) -> _Narrow | None:
        """The token that another process was given: one call less, and its ETags hold for us."""
        kept = self._cache.get(self._token_name(repository, key))
        return _Narrow.from_json(kept) if kept else None

    def _tell_others(self, repository: str, key: _Key, token: _Narrow) -> None:
        left = token.expires_at - _RENEW_BEFORE - datetime.now(UTC)
        if left > timedelta():
            name = self._token_name(repository, key)
            self._cache.put(name, token.to_json(), left.total_seconds())

    def _token_name(self, repository: str, key: _Key) -> str:
        return f"token {self._name} {repository} {sorted(key)}"

    def _held(self, repository: str) -> _Repository:
        return self._repositories.setdefault(repository, _Repository())


def _installation(repository: str, held: _Repository, calls: AppCalls) -> _Installation:
    known = held.installation
    if known is None or known.until <= datetime.now(UTC):
        answer = calls("GET", f"/repos/{repository}/installation")
        known = held.installation = _Installation(
            int(answer["id"]), answer.get("permissions") or {}, datetime.now(UTC) + _LIFETIME
        )
    return known


def _narrow(
    repository: str, installation: _Installation, allowed: Permissions, calls: AppCalls
) -> _Narrow:
    body: dict[str, Any] = {"repositories": [repository.partition("/")[2]]}
    answer = calls(
        "POST",
        f"/app/installations/{installation.number}/access_tokens",
        body | ({"permissions": dict(allowed)} if allowed else {}),
    )
    return _Narrow(
        auth=github.Auth.Token(str(answer["token"])),
        expires_at=when(answer, "expires_at") or datetime.now(UTC) + _LIFETIME,
    )


def credentials_from(settings: Settings, cache: Cache) -> Credentials:
    """The credentials the settings name, an App before a token; raises ConfigError."""
    key = settings.github_private_key
    if settings.github_app_id or key:
        if not settings.github_app_id:
            raise ConfigError("PIPELINE_GUARD_GITHUB_PRIVATE_KEY is set, but not its GITHUB_APP_ID")
        if key is None:
            raise ConfigError("PIPELINE_GUARD_GITHUB_APP_ID is set, but not its GITHUB_PRIVATE_KEY")
        return AppCredentials(settings.github_app_id, private_key(key.get_secret_value()), cache)
    if settings.github_token is None:
        raise ConfigError(
            "neither PIPELINE_GUARD_GITHUB_TOKEN nor PIPELINE_GUARD_GITHUB_APP_ID with"
            " PIPELINE_GUARD_GITHUB_PRIVATE_KEY is set"
        )
    return TokenCredentials(settings.github_token.get_secret_value().strip())


def private_key(value: str) -> str:
    r"""The App's PEM from its text (line ends may be written as \n) or from the file it names.

    Raises ConfigError when the file cannot be read or no RSA key is in it.
    """
    pem = value.replace("\\n", "\n").strip()
    if not pem.startswith("-----BEGIN"):
        try:
            pem = Path(value.strip()).expanduser().read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            raise ConfigError(
                f"PIPELINE_GUARD_GITHUB_PRIVATE_KEY is neither a PEM nor a readable file ({reason})"
            ) from None
    try:
        jwt.get_algorithm_by_name("RS256").prepare_key(pem)
    except (ValueError, TypeError, jwt.PyJWTError):
        raise ConfigError(
            "PIPELINE_GUARD_GITHUB_PRIVATE_KEY holds no RSA private key in PEM form; download"
            " a new one from the App's settings page"
        ) from None
    return pem
