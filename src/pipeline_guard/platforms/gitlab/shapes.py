"""GitLab's JSON as the domain's runs, jobs and requests; pure, lenient in what it reads."""

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pipeline_guard.domain.events import Event
from pipeline_guard.domain.recovery import FinishedRun
from pipeline_guard.domain.runs import ChangeRequest, Conclusion, Job, Run, RunStatus
from pipeline_guard.errors import Rejected

PLATFORM: Final = "gitlab"
CONFIGURATION_JOB: Final = "pipeline configuration"
"""Our name for what failed when GitLab could not even make jobs of `.gitlab-ci.yml`."""

CONCLUSIONS: Final[dict[str, Conclusion]] = {
    "success": "success",
    "failed": "failure",
    "canceled": "cancelled",
    "skipped": "skipped",
}
"""The statuses that nothing follows by itself; all others are still on their way."""
QUEUED: Final = frozenset(
    {"created", "waiting_for_resource", "waiting_for_callback", "preparing", "pending", "scheduled"}
)
TIMEOUT_REASONS: Final = frozenset({"stuck_or_timeout_failure", "job_execution_timeout"})
REQUEST_REF: Final = re.compile(r"refs/merge-requests/(\d+)/(head|merge|train)")
MADE_WITHIN: Final = 60
"""Seconds in which all jobs of a pipeline are made at the latest; for servers that do not tell how
long it waited for its first start, or tell it of the last one (GitLab 13 and some of 14)."""

Json = Mapping[str, Any]


def id_of(item: Json, key: str = "id") -> int:
    """A number that every answer of GitLab's holds; raises Rejected when this one does not."""
    value = item.get(key)
    if not isinstance(value, int):
        raise Rejected(f"The answer has no {key}: is the address GitLab's own?")
    return value


def status_of(pipeline: Json) -> tuple[RunStatus, Conclusion | None]:
    """Where a pipeline stands; `manual` waits for a person, so it is not over."""
    status = str(pipeline.get("status"))
    if status in CONCLUSIONS:
        return "completed", CONCLUSIONS[status]
    return ("queued" if status in QUEUED else "in_progress"), None


def attempt_of(tries: Sequence[Json]) -> int:
    """1, and one more for each earlier try of the job that was tried most often.

    GitLab counts no attempts: a retried job gets a new id in the same pipeline. Tries that the
    `retry:` keyword made count as well, because nothing tells them apart.
    """
    return max((len(group) for group in _by_name(tries).values()), default=1)


def had_retries(pipeline: Json, builds: object) -> bool:
    """Whether a job of the webhook's pipeline was tried before, as far as its times tell.

    Only the newest try of each job is listed. But jobs are made with their pipeline, before any of
    them starts; one that was made later follows an earlier try.
    """
    made = time_of(pipeline.get("created_at"))
    if made is None or not isinstance(builds, list):
        return False
    waited = min(_number(pipeline.get("queued_duration", MADE_WITHIN)) or 0, MADE_WITHIN)
    times = [time_of(build.get("created_at")) for build in builds if isinstance(build, Mapping)]
    # Both times are cut to the second, and so is what the pipeline waited for its first job.
    return any((time - made).total_seconds() > waited + 1 for time in times if time is not None)


def _by_name(tries: Sequence[Json]) -> dict[str, list[Json]]:
    """The tries of each job name, oldest first."""
    groups: dict[str, list[Json]] = {}
    for item in sorted(tries, key=id_of):
        groups.setdefault(str(item.get("name")), []).append(item)
    return groups


def jobs_of(tries: Sequence[Json]) -> tuple[Job, ...]:
    """The newest try of each job, in the order GitLab made them."""
    newest = [(group[-1], len(group)) for group in _by_name(tries).values()]
    newest.sort(key=lambda pair: id_of(pair[0]))
    return tuple(_job(item, count) for item, count in newest)


def retried_jobs(tries: Sequence[Json]) -> tuple[Job, ...]:
    """The tries that were followed by another one, each with its number."""
    groups = _by_name(tries).values()
    return tuple(_job(item, n) for group in groups for n, item in enumerate(group[:-1], 1))


def _job(item: Json, tries: int) -> Job:
    hints = {
        "status": item.get("status"),
        "failure_reason": item.get("failure_reason"),
        "downstream_pipeline": _part(item, "downstream_pipeline").get("id"),
    }
    return Job(
        id=str(id_of(item)),
        name=str(item.get("name")),
        conclusion=_job_conclusion(item),
        url=item.get("web_url"),
        seconds=_number(item.get("duration")),
        started_at=time_of(item.get("started_at")),
        finished_at=time_of(item.get("finished_at")),
        runner=tuple(str(tag) for tag in item.get("tag_list") or ()),
        tries=tries,
        hints={key: value for key, value in hints.items() if value is not None},
    )


def _job_conclusion(item: Json) -> Conclusion | None:
    status = str(item.get("status"))
    if status == "failed" and item.get("allow_failure"):
        return "other"  # red, but by its owner's word not a failure of the pipeline
    if status == "failed" and item.get("failure_reason") in TIMEOUT_REASONS:
        return "timed_out"
    return CONCLUSIONS.get(status)


def configuration_job(pipeline: Json) -> Job:
    """Stands for a pipeline that failed without any job, because its configuration is wrong."""
    hints = {"yaml_errors": pipeline.get("yaml_errors") or "the pipeline could not be created"}
    job_id = f"pipeline-{pipeline.get('id')}"
    return Job(job_id, CONFIGURATION_JOB, "failure", pipeline.get("web_url"), hints=hints)


def content_of(file: Json) -> bytes | None:
    """What a file of the repository holds, None when the answer is no file."""
    encoded = file.get("content")
    if not isinstance(encoded, str):
        return None
    try:
        return base64.b64decode(encoded)
    except ValueError:
        return None


def annotations_of(job: Job) -> tuple[str, ...]:
    """What GitLab itself says about a job, one line each."""
    lines = []
    if reason := job.hints.get("failure_reason"):
        lines.append(f"failure_reason: {reason}")
    if errors := job.hints.get("yaml_errors"):
        lines += [f"yaml_errors: {line}" for line in str(errors).splitlines() if line.strip()]
    if downstream := job.hints.get("downstream_pipeline"):
        lines.append(f"downstream_pipeline: {downstream}")
    if (job.tries or 1) > 1:
        lines.append(f"tries: {job.tries}")
    return tuple(lines)


def request_iid(pipeline: Json) -> int | None:
    """The merge request a pipeline's ref names, None for a branch or tag."""
    match = REQUEST_REF.fullmatch(str(pipeline.get("ref")))
    return int(match[1]) if match else None


def request_of(merge_request: Json) -> ChangeRequest:
    """A merge request as the domain's change request."""
    source, target = merge_request.get("source_project_id"), merge_request.get("target_project_id")
    return ChangeRequest(
        number=id_of(merge_request, "iid"),
        url=merge_request.get("web_url"),
        head_sha=merge_request.get("sha"),
        from_fork=source != target,
        repository=str(target) if target is not None else None,
        target_branch=merge_request.get("target_branch"),
        first_time_author=merge_request.get("first_contribution"),
    )


def runs_on_a_merge(pipeline: Json) -> bool:
    """True where GitLab made the commit: by merging the request's head with its target."""
    match = REQUEST_REF.fullmatch(str(pipeline.get("ref")))
    return match is not None and match[2] != "head"


def run_of(
    project: Json,
    pipeline: Json,
    tries: Sequence[Json],
    merge_request: Json | None,
    head: str | None,
) -> Run:
    """A pipeline with its jobs' newest tries, its open merge request and its head, as a run."""
    status, conclusion = status_of(pipeline)
    jobs = jobs_of(tries)
    if not jobs and conclusion == "failure":
        jobs = (configuration_job(pipeline),)
    branch, request = pipeline.get("ref"), None
    if merge_request is not None:
        branch, request = merge_request.get("source_branch"), request_of(merge_request)
    return Run(
        platform=PLATFORM,
        repository=str(project.get("path_with_namespace")),
        run_id=str(id_of(pipeline)),
        attempt=attempt_of(tries),
        status=status,
        conclusion=conclusion,
        workflow="pipeline",
        branch=branch,
        commit=pipeline.get("sha"),
        head_sha=head,
        trigger=pipeline.get("source"),
        actor=_part(pipeline, "user").get("username"),
        url=pipeline.get("web_url"),
        started_at=time_of(pipeline.get("started_at")),
        finished_at=time_of(pipeline.get("finished_at")),
        request=request,
        jobs=jobs,
        hints={
            "project_id": id_of(project),
            "created_at": pipeline.get("created_at"),
            "retried": retried_jobs(tries),
        },
    )


def deploys_to(deployment: Json) -> tuple[str, str, str] | None:
    """A deployment's pipeline, job and environment; None for one that no job of ours made."""
    job, there = _part(deployment, "deployable"), _part(deployment, "environment").get("name")
    pipeline = _part(job, "pipeline").get("id")
    return (str(pipeline), str(job.get("name")), str(there)) if pipeline and there else None


def finished(repository: str, pipeline: Json) -> FinishedRun | None:
    """A listed red pipeline as what its webhook would have said, if it says when it ended.

    GitLab counts no attempts: the time of its last change tells two of a pipeline's ends apart.
    """
    ended_at = time_of(pipeline.get("updated_at"))
    if ended_at is None:
        return None
    number = id_of(pipeline)
    project = pipeline.get("project_id")
    event = Event(
        kind="run_finished",
        platform=PLATFORM,
        repository=repository,
        run_id=str(number),
        conclusion=CONCLUSIONS.get(str(pipeline.get("status"))),
        hints={"project_id": project} if project else {},
    )
    return FinishedRun(event, f"{number}@{ended_at.isoformat()}", ended_at)


def _part(item: Json, key: str) -> Json:
    value = item.get(key)
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def time_of(value: object) -> datetime | None:
    """A moment as GitLab writes it, None when it is none; webhooks write some with ` UTC`."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.replace(" UTC", "Z"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
