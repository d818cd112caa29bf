"""The verdict: one sentence on whose a failure is, what it is, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pipeline_guard.domain import chance
from pipeline_guard.domain.chance import Tally
from pipeline_guard.domain.diagnosis import Category
from pipeline_guard.store.tables import Failure

Whose = Literal["not_yours", "yours", "unsure", "settled"]
SURE: Final = 0.8
"""From this confidence on, "most likely" is left out."""
GUESS: Final = 0.5
"""Below this confidence a cause is a guess, and says nothing of whose it is."""
YOURS: Final[frozenset[Category]] = frozenset({"test_failure", "compile_error", "lint_format"})
"""What a change itself breaks; all else may as well be what surrounds it."""
FLAKY: Final = "Not your change, most likely"
PASSES: Final = "has passed unchanged before"
WORDS: Final[Mapping[str, str]] = {
    "test_failure": "a test failed",
    "compile_error": "it does not compile",
    "lint_format": "a linter or formatter objects",
    "config_error": "a configuration is wrong",
    "dependency_resolution": "dependencies do not resolve",
    "network_transient": "the network failed",
    "container_registry": "a container registry failed",
    "rate_limit": "a service was asked too often",
    "infra_runner": "the runner failed",
    "timeout": "it took too long",
    "disk_full": "the disk is full",
    "out_of_memory": "memory ran out",
    "crash": "a program crashed",
    "flaky_test": "a flaky test failed",
    "vcs_checkout": "the checkout failed",
    "auth_permission": "access was denied",
    "resource_not_found": "something that it needs is gone",
    "deploy_failure": "a deployment failed",
    "cancelled": "it was cancelled",
    "unknown": "the log names no cause known here",
    "none": "the log shows no failure",
}


_TOLD: Final[Mapping[str, tuple[Whose, str, str, str]]] = {
    "worth": ("unsure", "❔", "Unsure", "which re-runs have seldom mended"),
    "same_on_target": ("not_yours", "🔎", "Not your change", "as on the branch it goes to"),
    "incident": ("not_yours", "🔎", "Not your change", "in many runs at once"),
}
"""What a refusal tells of whose it is, the first that there is."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whose it is in two words, and the rest of the sentence without its full stop.

    Both are plain text of ours, no names of jobs in it.
    """

    whose: Whose
    sign: str
    """One sign for the eye; the words say the same."""
    opening: str
    rest: str


def verdict(failure: Failure) -> Verdict:
    """The verdict on a stored failure, from its status, diagnosis and what was refused."""
    cause = cause_of(failure)
    match failure.status:
        case "healed":
            # What heals without a passed attempt of the same run has passed in another run.
            passed = "the re-run passed" if failure.rerun_passed else "it passed on another runner"
            return Verdict("settled", "✅", "Not your change", f"{cause}, and {passed}")
        case "healing":
            return _healing(failure, cause)
        case "escalated" if _was_rerun(failure):
            return Verdict("unsure", "❔", "Unsure", f"{cause}, and it is still red after re-runs")
        case "superseded":
            return Verdict("settled", "⏭️", "Replaced", f"{cause}; a newer commit has the word now")
        case "ignored":
            return Verdict("settled", "⏹️", "Ignored", cause)
        case _:
            return _open(failure, cause)


def cause_of(failure: Failure) -> str:
    """The cause in words, with its category and how sure that is."""
    said = WORDS.get(failure.category, failure.category)
    if failure.category == "unknown" and failure.diagnosis.get("lines") == 0:
        return "there is no log to tell the cause"
    if failure.category in ("unknown", "none"):
        return said
    return f"{said} (`{failure.category}`, {sure(failure)} sure)"


def sure(failure: Failure) -> str:
    """The confidence in percent; nothing here is a hundred per cent sure."""
    return f"{min(failure.confidence, 0.99):.0%}"


def against(failure: Failure) -> list[dict[str, str]]:
    """What speaks against re-running it."""
    return [item for item in failure.plan["refusals"] if item.get("step", "rerun") == "rerun"]


def _healing(failure: Failure, cause: str) -> Verdict:
    if failure.transient:
        likely = _likely("Not your change", failure)
        return Verdict("not_yours", "🔁", likely, f"{cause}; it is being re-run")
    if is_flaky(failure):
        return Verdict("not_yours", "🔁", FLAKY, f"{cause}, which {PASSES}; it is being re-run")
    return Verdict("unsure", "🔁", "Unsure", f"{cause}; it is being re-run, as somebody asked")


def is_flaky(failure: Failure) -> bool:
    """It reads as genuine, and history showed when it was decided that it passes unchanged."""
    facts = failure.plan.get("facts") or {}
    known = (facts.get("outcomes") or {}).get("fingerprint")
    return known is not None and chance.is_flaky(
        failure.category, Tally(**known), transient=failure.transient
    )


def _was_rerun(failure: Failure) -> bool:
    """Was it tried more than once? What was refused or the platform declined is no try."""
    tried = any(item.kind == "rerun" and item.status == "done" for item in failure.actions)
    refused = {item["guard"] for item in against(failure)}
    allowed = failure.plan["policy"].get("values", {}).get("max_reruns") != 0
    counted = "natively_retried" in refused or ("attempts" in refused and allowed)
    return tried or counted or failure.run_attempt > 1


def _open(failure: Failure, cause: str) -> Verdict:
    refused = {item["guard"] for item in against(failure)}
    for guard, (whose, sign, opening, rest) in _TOLD.items():
        if guard in refused:
            return Verdict(whose, sign, opening, f"{cause}, {rest}")
    if failure.category in ("unknown", "none") or failure.confidence < GUESS:
        return Verdict("unsure", "❔", "Unsure", cause)
    if failure.transient:
        return Verdict("not_yours", "🔎", _likely("Not your change", failure), cause)
    if is_flaky(failure):
        return Verdict("not_yours", "🔎", FLAKY, f"{cause}, which {PASSES}")
    if failure.category in YOURS:
        return Verdict("yours", "❌", _likely("Yours", failure), cause)
    return Verdict("unsure", "❔", "Unsure", f"{cause}; the change or what surrounds it")


def _likely(opening: str, failure: Failure) -> str:
    return opening if failure.confidence >= SURE else f"{opening}, most likely"
