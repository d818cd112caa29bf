"""Finds a build's chain of rebuilds in Buildbot's own data, so that a rebuild is an attempt."""

import asyncio
from dataclasses import dataclass
from typing import Any

from pipeline_guard.errors import NotFound
from pipeline_guard.platforms.buildbot.client import BuildbotClient
from pipeline_guard.platforms.buildbot.words import RETRY

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chain:
    """A first build and what came of it, oldest first.

    `root` is the first build's id, `builds` are all builds there are, `buildset` is the newest
    attempt's, and `waiting` is the newest request when it has no build of its own yet.
    """

    root: int
    builds: tuple[Row, ...]
    buildset: Row
    waiting: Row | None

    @property
    def newest(self) -> Row:
        """The last build that exists."""
        return self.builds[-1]

    @property
    def attempt(self) -> int:
        """The newest attempt's position, a waiting one included."""
        return len(self.builds) + (self.waiting is not None)


@dataclass(frozen=True, slots=True)
class _Request:
    """A build request with its builds, oldest first: several when Buildbot lost a worker."""

    row: Row
    builds: list[Row]

    @property
    def waiting(self) -> bool:
        """A build of it is still to come.

        A request completes a moment after its build, so an open request alone proves nothing.
        """
        return not self.row["complete"] and (not self.builds or self.builds[-1]["results"] == RETRY)


async def read_chain(client: BuildbotClient, buildid: int) -> Chain:
    """The chain that a build belongs to; raises NotFound when there is no such build.

    Every rebuild's buildset names the first build of the chain in `rebuilt_buildid`, also a
    rebuild of a rebuild. A build that lost its worker is run again within its own request.
    """
    build = await client.row(f"builds/{buildid}")
    own = await _request(client, build["buildrequestid"])
    buildset = await client.row(f"buildsets/{own.row['buildsetid']}")
    named = buildset["rebuilt_buildid"]
    first = own if named is None else await _request_of_build(client, named)
    roots = {row["buildid"] for row in first.builds} if first else set()
    if named is not None:
        roots.add(named)
    rebuilds = await client.rows(
        "buildsets", {"rebuilt_buildid__eq": sorted(roots), "order": "bsid"}
    )
    later = await asyncio.gather(*(_request_of_set(client, row["bsid"]) for row in rebuilds))
    family = [request for request in (first, *later) if request is not None]
    return Chain(
        root=min(roots),
        builds=tuple(row for request in family for row in request.builds),
        buildset=rebuilds[-1] if rebuilds else buildset,
        waiting=family[-1].row if family[-1].waiting else None,
    )


async def _request(client: BuildbotClient, brid: int) -> _Request:
    row = await client.row(f"buildrequests/{brid}")
    builds = await client.rows(f"buildrequests/{brid}/builds")
    return _Request(row, sorted(builds, key=lambda build: int(build["buildid"])))


async def _request_of_build(client: BuildbotClient, buildid: int) -> _Request | None:
    """The first build's request; nothing when the master has forgotten it."""
    try:
        build = await client.row(f"builds/{buildid}")
        return await _request(client, build["buildrequestid"])
    except NotFound:
        return None


async def _request_of_set(client: BuildbotClient, bsid: int) -> _Request | None:
    """The one request of a rebuild's buildset."""
    requests = await client.rows("buildrequests", {"buildsetid": bsid})
    return await _request(client, requests[0]["buildrequestid"]) if requests else None
