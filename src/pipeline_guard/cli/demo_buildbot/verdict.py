"""Judges whether the demo went as it must, from what the service and Buildbot say; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline_guard.cli.demo_buildbot.processes import DemoFailed
from pipeline_guard.cli.demo_buildbot.stage import GENUINE, TRANSIENT

Row = Mapping[str, Any]
SUCCESS: Final = 0
#: Buildbot's results for a build that failed and for one that broke.
RED: Final = (2, 4)


@dataclass(frozen=True, slots=True)
class Scene:
    """What can be seen at one moment; failures and builds are oldest first."""

    failures: Sequence[Row]
    transient_builds: Sequence[Row]
    genuine_builds: Sequence[Row]

    def failure(self, job: str) -> Row | None:
        """The first failure of a job, None before it is diagnosed."""
        return next((item for item in self.failures if item["job"] == job), None)


def told(scene: Scene) -> bool:
    """Both stories have ended well; False while they go on. Raises DemoFailed when one cannot."""
    return all([_healed(scene), _explained(scene)])


def _healed(scene: Scene) -> bool:
    """The transient failure was diagnosed, rebuilt by us and turned green in Buildbot."""
    failure = scene.failure(TRANSIENT)
    if failure is None:
        return False
    cause = failure["category"]
    if not failure["transient"] or failure["status"] not in ("open", "healing", "healed"):
        raise DemoFailed(
            f"'{TRANSIENT}' was to be healed, but is {failure['status']}: {cause};"
            f" {_refusals(failure)}"
        )
    rebuilt = [action for action in failure["actions"] if action["kind"] == "rerun"]
    finished = [build for build in scene.transient_builds if build["complete"]]
    if failure["status"] != "healed" or not rebuilt or len(finished) < 2:
        return False
    if finished[0]["results"] not in RED or finished[-1]["results"] != SUCCESS:
        raise DemoFailed(f"'{TRANSIENT}' is called healed, but Buildbot does not show it green")
    if cause != "network_transient":
        raise DemoFailed(f"'{TRANSIENT}' was healed as {cause}, which is not its cause")
    return True


def _explained(scene: Scene) -> bool:
    """The genuine failure was diagnosed, with evidence, and left alone."""
    failure = scene.failure(GENUINE)
    if len(scene.genuine_builds) > 1 or (failure and failure["actions"]):
        raise DemoFailed(f"'{GENUINE}' was rebuilt, though its failure is genuine")
    if failure is None:
        return False
    if failure["category"] != "test_failure" or failure["transient"]:
        raise DemoFailed(f"'{GENUINE}' was taken for {failure['category']}, it is a failed test")
    if failure["status"] not in ("open", "escalated"):
        raise DemoFailed(f"'{GENUINE}' is {failure['status']}, it should wait for a person")
    return bool(failure["evidence"] and failure["plan"]["refusals"])


def _refusals(failure: Row) -> str:
    reasons = [refusal["reason"] for refusal in failure["plan"].get("refusals", [])]
    return " ".join(reasons) or "no reason was given"
