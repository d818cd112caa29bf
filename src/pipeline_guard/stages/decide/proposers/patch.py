"""Proposes a patch: what the failing job printed itself, where it is small and does no harm."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pipeline_guard.domain.changes import OWN_BRANCHES, PRINTED, PreparedPatch
from pipeline_guard.domain.diagnosis import Category
from pipeline_guard.domain.plan import Plan, Refusal, Step
from pipeline_guard.policy.schema import Policy
from pipeline_guard.remedies.caution import harm
from pipeline_guard.remedies.patch import branch_name
from pipeline_guard.remedies.unified import place, read_diff
from pipeline_guard.stages.decide.facts import Facts
from pipeline_guard.stages.decide.guards import Guard
from pipeline_guard.stages.decide.proposers.base import refused_before, weigh

MENDED: Final[frozenset[Category]] = frozenset(
    {"lint_format", "config_error", "compile_error", "test_failure", "unknown"}
)
"""What a job may fail of when the diff that it printed is the remedy: a file that was not
generated anew, for example, fails a test or has no name at all."""


def propose(facts: Facts, policy: Policy, plan: Plan, now: datetime) -> Sequence[Step | Refusal]:
    """The prepared patch as a step, where there is one."""
    patch = facts.patch
    if patch is None:
        return ()
    if patch.problem is not None:
        return (Refusal("usable", patch.problem, "patch"),)
    return weigh(_step(facts, patch), GUARDS, policy.patch.mode, facts, policy, now)


def _step(facts: Facts, patch: PreparedPatch) -> Step:
    fingerprint = facts.diagnosis.fingerprint
    params = {
        "diff": patch.diff,
        "paths": list(patch.paths),
        "base": patch.base,
        "fingerprint": fingerprint,
        "title": f"Change what the job '{plain(facts.job.name)}' asks for",
        "body": _body(facts, patch),
    }
    why = (
        f"A change of {len(patch.paths)} file(s), {patch.lines} lines, mends it: {patch.origin},"
        " and it fits the files as they are."
    )
    return Step("patch", params, why, once=branch_name(fingerprint, patch.paths, patch.base))


def _body(facts: Facts, patch: PreparedPatch) -> str:
    run = facts.run
    number = f"#{run.request.number}" if run.request else "the branch"
    where = facts.job.url or run.url
    told = f"[{plain(facts.job.name)}]({where})" if where else plain(facts.job.name)
    return (
        f"The job {told} failed at {patch.base[:10]}. This change mends it ({patch.origin});"
        f" it fits the files there exactly and goes into the branch of {number}.\n\n"
        "Close this if it is not wanted: it is not proposed again."
    )


def plain(name: str) -> str:
    """A job's name without what Markdown or a mention would be made of."""
    kept = "".join(c for c in name if c.isalnum() or c in " .,:/()-_")
    return " ".join(kept.split())[:80]


def own_branch(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """An answer to our own proposal would never end."""
    if not (facts.run.branch or "").startswith(OWN_BRANCHES):
        return None
    return "The branch is one of ours, which we never answer."


def fingerprint(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """Without one, the same proposal could not be found again."""
    return None if facts.diagnosis.fingerprint else "The failure has no fingerprint."


def cause(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """A job may print a diff and then fail for something else that no change of files mends."""
    found = facts.diagnosis
    if _of(facts).origin != PRINTED or (found.category in MENDED and not found.transient):
        return None
    return f"The job printed a diff, but failed of {found.category}, which no change mends."


def size(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """What nobody reads over is not proposed."""
    patch, limits = _of(facts), policy.patch
    if len(patch.paths) > limits.max_files:
        return f"It changes {len(patch.paths)} files; {limits.max_files} is the most."
    if patch.lines > limits.max_lines:
        return f"It changes {patch.lines} lines; {limits.max_lines} is the most."
    return None


def harmless(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """A check is passed, not switched off."""
    patch = _of(facts)
    found = {place(part, patch.paths): part for part in read_diff(patch.diff)}
    return harm(found, pipelines=policy.patch.pipelines)


def fork(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """Nothing is written to a fork; there it stays a suggestion."""
    request = facts.run.request
    if request is None or not request.from_fork:
        return None
    return "The request is from a fork, where nothing is written to: it stays a suggestion."


def protected(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """Nobody asked us to work on a protected branch; there it stays a suggestion."""
    if not _of(facts).protected:
        return None
    return f"{facts.run.branch} is a protected branch: it stays a suggestion."


def declined(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """Whoever closed the proposal has answered it; `/guard patch` asks anew."""
    told = refused_before(facts, "patch", facts.diagnosis.fingerprint, _of(facts).paths)
    return f"{told} /guard patch proposes it again." if told else None


def _of(facts: Facts) -> PreparedPatch:
    if facts.patch is None:
        raise ValueError("only asked about a failure with a patch")
    return facts.patch


GUARDS: Final[tuple[Guard, ...]] = (
    own_branch,
    fingerprint,
    cause,
    size,
    harmless,
    fork,
    protected,
    declined,
)
