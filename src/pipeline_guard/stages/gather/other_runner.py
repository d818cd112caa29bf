"""Other runner: reads what a failed run's workflow takes, where the policy asks for that."""

from collections.abc import Sequence

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.dispatch import DispatchesRuns, OtherRunner
from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.errors import PlatformError
from pipeline_guard.stages.decide.guards import protecting_name
from pipeline_guard.stages.gather.policies import RunPolicy

Wish = tuple[str, str]
"""An input and what it is given."""


async def look_for_runners(
    platform: Platform, run: Run, policy: RunPolicy, failed: Sequence[tuple[Job, Diagnosis]]
) -> list[OtherRunner | None]:
    """For each failure what was read about the other runner that its policy names, if it does.

    Raises PlatformError when it is worth another try later.
    """
    known: dict[Wish, OtherRunner] = {}
    found: list[OtherRunner | None] = []
    for job, diagnosis in failed:
        wish = policy.of_job(job.name).policy.other_runner
        asks = diagnosis.transient and diagnosis.category in wish.categories
        if wish.wanted is None or not asks or not isinstance(platform, DispatchesRuns):
            found.append(None)
            continue
        if wish.wanted not in known:
            known[wish.wanted] = await _read(platform, run, policy, wish.wanted)
        found.append(known[wish.wanted])
    return found


async def _read(platform: DispatchesRuns, run: Run, policy: RunPolicy, wish: Wish) -> OtherRunner:
    def is_protected(name: str) -> bool:
        return protecting_name(name, policy.of_job(name).policy) is not None

    minutes = round(sum(job.seconds or 0.0 for job in run.jobs) / 60, 2)
    try:
        against = await platform.against_other_runner(run, *wish, is_protected)
    except PlatformError as error:
        if error.worth_retry:
            raise
        against = f"The workflow could not be read: {error}"
    return OtherRunner(*wish, minutes, against)
