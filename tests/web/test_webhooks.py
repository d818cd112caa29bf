"""What a sender of webhooks sees: the codes of the contract."""

import hashlib
import hmac
import json

import psycopg
import pytest
import structlog

RUN = {
    "action": "completed",
    "workflow_run": {"id": 7, "run_attempt": 1, "conclusion": "failure", "status": "completed"},
    "repository": {"full_name": "acme/shop"},
    "sender": {"login": "ann"},
}
BODY = json.dumps(RUN).encode()


def headers(body: bytes = BODY, **more: str | bytes) -> dict[str, str | bytes]:
    digest = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-github-event": "workflow_run",
        "x-github-delivery": "d-1",
        "x-hub-signature-256": f"sha256={digest}",
    } | {name.replace("_", "-"): value for name, value in more.items()}


async def post(client, body: bytes = BODY, platform: str = "github", **more: str | bytes):
    return await client.post(f"/webhooks/{platform}", content=body, headers=headers(body, **more))


async def test_accepted_then_duplicate(client):
    first, second = await post(client), await post(client)
    assert (first.status_code, first.json()["status"]) == (202, "accepted")
    assert (second.status_code, second.json()) == (200, {"status": "duplicate"})
    stored = (await client.get(f"/api/v1/deliveries/{first.json()['delivery']}")).json()
    assert (stored["delivery_id"], stored["status"]) == ("d-1", "accepted")


async def test_ignored_with_a_reason_and_not_stored(client):
    answer = await post(client, x_github_event="star")
    assert (answer.status_code, answer.json()["status"]) == (200, "ignored")
    assert answer.json()["reason"]
    assert (await client.get("/api/v1/deliveries")).json()["items"] == []


@pytest.mark.parametrize(
    ("code", "more"),
    [
        (401, {"x_hub_signature_256": "sha256=" + "0" * 64}),
        (401, {"x_hub_signature_256": ""}),
        (401, {"x_hub_signature_256": "sha256=nonsense\xe9".encode("latin-1")}),
        (415, {"content_type": "application/x-www-form-urlencoded"}),
        (413, {"content_length": str(26 * 1024 * 1024)}),
    ],
)
async def test_refused(client, code, more):
    answer = await post(client, **more)
    assert answer.status_code == code
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


async def test_every_delivery_leaves_one_line_with_its_ids_and_nothing_of_its_content(client):
    secret, told = "never-to-be-told", []
    private = json.dumps(RUN | {"sender": {"login": secret}}).encode()
    for more in (
        {},
        {},
        {"x_github_event": "star", "x_github_delivery": "d-2"},
        {"x_hub_signature_256": f"sha256={secret}"},
        {"x_github_delivery": "d-3", "body": b'{"sender": "' + secret.encode()},
        {"content_type": secret},
        {"content_length": str(26 * 1024 * 1024)},
    ):
        with structlog.testing.capture_logs(
            processors=[structlog.contextvars.merge_contextvars]
        ) as rows:
            answer = await post(client, **{"body": private} | more)
        (row,) = [row for row in rows if row["log_level"] != "debug"]
        assert row["event"] == "delivery_received"
        assert (row["log_level"], row["platform"]) == ("info", "github")
        assert row["request_id"] == answer.headers["x-request-id"]
        assert secret not in repr(row)
        told.append((row["result"], row.get("event_name"), row.get("delivery_id")))
        if row["result"] == "accepted":
            assert row["delivery"] == answer.json()["delivery"]
    assert told == [
        ("accepted", "workflow_run", "d-1"),
        ("duplicate", "workflow_run", "d-1"),
        ("ignored", "star", "d-2"),
        ("unauthorized", None, None),
        ("malformed", None, None),
        ("rejected", None, None),
        ("rejected", None, None),
    ]


async def test_a_body_that_grows_past_the_cap_is_cut_off_while_it_streams(client):
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 1024 * 1024

    answer = await client.post("/webhooks/github", content=endless(), headers=headers(b""))
    assert answer.status_code == 413
    assert sent < 40


async def test_the_signature_is_checked_before_anything_is_parsed(client):
    answer = await client.post(
        "/webhooks/github", content=b"{broken", headers=headers(b"something else")
    )
    assert answer.status_code == 401
    assert (await post(client, b"{broken")).status_code == 400


@pytest.mark.parametrize("platform", ["gitlab", "nowhere", "%2e%2e"])
async def test_an_unknown_or_unconfigured_platform_is_404(client, platform):
    assert (await post(client, platform=platform)).status_code == 404


async def test_without_the_database_it_is_503_with_retry_after(client, database_url):
    name = database_url.split("/")[3].split("?")[0]
    with psycopg.connect(database_url.replace(f"/{name}?", "/postgres?"), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        answer = await post(client)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200
        assert (await client.get("/api/v1/failures")).status_code == 503
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


async def test_nul_and_lone_surrogates_in_a_payload_never_end_in_a_500(client):
    for text in (b'"\\u0000"', b'"\\ud800"', b'"\\u0000\\ud800"'):
        body = BODY.replace(b'"acme/shop"', text)
        assert (await post(client, body, x_github_delivery=text.hex())).status_code in (
            200,
            202,
            400,
        )
