"""Labels: what people say a failure's cause really is, kept to train on later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.diagnosis import Category
from pipeline_guard.store import job_logs
from pipeline_guard.store.tables import Failure, Label


@dataclass(frozen=True, slots=True)
class Labelled:
    """A failure's excerpt with the newest label that a person gave it."""

    failure: int
    repository: str
    job: str
    diagnosed: str
    label: str
    author: str
    at: datetime
    text: str
    platform: str
    rerun_passed: bool | None
    """Whether the next attempt passed; no category follows from it."""


def add(session: AsyncSession, failure_ids: Sequence[int], category: Category, author: str) -> None:
    """Label these failures; an earlier label stays, the newest counts."""
    session.add_all(
        Label(failure_id=item, category=category, author=author) for item in failure_ids
    )


async def newest(session: AsyncSession) -> list[Labelled]:
    """Every labelled failure with its newest label, oldest failure first."""
    query = (
        select(Label, Failure)
        .join(Failure, Failure.id == Label.failure_id)
        .ext(distinct_on(Label.failure_id))
        .order_by(Label.failure_id, Label.id.desc())
    )
    return [
        Labelled(
            failure.id,
            failure.repository,
            failure.job,
            failure.category,
            label.category,
            label.author,
            label.created_at,
            failure.diagnosis["excerpt"],
            failure.platform,
            failure.next_passed,
        )
        for label, failure in await session.execute(query)
    ]


async def log_of(session: AsyncSession, labelled: Labelled) -> str:
    """What is kept of the failure's log, cleaned and redacted; without it, the excerpt."""
    return await job_logs.text_of(session, labelled.failure) or labelled.text
