"""What a log says about a failure: category, confidence, evidence, fingerprint."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from pipeline_guard.domain.changes import Edit

Category = Literal[
    "test_failure",
    "compile_error",
    "lint_format",
    "config_error",
    "dependency_resolution",
    "network_transient",
    "container_registry",
    "rate_limit",
    "infra_runner",
    "timeout",
    "disk_full",
    "out_of_memory",
    "crash",
    "flaky_test",
    "vcs_checkout",
    "auth_permission",
    "resource_not_found",
    "deploy_failure",
    "cancelled",
    "unknown",
    "none",
]
"""The fixed set of causes. `none`: the log holds no failure. `unknown`: it does, unnamed."""

CATEGORIES: Final[tuple[Category, ...]] = get_args(Category)

TRANSIENT_BY_NATURE: Final[frozenset[Category]] = frozenset(
    {"network_transient", "rate_limit", "infra_runner", "flaky_test"}
)
"""Categories whose unchanged re-run plausibly passes when no rule says otherwise."""

Source = Literal["rule", "model", "none"]
"""Who named the category: a rule, the trained model, or nobody."""


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One telling line: `line` is 1-based in the raw log, `text` is cleaned and redacted.

    `url` is where the platform shows it, if it does. Where the log is an archive, `part` is the
    file in it (a step's) that `line` counts in. `rule` is the first rule that the line hits.
    """

    line: int
    text: str
    url: str | None = None
    part: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A category with its confidence in [0, 1]."""

    category: Category
    confidence: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The judgement of one log; `evidence` is ordered, most telling line first."""

    category: Category
    confidence: float
    source: Source
    transient: bool
    rule: str | None = None
    rule_version: str | None = None
    """A digest of what the rule said when it judged."""
    evidence: tuple[EvidenceLine, ...] = ()
    fingerprint: str = ""
    failed_tests: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    advice: str | None = None
    link: str | None = None
    excerpt: str = ""
    """Redacted excerpt the model read; kept for history and training."""
    notes: tuple[str, ...] = ()
    """What the reader must know, for example that the log was cut at a cap."""
    bytes: int = 0
    lines: int = 0
    diff: str = ""
    """The unified diff that the job itself printed, whole and free of secrets; often none."""
    fix: tuple[Edit, ...] = ()
    """What the rule knows to mend it with, its captures filled in."""
    redactions: int = 0
    """Secrets masked in what is kept of the log."""
