"""Check runs: where ours is on each commit, what it said last, and where we may not write any."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.tables import Check


async def get(session: AsyncSession, platform: str, repository: str, commit: str) -> Check | None:
    """Our check run on that commit, if we tried to make one."""
    return await session.get(Check, (platform, repository, commit))


async def put(
    session: AsyncSession,
    place: tuple[str, str, str],
    digest: str,
    check_id: str | None,
    refused: str | None = None,
) -> None:
    """Remember the check run on a (platform, repository, commit), or that it was refused."""
    platform, repository, commit = place
    values = {"digest": digest, "check_id": check_id, "refused": refused}
    await session.execute(
        insert(Check)
        .values(platform=platform, repository=repository, commit=commit, **values)
        .on_conflict_do_update(
            index_elements=("platform", "repository", "commit"),
            set_=values | {"updated_at": func.now()},
        )
    )


async def was_refused(
    session: AsyncSession, platform: str, repository: str, since: datetime
) -> bool:
    """Were we told since then that we may not write check runs in the repository?"""
    query = select(Check.commit).where(
        Check.platform == platform,
        Check.repository == repository,
        Check.refused.is_not(None),
        Check.updated_at >= since,
    )
    return bool((await session.execute(select(query.exists()))).scalar_one())


async def refusals(session: AsyncSession, since: datetime) -> list[tuple[str, str, str]]:
    """(platform, repository, what was said) of every repository that refused since then."""
    query = (
        select(Check.platform, Check.repository, func.max(Check.refused))
        .where(Check.refused.is_not(None), Check.updated_at >= since)
        .group_by(Check.platform, Check.repository)
        .order_by(Check.platform, Check.repository)
        .limit(20)
    )
    return [(row[0], row[1], str(row[2])) for row in await session.execute(query)]
