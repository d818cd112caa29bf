"""GET /api/v1/rules: what came of each rule's re-runs, and which rules are demoted by it."""

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel

from pipeline_guard.domain.trust import RuleTrust
from pipeline_guard.policy.schema import Rules
from pipeline_guard.stages.gather.gather import REMEMBERED
from pipeline_guard.stages.gather.policies import Policies
from pipeline_guard.store import trust
from pipeline_guard.store.session import Database


class RuleOut(BaseModel):
    """A rule that calls failures transient, as its newest outcomes prove it."""

    rule: str
    version: str
    right: int
    outcomes: int
    precision: float
    demoted: bool


def shape(item: RuleTrust, limits: Rules) -> RuleOut:
    """A rule's record as the API shows it."""
    return RuleOut(
        rule=item.rule,
        version=item.version,
        right=item.right,
        outcomes=len(item.outcomes),
        precision=round(item.precision, 4),
        demoted=item.demoted(limits.floor, limits.outcomes),
    )


def router(database: Database, policies: Policies) -> APIRouter:
    """The routes over that database, with the operator's values."""
    routes = APIRouter(prefix="/rules", tags=["rules"])

    @routes.get("")
    async def list_rules() -> list[RuleOut]:
        """Every rule of which outcomes are known, by its id."""
        values = (await policies.operator()).rules
        async with database.transaction() as session:
            found = await trust.of_all(session, datetime.now(UTC) - REMEMBERED)
        return [shape(found[rule], values) for rule in sorted(found)]

    return routes
