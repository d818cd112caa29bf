"""Whether a workflow may be dispatched with another runner: every condition answers in a sentence.

A re-run asks the conditions of its workflow as before and gets the same answers; a dispatched run
need not. So whatever could tell the two apart, or cannot be read, speaks against it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipeline_guard.domain.runs import Run
from pipeline_guard.yamlfile import read_yaml

MAX_BYTES: Final = 128 * 1024
"""No workflow that people write is larger."""
LIKE_A_DISPATCH: Final = ("push", "schedule", "workflow_dispatch")
"""Triggers whose event carries nothing that jobs are usually about."""
_APART: Final = re.compile(
    r"event_name|event_path|workflow_dispatch|\bgithub *(?:\[|\. *event\b)|tojson\( *github *\)",
    re.IGNORECASE,
)
"""What tells a dispatched run from the failed one, anywhere in a job."""
_APART_IN_CONDITIONS: Final = re.compile(
    rf"{_APART.pattern}|\binputs\b|\bevent\b|(?:\b|_)actor(?:_id)?\b"
    r"|\brun_(?:attempt|id|number)\b",
    re.IGNORECASE,
)

Jobs = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A run, its workflow as it was read, and what the workflow is to be given."""

    run: Run
    workflow: Mapping[str, Any]
    input: str
    label: str
    is_protected: Callable[[str], bool]

    @property
    def jobs(self) -> Jobs:
        """The jobs by their keys."""
        found: Jobs = self.workflow["jobs"]
        return found

    @property
    def declared(self) -> Mapping[str, Any] | None:
        """The inputs that a dispatch takes; None where it cannot be dispatched."""
        on = self.workflow.get("on")
        if isinstance(on, str | list):
            return {} if "workflow_dispatch" in ([on] if isinstance(on, str) else on) else None
        if not isinstance(on, Mapping) or "workflow_dispatch" not in on:
            return None
        dispatch = on["workflow_dispatch"]
        inputs = dispatch.get("inputs") if isinstance(dispatch, Mapping) else None
        return inputs if isinstance(inputs, Mapping) else {}


def of_request(run: Run) -> str | None:
    """A dispatched run does not count among the checks of a request."""
    if run.request is None:
        return None
    return f"The run belongs to request {run.request.number}, for which a new run does not count."


def trigger(run: Run) -> str | None:
    """What an event carries, a dispatch does not."""
    if run.trigger in LIKE_A_DISPATCH:
        return None
    return f"The run was started by {run.trigger or 'an event untold'}, not by a push or schedule."


def newest(run: Run) -> str | None:
    """A dispatch takes the branch as it is, so it must be where it was."""
    if run.branch is None or run.commit is None or run.head_sha is None:
        return "It is not told whether the run's commit is the newest of a branch."
    return None if run.head_sha == run.commit else "The branch is not at the run's commit any more."


def skipped(run: Run) -> str | None:
    """What was skipped might start."""
    name = next((job.name for job in run.jobs if job.conclusion == "skipped"), None)
    return f"The job '{name}' was skipped, and might start in a new run." if name else None


def takes_input(asked: Asked) -> str | None:
    """The workflow must be made for it."""
    inputs, name = asked.declared, asked.input
    if inputs is None:
        return "The workflow cannot be dispatched: it has no workflow_dispatch."
    if name not in inputs:
        return f"The workflow takes no input '{name}'."
    said = inputs[name] if isinstance(inputs[name], Mapping) else {}
    kind = said.get("type") or "string"
    if kind not in ("string", "choice"):
        return f"The input '{name}' is of the type {kind}, which is no label."
    options = said.get("options")
    if kind == "choice" and not (isinstance(options, list) and asked.label in map(str, options)):
        return f"'{asked.label}' is not among the options of the input '{name}'."
    return None


def other_inputs(asked: Asked) -> str | None:
    """Of a dispatched run no API tells them; any other had none, where a dispatch has defaults."""
    other = next((name for name in asked.declared or {} if name != asked.input), None)
    return (
        f"The workflow takes another input, '{other}', whose value is not known." if other else None
    )


def used(asked: Asked) -> str | None:
    """An input that chooses no runner changes nothing."""
    name = re.escape(asked.input)
    uses = re.compile(rf"\b(?:github\.event\.)?inputs\.{name}(?![\w-])", re.IGNORECASE)
    texts = (text for job in asked.jobs.values() for _, text in _texts(job.get("runs-on")))
    if any(uses.search(text) for text in texts):
        return None
    return f"No job takes its runner from the input '{asked.input}'."


def environments(asked: Asked) -> str | None:
    """Environments are where deployments go, with secrets of their own."""
    name = next((key for key, job in asked.jobs.items() if "environment" in job), None)
    return f"The job '{name}' uses an environment." if name else None


def unread(asked: Asked) -> str | None:
    """What stands in another file has conditions that were not looked at."""
    for key, job in asked.jobs.items():
        if "uses" in job:
            return f"The job '{key}' calls another workflow, which was not read."
        for step in _steps(job):
            if str(step.get("uses", "")).startswith("./"):
                return f"The job '{key}' uses an action of the repository, which was not read."
    return None


def protected(asked: Asked) -> str | None:
    """What is never re-run is not run by another way either, as it is written or was called."""
    names = [
        asked.run.workflow,
        asked.workflow.get("name"),
        *(job.original_name for job in asked.run.jobs),
    ]
    for key, job in asked.jobs.items():
        names += [key, job.get("name"), *(step.get("name") for step in _steps(job))]
    found = next((str(name) for name in names if name and asked.is_protected(str(name))), None)
    return f"The workflow holds '{found}', which is never re-run." if found else None


def conditions(asked: Asked) -> str | None:
    """A condition on the event lets run what was skipped before; manual deploys are written so."""
    for key, job in asked.jobs.items():
        for name, text in _texts(job):
            if name == "if" and _APART_IN_CONDITIONS.search(text):
                return f"A condition in the job '{key}' tells a dispatched run from others."
    return None


def scripts(asked: Asked) -> str | None:
    """So does a script, or what one is given; a name, or the choice of a runner, starts nothing."""
    own = re.compile(rf"github\.event\.inputs\.{re.escape(asked.input)}(?![\w-])", re.IGNORECASE)
    parts = {
        **asked.jobs,
        "env": asked.workflow.get("env"),
        "defaults": asked.workflow.get("defaults"),
    }
    for key, part in parts.items():
        for name, text in _texts(part):
            if name != "runs-on" and _APART.search(own.sub("", text)):
                return f"'{key}' of the workflow tells a dispatched run from others."
    return None


OF_RUN: Final[tuple[Callable[[Run], str | None], ...]] = (of_request, trigger, newest, skipped)
"""Asked before the workflow is read."""
OF_WORKFLOW: Final[tuple[Callable[[Asked], str | None], ...]] = (
    takes_input,
    other_inputs,
    used,
    environments,
    unread,
    protected,
    conditions,
    scripts,
)


def against_run(run: Run) -> str | None:
    """The first reason why this run cannot be made up for by a dispatched one."""
    return next((reason for check in OF_RUN if (reason := check(run))), None)


def against_workflow(asked: Asked) -> str | None:
    """The first reason why its workflow must not be dispatched."""
    return next((reason for check in OF_WORKFLOW if (reason := check(asked))), None)


def parse(raw: bytes | None) -> Mapping[str, Any] | str:
    """The workflow that a file holds, or why it cannot be judged; the file may hold anything."""
    if raw is None:
        return "The workflow's file is not there, or too large to be read."
    if len(raw) > MAX_BYTES:
        return f"The workflow's file is larger than {MAX_BYTES >> 10} KB."
    try:
        document = read_yaml(raw.decode())
    except UnicodeDecodeError:
        return "The workflow's file is no UTF-8 text."
    found = document.value
    if document.problems or not isinstance(found, Mapping):
        return "The workflow's file is no YAML that can be read."
    jobs = found.get("jobs")
    if not isinstance(jobs, Mapping) or not all(isinstance(job, Mapping) for job in jobs.values()):
        return "The workflow's file has no jobs that can be read."
    return found


def _steps(job: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    steps = job.get("steps")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, Mapping):
            yield step


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text below a value, each with the key that it stands under."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, key if name != "runs-on" else name)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, name)
    elif value is not None:
        yield name, str(value)
