"""The tables, as SQLAlchemy sees them; their meaning is in DESIGN's vocabulary."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from pipeline_guard.domain.access import Scope

PLANNED_RERUN: Final = (
    """jsonb_path_exists(failures.plan, '$.steps[*]?(@.kind == "rerun")') AND NOT """
    """jsonb_path_exists(failures.plan, '$.refusals[*]?(!exists(@.step) || @.step == "rerun")')"""
)
"""Of a failure: a re-run was decided on. Written as in the index, which is small by it.

Refusals that were stored when there were only re-runs name no step."""


class Base(DeclarativeBase):
    """Shared metadata; text is PostgreSQL's unlimited text, time always carries a zone."""

    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it from the class)
        str: Text(),
        Scope: Text(),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


class Delivery(Base):
    """One inbound webhook: its verified body and what became of it."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("platform", "delivery_id"),
        Index("ix_deliveries_open", "id", postgresql_where=text("status <> 'processed'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    platform: Mapped[str]
    delivery_id: Mapped[str]
    event_name: Mapped[str]
    event: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(server_default="accepted")
    """accepted, processed or failed."""
    note: Mapped[str | None]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    processed_at: Mapped[datetime | None]


class Failure(Base):
    """One failed job of one run attempt, with its diagnosis and plan."""

    __tablename__ = "failures"
    __table_args__ = (
        UniqueConstraint("platform", "repository", "run_id", "run_attempt", "job_id"),
        Index("ix_failures_status", "status", "id"),
        Index("ix_failures_created", "created_at"),
        Index("ix_failures_fingerprint", "fingerprint", "created_at"),
        Index("ix_failures_request", "platform", "repository", "request_number"),
        Index("ix_failures_commit", "platform", "repository", "commit", "job"),
        Index("ix_failures_planned_reruns", "created_at", postgresql_where=text(PLANNED_RERUN)),
        Index(
            "ix_failures_rule",
            "rule",
            "id",
            postgresql_where=text("next_passed IS NOT NULL AND transient"),
        ),
        Index(
            "ix_failures_outcomes",
            "category",
            "transient",
            "created_at",
            postgresql_include=["rule", "rule_version", "fingerprint", "next_passed"],
            postgresql_where=text("next_passed IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    platform: Mapped[str]
    repository: Mapped[str]
    workflow: Mapped[str]
    run_id: Mapped[str]
    run_attempt: Mapped[int]
    run_url: Mapped[str | None]
    job_id: Mapped[str]
    job: Mapped[str]
    url: Mapped[str | None]
    branch: Mapped[str | None]
    commit: Mapped[str | None]
    request_number: Mapped[int | None]
    category: Mapped[str]
    confidence: Mapped[float]
    source: Mapped[str]
    rule: Mapped[str | None]
    rule_version: Mapped[str | None]
    """What the rule said when it judged; what came of it counts while the rule says so still."""
    transient: Mapped[bool]
    fingerprint: Mapped[str]
    diagnosis: Mapped[dict[str, Any]]
    """The whole judgement: evidence, candidates, failed tests, advice, excerpt, notes."""
    status: Mapped[str]
    plan: Mapped[dict[str, Any]]
    rerun_passed: Mapped[bool | None]
    """Whether a later attempt of the same job and commit passed, whoever asked for it."""
    settled_at: Mapped[datetime | None]
    """When the attempt ended that `rerun_passed` tells of."""
    next_passed: Mapped[bool | None]
    """Whether the very next attempt that ended passed: what one re-run was good for."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())

    actions: Mapped[list["Action"]] = relationship(
        secondary="action_failures", order_by="Action.id", back_populates="failures"
    )
    labels: Mapped[list["Label"]] = relationship(order_by="Label.id", lazy="selectin")


class Action(Base):
    """One step tried: the intent is written before the call, the result after it."""

    __tablename__ = "actions"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_actions_run", "platform", "repository", "run_id"),
        Index("ix_actions_undecided", "id", postgresql_where=text("outcome IS NULL")),
        Index(
            "ix_actions_standing",
            "platform",
            "repository",
            "kind",
            postgresql_where=text("outcome IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str]
    """What makes it one and the same action, however often its job runs."""
    kind: Mapped[str]
    platform: Mapped[str]
    repository: Mapped[str]
    run_id: Mapped[str]
    run_attempt: Mapped[int]
    params: Mapped[dict[str, Any]]
    traceparent: Mapped[str | None]
    status: Mapped[str]
    """intended, done, failed or skipped."""
    outcome: Mapped[str | None]
    url: Mapped[str | None]
    external_id: Mapped[str | None]
    note: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    failures: Mapped[list[Failure]] = relationship(
        secondary="action_failures", back_populates="actions"
    )


class ActionFailure(Base):
    """Which failures an action was meant for (a re-run serves every failed job of a run)."""

    __tablename__ = "action_failures"

    action_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("actions.id", ondelete="CASCADE"), primary_key=True
    )
    failure_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("failures.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Comment(Base):
    """Our one comment on a pull or merge request, so that it is edited and not repeated."""

    __tablename__ = "comments"

    platform: Mapped[str] = mapped_column(primary_key=True)
    repository: Mapped[str] = mapped_column(primary_key=True)
    request_number: Mapped[int] = mapped_column(primary_key=True)
    comment_id: Mapped[str]
    url: Mapped[str | None]
    digest: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class Command(Base):
    """One /guard command of a person, what was answered, and so who did what."""

    __tablename__ = "commands"
    __table_args__ = (
        UniqueConstraint("platform", "repository", "comment_id", "position"),
        Index("ix_commands_request", "platform", "repository", "request_number"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    platform: Mapped[str]
    repository: Mapped[str]
    request_number: Mapped[int]
    comment_id: Mapped[str]
    position: Mapped[int]
    """Its place among the commands of its comment."""
    author: Mapped[str]
    name: Mapped[str]
    argument: Mapped[str]
    commit: Mapped[str | None]
    """The commit whose failures it was about."""
    status: Mapped[str]
    """done, refused (not allowed, or not possible) or unclear (not understood)."""
    answer: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Label(Base):
    """What a person says a failure's cause really is."""

    __tablename__ = "labels"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    failure_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("failures.id", ondelete="CASCADE"), index=True
    )
    category: Mapped[str]
    author: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Switch(Base):
    """Whether a repository's people have switched healing off, and who said so last."""

    __tablename__ = "switches"

    platform: Mapped[str] = mapped_column(primary_key=True)
    repository: Mapped[str] = mapped_column(primary_key=True)
    is_off: Mapped[bool]
    author: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class Repository(Base):
    """A repository that deliveries came from: what lists of runs are asked for."""

    __tablename__ = "repositories"

    platform: Mapped[str] = mapped_column(primary_key=True)
    repository: Mapped[str] = mapped_column(primary_key=True)
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    last_delivery: Mapped[int] = mapped_column(BigInteger)
    """Row id of its newest delivery when last looked; the next look starts behind the highest."""


class Sweep(Base):
    """How far one list of a platform was read for what we missed."""

    __tablename__ = "sweeps"

    what: Mapped[str] = mapped_column(primary_key=True)
    """turn (whose `until` is when the last sweep began), runs, deliveries, resumed or proposals; or
    prune, with a table as its scope, or "" for when the last round of deleting began."""
    platform: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    """A repository, or "" for a list that serves all."""
    until: Mapped[datetime]
    found: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """How much was recovered from it, or deleted, so far."""


class Redelivery(Base):
    """A delivery that never arrived, and how often its platform was asked for it again."""

    __tablename__ = "redeliveries"

    platform: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str]
    handle: Mapped[str]
    event_name: Mapped[str]
    tried_at: Mapped[datetime]
    """When the platform last tried and failed."""
    asked: Mapped[int] = mapped_column(server_default="0")
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    status: Mapped[str] = mapped_column(server_default="open")
    """open, arrived or given_up."""
    note: Mapped[str | None]


class Audit(Base):
    """One thing that the bot or a person did; rows are added and never changed."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_subject", "subject", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    details: Mapped[dict[str, Any]]


class Notice(Base):
    """Something that one receiver is told, once, however often it is seen."""

    __tablename__ = "notices"
    __table_args__ = (UniqueConstraint("key", "target"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str]
    """Names the event."""
    target: Mapped[str]
    """The receiver's name in guard.yaml."""
    notice: Mapped[dict[str, Any]]
    """What it is told, see domain.notices."""
    status: Mapped[str] = mapped_column(server_default="waiting")
    """waiting, sent or failed."""
    note: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]


class Check(Base):
    """Our one check run on a commit, so that it is edited and not repeated."""

    __tablename__ = "checks"
    __table_args__ = (
        Index(
            "ix_checks_refused",
            "platform",
            "repository",
            "updated_at",
            postgresql_where=text("refused IS NOT NULL"),
        ),
    )

    platform: Mapped[str] = mapped_column(primary_key=True)
    repository: Mapped[str] = mapped_column(primary_key=True)
    commit: Mapped[str] = mapped_column(primary_key=True)
    check_id: Mapped[str | None]
    digest: Mapped[str]
    refused: Mapped[str | None]
    """What the platform said when it did not let us; then no other is tried for a while."""
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
