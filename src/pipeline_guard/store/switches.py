"""Switches: where people have switched healing off; a repository, an owner's, a platform, all."""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.tables import Repository, Switch

ALL: Final = "*"
"""As a repository: every one of the platform; as a platform: every one there is."""
_EVERY_ONE_OF: Final = "/*"
"""Behind the name of an owner or a group: each repository below it."""


async def turn(
    session: AsyncSession, platform: str, repository: str, author: str, *, off: bool
) -> Switch:
    """Switch off or on again, and keep who did.

    `repository` is a full name in any case of its letters, `owner/*`, or ALL.
    """
    values = {"is_off": off, "author": author, "updated_at": func.now()}
    # Platforms do not tell the case of names apart, so one repository has one switch.
    known = update(Switch).where(_is(platform, repository)).values(values).returning(Switch)
    made = (
        insert(Switch)
        .values(platform=platform, repository=repository, **values)
        .on_conflict_do_update(index_elements=("platform", "repository"), set_=values)
        .returning(Switch)
    )
    fresh = {"populate_existing": True}
    rows = (await session.scalars(known, execution_options=fresh)).all()
    return rows[0] if rows else (await session.scalars(made, execution_options=fresh)).one()


async def off_by(session: AsyncSession, platform: str, repository: str) -> str | None:
    """Who has switched the repository off and when, in words; None when it is on.

    The widest switch that is off speaks: one of the repository alone would not end it.
    """
    covering = or_(*(_is(*place) for place in _over(platform, repository)))
    query = select(Switch).where(Switch.is_off, covering)
    found = min(
        await session.scalars(query),
        key=lambda row: (row.platform != ALL, row.repository != ALL, len(row.repository)),
        default=None,
    )
    if found is None:
        return None
    words = f"{found.author} on {found.updated_at:%Y-%m-%d %H:%M} UTC"
    return f"{words}, with all of {_named(found)}" if _is_wide(found.repository) else words


async def everything(session: AsyncSession) -> Sequence[Switch]:
    """Every switch ever turned, the one turned last first."""
    query = select(Switch).order_by(Switch.updated_at.desc(), Switch.platform, Switch.repository)
    return (await session.scalars(query)).all()


async def reach(session: AsyncSession, platform: str, repository: str) -> int:
    """How many of the repositories that deliveries came from such a switch is about."""
    name = func.lower(Repository.repository)
    conditions: list[ColumnElement[bool]] = []
    if platform != ALL:
        conditions.append(Repository.platform == platform)
    if repository.endswith(_EVERY_ONE_OF):
        below = func.lower(repository.removesuffix(ALL))
        conditions.append(func.starts_with(name, below))
    elif repository != ALL:
        conditions.append(name == func.lower(repository))
    query = select(func.count()).select_from(Repository).where(*conditions)
    return (await session.scalars(query)).one()


def _over(platform: str, repository: str) -> Iterator[tuple[str, str]]:
    """Every switch that the repository hangs on."""
    names, owner = [ALL, repository], repository
    while "/" in owner:
        owner = owner.rpartition("/")[0]
        names.append(owner + _EVERY_ONE_OF)
    for name in names:
        yield ALL, name
        yield platform, name


def _is(platform: str, repository: str) -> ColumnElement[bool]:
    # The database alone folds both: Python and it differ about some letters outside of ASCII.
    same = func.lower(Switch.repository) == func.lower(repository)
    return and_(Switch.platform == platform, same)


def _is_wide(repository: str) -> bool:
    return repository == ALL or repository.endswith(_EVERY_ONE_OF)


def _named(switch: Switch) -> str:
    if switch.repository != ALL:
        return switch.repository.removesuffix(_EVERY_ONE_OF)
    return "Pipeline Guard" if switch.platform == ALL else switch.platform
