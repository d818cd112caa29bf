"""GET /api/v1/stats: totals over the whole history."""

from fastapi import APIRouter
from pydantic import BaseModel

from pipeline_guard.store import figures
from pipeline_guard.store.session import Database


class FailureTotals(BaseModel):
    """Failures, by what caused them and by what became of them."""

    total: int
    by_category: dict[str, int]
    by_status: dict[str, int]


class RerunTotals(BaseModel):
    """Re-runs by outcome; `heal_rate` is the share of those that ended which healed."""

    total: int
    by_outcome: dict[str, int]
    heal_rate: float | None


class DeliveryTotals(BaseModel):
    """Deliveries by status."""

    total: int
    by_status: dict[str, int]


class StatsOut(BaseModel):
    """Totals over all that is kept."""

    failures: FailureTotals
    reruns: RerunTotals
    deliveries: DeliveryTotals


def router(database: Database) -> APIRouter:
    """The route over that database."""
    routes = APIRouter(tags=["stats"])

    @routes.get("/stats")
    async def stats() -> StatsOut:
        """Totals over the whole history."""
        async with database.transaction() as session:
            return StatsOut.model_validate(await figures.stats(session))

    return routes
