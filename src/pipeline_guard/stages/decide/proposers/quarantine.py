"""Proposes to mark a test that history proves flaky, with its owner and an end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pipeline_guard.domain.changes import PreparedPatch, Quarantine
from pipeline_guard.domain.plan import Plan, Refusal, Step
from pipeline_guard.policy.schema import Policy
from pipeline_guard.remedies.caution import inside
from pipeline_guard.remedies.quarantine import print_of
from pipeline_guard.stages.decide.facts import Facts
from pipeline_guard.stages.decide.guards import Guard
from pipeline_guard.stages.decide.proposers.base import refused_before, weigh
from pipeline_guard.stages.decide.proposers.patch import own_branch, plain


def propose(facts: Facts, policy: Policy, plan: Plan, now: datetime) -> Sequence[Step | Refusal]:
    """The mark as a step, or what is missing for it; nothing where nobody asks for quarantine."""
    known = facts.quarantine
    if known is None:
        return ()
    if (short := _short_of_proof(known, policy)) is not None:
        return (Refusal("proven", short, "quarantine"),)
    if known.patch is None:
        return (Refusal("usable", known.problem or "There is no mark to propose.", "quarantine"),)
    step = _step(known, known.patch)
    return weigh(step, GUARDS, policy.quarantine.mode, facts, policy, now)


def _short_of_proof(known: Quarantine, policy: Policy) -> str | None:
    if known.proofs >= policy.quarantine.proven:
        return None
    return (
        f"It failed and then passed at the same commit {known.proofs} times in 30 days;"
        f" {policy.quarantine.proven} are asked for."
    )


def _step(known: Quarantine, patch: PreparedPatch) -> Step:
    fingerprint = print_of(known.test)
    test, owners = plain(known.test), " ".join(known.owners)
    params = {
        "diff": patch.diff,
        "paths": list(patch.paths),
        "base": patch.base,
        "fingerprint": fingerprint,
        "test": known.test,
        "until": known.until,
        "owners": list(known.owners),
        "title": f"Quarantine the flaky test {test} until {known.until}",
        "body": (
            f"The test {test} is flaky: {patch.origin}. This marks it until {known.until}; after"
            f" that its removal is proposed. Owner, by CODEOWNERS: {owners}.\n\n"
            "Close this if it is not wanted: it is not proposed again."
        ),
    }
    why = f"{test} is proven flaky: {patch.origin}."
    return Step("quarantine", params, why, once=f"{fingerprint}/{patch.base}")


def owner(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """A mark that nobody answers for stays for ever."""
    if facts.quarantine is not None and facts.quarantine.owners:
        return None
    return "CODEOWNERS names nobody for the test's file, and a mark needs an owner."


def path(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """Only a file inside the repository."""
    patch = facts.quarantine.patch if facts.quarantine else None
    outside = [item for item in (patch.paths if patch else ()) if not inside(item)]
    return f"{outside[0]} is not a path inside the repository." if outside else None


def declined(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """Whoever closed the proposal has answered it."""
    known = facts.quarantine
    return refused_before(facts, "quarantine", print_of(known.test)) if known else None


GUARDS: Final[tuple[Guard, ...]] = (own_branch, owner, path, declined)
