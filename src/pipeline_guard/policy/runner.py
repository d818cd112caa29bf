"""What a policy may say of another runner for the last re-run; nothing until asked for."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline_guard.domain.diagnosis import Category


class OtherRunnerPolicy(BaseModel):
    """The last re-run as a new run of the workflow, with another runner as its input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,99}$",
            description="The input of workflow_dispatch that names the runner; with `label`, it"
            " switches this on.",
        ),
    ] = None
    label: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=255,
            pattern=r"^[^\r\n]+$",
            description="What the input is given.",
        ),
    ] = None
    categories: Annotated[
        tuple[Category, ...],
        Field(description="Causes that another runner may be free of."),
    ] = ("infra_runner", "disk_full", "out_of_memory")

    @property
    def wanted(self) -> tuple[str, str] | None:
        """The input and what it is given; None while either is missing."""
        return (self.input, self.label) if self.input and self.label else None
