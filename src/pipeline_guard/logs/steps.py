"""Follows a log's groups, sections and folds, so that a line can be told its step."""

from pipeline_guard.logs.read import Chunk


class StepTree:
    """The steps of a log, learned while its chunks pass."""

    def feed(self, chunk: Chunk) -> None:
        """Learn the step marks of one chunk."""

    def step_of(self, line: int, part: str | None = None) -> tuple[str, ...]:
        """Name the steps that hold a raw line, outermost first; empty outside of any."""
        return (part,) if part else ()
