"""Where notices go, as guard.yaml says it; secrets are named, never written there."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline_guard.domain.notices import NoticeKind

Variable = Annotated[
    str,
    Field(
        pattern="^[A-Za-z_][A-Za-z0-9_]*$",
        description="The name of the environment variable that holds it.",
    ),
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Slack(_Part):
    """A Slack channel, by an incoming webhook."""

    url_env: Variable


class Webhook(_Part):
    """A program that takes signed HTTP posts (standardwebhooks.com)."""

    url_env: Variable
    secret_env: Variable
    allow_loopback: Annotated[
        bool, Field(description="Let it be plain http on this very machine.")
    ] = False


class Email(_Part):
    """Mailboxes, through a mail server."""

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Annotated[
        Literal["starttls", "tls", "none"],
        Field(description="none is for a server on this very machine only."),
    ] = "starttls"
    sender: Annotated[str, Field(alias="from", pattern="@")]
    to: Annotated[tuple[Annotated[str, Field(pattern="@")], ...], Field(min_length=1)]
    user_env: Variable | None = None
    password_env: Variable | None = None

    @model_validator(mode="after")
    def _in_the_open_only_here(self) -> Self:
        if self.security == "none" and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("security none is for a mail server on this machine only")
        return self


class NoticeTarget(_Part):
    """One receiver: exactly one of slack, email and webhook, and what it wants to know."""

    slack: Slack | None = None
    email: Email | None = None
    webhook: Webhook | None = None
    when: Annotated[
        tuple[NoticeKind, ...],
        Field(
            description="escalated: a failure was left to people, once a day for the same one;"
            " incident_opened, incident_closed: the same failure spikes, or no more; healed_late:"
            " a failure was healed, but late; digest: the last day in one message."
        ),
    ] = ("escalated", "incident_opened", "incident_closed")
    repositories: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(description='Only of these, by full name ("acme/*"), case ignored; none means all.'),
    ] = ()
    healed_late_minutes: Annotated[
        int, Field(ge=1, description="From the first failure to green: longer is late.")
    ] = 60

    @model_validator(mode="after")
    def _is_one_of_three(self) -> Self:
        given = [item for item in (self.slack, self.email, self.webhook) if item is not None]
        if len(given) != 1:
            raise ValueError("say exactly one of slack, email and webhook")
        return self
