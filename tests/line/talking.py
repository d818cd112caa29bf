"""A request with a red run on either platform, and people who speak there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.fakes.github.server import FakeGitHub
from tests.fakes.gitlab import FakeGitLab
from tests.line.harness import Line
from tests.line.test_github import RED
from tests.line.test_gitlab import END, red_pipeline

ROLES = {"admin": ("admin", 40), "write": ("write", 30), "read": ("read", 20), "none": ("none", 5)}
SIGNS = {
    "eyes": "👀",
    "hooray": "🎉",
    "tada": "🎉",
    "-1": "👎",
    "thumbsdown": "👎",
    "confused": "😕",
}


@dataclass
class Stage:
    """One platform with a red request on it, spoken to in the same words as the other."""

    line: Line
    person: Callable[[str, str], None]
    fail: Callable[..., Awaitable[None]]
    hook: Callable[..., tuple[dict[str, str], bytes, Any]]
    signs: Callable[[Any], list[str]]
    ours: Callable[[], list[str]]
    reruns: Callable[[], int]
    close: Callable[[], None]
    end_rerun: Callable[..., Awaitable[None]]
    push: Callable[[], None]
    name: str

    async def say(self, text: str, author: str = "ann", **how: Any) -> tuple[dict, Any]:
        headers, body, comment = self.hook(text, author, **how)
        answer = (await self.line.post(self.name, headers, body)).json()
        await self.line.settle()
        return answer, comment

    async def note(self, answer: dict) -> str:
        return (await self.line.delivery(answer["delivery"]))["note"]

    @property
    def comment(self) -> str:
        (body,) = self.ours()
        return body


def on_github(github: FakeGitHub, line: Line) -> Stage:
    pull = github.add_pull()
    repo = github.add_repo(feature=pull.sha)
    state: dict[str, Any] = {}

    async def deliver(run):
        await line.post("github", *github.webhook("workflow_run", run))
        await line.settle()

    async def fail(log=RED, **more):
        state["run"] = github.add_run(log=log, pulls=(pull.number,), **more)
        await deliver(state["run"])

    async def end_rerun(conclusion="success", log=""):
        github.finish_run(state["run"], conclusion, log)
        await deliver(state["run"])

    def hook(text, author, **how):
        comment = github.add_comment(pull, author, text)
        return *github.comment_hook(pull, comment, **how), comment

    def push():
        pull.sha = "9" * 40
        github.add_repo(feature=pull.sha)

    return Stage(
        line=line, name="github", fail=fail, hook=hook, end_rerun=end_rerun, push=push,
        person=lambda login, role: repo.people.update({login: ROLES[role][0]}),
        signs=lambda comment: [SIGNS[what] for _, what in comment.reactions],
        ours=lambda: [c.body for c in repo.comments.values() if c.user == github.login],
        reruns=lambda: len(github.calls("POST", "/rerun")),
        close=lambda: setattr(pull, "state", "closed"),
    )  # fmt: skip


def on_gitlab(gitlab: FakeGitLab, line: Line) -> Stage:
    state: dict[str, Any] = {}
    project, request, pipeline, job = red_pipeline(gitlab, b"")

    async def deliver():
        hook = gitlab.pipeline_hook(pipeline)
        await line.post("gitlab", hook.headers, hook.body)
        await line.settle()

    async def fail(log=RED, *, jobs=None):
        state["log"] = log.encode()
        names = list(jobs or {"tests": "failure"})
        job.name, job.trace = names[0], log.encode() + END
        for name in names[1:]:
            gitlab.add_job(pipeline, name, status="failed", trace=log.encode() + END)
        await deliver()

    async def end_rerun(conclusion="success", log=""):
        for item in gitlab.world.jobs_of(pipeline.id):
            if item.status == "pending":
                item.trace = log.encode() + END
                item.status = "failed" if conclusion == "failure" else "success"
        gitlab.finish(pipeline)
        await deliver()

    def hook(text, author, **how):
        note = gitlab.add_note(request, author, text)
        delivery = how.pop("delivery", None)
        how |= {"message_id": delivery} if delivery else {}
        made = gitlab.note_hook(request, note, **how)
        return made.headers, made.body, note

    def push():
        request.sha = project.branches["feature"] = "9" * 40

    return Stage(
        line=line, name="gitlab", fail=fail, hook=hook, end_rerun=end_rerun, push=push,
        person=lambda login, role: project.members.update({login: ROLES[role][1]}),
        signs=lambda note: [SIGNS[what] for _, what in note.awards],
        ours=lambda: [n.body for n in gitlab.notes(request) if n.author == gitlab.bot],
        reruns=lambda: len(gitlab.calls("POST", "/retry")),
        close=lambda: setattr(request, "state", "closed"),
    )  # fmt: skip
