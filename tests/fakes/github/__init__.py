"""A stateful GitHub for tests: runs, logs, re-runs, pull requests, comments, limits, webhooks."""

from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.world import Call, Comment, Fault, Job, Pull, Repo, Run

__all__ = ["Call", "Comment", "FakeGitHub", "Fault", "Job", "Pull", "Repo", "Run"]
