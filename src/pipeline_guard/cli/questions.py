"""What `init` must know of a platform, and how it asks for what it was not told."""

import secrets
from dataclasses import dataclass
from typing import Final

import typer

from pipeline_guard.errors import ConfigError

PREFIX: Final = "PIPELINE_GUARD_"
MODES: Final = ("observe", "suggest", "act")


@dataclass(frozen=True, slots=True)
class Known:
    """A platform's variables, without the prefix, and where its webhook is made."""

    address: str
    default: str
    token: str
    secret: str
    where: str


KNOWN: Final = {
    "github": Known(
        "GITHUB_API_URL",
        "https://api.github.com",
        "GITHUB_TOKEN",
        "GITHUB_WEBHOOK_SECRET",
        "Settings → Webhooks → Add webhook: content type application/json; the events Workflow"
        " runs, Workflow jobs and Issue comments",
    ),
    "gitlab": Known(
        "GITLAB_URL",
        "https://gitlab.com",
        "GITLAB_TOKEN",
        "GITLAB_WEBHOOK_SECRET",
        "Settings → Webhooks → Add new webhook: the secret as secret token; Pipeline events, Job"
        " events and Comments",
    ),
    "buildbot": Known(
        "BUILDBOT_URL",
        "http://localhost:8010",
        "BUILDBOT_PASSWORD",
        "BUILDBOT_WEBHOOK_TOKEN",
        "a reporters.HttpStatusPush in master.cfg, with the secret as its password",
    ),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What the command line said; what is None is asked for, or has a good default."""

    platform: str | None
    url: str | None
    token: str | None
    user: str | None
    secret: str | None
    mode: str | None
    asking: bool
    """Is there a person to answer?"""


@dataclass(frozen=True, slots=True)
class Answers:
    """Variables and their values: what was said, and what only fills a gap."""

    platform: str
    said: dict[str, str]
    otherwise: dict[str, str]


def answers(told: Told) -> Answers:
    """All that is needed; raises ConfigError when something is missing and nobody can be asked."""
    platform = _chosen("platform", told.platform, tuple(KNOWN), None, told)
    known = KNOWN[platform]
    url = told.url
    if url is None and told.asking:
        url = str(typer.prompt("Its address", default=known.default))
    user = told.user
    if platform == "buildbot" and user is None and told.asking:
        user = str(typer.prompt("User who may rebuild (empty: anybody may)", default=""))
    mode = told.mode
    if mode is not None or told.asking:
        mode = _chosen("mode", mode, MODES, "observe", told)
    said = {
        known.address: url.rstrip("/") if url else None,
        "BUILDBOT_USER": user or None,
        known.token: (told.token or _token(platform, told))
        if platform != "buildbot" or user
        else None,
        known.secret: told.secret,
        "MODE": mode,
    }
    otherwise = {
        known.address: known.default,
        known.secret: secrets.token_hex(32),
        "MODE": "observe",
        "API_TOKEN": secrets.token_hex(32),
    }
    return Answers(
        platform,
        {f"{PREFIX}{name}": value for name, value in said.items() if value is not None},
        {f"{PREFIX}{name}": value for name, value in otherwise.items()},
    )


def _chosen(
    what: str, given: str | None, allowed: tuple[str, ...], default: str | None, told: Told
) -> str:
    choice = given
    if choice is None and told.asking:
        question = f"Which {what}? ({', '.join(allowed)})"
        choice = str(typer.prompt(question, default=default or allowed[0]))
    choice = choice or default
    if choice not in allowed:
        said = f"'{choice}' is none" if choice else "It is missing"
        raise ConfigError(f"--{what}: {said}; choose one of {', '.join(allowed)}.")
    return choice


def _token(platform: str, told: Told) -> str:
    if not told.asking:
        raise ConfigError(
            f"--token-file: it is missing. Write {platform}'s token into a file and name it, or"
            " pipe it in with --token-file -."
        )
    what = "Password" if platform == "buildbot" else "API token"
    return str(typer.prompt(f"{what} (not shown)", hide_input=True)).strip()
