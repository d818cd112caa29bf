"""How the patterns of a policy fit the names of repositories, branches and jobs."""

from fnmatch import fnmatchcase
from typing import Final

PROTECTED: Final = (
    "*deploy*",
    "*publish*",
    "release*",
    "create*release*",
    "draft*release*",
    "*semantic-release*",
    "*goreleaser*",
    "*rollout*",
    "*promote*",
    "*terraform?apply*",
    "*kubectl apply*",
    "*helm upgrade*",
    "*pulumi up*",
    "*roll out*",
    "*go?live*",
    "*to prod*",
    "*to staging*",
    "prod",
    "production",
    "staging",
    "npm?release",
    "pre?release*",
    "*and?release",
    "*to pypi*",
    "*to npm*",
)
"""What deploys and releases are called, as far as a name alone tells."""


def fits_job(name: str, pattern: str) -> bool:
    """A pattern fits the name as a whole or a part between slashes ("ci / release (eu)")."""
    lowered = name.lower()
    parts = [lowered, *(part.strip() for part in lowered.split("/"))]
    return any(fnmatchcase(part, pattern.lower()) for part in parts)


def fits_repository(name: str, pattern: str) -> bool:
    """Full names, case ignored, as platforms do."""
    return fnmatchcase(name.lower(), pattern.lower())


def fits_runner(label: str, pattern: str) -> bool:
    """Labels of runners, case ignored."""
    return fnmatchcase(label.lower(), pattern.lower())


def fits_environment(name: str, pattern: str) -> bool:
    """Names of environments, case ignored; one that is told only while it runs may be any."""
    return "${{" in name or fnmatchcase(name.lower(), pattern.lower())


def fits_branch(name: str, pattern: str) -> bool:
    """Branches as they are written."""
    return fnmatchcase(name, pattern)
