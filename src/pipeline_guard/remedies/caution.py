"""What no patch may do: switch a check off instead of passing it, or touch what is not its own."""

from collections.abc import Mapping
from typing import Final

import re2

from pipeline_guard.remedies.unified import FileChange

SKIPS: Final = re2.compile(
    r"(?im)\bnoqa\b|#\s*nosec|#\s*nopep8|type:\s*ignore|pyright:\s*ignore|mypy:\s*ignore"
    r"|pylint:\s*disable|pragma:\s*no\s*(?:cover|branch)|fmt:\s*(?:off|skip)|isort:\s*skip"
    r"|eslint-disable|biome-ignore|@ts-(?:ignore|nocheck|expect-error)|prettier-ignore"
    r"|istanbul\s+ignore|[cv]8\s+ignore|stylelint-disable|//\s*nolint|NOLINT|clang-format\s+off"
    r"|@SuppressWarnings|@Suppress\b|@Disabled\b|@Ignore\b|#!?\[ignore|#!?\[(?:cfg_attr\(.*)?(?:allow|expect)\("
    r"|#\[rustfmt::skip|rubocop:\s*(?:disable|todo)|shellcheck\s+disable|hadolint\s+ignore|checkov:\s*skip"
    r"|tfsec:\s*ignore|tflint-ignore|trivy:\s*ignore|swiftlint:\s*disable|phpcs:\s*(?:ignore|disable)"
    r"|phpstan-ignore|@phpstan|nosemgrep|NOSONAR|coverage:\s*ignore|pyre-(?:ignore|fixme)"
    r"|tslint:\s*disable|yamllint\s+disable|markdownlint-disable|ktlint-disable|detekt:disable"
    r"|codespell:\s*ignore|(?:gitleaks|semgrep|bandit)[:-]\s*(?:allow|ignore)|ruff:\s*ignore"
    r"|#pragma\s+warning\s+disable|SuppressMessage|deno-(?:lint|fmt)-ignore|dialyzer:"
    r"|pytest\.(?:skip|xfail|importorskip)|mark\.(?:skip|xfail)|unittest\.skip|skipTest\b|expectedFailure"
    r"|@skip(?:if|unless)?\b|@(?:module)?tag[ (]:?skip|\bskip_all\b|^\s*(?:skip|pending)[ (]+[\"']"
    r"|\b(?:it|test|describe|context|suite)(?:\.\w+)*\.(?:skip|todo|fixme|failing|only)\b"
    r"|\bassert(?:True)?[ (]+True\b\)?\s*(?:$|,|#)|\bexpect\(true\)\.to"
    r"|\b[xf](?:it|test|describe|context)\b\s*[(\"']|\bmarkTest(?:Skipped|Incomplete)|\bXCTSkip"
    r"|\[Ignore\b|\bSkip\s*=\s*\"|Assert\.(?:Ignore|Inconclusive)|//go:build\s+ignore"
    r"|\bt\.Skip|testing\.Short\(|\bGTEST_SKIP|\bDISABLED_|continue-on-error|allow_failure"
    r"|(?:\|\||;)\s*(?:true\b|:\s|:$|exit\s+0\b)|--exit-zero|--no-verify|set\s+\+e\b"
)
"""Marks by which tools and frameworks are told to look away."""
LOOSENED: Final = re2.compile(
    r"(?i)\b[-\w.]*(?:ignor|exclud|skip|disabl|suppress)\w*|\b(?:\w+[-_.])*(?:omit|deselect|nowarn)\b"
    r"|[\"']?\s*:\s*[\"']?(?:off\b|0\s*[,}\n])|--(?:ignore|deselect|exclude)|-k\s+.?not\s"
)
"""What the settings of tools say to look at less."""
SETTINGS: Final = re2.compile(
    r"(?i)(?:.*/)?(?:pyproject\.toml|setup\.cfg|tox\.ini|(?:mypy|pytest)\.ini|\.?ruff\.toml"
    r"|\.flake8|\.pylintrc|\.coveragerc|\.bandit|conftest\.py|\.pre-commit-config\.ya?ml"
    r"|\.?(?:eslint|stylelint|prettier|jest|vitest|biome|tslint|tsconfig|mocha|nyc|oxlint)[\w.-]*"
    r"|\.golangci\.ya?ml|\.rubocop[\w.-]*|\.rspec|clippy\.toml|\.clang-tidy|\.hadolint\.ya?ml"
    r"|\.yamllint[\w.-]*|\.markdownlint[\w.-]*|phpstan[\w.-]*\.neon|phpunit[\w.]*\.xml[\w.]*"
    r"|\.shellcheckrc|\.?codespellrc|\.tflint\.hcl|\.editorconfig|package\.json|makefile)"
)
"""Names of files by which tools are set up to look."""
IGNORES: Final = re2.compile(
    r"(?i)(?:.*/)?\.(?:eslint|prettier|stylelint|trivy|gitleaks|semgrep|dockle|snyk|jshint)ignore"
)
"""Names of files whose every line is something not to look at."""
ASSERTIONS: Final = re2.compile(
    r"\bassert|\bexpect\(|\.should\b|\bshould\b\s*\(|\b(?:require|assert)\.\w|\bverify\("
    r"|\b(?:EXPECT|ASSERT|CHECK|REQUIRE)(?:_\w+)?\(|\bt\.(?:Error|Fatal|Fail)"
)
"""What a test checks something with."""
TESTS: Final = re2.compile(
    r"(?m)\bdef test|\bfunc (?:\(.*\) )?Test|@(?:Parameterized|Repeated)?Test\b|#\[(?:\w+::)*test\b"
    r"|\b(?:it|test|specify)(?:\.\w+)*\(\s*[\"'`]|^\s*(?:it|test|specify) [\"']|\bTEST(?:_F|_P)?\("
    r"|\[(?:Fact|Theory|Test|TestMethod|TestCase)\b|\bfunction test\w*\("
)
"""How a test begins."""
STEPS: Final = re2.compile(
    r"(?m)^\s*(?:-\s+)?[\"']?(?:run|script|uses|before_script|command)[\"']?:"
)
"""How a step of a pipeline begins."""
NEVER: Final = re2.compile(
    r"(?im)^\s*(?:-\s+)?[\"']?(?:if|when|condition|enabled)[\"']?:\s*"
    r"(?:[\"']|\$\{\{)?\s*(?:false|never|manual|0)\b"
)
"""How a pipeline says that a part of it is not run, at least not by itself."""
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
    found = (
        _off_limits(path, pipelines=pipelines) or _blinding(path, change)
        for path, change in changes.items()
    )
    return next((reason for reason in found if reason), None)


def _off_limits(path: str, *, pipelines: bool) -> str | None:
    if not inside(path):
        return f"{path} is not a path inside the repository."
    if path.startswith(OURS):
        return f"{path} is our own policy, which we do not change."
    if path.startswith(PIPELINES) and not pipelines:
        return f"{path} defines the pipeline itself; the policy keeps it from us."
    return None


def _blinding(path: str, change: FileChange) -> str | None:
    """What of the change makes a check see less."""
    added, removed = _texts(change)
    pipeline = path.startswith(PIPELINES)
    if _count(SKIPS, added) > _count(SKIPS, removed):
        return f"It would tell a tool to look away in {path} instead of mending it."
    kept = [(ASSERTIONS, "an assertion"), (TESTS, "a test")] + [(STEPS, "a step")] * pipeline
    for pattern, what in kept:
        if _count(pattern, added) < _count(pattern, removed):
            return f"It would take {what} out of {path}."
    if pipeline and _count(NEVER, added) > _count(NEVER, removed):
        return f"It would have a part of {path} not run."
    settings = pipeline or SETTINGS.fullmatch(path)
    loosened = settings and _count(LOOSENED, added) > _count(LOOSENED, removed)
    if loosened or (IGNORES.fullmatch(path) and _lines(added) > _lines(removed)):
        return f"It would have a tool look at less, in {path}."
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


def _lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip())


def _count(pattern: "re2._Regexp[str]", text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))
