"""Measures a stage: how long it took, and its place in the trace."""

import functools
from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

from pipeline_guard.stages.context import Context

P = ParamSpec("P")
R = TypeVar("R")
Stage = Callable[Concatenate[Context, P], Awaitable[R]]


def stage(name: str) -> Callable[[Stage[P, R]], Stage[P, R]]:
    """Measure the decorated stage under that name, one of the line's few."""

    def decorate(function: Stage[P, R]) -> Stage[P, R]:
        @functools.wraps(function)
        async def measured(context: Context, /, *args: P.args, **kwargs: P.kwargs) -> R:
            with context.telemetry.stage(name):
                return await function(context, *args, **kwargs)

        return measured

    return decorate
