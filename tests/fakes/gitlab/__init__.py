"""A stateful GitLab on loopback: projects, pipelines, retries, requests, notes, limits, faults."""

from tests.fakes.gitlab.server import FakeGitLab
from tests.fakes.gitlab.world import Job, MergeRequest, Note, Pipeline, Project

__all__ = ["FakeGitLab", "Job", "MergeRequest", "Note", "Pipeline", "Project"]
