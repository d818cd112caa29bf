"""When the demo may call itself a success, and when it must not."""

from typing import Any

import pytest

from pipeline_guard.cli.demo_buildbot.processes import DemoFailed
from pipeline_guard.cli.demo_buildbot.verdict import Scene, told

HEALED = {
    "id": 1,
    "job": "integration",
    "category": "network_transient",
    "transient": True,
    "status": "healed",
    "actions": [{"kind": "rerun", "status": "done"}],
    "evidence": [{"line": 9, "text": "refused"}],
    "plan": {"steps": [{"kind": "rerun", "why": "it passes by itself"}], "refusals": []},
}
EXPLAINED = {
    "id": 2,
    "job": "unit-tests",
    "category": "test_failure",
    "transient": False,
    "status": "open",
    "actions": [],
    "evidence": [{"line": 4, "text": "18 != 20"}],
    "plan": {"steps": [], "refusals": [{"guard": "transient", "reason": "it is genuine"}]},
}
RED = {"complete": True, "results": 2}
GREEN = {"complete": True, "results": 0}
RUNNING = {"complete": False, "results": None}


def scene(
    healed: dict[str, Any] | None = None,
    explained: dict[str, Any] | None = None,
    transient_builds: tuple[Any, ...] = (RED, GREEN),
    genuine_builds: tuple[Any, ...] = (RED,),
) -> Scene:
    failures = [HEALED | (healed or {}), EXPLAINED | (explained or {})]
    return Scene(failures, transient_builds, genuine_builds)


def test_both_stories_told_is_a_success() -> None:
    assert told(scene())


@pytest.mark.parametrize(
    "unfinished",
    [
        Scene([], (), ()),
        Scene([HEALED], (RED, GREEN), (RED,)),
        Scene([EXPLAINED], (RED,), (RED,)),
        scene(healed={"status": "healing"}),
        scene(healed={"status": "open", "actions": []}),
        scene(healed={"actions": []}),
        scene(transient_builds=(RED, RUNNING)),
        scene(transient_builds=(RED,)),
        scene(explained={"evidence": []}),
        scene(explained={"plan": {"steps": [], "refusals": []}}),
    ],
)
def test_what_goes_on_is_waited_for(unfinished: Scene) -> None:
    assert not told(unfinished)


@pytest.mark.parametrize(
    "gone_wrong",
    [
        scene(healed={"status": "escalated"}),
        scene(healed={"status": "observed"}),
        scene(healed={"transient": False}),
        scene(healed={"category": "test_failure"}),
        scene(transient_builds=(RED, RED)),
        scene(transient_builds=(GREEN, GREEN)),
        scene(genuine_builds=(RED, RED)),
        scene(explained={"actions": [{"kind": "rerun", "status": "intended"}]}),
        scene(explained={"category": "unknown"}),
        scene(explained={"transient": True}),
        scene(explained={"status": "healing"}),
    ],
)
def test_anything_else_fails_the_demo(gone_wrong: Scene) -> None:
    with pytest.raises(DemoFailed):
        told(gone_wrong)
