"""The table of incidents: one fingerprint that spiked across runs, and what became of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from pipeline_guard.store.tables import Base


class Incident(Base):
    """One failure hitting many runs at once; while it is open, its re-runs are held."""

    __tablename__ = "incidents"
    __table_args__ = (
        # Two workers that see the same spike make one incident of it.
        Index(
            "ix_incidents_open",
            "platform",
            "fingerprint",
            unique=True,
            postgresql_where=text("status <> 'closed'"),
        ),
        Index("ix_incidents_closed", "platform", "fingerprint", "closed_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    platform: Mapped[str]
    fingerprint: Mapped[str]
    category: Mapped[str]
    rule: Mapped[str | None]
    title: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="open")
    """open; probing, once a re-run was let through; closed."""
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    probed_at: Mapped[datetime | None]
    """When a re-run was let through last."""
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    """Why it was closed, in a sentence."""
    failures: Mapped[int]
    repositories: Mapped[list[Any]]
    """Names of the repositories it was seen in."""
    probes: Mapped[list[Any]]
    """Re-runs let through, oldest first: {failure, repository, run_id, attempt, at, passed}."""
