"""Issue: one per failure that stays on a branch, found by a marker, rewritten as it goes on."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from string import Template
from typing import Any, Final

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.markdown import code, fence, link, plain
from pipeline_guard.domain.runs import Run
from pipeline_guard.domain.tracker import Issue, IssueDraft, Issues, KeepsIssues
from pipeline_guard.errors import PlatformError
from pipeline_guard.remedies.base import Remedy, Request, Result
from pipeline_guard.remedies.owners import PLACES, owners_of

OVER: Final = "<!-- pipeline-guard over -->"
"""Stands in an issue that we closed ourselves, and so may open again."""
LEFT_ALONE: Final = timedelta(days=7)
"""So long an issue that a person closed stays closed, however often the failure is seen."""
LONGEST: Final = 40_000
"""Characters of a body; the template is a repository's own, so there is no telling."""


def marker(fingerprint: str) -> str:
    """What an issue about that failure is found by."""
    return f"<!-- pipeline-guard issue {fingerprint} -->"


def describe(params: Mapping[str, Any]) -> str:
    """What it would do, for a dry run."""
    return f"open an issue, or bring it up to date: {title(params)}"


async def apply(platform: Platform, run: Run, request: Request) -> Result:
    """Find the failure's issue before anything is written, then open, update or reopen it."""
    if not isinstance(platform, KeepsIssues):
        return Result("failed", f"{run.platform} keeps no issues.")
    issues, params = platform.issues(run.repository), request.params
    found = await issues.find(marker(params["fingerprint"]))
    if found is None and request.in_doubt:
        return Result("unclear", "An earlier try was interrupted; looking again before writing.")
    if found is not None and _left_alone(found):
        return Result("skipped", f"A person has closed #{found.number}; it stays so for a while.")
    draft = IssueDraft(
        title(params), body(params, await _owners(platform, run, params)), tuple(params["labels"])
    )
    if found is None:
        return _done("Opened", await issues.create(marker(params["fingerprint"]), draft))
    kept = await issues.edit(found, body=draft.body, is_open=True)
    return _done("Updated" if found.is_open else "Opened again", kept)


async def close(issues: Issues, fingerprint: str, why: str) -> Issue | None:
    """Close the failure's issue and say why in it; None when there is none, or none open."""
    found = await issues.find(marker(fingerprint))
    if found is None or not found.is_open:
        return None
    text = f"{found.body.rstrip()}\n\n**Closed:** {plain(why)}\n{OVER}"
    return await issues.edit(found, body=text, is_open=False)


def _left_alone(found: Issue) -> bool:
    if found.is_open or OVER in found.body or found.closed_at is None:
        return False
    return datetime.now(UTC) - found.closed_at < LEFT_ALONE


def _done(what: str, issue: Issue) -> Result:
    return Result("done", f"{what} issue #{issue.number}.", issue.url, str(issue.number))


async def _owners(platform: Platform, run: Run, params: Mapping[str, Any]) -> tuple[str, ...]:
    """Who answers for the files that the log names; nobody where that cannot be read."""
    for place in PLACES:
        try:
            raw = await platform.default_branch_file(run, place)
        except PlatformError as error:
            if error.worth_retry:
                raise
            return ()
        if raw is not None:
            return owners_of(params["files"], raw.decode("utf-8", "replace"))
    return ()


def title(params: Mapping[str, Any]) -> str:
    """The title: the template with names as they are; a title shows no markup."""
    names = {name: str(params[name]) for name in _NAMES}
    said = Template(params["title"]).safe_substitute(names)
    return " ".join(said.split()).replace("@", "@\u200b")


def body(params: Mapping[str, Any], owners: tuple[str, ...]) -> str:
    """The body: the template with everything from logs and names made inert, and our marker.

    Only owners are mentioned: CODEOWNERS on the default branch is their own people's word.
    """
    names = {name: plain(str(params[name])) for name in _NAMES}
    parts = {
        "summary": _summary(params),
        "evidence": _evidence(params),
        "tests": _tests(params),
        "history": _history(params),
        "owners": f"Owners, by CODEOWNERS: {' '.join(owners)}" if owners else "",
        "commit": code(str(params["commit"])[:10]),
        "fingerprint": code(params["fingerprint"]),
    }
    said = Template(params["body"]).safe_substitute(names | parts)
    said = re.sub(r"\n{3,}", "\n\n", said).strip()[:LONGEST]
    foot = (
        "<sub>Kept by Pipeline Guard: brought up to date while it is seen, and closed by the first"
        f" green run of the job once it was quiet for {params['quiet_days']} days.</sub>"
    )
    return "\n\n".join((said, foot, marker(params["fingerprint"])))


_NAMES: Final = ("job", "workflow", "branch", "category", "repository")


def _summary(params: Mapping[str, Any]) -> str:
    what = (
        f"**{plain(params['job'])}** of {plain(params['workflow'])} fails on"
        f" {code(params['branch'])}: {code(params['category'])}."
    )
    return f"{what} {plain(params['advice'])}" if params.get("advice") else what


def _evidence(params: Mapping[str, Any]) -> str:
    if not params["evidence"]:
        return ""
    where = link("the log", params.get("url"))
    return f"From {where}:\n\n{fence(chr(10).join(params['evidence']))}"


def _tests(params: Mapping[str, Any]) -> str:
    if not params["tests"]:
        return ""
    return f"Failed tests:\n\n{fence(chr(10).join(params['tests']))}"


def _history(params: Mapping[str, Any]) -> str:
    commit = code(str(params["commit"])[:10])
    runs = f"{params['runs']} run{'' if params['runs'] == 1 else 's'}"
    return (
        f"Seen in {runs} in 7 days, first at {params['first']}, last at"
        f" {params['last']} (commit {commit})."
    )


REMEDY = Remedy(
    kind="issue",
    needs_one_of=frozenset({"issues"}),
    params={
        "fingerprint": "what the issue is found by",
        "repository": "whose issue",
        "workflow": "of the run",
        "job": "that failed",
        "branch": "where it stays",
        "commit": "the newest one that failed",
        "category": "the cause",
        "advice": "what the rule advises",
        "url": "the job's log",
        "evidence": "telling lines",
        "tests": "failed tests",
        "files": "files that evidence and tests name, for their owners",
        "runs": "runs of 7 days that had it",
        "first": "when it was seen first",
        "last": "when it was seen last",
        "title": "template of the title",
        "body": "template of the body",
        "labels": "labels of the issue",
        "quiet_days": "days without it after which a green run closes the issue",
    },
    risk="An issue that nobody needed, and a mail to the owners whom it mentions.",
    undo="Close the issue: it stays closed for a week, closed as not planned for 90 days.",
    describe=describe,
    apply=apply,
)
