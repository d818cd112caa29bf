"""Puts what a tool printed into a job's log as the platforms write it."""

from collections.abc import Callable

_TIME = "2026-03-04T05:06:{:02d}.1234567Z "


def github(body: list[str], *, failed: bool) -> list[str]:
    """Timestamps, groups, and the runner's own closing words."""
    lines = [
        "Current runner version: '2.319.1'",
        "##[group]Operating System",
        "Ubuntu 22.04.4 LTS",
        "##[endgroup]",
        "##[group]Run actions/checkout@v4",
        "with:",
        "  fetch-depth: 1",
        "##[endgroup]",
        "HEAD is now at 91aa2bc Merge pull request 12",
        "##[group]Run make ci",
        "\x1b[36;1mmake ci\x1b[0m",
        "shell: /usr/bin/bash -e {0}",
        "##[endgroup]",
        *body,
    ]
    if failed and not any("##[error]" in line for line in body):
        lines.append("##[error]Process completed with exit code 1.")
    lines += ["Post job cleanup.", "Cleaning up orphan processes"]
    return [_TIME.format(n % 60) + line for n, line in enumerate(lines)]


def gitlab(body: list[str], *, failed: bool) -> list[str]:
    """Sections, and the runner's verdict."""
    return [
        "\x1b[0KRunning with gitlab-runner 17.1.0 (91aa2bc7)\x1b[0;m",
        "section_start:1770000000:get_sources\r\x1b[0K\x1b[0K\x1b[36;1mGetting source\x1b[0;m",
        "Checking out 91aa2bc7 as detached HEAD (ref is main)...",
        "section_end:1770000003:get_sources\r\x1b[0K",
        "section_start:1770000003:step_script\r\x1b[0K\x1b[0K\x1b[36;1mExecuting script\x1b[0;m",
        "\x1b[32;1m$ make ci\x1b[0;m",
        *body,
        "section_end:1770000031:step_script\r\x1b[0K",
        "\x1b[31;1mERROR: Job failed: exit code 1\x1b[0;m" if failed else "Job succeeded",
    ]


def jenkins(body: list[str], *, failed: bool) -> list[str]:
    """The timestamper's brackets, and pipeline steps."""
    lines = ["[Pipeline] sh", "+ make ci", *body, "[Pipeline] }", "[Pipeline] End of Pipeline"]
    lines += ["ERROR: script returned exit code 1", "Finished: FAILURE"] if failed else []
    lines += [] if failed else ["Finished: SUCCESS"]
    return [f"[2026-03-04T05:06:{n % 60:02d}.123Z] {line}" for n, line in enumerate(lines)]


def azure(body: list[str], *, failed: bool) -> list[str]:
    """A script task of Azure Pipelines."""
    lines = ["##[section]Starting: make ci", "Task         : Command line", *body]
    lines += ["##[error]Bash exited with code '1'."] if failed else []
    lines += ["##[section]Finishing: make ci"]
    return [_TIME.format(n % 60) + line for n, line in enumerate(lines)]


def circleci(body: list[str], *, failed: bool) -> list[str]:
    """A step's bare output."""
    end = ["", "Exited with code exit status 1"] if failed else ["CircleCI received exit code 0"]
    return ["#!/bin/bash -eo pipefail", "make ci", *body, *end]


def travis(body: list[str], *, failed: bool) -> list[str]:
    """Folds, and the command's exit code."""
    code = int(failed)
    return [
        "travis_fold:start:git.checkout\r\x1b[0Ktravis_time:start:0a\r\x1b[0K$ git clone",
        "travis_fold:end:git.checkout\r\x1b[0K",
        "$ make ci",
        *body,
        f'\x1b[3{"1" if failed else "2"};1mThe command "make ci" exited with {code}.\x1b[0m',
        f"Done. Your build exited with {code}.",
    ]


def buildbot(body: list[str], *, failed: bool) -> list[str]:
    """A shell step with its header and trailer."""
    return [
        "make ci",
        " in dir /home/worker/build (timeout 1200 secs)",
        " using PTY: False",
        *body,
        f"program finished with exit code {2 if failed else 0}",
        "elapsedTime=31.4",
    ]


def plain(body: list[str], *, failed: bool) -> list[str]:
    """What a terminal shows."""
    return ["$ make ci", *body]


PLATFORMS: tuple[Callable[..., list[str]], ...] = (
    github,
    gitlab,
    jenkins,
    azure,
    circleci,
    travis,
    buildbot,
    plain,
)
