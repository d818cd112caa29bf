"""Who we are to GitHub: a plain token, or an App that trades its key for installation tokens."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import github
import jwt

from pipeline_guard.errors import ConfigError
from pipeline_guard.platforms.github.read import when
from pipeline_guard.settings import Settings

_RENEW_BEFORE: Final = timedelta(minutes=5)
_LIFETIME: Final = timedelta(hours=1)
"""How long an installation token lives when GitHub does not say; its documentation says so."""


class AppCalls(Protocol):
    """The one thing an App needs of the client: a call signed with its key, made at once."""

    def __call__(self, verb: str, path: str, body: Any | None = None) -> Any:
        """Return the decoded answer; raises errors.PlatformError."""


class Credentials(Protocol):
    """Gives the authentication for a repository; called in worker threads, so it may block."""

    is_app: bool

    def app_auth(self) -> github.Auth.Auth:
        """Authentication for calls that concern no repository."""

    def for_repository(self, repository: str, calls: AppCalls) -> github.Auth.Auth:
        """Authentication for calls on one repository; raises errors.PlatformError."""

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

    def for_repository(self, repository: str, calls: AppCalls) -> github.Auth.Auth:
        """The token."""
        return self._auth

    def forget(self, repository: str) -> bool:
        """A plain token cannot be renewed."""
        return False


@dataclass(frozen=True, slots=True)
class _Installed:
    auth: github.Auth.Auth
    expires_at: datetime


class AppCredentials:
    """A GitHub App; installation tokens are narrowed to one repository and kept until they age.

    https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
    """

    is_app = True

    def __init__(self, app_id: str, private_key: str) -> None:
        self._app = github.Auth.AppAuth(app_id, private_key)
        self._installed: dict[str, _Installed] = {}
        self._lock = threading.Lock()

    def app_auth(self) -> github.Auth.Auth:
        """A short-lived token signed with the App's key."""
        return self._app

    def for_repository(self, repository: str, calls: AppCalls) -> github.Auth.Auth:
        """The installation token for a repository, from the cache or asked for anew."""
        with self._lock:
            known = self._installed.get(repository)
            if known is None or known.expires_at - _RENEW_BEFORE <= datetime.now(UTC):
                known = self._installed[repository] = _install(repository, calls)
            return known.auth

    def forget(self, repository: str) -> bool:
        """Drop the repository's token."""
        with self._lock:
            return self._installed.pop(repository, None) is not None


def _install(repository: str, calls: AppCalls) -> _Installed:
    installation = calls("GET", f"/repos/{repository}/installation")
    number = installation.get("id") if isinstance(installation, dict) else None
    answer = calls(
        "POST",
        f"/app/installations/{number}/access_tokens",
        {"repositories": [repository.partition("/")[2]]},
    )
    return _Installed(
        auth=github.Auth.Token(str(answer["token"])),
        expires_at=when(answer, "expires_at") or datetime.now(UTC) + _LIFETIME,
    )


def credentials_from(settings: Settings) -> Credentials:
    """The credentials the settings name, an App before a token; raises ConfigError."""
    key = settings.github_private_key
    if settings.github_app_id or key:
        if not settings.github_app_id:
            raise ConfigError("PIPELINE_GUARD_GITHUB_PRIVATE_KEY is set, but not its GITHUB_APP_ID")
        if key is None:
            raise ConfigError("PIPELINE_GUARD_GITHUB_APP_ID is set, but not its GITHUB_PRIVATE_KEY")
        return AppCredentials(settings.github_app_id, private_key(key.get_secret_value()))
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
