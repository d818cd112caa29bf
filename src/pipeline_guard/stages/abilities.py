"""Writes docs/platforms.md from what the platforms declare, so that it is never out of date."""

from collections.abc import Mapping, Sequence
from typing import Final

from pipeline_guard.domain.capabilities import Capability
from pipeline_guard.platforms import ADAPTERS
from pipeline_guard.policy.abilities import WISHES, Wish
from pipeline_guard.remedies import REMEDIES

MEANING: Final[Mapping[Capability, str]] = {
    "rerun_run": "re-run a whole run",
    "rerun_failed_jobs": "re-run only what failed of a run",
    "rerun_job": "re-run one job",
    "rerun_debug": "have a re-run log more",
    "rerun_other_runner": "run a workflow anew with another runner as its input",
    "rerun_is_new_run": "a re-run is a run of its own, with another id",
    "rerun_takes_dependents": "with a job, those that need it are run again, too",
    "cancel": "cancel a run",
    "comment": "keep one comment on a pull or merge request",
    "commands": "hear and answer `/guard` commands",
    "checks": "show the verdict as a check with remarks at lines",
    "annotations": "read the platform's own remarks about a job",
    "issues": "keep issues",
    "labels": "label pull or merge requests",
    "changes": "read files, push a branch of ours, open a pull or merge request",
    "inline_log": "the log has lines of several streams, each marked",
    "list_runs": "list runs, to find those whose webhook was missed",
    "redeliver": "ask for a missed delivery again",
}
"""What each capability stands for, in the order of the page."""


def page() -> str:
    """docs/platforms.md."""
    names = sorted(ADAPTERS)
    lines = [
        "# What each platform can do",
        "",
        "Written by `pipeline-guard config platforms` from what the platforms declare.",
        "",
        *_table(
            ["", *names, "name in code"],
            [
                [text, *(_mark(capability, name) for name in names), f"`{capability}`"]
                for capability, text in MEANING.items()
            ],
        ),
        "",
        "## What remedies need",
        "",
        "A step that its platform cannot carry out is refused with that reason when it is decided.",
        "",
        *_table(
            ["remedy", "needs one of", "possible on"],
            [
                [kind, _code(sorted(remedy.needs_one_of)), ", ".join(_able(remedy.needs_one_of))]
                for kind, remedy in sorted(REMEDIES.items())
            ],
        ),
        "",
        "## What a policy may ask for",
        "",
        "A `guard.yaml` that asks for what no connected platform can do is refused when it is",
        "read, with file, line and reason; `pipeline-guard config check` tells it before. In a",
        "repository's own file it is a remark, which `failures show` prints.",
        "",
        *_table(
            ["key", "asks for it with", "possible on"],
            [
                [f"`{key}`", _asked(wish), ", ".join(_able({wish.capability}))]
                for key, wish in WISHES.items()
            ],
        ),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    made = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(row)} |" for row in made]


def _mark(capability: Capability, name: str) -> str:
    return "yes" if capability in ADAPTERS[name] else "–"


def _able(capabilities: frozenset[Capability] | set[Capability]) -> list[str]:
    return [name for name in sorted(ADAPTERS) if ADAPTERS[name] & capabilities]


def _asked(wish: Wish) -> str:
    """The values of a policy that ask for it."""
    if wish.values is None:
        return "any value"
    return _code([str(value).lower() for value in wish.values])


def _code(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)
