"""The tables of who may come in, and of what lets us in elsewhere."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from pipeline_guard.domain.access import Scope
from pipeline_guard.store.tables import Base


class Token(Base):
    """A key to the API for a person or a script; the key itself is not kept."""

    __tablename__ = "tokens"
    __table_args__ = (
        UniqueConstraint("hash"),
        Index(
            "ix_tokens_live_name", "name", unique=True, postgresql_where=text("revoked_at IS NULL")
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    scope: Mapped[Scope]
    hash: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignIn(Base):
    """A browser whose person showed who they are."""

    __tablename__ = "sign_ins"

    hash: Mapped[str] = mapped_column(primary_key=True)
    actor: Mapped[str]
    scope: Mapped[Scope]
    basis: Mapped[str]
    """The digest of the token it stands on, or another word for what must stay in force."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]


class Ticket(Base):
    """A secret that is good once, with what was to be remembered until it comes back."""

    __tablename__ = "tickets"

    hash: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    data: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime]


class Registration(Base):
    """What a platform gave us when we were registered there; its secrets are sealed."""

    __tablename__ = "registrations"

    platform: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    url: Mapped[str]
    """Its page on the platform."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    registered_at: Mapped[datetime] = mapped_column(server_default=func.now())
