"""The table of what platforms still allow us to ask."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from pipeline_guard.store.tables import Base


class PlatformLimit(Base):
    """One platform's limit of calls, as any replica heard of it last."""

    __tablename__ = "platform_limits"

    platform: Mapped[str] = mapped_column(primary_key=True)
    remaining: Mapped[int | None]
    total: Mapped[int | None]
    resets_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    """Until when it asked to be left alone."""
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
