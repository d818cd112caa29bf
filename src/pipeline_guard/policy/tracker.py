"""What a policy may say of issues, labels and cancelling; each is off until asked for."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_TITLE: Final = "$job fails on $branch: $category"
DEFAULT_BODY: Final = """\
$summary

$evidence

$tests

$history

$owners"""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class IssuePolicy(_Part):
    """One issue per failure that stays on a branch."""

    enabled: Annotated[
        bool,
        Field(description="Open, update and close issues, as far as the mode lets anything."),
    ] = False
    on_branches: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(description="Branches (shell patterns) whose failures get an issue."),
    ] = ("main", "master", "trunk", "develop")
    after: Annotated[
        int,
        Field(ge=1, le=100, description="Runs of 7 days that must show it before one is opened."),
    ] = 2
    quiet_days: Annotated[
        int,
        Field(
            ge=0,
            le=90,
            description="The first green run of the job closes it, once it was not seen so long.",
        ),
    ] = 3
    labels: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=50)], ...],
        Field(description="Labels of a new issue."),
    ] = ("ci",)
    title: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="Of a new issue: $job, $workflow, $branch, $category, $repository.",
        ),
    ] = DEFAULT_TITLE
    body: Annotated[
        str,
        Field(
            max_length=4000,
            description="Markdown, with the names of title and $summary, $evidence, $tests,"
            " $history, $owners, $commit, $fingerprint.",
        ),
    ] = DEFAULT_BODY


class LabelPolicy(_Part):
    """Labels by category on pull and merge requests."""

    enabled: Annotated[
        bool, Field(description="Label by category, and take it off when it is green again.")
    ] = False
    prefix: Annotated[
        str, Field(max_length=25, description="Stands before the category: ci: test_failure.")
    ] = "ci: "


class CancelPolicy(_Part):
    """Our re-runs of commits that a newer one has replaced."""

    enabled: Annotated[
        bool,
        Field(description="Cancel what still runs of such a run, unless it holds a protected job."),
    ] = False
