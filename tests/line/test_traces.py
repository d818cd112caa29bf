"""One trace from webhook to comment, across the queue; the re-run's points back to its cause."""

from collections.abc import AsyncIterator

import pytest
import structlog
from tests.line.harness import Line, on_github, running_line
from tests.telemetry.collector import Collector, Received

from pipeline_guard.telemetry.start import start
from pipeline_guard.telemetry.telemetry import Telemetry

DNS = "##[group]Run make\ncurl: (6) Could not resolve host: mirror.example\n##[error]Process completed with exit code 6.\n"  # noqa: E501


@pytest.fixture
def traced(monkeypatch) -> AsyncIterator[tuple[Collector, Telemetry]]:
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        telemetry = start({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
        yield collector, telemetry
        telemetry.close()


def way_up(collector: Collector, span: Received) -> list[str]:
    by_id = {item.id: item for item in collector.spans}
    names = []
    while span.parent:
        span = by_id[span.parent]
        names.append(span.name)
    return names


async def test_a_trace_leads_from_the_webhook_to_the_comment_and_the_re_run_points_back(
    github, database_url, tmp_path, traced
):
    collector, telemetry = traced
    async with running_line(
        database_url,
        tmp_path,
        telemetry=telemetry,
        mode="act",
        **on_github(github),
    ) as line:
        github.add_pull()
        run = github.add_run(log=DNS, pulls=())
        with structlog.testing.capture_logs(
            processors=[structlog.contextvars.merge_contextvars]
        ) as rows:
            await send(line, github, run)
        github.finish_run(run)
        await send(line, github, run)
        (failure,) = await line.failures()
        assert failure["status"] == "healed"
    telemetry.close()

    (diagnosed,) = [row for row in rows if row["event"] == "diagnosed"]
    assert diagnosed["trace_id"] == collector.named("act").trace
    first, second = [span for span in collector.spans if span.name == "POST /webhooks/{platform}"]
    assert first.trace != second.trace
    of_first = {span.name for span in collector.spans if span.trace == first.trace}
    wanted = "accept|job process_delivery|diagnose|judge|decide|job act|act|job report|report"
    assert {*wanted.split("|"), "github read", "github write", "github log"} <= of_first
    acted = collector.named("act")
    assert way_up(collector, acted) == [
        *("job act", "decide", "job process_delivery", "accept", "POST /webhooks/{platform}"),
    ]
    writes = [span for span in collector.spans if span.name == "github write"]
    assert any(span.attributes["url.path"].endswith("/rerun-failed-jobs") for span in writes)

    (back,) = [span for span in collector.spans if span.links]
    assert (back.trace, back.links) == (second.trace, (acted.id,))
    assert github.token.encode() not in collector.raw
    assert all(told["service.name"] == "pipeline-guard" for told in collector.resources)


async def send(line: Line, github, run) -> None:
    assert (await line.post("github", *github.webhook("workflow_run", run))).status_code == 202
    await line.settle()
