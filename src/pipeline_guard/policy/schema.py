"""The keys of a policy with their built-in values, and the shapes of the two files that hold them.

The built-in values are the careful ones. Every key is asked by a guard, in
stages/decide/guards.py or stages/decide/proposers/.
"""

import json
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from pipeline_guard.domain.diagnosis import Category
from pipeline_guard.domain.plan import Mode
from pipeline_guard.policy.patterns import PROTECTED
from pipeline_guard.policy.runner import OtherRunnerPolicy
from pipeline_guard.policy.targets import NoticeTarget
from pipeline_guard.policy.tracker import CancelPolicy, IssuePolicy, LabelPolicy
from pipeline_guard.policy.windows import Window

REPOSITORY_FILE: Final = ".pipeline-guard.yml"
"""Where a repository says its own part, on its default branch."""
Pattern = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Breadth(_Part):
    """Many jobs red at once is no flake: something they share is broken."""

    max_failed: Annotated[
        int, Field(ge=1, description="The most red jobs of one run that are still re-run.")
    ] = 10
    max_share: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="The largest share of a run's jobs that may be red, once over four are.",
        ),
    ] = 0.5


class Budgets(_Part):
    """What re-runs may cost over any 24 hours; a key that is absent sets no limit."""

    reruns_per_day: Annotated[
        int | None, Field(ge=0, description="The most re-runs that are asked for in 24 hours.")
    ] = None
    minutes_per_day: Annotated[
        float | None,
        Field(
            ge=0,
            description="The most CI minutes that re-runs may take in 24 hours, each counted"
            " with what the failed jobs took before.",
        ),
    ] = None
    money_per_day: Annotated[
        float | None,
        Field(
            ge=0,
            description="The most money that re-runs may cost in 24 hours, in the currency of"
            " `prices`.",
        ),
    ] = None


class Categories(_Part):
    """Causes by their category."""

    never: Annotated[
        tuple[Category, ...],
        Field(description="Categories that are never re-run, even where a rule says transient."),
    ] = ()


class Worth(_Part):
    """When a re-run pays: its chance to pass times what a green saves, against what it costs."""

    green_saves: Annotated[
        float,
        Field(
            ge=0,
            description="Minutes of a person that a green without a person saves: to notice, to"
            " read the log, to decide, to come back.",
        ),
    ] = 30.0
    rerun_costs: Annotated[
        float,
        Field(
            ge=0,
            description="What any re-run costs, in minutes of a person, however short: everybody"
            " waits longer to be told that it is red.",
        ),
    ] = 6.0
    minute_costs: Annotated[
        float,
        Field(ge=0, description="What a CI minute costs more, in minutes of a person."),
    ] = 0.1
    hour_costs: Annotated[
        float,
        Field(
            gt=0,
            description="What an hour of a person costs, in the currency of `prices`: by it money"
            " is counted in minutes.",
        ),
    ] = 60.0


class Forks(_Part):
    """Requests that come from a fork, whose code nobody here has written or read."""

    rerun: Annotated[
        bool,
        Field(
            description="Re-run failures of requests from forks. A re-run runs the same commit with"
            " the same rights as the attempt that somebody here let run, so it opens nothing new."
        ),
    ] = True
    first_time: Annotated[
        bool,
        Field(
            description="Re-run for people who have contributed nothing yet. Platforms ask a"
            " maintainer before they spend minutes on a stranger's change; we do not spend more."
        ),
    ] = False


class PatchPolicy(_Part):
    """Changes to files that mend a failure: what the job itself printed, or a rule names."""

    mode: Annotated[
        Mode,
        Field(
            description="observe: record what would have been proposed; suggest: show it in the"
            " comment; act: a branch and a pull or merge request as well. Never beyond the mode"
            " above."
        ),
    ] = "suggest"
    max_files: Annotated[int, Field(ge=1, le=100, description="The most files of one patch.")] = 10
    max_lines: Annotated[
        int, Field(ge=1, le=5000, description="The most lines it adds and removes.")
    ] = 400
    pipelines: Annotated[
        bool,
        Field(
            description="It may change the pipeline's own definition, such as .github/workflows."
        ),
    ] = False


class QuarantinePolicy(_Part):
    """Flaky tests that are marked as such for a while, by their framework's own marker."""

    mode: Annotated[Mode, Field(description="As patch.mode, but observe looks for nothing.")] = (
        "observe"
    )
    on_branches: Annotated[
        tuple[Pattern, ...],
        Field(description="Branches (shell patterns) whose failures may put a test aside."),
    ] = ("main", "master", "trunk", "develop")
    proven: Annotated[
        int,
        Field(
            ge=1,
            description="Times that a test must have failed and then passed at the same commit.",
        ),
    ] = 3
    days: Annotated[
        int, Field(ge=1, le=90, description="After so many days the mark is to be removed.")
    ] = 14


class Keys(_Part):
    """What any layer of a policy may say."""

    mode: Annotated[
        Mode,
        Field(
            description="observe: record what would have been done; suggest: comment as well;"
            " act: re-run as well. Without it, PIPELINE_GUARD_MODE says it."
        ),
    ] = "observe"
    enabled: Annotated[
        bool, Field(description="The kill switch: false stops re-runs and comments at once.")
    ] = True
    max_reruns: Annotated[
        int,
        Field(ge=0, le=50, description="Re-runs per job and commit, ours and other people's."),
    ] = 2
    max_reruns_per_base: Annotated[
        int,
        Field(
            ge=0,
            description="Our re-runs per job and branch, or request, over 24 hours: new commits do"
            " not start the count anew.",
        ),
    ] = 100
    min_confidence: Annotated[
        float,
        Field(ge=0, le=1, description="Below it a diagnosis is a guess, and re-runs nothing."),
    ] = 0.5
    never_rerun: Annotated[
        tuple[Pattern, ...],
        Field(
            description="Protected jobs, workflows and events: shell patterns, case ignored, that"
            " fit the whole name or a part between slashes. A cancelled or failed one also keeps"
            " its run from being re-run as a whole."
        ),
    ] = PROTECTED
    protected_environments: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(
            description="Jobs that deploy to these environments are protected, whatever they are"
            " called: shell patterns, case ignored. GitHub and GitLab tell what a job deploys to."
        ),
    ] = ("*",)
    let_protected_start: Annotated[
        bool,
        Field(
            description="Re-run a job on a branch also where a protected job of the run was skipped"
            " and may start, for the first time, once it is green. On requests that is always so."
        ),
    ] = False
    categories: Annotated[Categories, Field(description="What to do by category.")] = Categories()
    breadth: Annotated[Breadth, Field(description="How much may be red at once.")] = Breadth()
    cool_down: Annotated[
        int,
        Field(
            ge=0,
            le=1440,
            description="Minutes between two re-runs of the same job on the same branch.",
        ),
    ] = 0
    worth: Annotated[Worth, Field(description="When a re-run is worth its cost.")] = Worth()
    backoff: Annotated[
        float,
        Field(
            ge=0,
            le=60,
            description="Minutes before a second re-run of a job at a commit, give or take half;"
            " twice as many before each further one.",
        ),
    ] = 1.0
    budgets: Annotated[Budgets, Field(description="Limits per repository.")] = Budgets()
    maintenance: Annotated[
        tuple[Window, ...], Field(description="When nothing is re-run: a list of windows.")
    ] = ()
    forks: Annotated[Forks, Field(description="Requests from forks.")] = Forks()
    patch: Annotated[PatchPolicy, Field(description="Changes that mend a failure.")] = PatchPolicy()
    quarantine: Annotated[
        QuarantinePolicy, Field(description="Marks on tests that are proven flaky.")
    ] = QuarantinePolicy()
    debug_last_rerun: Annotated[
        bool,
        Field(description="Let the last re-run that is allowed log more, where the platform can."),
    ] = False
    other_runner: Annotated[
        OtherRunnerPolicy,
        Field(description="Another runner for the last re-run that is allowed."),
    ] = OtherRunnerPolicy()
    issue: Annotated[IssuePolicy, Field(description="Issues for what stays red.")] = IssuePolicy()
    label: Annotated[LabelPolicy, Field(description="Labels on requests.")] = LabelPolicy()
    cancel: Annotated[
        CancelPolicy, Field(description="Cancelling of re-runs that nobody waits for.")
    ] = CancelPolicy()


class Rules(_Part):
    """When a rule that calls failures transient is no longer taken at its word."""

    floor: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="A rule whose re-runs pass less often is demoted: it only suggests.",
        ),
    ] = 0.5
    outcomes: Annotated[
        int, Field(ge=3, le=30, description="Outcomes without which nothing is said of a rule.")
    ] = 10
    probe_hours: Annotated[
        float,
        Field(gt=0, description="One re-run of a demoted rule is let through so often."),
    ] = 6.0


class Incidents(_Part):
    """When one failure in many runs is an incident, and how its re-runs come back."""

    runs: Annotated[
        int, Field(ge=2, description="Runs with the same failure that make an incident.")
    ] = 6
    minutes: Annotated[int, Field(ge=1, description="Within so many minutes.")] = 30
    places: Annotated[
        int, Field(ge=1, description="In so many branches, over all repositories.")
    ] = 3
    times_usual: Annotated[
        float,
        Field(ge=1, description="So many times what was usual over the seven days before."),
    ] = 3.0
    probe_minutes: Annotated[
        int, Field(ge=1, description="While it is open, one re-run is let through so often.")
    ] = 10
    quiet_minutes: Annotated[int, Field(ge=1, description="Not seen for so long, it is over.")] = 60


_ORGANISATION: Final = (
    "Limits for all repositories of one organisation together: what stands before the first slash"
    " of their names. Names without a slash are together."
)


class Policy(Keys):
    """The values in force for one job, and what only the operator may say."""

    max_mode: Annotated[
        Mode | None,
        Field(
            description=f"How far a repository's own {REPOSITORY_FILE} may raise the mode;"
            " without it, no further than the mode given here."
        ),
    ] = None
    prices: Annotated[
        dict[Pattern, Annotated[float, Field(ge=0)]],
        Field(
            description="What a CI minute costs, by a label of the runner (shell patterns, case"
            " ignored); the last that fits has the say."
        ),
    ] = {}
    incidents: Annotated[
        Incidents, Field(description="When re-runs of one failure are held everywhere.")
    ] = Incidents()
    rules: Annotated[Rules, Field(description="When a rule's re-runs are only suggested.")] = (
        Rules()
    )
    organisation_budgets: Annotated[Budgets, Field(description=_ORGANISATION)] = Budgets()


ByBranch = Annotated[
    dict[Pattern, Keys],
    Field(description="By branch (shell patterns); a request from a fork is on fork:<branch>."),
]
ByJob = Annotated[
    dict[Pattern, Keys],
    Field(description="By job or workflow name, with patterns like those of never_rerun."),
]


class RepositoryFile(Keys):
    """`.pipeline-guard.yml`: what a repository asks for; it can only be stricter."""

    branches: ByBranch = {}
    jobs: ByJob = {}


class RepositoryEntry(RepositoryFile):
    """What guard.yaml says about the repositories that a pattern fits."""

    max_mode: Annotated[
        Mode | None, Field(description="As max_mode above, for these repositories.")
    ] = None
    organisation_budgets: Annotated[Budgets, Field(description=_ORGANISATION)] = Budgets()


class GuardFile(Policy):
    """`guard.yaml`: the operator's word for every repository of this service."""

    repositories: Annotated[
        dict[Pattern, RepositoryEntry],
        Field(description='By full name ("acme/*"), case ignored; the last that fits has the say.'),
    ] = {}
    branches: ByBranch = {}
    jobs: ByJob = {}
    notify: Annotated[
        dict[Pattern, NoticeTarget],
        Field(description="Who is told what, by a name of your choice for each receiver."),
    ] = {}


def json_schema(shape: type[GuardFile] | type[RepositoryFile]) -> str:
    """The JSON Schema of a file, as text for editors and other programs."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | shape.model_json_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False)
