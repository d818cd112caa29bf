"""The tables behind the dashboard: kept logs, and the changes that live pages follow."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from pipeline_guard.store.tables import Base


class JobLog(Base):
    """The log of one failure as people read it: cleaned, redacted, its middle cut when huge."""

    __tablename__ = "job_logs"

    failure_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("failures.id", ondelete="CASCADE"), primary_key=True
    )
    lines: Mapped[int] = mapped_column(BigInteger)
    """Lines of the whole log, those left out included."""
    size: Mapped[int] = mapped_column(BigInteger)
    """Bytes that its chunks take, compressed."""
    outline: Mapped[list[Any]]
    """Its steps in order, each {part, path, first, last}; line numbers are the log's own."""
    notes: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class JobLogChunk(Base):
    """Consecutive lines of a kept log, zlib-compressed."""

    __tablename__ = "job_log_chunks"
    __table_args__ = (Index("ix_job_log_chunks_lines", "failure_id", "part", "first_line"),)

    failure_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("job_logs.failure_id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    part: Mapped[str]
    """The file of a zip that the lines are from; "" for a plain log."""
    first_line: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Change(Base):
    """Something that live pages show has changed; written by triggers, in the same transaction."""

    __tablename__ = "changes"
    __table_args__ = (Index("ix_changes_at", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    """failure or incident."""
    subject: Mapped[int] = mapped_column(BigInteger)
    """Its id."""
    at: Mapped[datetime] = mapped_column(server_default=func.now())
