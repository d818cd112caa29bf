"""The log of a process: every line JSON, with its ids, and without any secret."""

import json
import subprocess
import sys

import pytest
import structlog
from tests.line.test_github import DNS, send

from pipeline_guard.cli.logging_setup import LONGEST, Masking
from pipeline_guard.redaction.known import MASK

SECRETS = {
    "api token of ours": "our-own-api-token-1",
    "rotated secret": "second-of-two",
    "token of a platform": "ghp_" + "a1B2c3D4e5F6" * 3,
    "password in an address": "s3cr3t-Pa55word",
    "bearer": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4eXoxMjMifQ.c2lnbmF0dXJlLW9mLXRoaXM",
    "named value": "correct-horse-battery-staple-9",
}

PROGRAM = """
import logging, sys, structlog, stamina
from pipeline_guard.cli.logging_setup import configure
from pipeline_guard.settings import Settings

secrets = {secrets!r}
configure(Settings(_env_file=None, log_format=sys.argv[1], api_token=secrets["api token of ours"],
                   github_webhook_secret="first-of-two," + secrets["rotated secret"]))
log = structlog.get_logger("pipeline_guard.test")
structlog.contextvars.bind_contextvars(request_id="r1")
log.info("told", error="refused " + secrets["api token of ours"], more=[secrets["rotated secret"]])
log.warning("nested", given={{"headers": {{"Authorization": "Bearer " + secrets["bearer"]}}}})
log.info("named", password=secrets["named value"])
try:
    raise OSError("GET https://me:" + secrets["password in an address"] + "@host.example/x failed")
except OSError:
    log.exception("went_wrong", object=ValueError(secrets["token of a platform"]))
logging.getLogger("uvicorn.error").error("no answer for %s", secrets["token of a platform"])
logging.getLogger("procrastinate.worker").error("said already", extra={{"action": "job_error"}})
for attempt in stamina.retry_context(on=OSError, attempts=2, wait_initial=0, wait_jitter=0):
    with attempt:
        if attempt.num == 1:
            raise OSError("retried with " + secrets["token of a platform"])
"""


def lines(log_format: str) -> str:
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(secrets=SECRETS), log_format],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert found.stdout == ""
    return found.stderr


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_secret_reaches_the_log_by_any_way(log_format):
    found = lines(log_format)
    assert {name for name, secret in SECRETS.items() if secret in found} == set()
    assert found.count("[redacted]") >= 7


def test_every_line_is_json_with_the_ids_bound_to_it_uvicorns_too():
    rows = [json.loads(line) for line in lines("json").splitlines()]
    assert [row["event"].split()[0] for row in rows] == [
        *("told", "nested", "named", "went_wrong", "no", "call_retried"),
    ]
    assert all({"timestamp", "level"} <= set(row) for row in rows)
    assert all(row["request_id"] == "r1" for row in rows)
    assert "OSError" in rows[3]["exception"]


def test_an_endless_text_is_cut_in_its_middle_and_no_secret_is_let_through_by_it():
    masking = Masking(["the-secret-at-the-end"])
    shown = masking(None, "", {"error": "begin " + "x y " * 100_000 + "the-secret-at-the-end"})
    assert len(shown["error"]) < LONGEST + 100
    assert shown["error"].startswith("begin ")
    assert shown["error"].endswith(MASK)
    straddling = "x" * (LONGEST // 2 - 8) + " the-secret-at-the-end " + "y " * LONGEST
    assert "the-sec" not in masking(None, "", {"error": straddling})["error"]


async def test_lines_of_a_job_carry_its_delivery_run_and_failure(github, github_line):
    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as rows:
        answer = await send(github_line, github, github.add_run(log=DNS))
    (failure,) = await github_line.failures()
    (diagnosed,) = [row for row in rows if row["event"] == "diagnosed"]
    assert diagnosed["delivery"] == answer["delivery"]
    assert (diagnosed["failure"], diagnosed["category"]) == (failure["id"], "network_transient")
    (acted,) = [row for row in rows if row["event"] == "acted"]
    assert acted["failures"] == [failure["id"]]
    for row in (diagnosed, acted):
        assert (row["platform"], row["repository"]) == ("github", "acme/shop")
        assert row["run_id"] == failure["run_id"]


async def test_a_request_has_an_id_in_its_answer_and_in_its_line(github_line):
    given = {"x-request-id": "proxy-12345678"}
    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as rows:
        kept = await github_line.client.get("/api/v1/failures?status=open", headers=given)
        made = await github_line.client.get("/nowhere", headers={"x-request-id": "<b>"})
    assert kept.headers["x-request-id"] == "proxy-12345678"
    assert len(made.headers["x-request-id"]) == 32
    told = [(row["path"], row["status"], row["request_id"]) for row in rows]
    assert told == [
        ("/api/v1/failures", 200, "proxy-12345678"),
        ("/nowhere", 404, made.headers["x-request-id"]),
    ]
    await github_line.client.get("/api/v1/failures/7")
    text = (await github_line.client.get("/metrics")).text
    assert 'http_requests_total{method="GET",route="/api/v1/failures",status="2xx"} 1.0' in text
    assert 'http_requests_total{method="GET",route="other",status="4xx"} 1.0' in text
    assert 'route="/api/v1/failures/{failure_id}",status="4xx"} 1.0' in text
    assert "nowhere" not in text
