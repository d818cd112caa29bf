"""What the pages call things: names of categories and states, moments, durations, shares."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pipeline_guard.stages.report.verdict import is_flaky

STATES: Final[Mapping[str, str]] = {
    "open": "needs a person",
    "escalated": "still red",
    "healing": "being re-run",
    "healed": "healed",
    "observed": "observed",
    "ignored": "ignored",
    "superseded": "superseded",
}
EXPLAINED: Final[Mapping[str, str]] = {
    "open": "Nothing was done: a person should look.",
    "escalated": "A re-run did not help: a person should look.",
    "healing": "A re-run was asked for; its end is awaited.",
    "healed": "A later attempt of the same commit passed.",
    "observed": "The mode is observe: this is what would have been done.",
    "ignored": "A person said that nothing needs doing.",
    "superseded": "A newer commit took its place.",
}
GUARDS: Final[Mapping[str, str]] = {
    "transient": "a re-run won’t help",
    "category": "never for this cause",
    "confidence": "not sure enough",
    "attempts": "tried often enough",
    "base_attempts": "tried often enough here",
    "cool_down": "too soon after the last",
    "breadth": "too much is red at once",
    "same_on_target": "red on the target, too",
    "never_rerun": "protected job",
    "superseded": "newer commit",
    "budget": "budget used up",
    "maintenance": "maintenance window",
    "kill_switch": "switched off",
    "switched_off": "switched off here",
    "forks": "from a fork",
    "own_actor": "our own run",
    "incident": "held by an incident",
    "possible": "platform cannot",
}
"""Guards by what their refusal comes to, in the space that a table has."""
_SPECIAL: Final[Mapping[str, str]] = {
    "lint_format": "Lint or format",
    "network_transient": "Network trouble",
    "infra_runner": "Runner or infrastructure",
    "vcs_checkout": "Checkout",
    "auth_permission": "Permission",
    "dependency_resolution": "Dependencies",
    "out_of_memory": "Out of memory",
    "none": "No failure in the log",
    "unknown": "Unknown cause",
}


def category(name: str) -> str:
    """A category as a person would say it."""
    return _SPECIAL.get(name) or name.replace("_", " ").capitalize()


def guard(name: str) -> str:
    """A guard's refusal in a few words."""
    return GUARDS.get(name) or name.replace("_", " ")


def percent(share: float | None) -> str:
    """A share of 1 as a percentage; never 100 % for what is only nearly so."""
    if share is None:
        return "–"
    whole = round(share * 100)
    return f"{99 if whole == 100 and share < 1 else whole} %"


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago a moment was, in its largest unit."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def duration(minutes: float | None) -> str:
    """Minutes as a person reads them."""
    if minutes is None:
        return "–"
    if minutes < 1:
        return f"{round(minutes * 60)} s"
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 60 * 48 else f"{minutes / 1440:.1f} d"


def number(value: float | None) -> str:
    """A count with thin spaces between thousands."""
    return "–" if value is None else f"{value:,.0f}".replace(",", "\u202f")


def money(value: float | None) -> str:
    """An amount in whatever currency the prices are in; thin spaces between thousands."""
    if value is None:
        return "–"
    digits = 4 if 0 < abs(value) < 0.01 else 2
    return f"{value:,.{digits}f}".replace(",", "\u202f")


def verdict(failure: Any) -> str:
    """What a failure comes to, in a few words."""
    if failure.category == "unknown":
        return "Nothing here names its cause."
    if failure.transient:
        return "Not the change's fault, most likely: an unchanged re-run may pass."
    if hasattr(failure, "plan") and is_flaky(failure):
        return "Flaky, by its history: unchanged re-runs have passed."
    return "An unchanged re-run would not help."


def safe_url(url: str | None) -> str | None:
    """A link from a platform only when it is one: never another scheme such as javascript."""
    return url if url and url.startswith(("https://", "http://")) else None
