"""Our comments: where the one comment of a request is, and what it said last."""

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.capabilities import CommentResult
from pipeline_guard.store.tables import Comment


async def get(session: AsyncSession, platform: str, repository: str, number: int) -> Comment | None:
    """Our comment on that request, if we wrote one."""
    return await session.get(Comment, (platform, repository, number))


async def put(
    session: AsyncSession,
    platform: str,
    repository: str,
    number: int,
    result: CommentResult,
    digest: str,
) -> None:
    """Remember where the comment is and the digest of its body."""
    values = {"comment_id": result.comment_id, "url": result.url, "digest": digest}
    await session.execute(
        insert(Comment)
        .values(platform=platform, repository=repository, request_number=number, **values)
        .on_conflict_do_update(
            index_elements=("platform", "repository", "request_number"),
            set_=values | {"updated_at": func.now()},
        )
    )
