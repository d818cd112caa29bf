"""Doctor: looks at everything the service stands on, and says what to do where it is not well."""

import asyncio
import contextlib
import functools
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx

from pipeline_guard.cache import shared_from
from pipeline_guard.classifier.predict import Model
from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.domain.inspection import Finding, Inspects
from pipeline_guard.errors import ConfigError, PipelineGuardError, StoreUnavailable
from pipeline_guard.policy.layers import BUILT_IN, Target, resolve
from pipeline_guard.policy.targets import NoticeTarget
from pipeline_guard.rules.load import load_rules
from pipeline_guard.settings import Settings
from pipeline_guard.stages.assemble import Platforms, rule_folders
from pipeline_guard.stages.gather.policies import Policies
from pipeline_guard.stages.report.notices import sender_to
from pipeline_guard.store import checks, condition
from pipeline_guard.store.condition import Condition
from pipeline_guard.store.migrations import HEAD
from pipeline_guard.store.session import Database

PATIENCE: Final = 30.0
"""Seconds for each platform and for the database."""
REPOSITORIES: Final = 5
"""Of each platform, those that are looked at: the ones heard of last."""
SKEW: Final = timedelta(seconds=30)
"""GitHub refuses an App whose clock is a minute ahead; times in logs mislead long before."""
LEAST_FREE: Final = 1 << 30
"""Bytes on the disk of DATA_DIR: logs are spooled there, and perhaps the database lives there."""
LONG_WAIT: Final = 300.0
"""Seconds a due job may wait."""


async def examine(
    settings: Settings, database: Database | None, platforms: Platforms
) -> list[Finding]:
    """Everything there is to look at; raises nothing, what fails is a finding itself.

    Without a database, what can be seen without it.
    """
    parts = await asyncio.gather(
        asyncio.to_thread(of_files, settings, platforms),
        of_database(settings, database) if database else _nothing(),
        of_address(settings),
        of_sign_in(settings),
        asyncio.to_thread(of_redis, settings),
        of_platforms(database, platforms),
    )
    return [finding for part in parts for finding in part]


def of_files(settings: Settings, platforms: Platforms) -> list[Finding]:
    """The policy, the rules, the model, the disk."""
    return [
        _guarded(
            "policy", lambda: _policy(settings, platforms), "Mend it: pipeline-guard config check"
        ),
        *_receivers(settings),
        _guarded("rules", lambda: _rules(settings), "Mend them: pipeline-guard rules check"),
        _guarded("model", _model, "Install the package again, or train one."),
        _disk(settings.data_dir),
    ]


async def _nothing() -> list[Finding]:
    return []


async def of_database(settings: Settings, database: Database) -> list[Finding]:
    """The database, its schema and clock, and whether its queue is worked on."""
    try:
        async with asyncio.timeout(PATIENCE), database.transaction() as session:
            found = await condition.look(session)
            refused: list[tuple[str, str, str]] = []
            if found.revision == HEAD:
                refused = await checks.refusals(session, datetime.now(UTC) - timedelta(days=1))
    except (StoreUnavailable, TimeoutError) as error:
        fix = "Start PostgreSQL, or mend PIPELINE_GUARD_DATABASE_URL."
        return [Finding("database", "wrong", str(error) or "It does not answer in time.", fix)]
    kind = "given by DATABASE_URL" if settings.database_url else f"embedded in {settings.data_dir}"
    size = f"{found.size / (1 << 20):.0f} MB"
    return [
        Finding("database", "ok", f"PostgreSQL {found.server}, {kind}, {size}."),
        _schema(found),
        clock("database clock", found.now, datetime.now(UTC)),
        _queue(found),
        *_given_up(found),
        *(_no_check_runs(*item) for item in refused),
    ]


async def of_address(settings: Settings) -> list[Finding]:
    """Whether PUBLIC_URL leads to a service like this one."""
    if settings.public_url is None:
        return []
    name, url = "address", f"{settings.public_url.rstrip('/')}/healthz"
    try:
        async with httpx.AsyncClient(timeout=10.0) as client:
            answer = await client.get(url)
    except httpx.HTTPError as error:
        told = f"{url} does not answer: {type(error).__name__}."
        return [Finding(name, "wrong", told, "See proxy, firewall and name; is `serve` running?")]
    if answer.status_code != 200:
        told = f"{url} answers {answer.status_code}."
        return [Finding(name, "wrong", told, "Have the proxy pass all paths on to `serve`.")]
    return [Finding(name, "ok", f"{settings.public_url} answers from here.")]


async def of_sign_in(settings: Settings) -> list[Finding]:
    """Whether the provider that people sign in by describes itself."""
    if settings.oidc_issuer is None:
        return []
    name, url = "sign-in", f"{settings.oidc_issuer}/.well-known/openid-configuration"
    fix = "Look at PIPELINE_GUARD_OIDC_ISSUER; see docs/access.md."
    try:
        async with httpx.AsyncClient(timeout=10.0) as client:
            answer = await client.get(url)
        issuer = str(answer.json()["issuer"]).rstrip("/")
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return [Finding(name, "wrong", f"{url} is no answer: {type(error).__name__}.", fix)]
    if issuer != settings.oidc_issuer:
        return [Finding(name, "wrong", f"The provider calls itself {issuer}.", fix)]
    return [Finding(name, "ok", f"People sign in by {issuer}.")]


def of_redis(settings: Settings) -> list[Finding]:
    """Whether the Redis that processes share answers as soon as it must to be of use."""
    if settings.redis_url is None:
        return []
    try:
        shared = shared_from(settings)
        if shared is None:
            return []
        with contextlib.closing(shared):
            told = shared.check()
    except ConfigError as error:
        return [
            Finding(
                "redis",
                "wrong",
                str(error),
                "Mend PIPELINE_GUARD_REDIS_URL; see docs: operations, Redis.",
            )
        ]
    except OSError as error:
        fix = "Start it, mend PIPELINE_GUARD_REDIS_URL, or leave that away: none is needed."
        return [Finding("redis", "wrong", f"{error} Work goes on without it.", fix)]
    return [Finding("redis", "ok", told)]


async def of_platforms(database: Database | None, platforms: Platforms) -> list[Finding]:
    """Each platform: connection, clock, permissions, webhooks, and when it was last heard of."""
    off = [
        Finding(name, "off", reason, f"To use it, see docs: connect {name}.")
        for name, reason in platforms.off.items()
    ]
    parts = await asyncio.gather(
        *(_platform(database, name, item) for name, item in platforms.on.items())
    )
    return off + [finding for part in parts for finding in part]


async def _platform(database: Database | None, name: str, connected: Connected) -> list[Finding]:
    platform = connected.platform
    try:
        async with asyncio.timeout(PATIENCE):
            found = [Finding(name, "ok", await platform.check())]
            if isinstance(platform, Inspects):
                told = await platform.server_time()
                if told is not None:
                    found.append(clock(f"{name} clock", told, datetime.now(UTC)))
                found += await platform.inspect(await _repositories(database, name))
    except (PipelineGuardError, TimeoutError) as error:
        told_error = str(error) or "It does not answer in time."
        return [Finding(name, "wrong", told_error, _FIXES.get(type(error).__name__, _REACH))]
    return [*found, *await _heard_of(database, name)]


_REACH: Final = "See that this machine reaches its address, and try again."
_FIXES: Final = {
    "NotAuthorized": "Make a new token or key and set it (pipeline-guard init).",
    "NotFound": "Look at the address that is set for it.",
    "Rejected": "Look at the address that is set for it.",
    "RateLimited": "Wait until the limit ends; see whether others use the same token.",
}


async def _repositories(database: Database | None, platform: str) -> Sequence[str]:
    if database is None:
        return ()
    try:
        async with database.transaction() as session:
            return await condition.newest_repositories(session, platform, REPOSITORIES)
    except StoreUnavailable:  # told by the database's own finding
        return ()


async def _heard_of(database: Database | None, platform: str) -> list[Finding]:
    name = f"{platform} deliveries"
    if database is None:
        return []
    try:
        async with database.transaction() as session:
            at = await condition.last_delivery(session, platform)
    except StoreUnavailable:
        return []
    if at is None:
        fix = f"Make the webhook that leads to /webhooks/{platform} and have it tested there."
        return [Finding(name, "note", "Nothing was ever received from it.", fix)]
    return [Finding(name, "ok", f"The newest came {age(datetime.now(UTC) - at)} ago.")]


def clock(name: str, there: datetime, here: datetime) -> Finding:
    """Compares two clocks; the other one may be read to the second only."""
    ahead = here - there
    if abs(ahead) <= SKEW:
        return Finding(name, "ok", "Equal to ours, give or take.")
    told = f"Our clock is {age(abs(ahead))} {'ahead' if ahead > timedelta() else 'behind'}."
    return Finding(name, "wrong", told, "Set this machine's clock by NTP (timedatectl set-ntp 1).")


def age(span: timedelta) -> str:
    """A span in the one unit that fits it."""
    seconds = max(0.0, span.total_seconds())
    for size, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _guarded(name: str, look: Callable[[], Finding], fix: str) -> Finding:
    try:
        return look()
    except (PipelineGuardError, OSError) as error:
        return Finding(name, "wrong", str(error), fix)


def _policy(settings: Settings, platforms: Platforms) -> Finding:
    service = Policies(settings, platforms.on)
    found = resolve(service.guard, service.default_mode, None, Target(""))
    told = f"{settings.config or 'Built-in values'}; the mode is {found.policy.mode}"
    origin = found.origins["mode"]
    return Finding("policy", "ok", told + ("." if origin == BUILT_IN else f", said by {origin}."))


def _receivers(settings: Settings) -> list[Finding]:
    try:
        guard = Policies(settings).guard
    except PipelineGuardError:
        return []  # told by the policy's own finding
    return [
        _guarded(f"notify {name}", functools.partial(_receiver, name, target), "Mend guard.yaml.")
        for name, target in (guard.says.notify if guard else {}).items()
    ]


def _receiver(name: str, target: NoticeTarget) -> Finding:
    sender_to(target)
    return Finding(f"notify {name}", "ok", f"It is told of {', '.join(target.when)}.")


def _rules(settings: Settings) -> Finding:
    rules = load_rules(rule_folders(settings)).rules
    own = f", with those of {settings.rules}" if settings.rules else ""
    return Finding("rules", "ok", f"{len(rules)} rules{own}.")


def _model() -> Finding:
    model = Model()
    logs = model.weights.meta.get("logs", "?")
    return Finding("model", "ok", f"Version {model.version}, trained on {logs} logs.")


def _disk(folder: Path) -> Finding:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        usage = shutil.disk_usage(there)
    except OSError as error:
        return Finding("disk", "wrong", f"{folder}: {error}", "Set PIPELINE_GUARD_DATA_DIR anew.")
    told = f"{usage.free / (1 << 30):.1f} GB are free at {folder}."
    if usage.free < LEAST_FREE:
        return Finding("disk", "wrong", told, "Make room, or keep less (docs: retention).")
    return Finding("disk", "ok", told)


def _schema(found: Condition) -> Finding:
    if found.revision == HEAD:
        return Finding("schema", "ok", f"At {HEAD}, as this version wants it.")
    told = f"It is at {found.revision or 'nothing'}, this version is made for {HEAD}."
    return Finding("schema", "note", told, "If it is older: pipeline-guard db upgrade")


def _queue(found: Condition) -> Finding:
    told = f"Jobs due: {found.waiting}; live workers: {found.workers}"
    if found.waiting and found.oldest > LONG_WAIT:
        told += f"; the oldest job has waited {age(timedelta(seconds=found.oldest))}."
        fix = "Start more workers." if found.workers else "Start one: pipeline-guard worker"
        return Finding("queue", "wrong", told, fix)
    if not found.workers:
        return Finding("queue", "note", f"{told}.", "Start `serve` or a `worker`.")
    return Finding("queue", "ok", f"{told}.")


def _no_check_runs(platform: str, repository: str, said: str) -> Finding:
    told = f"Check runs are left out for {platform}:{repository}: {said}"
    fix = "On GitHub only Apps may write them: use one with Checks: read and write, or leave it so."
    return Finding("check runs", "note", told, fix)


def _given_up(found: Condition) -> list[Finding]:
    if not found.given_up:
        return []
    told = f"{found.given_up} deliveries were given up."
    fix = "Look (deliveries list --status failed), then: pipeline-guard deliveries replay --failed"
    return [Finding("deliveries", "note", told, fix)]
