"""Settings from the environment (prefix PIPELINE_GUARD_) or a `.env` file, checked at start."""

import ipaddress
import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline_guard.errors import ConfigError

PREFIX = "PIPELINE_GUARD_"


def default_data_dir() -> Path:
    """Where data lives when DATA_DIR is not set.

    As root it is a system path, because the embedded PostgreSQL then runs as another user that
    must be able to reach it, which a home directory does not allow.
    """
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/pipeline-guard")
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/pipeline-guard"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "pipeline-guard"


def split_secrets(value: SecretStr | None) -> tuple[str, ...]:
    """The values of a secret that may list several, separated by commas (for rotation)."""
    if value is None:
        return ()
    return tuple(part.strip() for part in value.get_secret_value().split(",") if part.strip())


class Settings(BaseSettings):
    """Everything the environment can say; an empty variable counts as absent."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    database_url: SecretStr | None = None
    """A PostgreSQL of yours (14 or newer); without it one is started below DATA_DIR."""
    redis_url: SecretStr | None = None
    """A Redis that all processes share what they have read of GitHub by; none is needed."""
    config: Path | None = None
    """Path of guard.yaml, the policy."""
    rules: Path | None = None
    """A folder of rules of your own; a rule with a built-in's id replaces it."""
    data_dir: Path = Field(default_factory=default_data_dir)
    """Where all data lives."""
    mode: Literal["observe", "suggest", "act"] = "observe"
    """observe only records, suggest comments, act re-runs as well; the policy may say otherwise."""
    api_token: SecretStr | None = None
    """Opens API and dashboard; needed to listen on anything but loopback."""
    secret_key: SecretStr | None = None
    """Seals what the database keeps secret; several processes on several machines need the same."""
    public_url: str | None = None
    """Where people and platforms reach this service, for links that lead back to it."""
    oidc_issuer: str | None = None
    """The identity provider that people sign in to the dashboard with."""
    oidc_client_id: str | None = None
    """Our id at that provider."""
    oidc_client_secret: SecretStr | None = None
    """Our secret at that provider."""
    oidc_groups: str | None = None
    """Who may what, as `group=scope` pairs with commas between; the group `*` is everybody."""
    oidc_groups_claim: str = "groups"
    """The claim that lists a person's groups."""
    log_format: Literal["console", "json"] = "console"
    """Log lines for people, or for machines."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged: this and what is graver."""

    keep_deliveries_days: int = Field(default=30, ge=7)
    """Days; not less than recovery may look back for webhooks that were missed."""
    keep_failures_days: int = Field(default=180, ge=90)
    """Days; not less than the 90 of history that a decision may rest on."""
    keep_logs_days: int = Field(default=30, ge=1)
    """Days that the logs shown with failures are kept."""
    keep_queue_days: int = Field(default=7, ge=1)
    """Days that the queue's failed jobs stay to be looked at."""

    github_api_url: str = "https://api.github.com"
    """https://HOST/api/v3 for GitHub Enterprise Server."""
    github_token: SecretStr | None = None
    """A fine-grained token, when it is not an App."""
    github_app_id: str | None = None
    """The App's id."""
    github_private_key: SecretStr | None = None
    """The App's PEM, or the path of a file that holds it."""
    github_webhook_secret: SecretStr | None = None
    """Signs GitHub's deliveries; without it GitHub is off."""

    gitlab_url: str = "https://gitlab.com"
    """gitlab.com, or your own server."""
    gitlab_token: SecretStr | None = None
    """An access token with the scope `api`."""
    gitlab_webhook_secret: SecretStr | None = None
    """The plain secret token of GitLab's webhook."""
    gitlab_signing_token: SecretStr | None = None
    """The signing token of GitLab's webhook; once it is set, the plain one is not enough."""

    buildbot_url: str | None = None
    """The master's web address."""
    buildbot_user: str | None = None
    """Who may rebuild; without it, everybody may."""
    buildbot_password: SecretStr | None = None
    """That user's password."""
    buildbot_webhook_token: SecretStr | None = None
    """What the master sends along; without it Buildbot is off."""

    @field_validator("public_url", "oidc_issuer", "github_api_url", "gitlab_url", "buildbot_url")
    @classmethod
    def _is_http_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @field_validator("redis_url")
    @classmethod
    def _is_redis_url(cls, value: SecretStr | None) -> SecretStr | None:
        ways = ("redis://", "rediss://", "unix://")
        if value is not None and not value.get_secret_value().startswith(ways):
            raise ValueError(f"must start with {', '.join(ways)}")
        return value

    @field_validator("data_dir")
    @classmethod
    def _is_absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @cached_property
    def github_webhook_secrets(self) -> tuple[str, ...]:
        """Secrets that may have signed a GitHub delivery."""
        return split_secrets(self.github_webhook_secret)

    @cached_property
    def gitlab_webhook_secrets(self) -> tuple[str, ...]:
        """Plain tokens that a GitLab delivery may carry."""
        return split_secrets(self.gitlab_webhook_secret)

    @cached_property
    def gitlab_signing_tokens(self) -> tuple[str, ...]:
        """Tokens that may have signed a GitLab delivery."""
        return split_secrets(self.gitlab_signing_token)

    @cached_property
    def buildbot_webhook_tokens(self) -> tuple[str, ...]:
        """Tokens that a Buildbot delivery may carry."""
        return split_secrets(self.buildbot_webhook_token)

    @cached_property
    def api_tokens(self) -> tuple[str, ...]:
        """Bearer tokens that open the API."""
        return split_secrets(self.api_token)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; raises ConfigError that names each wrong variable and what is wrong."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [_told(item) for item in error.errors(include_url=False)]
        raise ConfigError("Wrong settings:\n  " + "\n  ".join(lines)) from None


def _told(item: ErrorDetails) -> str:
    """What is wrong with one variable; of a secret not what it is."""
    name = str(item["loc"][0])
    field = Settings.model_fields.get(name)
    secret = field is not None and SecretStr in get_args(field.annotation)
    said = item["msg"].removeprefix("Value error, ")
    return f"{PREFIX}{name.upper()}: {said}" + ("" if secret else f" (got {item['input']!r})")


def unusable(folder: Path, error: OSError) -> ConfigError:
    """What to say where DATA_DIR cannot be made or written to."""
    return ConfigError(
        f"{PREFIX}DATA_DIR: {folder} cannot be used ({error.strerror or error}). Set it to a folder"
        " that this account may write to"
    )


def named_secret(name: str) -> str | None:
    """The value of an environment variable that guard.yaml names, None if absent or empty."""
    return os.environ.get(name) or None


def is_loopback(host: str) -> bool:
    """True when nothing outside this machine can reach a server bound to `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
