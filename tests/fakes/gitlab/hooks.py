"""Webhooks as GitLab sends them: bodies out of the fake's state, plain token or signed."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from tests.fakes.gitlab.world import WAITS, Job, MergeRequest, Note, Pipeline, World

Json = dict[str, Any]
WEB = "http://192.0.2.1"


@dataclass(frozen=True)
class Delivery:
    """One POST to a receiver; post the same one again to play a resend."""

    headers: dict[str, str]
    body: bytes

    @property
    def lower(self) -> dict[str, str]:
        """The headers with lower-case names, as receivers hand them on."""
        return {name.lower(): value for name, value in self.headers.items()}


def new_signing_token(key: bytes) -> str:
    return f"whsec_{base64.b64encode(key).decode()}"


def sign(token: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of the HMAC, by Standard Webhooks."""
    key = base64.b64decode(token.removeprefix("whsec_"))
    text = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def delivery(
    event: str,
    payload: Json,
    *,
    token: str,
    signing_token: str | None = None,
    timestamp: int | None = None,
    message_id: str | None = None,
) -> Delivery:
    """Headers and body; with a signing token the plain one is not sent."""
    body = json.dumps(payload).encode()
    message_id = message_id or str(uuid.uuid4())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitLab/19.1.0-fake",
        "X-Gitlab-Event": event,
        "X-Gitlab-Event-UUID": str(uuid.uuid4()),
        "X-Gitlab-Webhook-UUID": str(uuid.uuid4()),
        "X-Gitlab-Instance": WEB,
        "Idempotency-Key": message_id,
    }
    if signing_token is None:
        headers["X-Gitlab-Token"] = token
    else:
        now = int(time.time()) if timestamp is None else timestamp
        headers["webhook-id"] = message_id
        headers["webhook-timestamp"] = str(now)
        headers["webhook-signature"] = sign(signing_token, message_id, now, body)
    return Delivery(headers, body)


def _user(name: str) -> Json:
    return {"id": 1, "name": name.title(), "username": name, "email": "[REDACTED]"}


def _project(world: World, project_id: int) -> Json:
    project = world.projects[project_id]
    return {
        "id": project.id,
        "name": project.path.rpartition("/")[2],
        "path_with_namespace": project.path,
        "web_url": f"{WEB}/{project.path}",
        "default_branch": project.default_branch,
    }


def spaced(time: str) -> str:
    """A time as webhooks write it, without fractions."""
    return f"{time[:10]} {time[11:19]} UTC"


def pipeline_payload(world: World, pipeline: Pipeline) -> Json:
    request = next(
        (item for item in world.requests.values() if item.head_pipeline_id == pipeline.id), None
    )
    return {
        "object_kind": "pipeline",
        "object_attributes": {
            "id": pipeline.id,
            "iid": pipeline.id,
            "ref": pipeline.ref,
            "tag": pipeline.tag,
            "sha": pipeline.sha,
            "source": pipeline.source,
            "status": pipeline.status,
            "created_at": spaced(pipeline.created_at),
            "queued_duration": WAITS,
        },
        "merge_request": {"id": request.id, "iid": request.iid} if request else None,
        "user": _user(pipeline.user),
        "project": _project(world, pipeline.project_id),
        "builds": [_build(job) for job in world.jobs_of(pipeline.id)],
    }


def _build(job: Job) -> Json:
    there = {"name": job.environment, "action": job.action, "deployment_tier": None}
    return {
        "id": job.id,
        "name": job.name,
        "stage": job.stage,
        "status": job.status,
        "created_at": spaced(job.created_at),
        "environment": there if job.environment else None,
    }


def job_payload(world: World, job: Job) -> Json:
    pipeline = world.pipelines[job.pipeline_id]
    earlier = [
        other
        for other in world.jobs_of(pipeline.id, retried=True)
        if other.name == job.name and other.id < job.id
    ]
    return {
        "object_kind": "build",
        "ref": pipeline.ref,
        "sha": pipeline.sha,
        "build_id": job.id,
        "build_name": job.name,
        "build_stage": job.stage,
        "build_status": job.status,
        "build_allow_failure": job.allow_failure,
        "build_failure_reason": job.failure_reason or "script_failure",
        "retries_count": len(earlier),
        "pipeline_id": pipeline.id,
        "project_id": job.project_id,
        "project_name": "A Group / An App",
        "user": _user(job.user),
        "repository": {"homepage": f"{WEB}/{world.projects[job.project_id].path}"},
        "project": _project(world, job.project_id),
    }


def note_payload(world: World, request: MergeRequest, note: Note, action: str | None) -> Json:
    when = "2026-11-20 10:00:00 UTC"
    return {
        "object_kind": "note",
        "event_type": "note",
        "user": _user(note.author),
        "project_id": request.project_id,
        "project": _project(world, request.project_id),
        "object_attributes": {
            "id": note.id,
            "note": note.body,
            "noteable_type": "MergeRequest",
            "noteable_id": request.id,
            "system": note.system,
            "created_at": when,
            "updated_at": when if action in (None, "create") else "2026-11-20 10:05:00 UTC",
            "action": action,
        },
        "merge_request": {"id": request.id, "iid": request.iid, "state": request.state},
    }
