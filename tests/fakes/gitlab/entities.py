"""GitLab's JSON for what the fake holds, as its version 4 API answers it."""

from typing import Any

from tests.fakes.gitlab.world import (
    RUNS,
    TIME,
    WAITS,
    Commit,
    Deployment,
    Issue,
    Job,
    MergeRequest,
    Note,
    Pipeline,
    Project,
    World,
    later,
)

Json = dict[str, Any]
ELSEWHERE = "http://192.0.2.1"  # web links lead elsewhere: nobody may follow them


def user(name: str) -> Json:
    return {"id": sum(name.encode()), "username": name, "name": name.title(), "state": "active"}


def project(item: Project) -> Json:
    parent = item.forked_from
    shape = {
        "id": item.id,
        "name": item.path.rpartition("/")[2],
        "path_with_namespace": item.path,
        "default_branch": item.default_branch,
        "visibility": item.visibility,
        "web_url": f"{ELSEWHERE}/{item.path}",
        "_links": {"self": f"{ELSEWHERE}/api/v4/projects/{item.id}"},
    }
    if parent:
        shape["forked_from_project"] = {"id": parent.id, "path_with_namespace": parent.path}
    return shape


def pipeline(world: World, item: Pipeline) -> Json:
    path = world.projects[item.project_id].path
    finished = item.status in ("success", "failed", "canceled", "skipped")
    return {
        "id": item.id,
        "iid": item.id,
        "project_id": item.project_id,
        "sha": item.sha,
        "ref": item.ref,
        "status": item.status,
        "source": item.source,
        "tag": item.tag,
        "yaml_errors": item.yaml_errors,
        "user": user(item.user),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "started_at": TIME,
        "finished_at": TIME if finished else None,
        "web_url": f"{ELSEWHERE}/{path}/-/pipelines/{item.id}",
    }


def job(world: World, item: Job) -> Json:
    owner = world.pipelines[item.pipeline_id]
    path = world.projects[item.project_id].path
    shape: Json = {
        "id": item.id,
        "name": item.name,
        "stage": item.stage,
        "status": item.status,
        "ref": owner.ref,
        "tag": owner.tag,
        "allow_failure": item.allow_failure,
        "user": user(item.user),
        "created_at": item.created_at,
        "pipeline": {"id": owner.id, "sha": owner.sha, "ref": owner.ref, "status": owner.status},
        "runner": {"id": 1, "description": "a-runner", "is_shared": True},
        "web_url": f"{ELSEWHERE}/{path}/-/jobs/{item.id}",
    }
    if item.status in ("success", "failed", "canceled"):
        shape["started_at"] = later(item.created_at, WAITS)
        shape["finished_at"] = later(item.created_at, WAITS + RUNS)
    if item.status == "failed":
        shape["failure_reason"] = item.failure_reason or "script_failure"
    if item.bridge:
        shape["downstream_pipeline"] = {"id": item.id + 1000, "status": item.status}
    return shape


def deployment(world: World, item: Deployment) -> Json:
    deployable = job(world, world.jobs[item.job_id]) if item.job_id else None
    return {
        "id": item.id,
        "iid": item.id,
        "status": deployable["status"] if deployable else "success",
        "created_at": TIME,
        "updated_at": item.updated_at,
        "environment": {"id": 1, "name": item.environment, "external_url": ELSEWHERE},
        "deployable": deployable,
    }


def merge_request(world: World, item: MergeRequest, *, full: bool = True) -> Json:
    path = world.projects[item.project_id].path
    shape: Json = {
        "id": item.id,
        "iid": item.iid,
        "project_id": item.project_id,
        "title": item.title,
        "description": item.description,
        "state": item.state,
        "source_branch": item.source_branch,
        "target_branch": item.target_branch,
        "source_project_id": item.source_project_id,
        "target_project_id": item.project_id,
        "sha": item.sha,
        "author": user(item.author),
        "web_url": f"{ELSEWHERE}/{path}/-/merge_requests/{item.iid}",
    }
    if full:
        newest = world.pipelines.get(item.head_pipeline_id or 0)
        shape["head_pipeline"] = pipeline(world, newest) if newest else None
    return shape


def note(item: Note) -> Json:
    return {
        "id": item.id,
        "body": item.body,
        "author": user(item.author),
        "system": item.system,
        "noteable_type": "MergeRequest",
        "noteable_iid": item.request_iid,
        "created_at": TIME,
        "updated_at": TIME,
    }


def issue(world: World, item: Issue) -> Json:
    path = world.projects[item.project_id].path
    return {
        "id": item.id,
        "iid": item.iid,
        "project_id": item.project_id,
        "title": item.title,
        "description": item.description,
        "labels": item.labels,
        "state": item.state,
        "author": user(item.author),
        "web_url": f"{ELSEWHERE}/{path}/-/issues/{item.iid}",
    }


def branch(item: Project, name: str) -> Json:
    sha = item.branches[name]
    protected = name in item.protected
    return {"name": name, "commit": {"id": sha, "short_id": sha[:8]}, "protected": protected}


def commit(item: Commit) -> Json:
    return {
        "id": item.sha,
        "short_id": item.sha[:8],
        "message": item.message,
        "title": item.message.partition("\n")[0],
        "parent_ids": [item.parent],
    }
