"""What a process counts, and that the documentation names exactly that."""

from pathlib import Path

import pytest

from pipeline_guard import errors
from pipeline_guard.telemetry.calls import Calls
from pipeline_guard.telemetry.metrics import MOST_ERROR_CLASSES, Described, Metrics
from pipeline_guard.telemetry.telemetry import Telemetry
from pipeline_guard.web.metrics import HISTORY

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"


def row(item: Described) -> str:
    labels = ", ".join(f"`{label}`" for label in item.labels) or "-"
    return f"| `{item.name}` | {item.kind} | {labels} | {item.text} |"


def test_the_documentation_lists_every_metric_with_its_labels_and_no_other():
    wanted = [row(item) for item in (*Metrics().described, *HISTORY)]
    found = [line for line in DOCS.read_text().splitlines() if line.startswith("| `pipeline_guard")]
    assert sorted(found) == sorted(wanted)


def test_each_process_counts_for_itself():
    one, other = Telemetry(), Telemetry()
    one.metrics.refusals.labels("mode").inc()
    name, labels = "pipeline_guard_refusals_total", {"guard": "mode"}
    assert one.metrics.registry.get_sample_value(name, labels) == 1
    assert other.metrics.registry.get_sample_value(name, labels) is None


def calls_of(metrics: Metrics) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["method"], sample.labels["status"]): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "pipeline_guard_platform_calls_total"
    }


@pytest.mark.parametrize(
    ("verb", "error", "wanted"),
    [
        ("GET", errors.NotFound("x", status=404), ("read", "4xx")),
        ("get", errors.PlatformUnavailable("x", status=502), ("read", "5xx")),
        ("POST", errors.PlatformUnavailable("x"), ("write", "no_answer")),
        ("PATCH", errors.RateLimited("x", status=403), ("write", "limited")),
        ("GET", OSError("x"), ("read", "no_answer")),
    ],
)
def test_a_call_is_counted_by_what_it_was_and_how_it_ended(verb, error, wanted):
    metrics = Metrics()
    with (
        pytest.raises(type(error)),
        Calls("github", metrics).call(verb, "/repos/acme/shop?secret=1"),
    ):
        raise error
    assert calls_of(metrics) == {wanted: 1}


def test_an_answer_tells_what_the_platform_still_allows():
    metrics = Metrics()
    with Calls("gitlab", metrics).call("GET", "/x") as call:
        call.answered(200, {"ratelimit-remaining": "1999", "ratelimit-limit": "2000"})
    with Calls("gitlab", metrics).call("GET", "/x", log=True) as call:
        call.answered(302, {"ratelimit-remaining": "many"})
    assert calls_of(metrics) == {("read", "2xx"): 1, ("log", "3xx"): 1}
    platform = {"platform": "gitlab"}
    value = metrics.registry.get_sample_value
    assert value("pipeline_guard_platform_limit_remaining", platform) == 1999
    assert value("pipeline_guard_platform_limit", platform) == 2000


def test_errors_of_ever_new_classes_do_not_make_ever_new_series():
    metrics = Metrics()
    for number in range(MOST_ERROR_CLASSES + 5):
        metrics.error("act", type(f"Error{number}", (Exception,), {})())
    names = {
        sample.labels["error"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "pipeline_guard_errors_total"
    }
    assert len(names) == MOST_ERROR_CLASSES + 1
    assert "other" in names
