"""Recover: find what webhooks should have told us and did not, and feed it into the line.

One sweep at a time over all processes. It goes from our own store outwards: deliveries that were
accepted but lost their job, deliveries that the platform could not hand over, runs that ended red
without a word, and proposals of ours that people have merged or closed. It takes nothing on trust:
what it finds is worked off like any other delivery, and the run is read again before anything is
decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.recovery import DeliveryTry, FinishedRun, ListsRuns, Redelivers
from pipeline_guard.errors import PlatformError, RateLimited
from pipeline_guard.stages.accept import run_lock
from pipeline_guard.stages.context import Context, Queue
from pipeline_guard.stages.follow_up.proposals import look_after
from pipeline_guard.store import audit, deliveries, redeliveries, sweeps
from pipeline_guard.store.deliveries import PROCESS_TASK
from pipeline_guard.store.tables import Delivery, Redelivery

FIRST_LOOKBACK: Final = timedelta(hours=24)
"""A list read for the first time is read no further back: a fresh install answers no history."""
LONGEST_LOOKBACK: Final = timedelta(hours=72)
"""What is older stays as it is; GitHub itself forgets its deliveries after three days."""
OVERLAP: Final = timedelta(minutes=15)
"""Each list is read again so far back: lists lag, and clocks differ."""
PATIENCE: Final = timedelta(minutes=2)
"""A webhook may take so long before its run counts as missed."""
LOST_AFTER: Final = timedelta(minutes=10)
"""An accepted delivery without a job, untouched for so long, gets a new one."""
ALIVE: Final = timedelta(days=30)
"""Repositories that sent nothing for so long are not asked any more."""
MOST_LISTS: Final = 20
"""Lists read per platform and sweep, those read least recently first."""
MOST_FED: Final = 50
"""Runs fed per list and sweep; the next sweep takes the rest."""
MOST_ASKED: Final = 50
MOST_LOST: Final = 200

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Sweep:
    """What one sweep found; `notes` are sentences about what it could not look at."""

    resumed: list[int] = field(default_factory=list)
    """Row ids of deliveries that lost their job."""
    asked: list[DeliveryTry] = field(default_factory=list)
    runs: list[FinishedRun] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        """True when there is nothing to tell."""
        return not (self.resumed or self.asked or self.runs or self.notes)


async def requeue(queue: Queue, session: AsyncSession, row: Delivery, note: str) -> None:
    """Have a stored delivery worked off (once more), under its run's lock."""
    await deliveries.mark(session, row.id, "accepted", note)
    event = row.event
    lock = run_lock(event["platform"], event["repository"], event["run_id"])
    await queue.defer(session, PROCESS_TASK, {"delivery": row.id}, lock=lock)


async def sweep(
    context: Context, *, every: timedelta | None = None, dry_run: bool = False
) -> Sweep | None:
    """Look for what was missed, once; None when another process sweeps or did so just now.

    `every` is how long ago the last sweep must have begun. A dry run stores nothing and asks the
    platforms for lists only. Raises StoreUnavailable.
    """
    async with sweeps.alone(context.database) as ours:
        if not ours:
            return None
        async with context.database.transaction() as session:
            if every is not None and not await sweeps.take_turn(session, every):
                return None
            await sweeps.note_repositories(session)
        one = _Sweeper(context, datetime.now(UTC), dry_run=dry_run)
        await one.resume_lost()
        for name, connected in context.platforms.items():
            await one.ask(name, connected.platform)
        return one.found


class _Sweeper:
    """One sweep on its way through the platforms."""

    def __init__(self, context: Context, now: datetime, *, dry_run: bool) -> None:
        self.found = Sweep()
        self._context = context
        self._now = now
        self._dry_run = dry_run

    async def resume_lost(self) -> None:
        """Give deliveries that lost their job a new one."""
        async with self._context.database.transaction() as session:
            lost = await deliveries.lost(session, self._now - LOST_AFTER, MOST_LOST)
            for row in lost:
                self.found.resumed.append(row.id)
                if not self._dry_run:
                    queue = self._context.queue
                    await requeue(queue, session, row, "Its job was gone; queued again.")
                    await sweeps.advance(session, "resumed", row.platform, "", self._now, 1)

    async def ask(self, name: str, platform: Platform) -> None:
        """Read a platform's lists; what goes wrong there stops only its own part."""
        try:
            known = await self._known(name)
            if "redeliver" in platform.capabilities and isinstance(platform, Redelivers):
                await self._redeliver(name, platform, known)
            if "list_runs" in platform.capabilities and isinstance(platform, ListsRuns):
                await self._list_runs(name, platform, known)
            if not self._dry_run:
                await look_after(self._context, name, self._now)
        except PlatformError as error:
            # A limit or an outage: the watermarks stay, the next sweep goes on from them.
            self.found.notes.append(f"{name}: stopped, to go on in the next sweep: {error}")

    async def _known(self, name: str) -> dict[str, datetime]:
        async with self._context.database.transaction() as session:
            return await sweeps.repositories(session, name, self._now - ALIVE)

    async def _due(
        self, what: str, name: str, starts: Mapping[str, datetime]
    ) -> list[tuple[str, datetime]]:
        """The lists to read now, each with since when."""
        first = {scope: max(start, self._now - FIRST_LOOKBACK) for scope, start in starts.items()}
        async with self._context.database.transaction() as session:
            lists = await sweeps.due(session, what, name, first, MOST_LISTS)
        oldest = self._now - LONGEST_LOOKBACK
        return [(scope, max(until - OVERLAP, oldest)) for scope, until in lists]

    async def _redeliver(
        self, name: str, platform: Redelivers, known: Mapping[str, datetime]
    ) -> None:
        starts = dict.fromkeys(platform.delivery_scopes(list(known)), self._now - FIRST_LOOKBACK)
        for scope, since in await self._due("deliveries", name, starts):
            if await self._context.policies.mode_of(scope) == "observe":
                continue  # asking for a delivery is an act, if a small one
            try:
                tries = [item async for item in platform.delivery_tries(scope, since)]
            except PlatformError as error:
                if error.worth_retry:
                    raise
                self.found.notes.append(f"{name}: deliveries of {scope or 'the App'}: {error}")
                tries = []
            for row in await self._note_tries(name, scope, tries):
                await self._ask_for(platform, row)

    async def _note_tries(
        self, name: str, scope: str, tries: list[DeliveryTry]
    ) -> list[Redelivery]:
        """Write down what failed and what arrived; returns what is to be asked for now."""
        arrived = {item.delivery_id for item in tries if item.arrived}
        failed = {item.delivery_id: item for item in reversed(tries)}  # the newest try counts
        async with self._context.database.transaction() as session:
            # Stored, though the platform got no answer in time: nothing is missing.
            arrived |= await deliveries.known_ids(session, name, list(failed))
            missing = [item for key, item in failed.items() if key not in arrived]
            await redeliveries.note(session, name, scope, missing)
            oldest = self._now - LONGEST_LOOKBACK
            due = list(await redeliveries.due(session, name, scope, oldest, MOST_ASKED))
            arrived |= await deliveries.known_ids(session, name, [row.delivery_id for row in due])
            await redeliveries.arrived(session, name, arrived)
            due = [row for row in due if row.delivery_id not in arrived]
            await sweeps.advance(session, "deliveries", name, scope, self._now, len(due))
            if self._dry_run:
                session.expunge_all()
                await session.rollback()
        return due

    async def _ask_for(self, platform: Redelivers, row: Redelivery) -> None:
        wanted = DeliveryTry(row.delivery_id, row.handle, row.event_name, row.tried_at, False)
        self.found.asked.append(wanted)
        if self._dry_run:
            return
        async with self._context.database.transaction() as session:
            await redeliveries.intend(session, row)
            details = {"delivery": row.delivery_id, "event": row.event_name}
            audit.record(session, audit.BOT, "delivery.asked_for", row.platform, details)
        try:
            await platform.redeliver(row.scope, row.handle)
        except RateLimited:
            raise
        except PlatformError as error:
            self.found.notes.append(f"{row.platform}: {row.delivery_id} was not sent: {error}")
            if not error.worth_retry:
                async with self._context.database.transaction() as session:
                    await redeliveries.give_up(session, row, str(error))

    async def _list_runs(
        self, name: str, platform: ListsRuns, known: Mapping[str, datetime]
    ) -> None:
        earliest = min(known.values(), default=self._now)
        scopes = platform.run_scopes(list(known))
        starts = {scope: known.get(scope, earliest) for scope in scopes}
        for scope, since in await self._due("runs", name, starts):
            try:
                listed = [run async for run in platform.finished_runs(scope, since)]
            except PlatformError as error:
                if error.worth_retry:
                    raise
                # Gone, or not ours to see: the others must not wait behind it.
                self.found.notes.append(f"{name}: runs of {scope or 'the server'}: {error}")
                listed = []
            await self._feed(name, scope, [run for run in listed if self._is_missed(run, known)])

    def _is_missed(self, run: FinishedRun, known: Mapping[str, datetime]) -> bool:
        """Of a repository we know, ended after we heard of it, long enough ago for its webhook."""
        heard = known.get(run.event.repository)
        return heard is not None and heard - OVERLAP <= run.finished_at <= self._now - PATIENCE

    async def _feed(self, name: str, scope: str, runs: list[FinishedRun]) -> None:
        """Feed those that the store does not know, oldest first, and write down how far we are."""
        by_repository: dict[str, list[FinishedRun]] = {}
        for run in runs:
            by_repository.setdefault(run.event.repository, []).append(run)
        async with self._context.database.transaction() as session:
            missing: list[FinishedRun] = []
            for repository, ended in by_repository.items():
                missing += await sweeps.unknown(session, name, repository, ended)
            missing.sort(key=lambda run: run.finished_at)
            for run in missing[:MOST_FED]:
                await self._feed_one(session, run)
            self.found.runs += missing[:MOST_FED]
            if self._dry_run:
                return
            rest = missing[MOST_FED:]
            until = rest[0].finished_at if rest else self._now - PATIENCE
            await sweeps.advance(session, "runs", name, scope, until, len(missing) - len(rest))

    async def _feed_one(self, session: AsyncSession, run: FinishedRun) -> None:
        if self._dry_run:
            return
        row_id = await sweeps.feed(session, run)
        if row_id is None:
            return
        event = run.event
        lock = run_lock(event.platform, event.repository, event.run_id)
        await self._context.queue.defer(session, PROCESS_TASK, {"delivery": row_id}, lock=lock)
