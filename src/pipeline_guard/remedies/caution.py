"""What no patch may do: switch a check off instead of passing it, or touch what is not its own."""

from collections.abc import Mapping
from typing import Final

import re2

from pipeline_guard.remedies.unified import FileChange

SKIPS: Final = re2.compile(
    r"(?i)#\s*noqa|#\s*nosec|#\s*nopep8|type:\s*ignore|pyright:\s*ignore|mypy:\s*ignore"
    r"|pylint:\s*disable|pragma:\s*no\s*(?:cover|branch)|fmt:\s*(?:off|skip)|isort:\s*skip"
    r"|eslint-disable|biome-ignore|@ts-(?:ignore|nocheck|expect-error)|prettier-ignore"
    r"|istanbul\s+ignore|[cv]8\s+ignore|stylelint-disable|//\s*nolint|NOLINT|clang-format\s+off"
    r"|@SuppressWarnings|@Suppress\b|@Disabled\b|@Ignore\b|#\[ignore|#\[(?:cfg_attr\(.*)?allow\("
    r"|#\[rustfmt::skip|rubocop:\s*disable|shellcheck\s+disable|hadolint\s+ignore|checkov:\s*skip"
    r"|tfsec:\s*ignore|tflint-ignore|trivy:\s*ignore|swiftlint:\s*disable|phpcs:\s*(?:ignore|disable)"
    r"|phpstan-ignore|@phpstan|nosemgrep|NOSONAR|coverage:\s*ignore"
    r"|pytest\.(?:skip|xfail|importorskip)|mark\.(?:skip|xfail)|unittest\.skip|skipTest\("
    r"|\b(?:it|test|describe|context|suite)\.(?:skip|todo|fixme|failing)\b|\bx(?:it|test|describe)\("
    r"|\bt\.Skip|testing\.Short\(|\bGTEST_SKIP|\bDISABLED_|continue-on-error|allow_failure"
    r"|\|\|\s*true\b|--exit-zero|--no-verify|set\s+\+e\b"
)
"""Marks by which tools and frameworks are told to look away."""
ASSERTIONS: Final = re2.compile(
    r"\bassert|\bexpect\(|\.should\b|\bshould\b\s*\(|\b(?:require|assert)\.\w|\bverify\("
    r"|\b(?:EXPECT|ASSERT|CHECK|REQUIRE)(?:_\w+)?\(|\bt\.(?:Error|Fatal|Fail)"
)
"""What a test checks something with."""
PIPELINES: Final = (
    ".github/",
    ".gitlab-ci",
    ".gitlab/",
    ".circleci/",
    ".buildkite/",
    ".azure-pipelines",
    "azure-pipelines",
    ".travis",
    ".drone",
    ".woodpecker",
    "appveyor",
    "bitbucket-pipelines",
    "cloudbuild",
    "Jenkinsfile",
)
"""How the paths of pipelines' own definitions begin."""
OURS: Final = (".pipeline-guard",)
"""Nobody changes the rules it is judged by."""


def harm(changes: Mapping[str, FileChange], *, pipelines: bool) -> str | None:
    """Why the patch of these files must not be proposed, None when it may be.

    `pipelines`: whether it may change a pipeline's definition. Marks and assertions are counted,
    not compared: a formatter may move them to another line.
    """
    for path, change in changes.items():
        if not inside(path):
            return f"{path} is not a path inside the repository."
        if path.startswith(OURS):
            return f"{path} is our own policy, which we do not change."
        if path.startswith(PIPELINES) and not pipelines:
            return f"{path} defines the pipeline itself; the policy keeps it from us."
        added, removed = _texts(change)
        if _count(SKIPS, added) > _count(SKIPS, removed):
            return f"It would tell a tool to look away in {path} instead of mending it."
        if _count(ASSERTIONS, added) < _count(ASSERTIONS, removed):
            return f"It would take an assertion out of {path}."
    return None


def inside(path: str) -> bool:
    """A path below the repository's root, and not git's own."""
    parts = path.split("/")
    return not (path.startswith(("/", "~")) or ".." in parts or ".git" in parts or "\\" in path)


def _texts(change: FileChange) -> tuple[str, str]:
    """All added and all removed lines."""
    lines = [line for hunk in change.hunks for line in hunk]
    return (
        "".join(line.value for line in lines if line.is_added),
        "".join(line.value for line in lines if line.is_removed),
    )


def _count(pattern: "re2._Regexp[str]", text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))
