"""One database behind one door: engine, transactions, and the accept path's own connections."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psycopg
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine

from pipeline_guard.errors import ConfigError, StoreUnavailable

CONNECT_TIMEOUT = 5
"""Seconds to wait for a connection before the database counts as away."""
POOL_SIZE = 10
"""Connections that the stages and pages of one process share."""


def libpq_url(url: str) -> str:
    """The URL as libpq reads it, from any of the spellings people use; raises ConfigError."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in ("postgres", "postgresql"):
        raise ConfigError(
            "PIPELINE_GUARD_DATABASE_URL must start with postgresql:// (PostgreSQL only), for"
            " example postgresql://user:password@host:5432/pipeline_guard"
        )
    return f"postgresql://{rest}"


class Database:
    """The door to the store; give it a URL, `await close()` it when done."""

    def __init__(self, url: str) -> None:
        self.url = libpq_url(url)
        self._engine = create_async_engine(
            # psycopg itself reads the URL: SQLAlchemy's own parser differs in corner cases.
            "postgresql+psycopg://",
            async_creator=self._connect,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=CONNECT_TIMEOUT,
            pool_pre_ping=True,
            hide_parameters=True,
        )

    async def _connect(self) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(self.url, connect_timeout=CONNECT_TIMEOUT)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction, committed when the block ends well; StoreUnavailable when away."""
        try:
            async with (
                AsyncSession(self._engine, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise StoreUnavailable(f"The database does not answer: {_brief(error)}") from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise StoreUnavailable(f"The database went away: {_brief(error)}") from error
            raise

    async def ping(self) -> None:
        """Raise StoreUnavailable unless the database answers."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT), self.transaction() as session:
                await session.execute(text("SELECT 1"))
        except TimeoutError:
            raise StoreUnavailable("The database did not answer in time.") from None

    def accept_pool(self, size: int) -> AsyncConnectionPool:
        """Connections for the accept path: autocommit, so one statement is one transaction."""
        return AsyncConnectionPool(
            self.url,
            min_size=size,
            max_size=size,
            open=False,
            timeout=CONNECT_TIMEOUT,
            reconnect_timeout=0,
            kwargs={"autocommit": True, "connect_timeout": CONNECT_TIMEOUT},
        )

    async def close(self) -> None:
        """Give all connections back."""
        await self._engine.dispose()


async def raw_connection(session: AsyncSession) -> psycopg.AsyncConnection:
    """psycopg's own connection of this transaction, to defer jobs within it."""
    connection: AsyncConnection = await session.connection()
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    if not isinstance(driver, psycopg.AsyncConnection):
        raise TypeError(f"expected a psycopg connection, got {type(driver).__name__}")
    return driver


def _brief(error: Exception) -> str:
    """The driver's first line: the rest is the statement and its parameters."""
    origin = getattr(error, "orig", None) or error
    return (str(origin).strip().splitlines() or [type(origin).__name__])[0]
