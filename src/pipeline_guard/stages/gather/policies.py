"""Policies: guard.yaml and each repository's own file, read anew when they may have changed."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import structlog

from pipeline_guard.domain.capabilities import Connected, Platform
from pipeline_guard.domain.plan import Mode
from pipeline_guard.domain.runs import Run
from pipeline_guard.errors import ConfigError, PlatformError
from pipeline_guard.policy.abilities import impossible
from pipeline_guard.policy.layers import Resolved, Setting, Target, resolve
from pipeline_guard.policy.load import Broken, Loaded, load_guard_file, parse
from pipeline_guard.policy.schema import REPOSITORY_FILE, GuardFile, Policy, RepositoryFile
from pipeline_guard.policy.targets import NoticeTarget
from pipeline_guard.settings import PREFIX, Settings

FRESH_SECONDS: Final = 60.0
"""How long a repository's file is taken to be as it was read."""
MOST_REPOSITORIES: Final = 2_000
"""Repositories whose files are remembered."""

Own = Loaded[RepositoryFile] | Broken | None
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """The layers that concern one run."""

    guard: Loaded[GuardFile] | None
    default_mode: Setting
    own: Own
    run: Run
    notes: tuple[str, ...] = ()

    def of_job(self, job: str) -> Resolved:
        """The policy in force for a job of the run."""
        run = self.run
        fork = run.request is not None and run.request.from_fork
        # Whoever owns a fork names its branches: none of them is our branch of that name.
        branch = f"fork:{run.branch}" if fork and run.branch else run.branch
        target = Target(run.repository, branch, run.workflow, job)
        return resolve(self.guard, self.default_mode, self.own, target)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is wrong with the repository's file, or with reading it."""
        return (*self.notes, *(self.own.problems if isinstance(self.own, Broken) else ()))


class Policies:
    """Gives each run its policy; raises ConfigError when made with a guard.yaml that is wrong.

    `platforms` are the connected ones, now or later: what none of them can do is a mistake, too.
    `guard` is what guard.yaml says, None without one; `default_mode` counts where it says none.
    """

    def __init__(
        self,
        settings: Settings,
        platforms: Mapping[str, Connected] = MappingProxyType({}),
    ) -> None:
        self._path = settings.config
        self._platforms = platforms
        said = "mode" in settings.model_fields_set
        self.default_mode = Setting(settings.mode, f"{PREFIX}MODE" if said else "built-in")
        self._stamp: tuple[int, int] | None = None
        self.guard: Loaded[GuardFile] | None = None
        self._own: OrderedDict[tuple[str, str], tuple[float, Own, tuple[str, ...]]] = OrderedDict()
        if self._path is not None:
            self._stamp = _stamp(self._path)
            self.guard = self._load(self._path)

    async def of_run(self, platform: Platform, run: Run) -> RunPolicy:
        """The policy for a run; raises PlatformError when reading is worth another try later."""
        guard = await asyncio.to_thread(self._current)
        own, notes = await self._own_file(platform, run)
        return RunPolicy(guard, self.default_mode, own, run, notes)

    async def operator(self) -> Policy:
        """What the operator says where no repository, branch or job is named."""
        guard = await asyncio.to_thread(self._current)
        return resolve(guard, self.default_mode, None, Target("")).policy

    async def in_force(self, target: Target) -> Resolved:
        """What the operator says about a target; its repository's own file is not read."""
        guard = await asyncio.to_thread(self._current)
        return resolve(guard, self.default_mode, None, target)

    async def mode_of(self, repository: str) -> Mode:
        """What the operator allows in a repository ("": in any), whatever its branch and job."""
        guard = await asyncio.to_thread(self._current)
        return resolve(guard, self.default_mode, None, Target(repository)).policy.mode

    async def targets(self) -> Mapping[str, NoticeTarget]:
        """Who is told of events, by name."""
        guard = await asyncio.to_thread(self._current)
        return guard.says.notify if guard is not None else {}

    def _load(self, path: Path) -> Loaded[GuardFile]:
        """guard.yaml; raises ConfigError, also for what no connected platform can do."""
        guard = load_guard_file(path)
        abilities = {name: item.platform.capabilities for name, item in self._platforms.items()}
        if problems := impossible(guard, abilities):
            raise ConfigError("\n".join(problems))
        return guard

    def _current(self) -> Loaded[GuardFile] | None:
        """guard.yaml as it is now; while it is wrong, as it was before."""
        if self._path is None:
            return None
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self.guard = self._load(self._path)
                log.info("policy_read", file=str(self._path))
            except ConfigError as error:
                log.error("policy_not_read", problems=str(error))  # noqa: TRY400 (a user's mistake)
        return self.guard

    async def _own_file(self, platform: Platform, run: Run) -> tuple[Own, tuple[str, ...]]:
        key = (run.platform, run.repository)
        known = self._own.get(key)
        if known is not None and time.monotonic() - known[0] < FRESH_SECONDS:
            return known[1], known[2]
        own, notes = await _read_own(platform, run)
        self._own[key] = (time.monotonic(), own, notes)
        self._own.move_to_end(key)
        if len(self._own) > MOST_REPOSITORIES:
            self._own.popitem(last=False)
        return own, notes


async def _read_own(platform: Platform, run: Run) -> tuple[Own, tuple[str, ...]]:
    try:
        raw = await platform.default_branch_file(run, REPOSITORY_FILE)
    except PlatformError as error:
        if error.worth_retry:
            raise
        # Credentials that cannot read contents are common, and no reason to stop healing.
        note = f"{REPOSITORY_FILE} could not be read, so the service's own policy counts: {error}"
        log.warning("repository_policy_unreadable", repository=run.repository, error=str(error))
        return None, (note,)
    if raw is None:
        return None, ()
    own = parse(REPOSITORY_FILE, raw, RepositoryFile)
    if isinstance(own, Broken):
        log.warning("repository_policy_wrong", repository=run.repository, problems=own.problems)
        return own, ()
    return own, tuple(impossible(own, {platform.name: platform.capabilities}))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
