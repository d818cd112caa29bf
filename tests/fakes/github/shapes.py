"""The JSON the fake GitHub answers with, in GitHub's own field names."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.github.world import Check, Comment, Issue, Job, Pull, Repo, Run

Json = dict[str, Any]
WHEN = "2026-11-20T10:00:00Z"
LATER = "2026-11-20T10:01:00Z"
WEB = "https://github.example"


def user(login: str) -> Json:
    kind = "Bot" if login.endswith("[bot]") else "User"
    return {"login": login, "id": sum(login.encode()), "type": kind, "site_admin": False}


def short_repo(base: str, name: str, number: int) -> Json:
    owner, _, short = name.partition("/")
    return {
        "id": number, "name": short, "full_name": name, "owner": user(owner), "private": False,
        "html_url": f"{WEB}/{name}", "url": f"{base}/repos/{name}",
    }  # fmt: skip


def repository(base: str, repo: Repo) -> Json:
    return {**short_repo(base, repo.name, repo.id), "default_branch": "main", "fork": False}


def file(path: str, raw: bytes) -> Json:
    whole = len(raw) <= 1 << 20  # larger files are named without what is in them
    content = base64.encodebytes(raw).decode() if whole else ""
    return {"type": "file", "encoding": "base64" if whole else "none", "size": len(raw),
            "name": path.rpartition("/")[2], "path": path, "content": content,
            "sha": "f" * 40}  # fmt: skip


def workflow_run(base: str, run: Run) -> Json:
    url = f"{base}/repos/{run.repo.name}/actions/runs/{run.id}"
    home = repository(base, run.repo)
    head = home if run.head_repo == run.repo.name else short_repo(base, run.head_repo, 77)
    named = [{"number": n, "id": n, "url": f"{base}/repos/{run.repo.name}/pulls/{n}",
              "head": {"ref": run.branch, "sha": run.sha, "repo": {"id": run.repo.id}},
              "base": {"ref": "main", "sha": "b" * 40, "repo": {"id": run.repo.id}}}
             for n in run.pulls]  # fmt: skip
    return {
        "id": run.id, "name": run.workflow, "path": ".github/workflows/ci.yml", "run_number": 1,
        "head_branch": run.branch, "head_sha": run.sha, "event": run.event, "status": run.status,
        "conclusion": run.conclusion, "run_attempt": run.attempt, "url": url,
        "html_url": f"{WEB}/{run.repo.name}/actions/runs/{run.id}", "actor": user(run.actor),
        "triggering_actor": user(run.retried_by or run.actor), "created_at": run.created_at,
        "run_started_at": WHEN, "updated_at": run.updated_at, "pull_requests": named,
        "workflow_id": 5,
        "jobs_url": f"{url}/jobs", "rerun_url": f"{url}/rerun", "repository": home,
        "head_repository": head,
    }  # fmt: skip


def job(base: str, run: Run, item: Job) -> Json:
    api = f"{base}/repos/{run.repo.name}"
    return {
        "id": item.id, "run_id": run.id, "run_attempt": item.attempt, "name": item.name,
        "status": item.status, "conclusion": item.conclusion, "head_sha": run.sha,
        "head_branch": run.branch, "workflow_name": run.workflow,
        "started_at": LATER if run.needs.get(item.name) else WHEN,
        "completed_at": item.completed_at if item.conclusion else None,
        "steps": item.steps, "labels": [],
        "url": f"{api}/actions/jobs/{item.id}", "check_run_url": f"{api}/check-runs/{item.id}",
        "html_url": f"{WEB}/{run.repo.name}/actions/runs/{run.id}/job/{item.id}",
    }  # fmt: skip


def check_run(base: str, run: Run, item: Job) -> Json:
    return {
        "id": item.id, "name": item.name, "head_sha": run.sha, "status": item.status,
        "conclusion": item.conclusion, "url": f"{base}/repos/{run.repo.name}/check-runs/{item.id}",
        "details_url": f"{WEB}/{run.repo.name}/actions/runs/{run.id}/job/{item.id}",
        "app": {"id": 15368, "slug": "github-actions", "name": "GitHub Actions"},
        "output": {"title": None, "annotations_count": len(item.annotations)},
    }  # fmt: skip


def pull(base: str, repo: Repo, item: Pull) -> Json:
    head = short_repo(base, item.head_repo, 77) if item.head_repo else None
    if item.head_repo == repo.name:
        head = repository(base, repo)
    return {
        "number": item.number, "id": item.number, "state": item.state, "title": item.title,
        "body": item.body, "merged_at": WHEN if item.merged else None,
        "url": f"{base}/repos/{repo.name}/pulls/{item.number}",
        "html_url": f"{WEB}/{repo.name}/pull/{item.number}", "user": user(item.user),
        "author_association": item.author_association,
        "head": {"ref": item.branch, "sha": item.sha, "repo": head},
        "base": {"ref": item.base, "sha": "b" * 40, "repo": repository(base, repo)},
    }  # fmt: skip


def comment(base: str, repo: Repo, item: Comment) -> Json:
    return {
        "id": item.id, "body": item.body, "user": user(item.user), "created_at": WHEN,
        "updated_at": WHEN, "url": f"{base}/repos/{repo.name}/issues/comments/{item.id}",
        "html_url": f"{WEB}/{repo.name}/pull/{item.number}#issuecomment-{item.id}",
        "issue_url": f"{base}/repos/{repo.name}/issues/{item.number}",
    }  # fmt: skip


def _closed_at(item: Issue) -> str:
    then = datetime.now(UTC) - timedelta(days=item.closed_days_ago)
    return f"{then:%Y-%m-%dT%H:%M:%SZ}"


def issue(base: str, repo: Repo, item: Issue) -> Json:
    return {
        "id": item.number, "number": item.number, "state": item.state, "title": item.title,
        "body": item.body, "user": user(item.user), "created_at": WHEN, "updated_at": WHEN,
        "labels": [{"name": name} for name in item.labels],
        "url": f"{base}/repos/{repo.name}/issues/{item.number}",
        "html_url": f"{WEB}/{repo.name}/issues/{item.number}",
        "state_reason": item.state_reason,
        "closed_at": _closed_at(item) if item.state == "closed" else None,
    }  # fmt: skip


def app_check(base: str, repo: Repo, item: Check) -> Json:
    return {
        "id": item.id, "name": item.name, "head_sha": item.sha, "external_id": item.external_id,
        "status": "completed", "conclusion": item.conclusion,
        "url": f"{base}/repos/{repo.name}/check-runs/{item.id}",
        "html_url": f"{WEB}/{repo.name}/runs/{item.id}",
        "app": {"id": 1, "slug": "guard", "name": "Guard"},
        "output": {**item.output, "annotations_count": len(item.annotations)},
    }  # fmt: skip
