"""A stateful GitHub for tests: runs, logs, re-runs, pull requests, comments, limits, webhooks."""

from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.world import Call, Check, Comment, Fault, Issue, Job, Pull, Repo, Run

__all__ = [
    "Call",
    "Check",
    "Comment",
    "FakeGitHub",
    "Fault",
    "Issue",
    "Job",
    "Pull",
    "Repo",
    "Run",
]
