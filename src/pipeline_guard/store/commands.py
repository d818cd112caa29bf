"""Commands: each written down once with its answer, listed for the comment that shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.tables import Command


@dataclass(frozen=True, slots=True)
class Said:
    """Where and by whom one command was given; `position` counts within its comment."""

    platform: str
    repository: str
    number: int
    comment_id: str
    position: int
    author: str
    name: str
    argument: str


async def get(session: AsyncSession, said: Said) -> Command | None:
    """The command as it was answered before, None when it is new."""
    query = select(Command).where(
        Command.platform == said.platform,
        Command.repository == said.repository,
        Command.comment_id == said.comment_id,
        Command.position == said.position,
    )
    return (await session.scalars(query)).one_or_none()


async def add(
    session: AsyncSession, said: Said, commit: str | None, status: str, answer: str
) -> bool:
    """Write a command and its answer down; False when it is there already."""
    query = (
        insert(Command)
        .values(
            platform=said.platform,
            repository=said.repository,
            request_number=said.number,
            comment_id=said.comment_id,
            position=said.position,
            author=said.author,
            name=said.name,
            argument=said.argument,
            commit=commit,
            status=status,
            answer=answer,
        )
        .on_conflict_do_nothing()
        .returning(Command.id)
    )
    return (await session.execute(query)).scalar_one_or_none() is not None


async def of_request(
    session: AsyncSession, platform: str, repository: str, number: int, limit: int
) -> Sequence[Command]:
    """The newest commands on a request, oldest of them first."""
    query = (
        select(Command)
        .where(
            Command.platform == platform,
            Command.repository == repository,
            Command.request_number == number,
        )
        .order_by(Command.id.desc())
        .limit(limit)
    )
    return (await session.scalars(query)).all()[::-1]


async def was_explained(
    session: AsyncSession, platform: str, repository: str, number: int, commit: str | None
) -> bool:
    """Has somebody asked for the whole reasoning about this commit?"""
    query = select(Command.id).where(
        Command.platform == platform,
        Command.repository == repository,
        Command.request_number == number,
        Command.commit == commit,
        Command.name == "explain",
        Command.status == "done",
    )
    return bool((await session.execute(select(query.exists()))).scalar_one())
