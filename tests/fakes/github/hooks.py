"""Webhook deliveries as the fake GitHub sends them, signed."""

import hashlib
import hmac
import json
import uuid
from typing import Any

from tests.fakes.github import shapes
from tests.fakes.github.world import Comment, Job, Pull, Repo, Run


def payload(base: str, event: str, run: Run, action: str, job: Job | None) -> dict[str, Any]:
    """The body of a `workflow_run`, `workflow_job` or `check_run` event."""
    body: dict[str, Any] = {
        "action": action,
        "repository": shapes.repository(base, run.repo),
        "sender": shapes.user(run.retried_by or run.actor),
    }
    if event == "workflow_run":
        body["workflow_run"] = shapes.workflow_run(base, run)
        return body
    job = job or run.jobs[0]
    shape = shapes.job if event == "workflow_job" else shapes.check_run
    body[event] = shape(base, run, job)
    return body


def comment_payload(base: str, repo: Repo, pull: Pull, item: Comment, action: str) -> Any:
    """The body of an `issue_comment` event on a pull request."""
    issue = shapes.pull(base, repo, pull)
    return {
        "action": action,
        "issue": {**issue, "pull_request": {"url": issue["url"]}},
        "comment": shapes.comment(base, repo, item),
        "repository": shapes.repository(base, repo),
        "sender": shapes.user(item.user),
    }


def signed(
    event: str, body: dict[str, Any] | bytes, secret: str, delivery: str | None = None
) -> tuple[dict[str, str], bytes]:
    """Headers and raw bytes of a delivery."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/0000000",
        "x-github-event": event,
        "x-github-delivery": delivery or str(uuid.uuid4()),
        "x-hub-signature-256": f"sha256={digest}",
    }, raw
