"""The queue's app: its tasks call stages and nothing else; it retries and rescues."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from secrets import SystemRandom
from typing import Any, Final

import procrastinate
import psycopg
import structlog
from procrastinate import exceptions
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.events import Event
from pipeline_guard.errors import (
    NotAuthorized,
    PipelineGuardError,
    PlatformError,
    RateLimited,
    StoreUnavailable,
)
from pipeline_guard.stages.accept import run_lock
from pipeline_guard.stages.act.act import act, act_later
from pipeline_guard.stages.act.again import decide_again
from pipeline_guard.stages.act.give_up import give_up_acting
from pipeline_guard.stages.breakers import incidents
from pipeline_guard.stages.context import Context
from pipeline_guard.stages.diagnose.diagnose import process_delivery, process_event
from pipeline_guard.stages.follow_up.replace import report_green
from pipeline_guard.stages.follow_up.tidy import tidy
from pipeline_guard.stages.report.digest import digest
from pipeline_guard.stages.report.notices import tell
from pipeline_guard.stages.report.report import report
from pipeline_guard.stages.upkeep.prune import prune
from pipeline_guard.stages.upkeep.recover import sweep
from pipeline_guard.store import deliveries, notices
from pipeline_guard.store.deliveries import PROCESS_TASK, QUEUE
from pipeline_guard.store.session import raw_connection
from pipeline_guard.telemetry.tracing import Tracing

CONCURRENCY = 8
"""Jobs at once per process; most of their time is spent waiting for a platform."""
POLL_SECONDS = 0.5
"""Workers are notified of new jobs, but a notification during a fetch is lost on them."""
HEARTBEAT_SECONDS = 3.0
LOST_AFTER_SECONDS = 12.0
"""A worker silent for so long is dead; its jobs go to another one."""
STOP_SECONDS = 8.0
"""What a running job gets to finish when the worker is asked to stop."""
MAX_TRIES = 16
"""For what may pass by itself: with the delays below, about two hours."""
MAX_RESCUES = 5
"""A job that took so many workers down is the cause, not the victim."""
RECONNECT_SECONDS = 2.0
FIRST_SWEEP_SECONDS = 30.0
"""When a worker first looks for what was missed while nobody listened."""
SWEEP_SECONDS = 300.0
"""How often it looks again, give or take a tenth; all workers together do so once per round."""
SHORTEST_ROUND = timedelta(seconds=SWEEP_SECONDS * 0.8)
SWEEP_TIMEOUT = 200.0
FIRST_PRUNE_SECONDS = 120.0
PRUNE_SECONDS = 3600.0
"""How often a worker asks whether it is time to delete what is past its limit."""
TOLD = ("delivery", "platform", "repository", "run_id")
"""Arguments of jobs that every line of their log and their span carry."""
MAX_TRIES_BUG = 3
"""For an error nobody foresaw."""

log = structlog.get_logger(__name__)


class Backoff(procrastinate.BaseRetryStrategy):
    """When a failed job is worth another try, and when."""

    def get_retry_decision(
        self, *, exception: BaseException, job: QueuedJob
    ) -> procrastinate.RetryDecision | None:
        """None when the error is final; else a delay that doubles, with jitter."""
        if isinstance(exception, asyncio.CancelledError | exceptions.JobAborted):
            return procrastinate.RetryDecision(retry_in={"seconds": 0})  # we were asked to stop
        if is_final(exception, job.attempts):
            return None
        delay = min(4.0 * 2**job.attempts, 900.0) * SystemRandom().uniform(0.6, 1.4)
        if isinstance(exception, NotAuthorized):
            delay += 60.0
        retry_at = datetime.now(UTC) + timedelta(seconds=delay)
        if isinstance(exception, RateLimited) and exception.retry_at is not None:
            retry_at = max(retry_at, exception.retry_at)
        return procrastinate.RetryDecision(retry_at=retry_at)


def is_final(error: BaseException, attempts: int) -> bool:
    """True when the error will not pass by itself, or was given chances enough."""
    if isinstance(error, PlatformError) and not (
        error.worth_retry or isinstance(error, NotAuthorized)
    ):
        return True
    foreseen = isinstance(error, PlatformError | StoreUnavailable)
    return attempts + 1 >= (MAX_TRIES if foreseen else MAX_TRIES_BUG)


class TaskQueue:
    """Defers jobs in the caller's own transaction."""

    def __init__(self, app: procrastinate.App, tracing: Tracing | None = None) -> None:
        self._app = app
        self._tracing = tracing or Tracing()

    async def defer(
        self,
        session: AsyncSession,
        task: str,
        args: Mapping[str, Any],
        *,
        lock: str | None = None,
        delay: float = 0,
        once: str | None = None,
    ) -> None:
        """Defer `task`; see stages.context.Queue."""
        traceparent = self._tracing.traceparent()
        if traceparent is not None:
            args = {**args, "traceparent": traceparent}
        # A job of that name may wait already: that ends the savepoint, not the transaction.
        with contextlib.suppress(exceptions.AlreadyEnqueued):
            async with session.begin_nested():
                deferrer = self._app.configure_task(
                    task,
                    queue=QUEUE,
                    lock=lock,
                    queueing_lock=once,
                    schedule_in={"seconds": delay} if delay else None,
                    # Asked for in here: only this makes the session set its savepoint.
                    connection=await raw_connection(session),
                )
                await deferrer.defer_async(**args)


def queue_app(database_url: str, *, connections: int = CONCURRENCY) -> procrastinate.App:
    """The queue on that database; `async with app.open_async()` before use."""
    connector = procrastinate.PsycopgConnector(
        conninfo=database_url, min_size=1, max_size=connections
    )
    return procrastinate.App(connector=connector)


def register_tasks(app: procrastinate.App, context: Context) -> None:
    """Bind the tasks to this process's context."""
    task = functools.partial(_task, app, context)

    @task(PROCESS_TASK)
    async def process_delivery_task(delivery: int) -> None:
        await process_delivery(context, delivery)

    @task("look_again")
    async def look_again(event: dict[str, Any], checks: int) -> None:
        # Scheduled jobs hold no lock: one that waits would block all that comes after it.
        # So the work itself is a job of its own, under the run's lock.
        lock = run_lock(event["platform"], event["repository"], event["run_id"])
        async with context.database.transaction() as session:
            await context.queue.defer(
                session, "process_event", {"event": event, "checks": checks}, lock=lock
            )

    @task("process_event")
    async def process_event_task(event: dict[str, Any], checks: int) -> None:
        await process_event(context, Event(**event), checks=checks)

    for name, stage in _STAGES.items():
        task(name)(functools.partial(stage, context))


_STAGES: Final[Mapping[str, Callable[..., Awaitable[object]]]] = {
    "act": act,
    "act_later": act_later,
    "decide_again": decide_again,
    "look_at_incident": incidents.look,
    "release_incident": incidents.release,
    "incident_changed": incidents.announce,
    "report": report,
    "report_green": report_green,
    "tidy": tidy,
    "tell": tell,
}
"""What is called with a job's own arguments, behind the context."""


def _task(
    app: procrastinate.App, context: Context, name: str
) -> Callable[[Callable[..., Awaitable[object]]], None]:
    """Register a task that is retried by Backoff, counted, and known to the log while it runs."""

    def register(function: Callable[..., Awaitable[object]]) -> None:
        @app.task(name=name, queue=QUEUE, retry=Backoff(), pass_context=True)
        async def watched(job: procrastinate.JobContext, /, **args: Any) -> None:
            metrics, result = context.telemetry.metrics, "interrupted"
            tracing, parent = context.telemetry.tracing, args.pop("traceparent", None)
            bound = {"task": name, "queue_job": job.job.id, "try": job.job.attempts + 1}
            bound |= {key: args[key] for key in TOLD if key in args}
            with (
                structlog.contextvars.bound_contextvars(**bound),
                tracing.span(f"job {name}", bound, kind="consumer", parent=parent),
                structlog.contextvars.bound_contextvars(**tracing.names()),
            ):
                try:
                    await function(**args)
                    result = "done"
                except Exception as error:
                    final = is_final(error, job.job.attempts)
                    result = "failed" if final else "retried"
                    metrics.error(name, error)
                    log.warning(
                        "job_failed",
                        final=final,
                        error=f"{type(error).__name__}: {error}",
                        # Where it came up is only worth its lines when nobody foresaw it.
                        exc_info=not isinstance(error, PipelineGuardError),
                    )
                    await _after_error(context, name, args, error, final=final)
                    raise
                finally:
                    metrics.jobs.labels(name, result).inc()

    return register


async def _after_error(
    context: Context, task: str, args: Mapping[str, Any], error: Exception, *, final: bool
) -> None:
    """Tell what came of a job that failed, so that nobody waits for what does not come."""
    told = str(getattr(error, "orig", None) or error)  # the driver's words, not the statement
    with contextlib.suppress(StoreUnavailable):
        if task == PROCESS_TASK:
            await _note_error(context, args["delivery"], f"{type(error).__name__}: {told}", final)
        elif task == "act" and final:
            named = {key: args[key] for key in ("platform", "repository", "run_id", "attempt")}
            await give_up_acting(context, **named, why=told)
        elif task == "tell" and final:
            async with context.database.transaction() as session:
                await notices.finish(session, args["notice"], "failed", told)


async def _note_error(context: Context, delivery: int, note: str, final: bool) -> None:
    """Tell on the delivery what went wrong."""
    status = "failed" if final else "accepted"
    async with context.database.transaction() as session:
        await deliveries.mark(session, delivery, status, note[:2000])


@contextlib.asynccontextmanager
async def running(app: procrastinate.App, context: Context) -> AsyncIterator[None]:
    """Work on jobs in the background while the block runs; the app must be open."""
    register_tasks(app, context)
    works = (_work(app), _rescue(app, context), _recover(context), _housekeep(context))
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        # Bounded: without its database the queue's worker does not find its way out.
        await asyncio.wait(tasks, timeout=STOP_SECONDS + 2.0)


async def _work(app: procrastinate.App) -> None:
    """Run the queue's worker, anew whenever the database took it down."""
    while True:
        try:
            await app.run_worker_async(
                queues=[QUEUE],
                concurrency=CONCURRENCY,
                install_signal_handlers=False,
                fetch_job_polling_interval=POLL_SECONDS,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=LOST_AFTER_SECONDS,
                shutdown_graceful_timeout=STOP_SECONDS,
                delete_jobs="successful",
            )
        except (exceptions.ConnectorException, psycopg.Error, OSError) as error:
            log.warning("worker_interrupted", error=str(error))
        except Exception:
            log.exception("worker_failed")
        await asyncio.sleep(RECONNECT_SECONDS)


async def _rescue(app: procrastinate.App, context: Context) -> None:
    """Give the jobs of workers that died (kill -9, a lost machine) to the living ones."""
    manager = app.job_manager
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        try:
            lost = await manager.get_stalled_jobs(
                queue=QUEUE, seconds_since_heartbeat=LOST_AFTER_SECONDS
            )
            for job in lost:
                await _rescue_one(app, context, job)
        except (exceptions.ConnectorException, psycopg.Error) as error:
            log.warning("rescue_interrupted", error=str(error))
        except Exception:
            log.exception("rescue_failed")


async def _rescue_one(app: procrastinate.App, context: Context, job: QueuedJob) -> None:
    if job.attempts < MAX_RESCUES:
        log.warning("job_rescued", job=job.id, task=job.task_name, attempts=job.attempts)
        # Another rescuer may have been faster.
        with contextlib.suppress(exceptions.ConnectorException):
            await app.job_manager.retry_job(job)
        return
    log.error("job_given_up", job=job.id, task=job.task_name, attempts=job.attempts)
    await app.job_manager.finish_job(job=job, status=Status.FAILED, delete_job=False)
    error = RuntimeError("Every worker that took this job died with it.")
    await _after_error(context, job.task_name, job.task_kwargs, error, final=True)


async def _recover(context: Context) -> None:
    """Look for missed webhooks now and then, in turn with the other workers."""
    await asyncio.sleep(FIRST_SWEEP_SECONDS)
    # The first look after a start does not wait for a full round: it follows a time of deafness.
    every = timedelta(seconds=FIRST_SWEEP_SECONDS)
    while True:
        try:
            async with asyncio.timeout(SWEEP_TIMEOUT):
                found = await sweep(context, every=every)
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("sweep_stopped", error=repr(error))
        except Exception:
            log.exception("sweep_failed")
        else:
            if found is not None and not found.nothing:
                log.info(
                    "swept",
                    resumed=len(found.resumed),
                    asked=len(found.asked),
                    runs=len(found.runs),
                    notes=found.notes,
                )
        every = SHORTEST_ROUND
        await asyncio.sleep(SWEEP_SECONDS * SystemRandom().uniform(0.9, 1.1))


async def _housekeep(context: Context) -> None:
    """What is due now and then: the day's digest, and deleting what is past its limit.

    Each is done once, whichever worker is the first to look.
    """
    await asyncio.sleep(FIRST_PRUNE_SECONDS)
    every = timedelta(seconds=PRUNE_SECONDS * 0.8)
    while True:
        try:
            await digest(context, datetime.now(UTC))
            deleted = await prune(context.database, context.keep, every=every)
        except StoreUnavailable as error:
            log.warning("housekeeping_stopped", error=repr(error))
        except Exception:
            log.exception("housekeeping_failed")
        else:
            if deleted and any(deleted.values()):
                log.info("pruned", **deleted)
        await asyncio.sleep(PRUNE_SECONDS * SystemRandom().uniform(0.9, 1.1))
