"""Commands: each written down once with its answer, listed for the comment that shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
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


def add(session: AsyncSession, said: Said, commit: str | None, status: str, answer: str) -> None:
    """Write a new command and its answer down."""
    session.add(
        Command(
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
    )


async def of_request(
    session: AsyncSession, platform: str, repository: str, number: int, commit: str | None
) -> Sequence[Command]:
    """The commands on a request that were about this commit, oldest first."""
    query = (
        select(Command)
        .where(
            Command.platform == platform,
            Command.repository == repository,
            Command.request_number == number,
            Command.commit == commit,
        )
        .order_by(Command.id)
    )
    return (await session.scalars(query)).all()
