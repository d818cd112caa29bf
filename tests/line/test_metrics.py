"""What a healed failure leaves in the metrics, of the process and of the history."""

import os
import re
import signal
import subprocess
import sys

import httpx
from prometheus_client.parser import text_string_to_metric_families
from tests.line.test_github import DNS, send


def values(text: str, name: str) -> dict[str, float]:
    """The series of a metric: labels as they stand to value."""
    found = re.findall(rf"^pipeline_guard_{name}\{{(.*?)\}} (\S+)$", text, re.MULTILINE)
    return {labels: float(value) for labels, value in found}


async def test_a_healed_failure_is_counted_at_every_stop(github, github_line):
    github.add_pull()
    run = github.add_run(log=DNS + "export API_TOKEN=ghp_" + "a1B2c3D4e5F6" * 3 + "\n")
    await send(github_line, github, run)
    github.finish_run(run)
    await send(github_line, github, run)
    await github_line.post("github", {"x-github-event": "ping"}, b"{}")
    text = (await github_line.client.get("/metrics")).text

    assert values(text, "webhooks_total") == {
        'platform="github",result="accepted"': 2,
        'platform="github",result="unauthorized"': 1,
    }
    assert values(text, "webhook_seconds_count") == {'platform="github"': 3}
    jobs = values(text, "jobs_total")
    assert jobs['result="done",task="process_delivery"'] == 2
    assert jobs['result="done",task="act"'] == 1
    diagnoses = values(text, "diagnoses_total")
    assert diagnoses == {'category="network_transient",platform="github",source="rule"': 1}
    assert values(text, "plans_total") == {'platform="github",status="healing"': 1}
    assert values(text, "actions_tried_total")['kind="rerun",platform="github",status="done"'] == 1
    assert values(text, "outcomes_total") == {
        'kind="rerun",outcome="healed",platform="github"': 1,
    }
    assert values(text, "redactions_total")['platform="github"'] >= 1
    assert values(text, "model_info").popitem()[1] == 1
    stages = {re.search(r'stage="(\w+)"', key)[1] for key in values(text, "stage_seconds_count")}
    assert stages == {"accept", "diagnose", "judge", "decide", "act", "report", "follow_up"}
    calls = values(text, "platform_calls_total")
    assert calls['method="write",platform="github",status="2xx"'] >= 2
    assert calls['method="log",platform="github",status="2xx"'] == 1
    assert values(text, "rerun_success_ratio") == {'platform="github"': 1}
    assert values(text, "queue_jobs") == {'state="todo"': 0, 'state="doing"': 0}

    families = [family.name for family in text_string_to_metric_families(text)]
    assert len(families) == len(set(families)), "what is counted and what is stored differ in name"
    shown = {value for family in text_string_to_metric_families(text) for sample in family.samples
             for value in sample.labels.values()}  # fmt: skip
    assert not {"acme/shop", "feature", run.actor, str(run.id)} & shown, "labels stay few"


async def test_a_job_that_goes_wrong_is_counted_with_its_error(github, github_line):
    run = github.add_run(log=DNS)
    github.fail("GET", f"/repos/acme/shop/actions/runs/{run.id}$", 502, times=50)
    await send(github_line, github, run)
    text = (await github_line.client.get("/metrics")).text
    assert values(text, "jobs_total") == {'result="retried",task="process_delivery"': 1}
    errors = values(text, "errors_total")
    assert errors == {'error="PlatformUnavailable",where="process_delivery"': 1}
    assert values(text, "platform_calls_total")['method="read",platform="github",status="5xx"'] >= 2


def test_a_worker_alone_serves_its_own_metrics(database_url, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline_guard", "worker", "--metrics-port", "0"],
        env={
            **os.environ,
            "PIPELINE_GUARD_DATABASE_URL": database_url,
            "PIPELINE_GUARD_DATA_DIR": str(tmp_path),
        },
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    address = re.search(r"http://127.0.0.1:\d+/metrics", process.stdout.readline())
    assert address is not None
    text = httpx.get(address[0], timeout=10).text
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.stdout.close()
    assert "pipeline_guard_build_info{version=" in text
    assert "process_resident_memory_bytes" in text
    assert "pipeline_guard_webhooks_created" not in text
