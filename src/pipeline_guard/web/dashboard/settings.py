"""Settings: the policy in force with the origin of each value, and how the service is doing."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from pipeline_guard.policy.layers import BUILT_IN, Target
from pipeline_guard.web.api.parameters import Filter
from pipeline_guard.web.dashboard.desk import Desk


def router(desk: Desk) -> APIRouter:
    """The page."""
    routes = APIRouter()

    @routes.get("/settings", response_class=HTMLResponse)
    async def settings(
        request: Request, repository: Filter = None, branch: Filter = None, job: Filter = None
    ) -> HTMLResponse:
        target = Target(repository or "", branch or None, job=job or "")
        resolved = await desk.context.policies.in_force(target)
        return desk.pages.show(
            request,
            "settings.html",
            section="/settings",
            target=target,
            leaves=resolved.leaves(),
            origins=resolved.origins,
            built_in=BUILT_IN,
            file=desk.settings.config,
        )

    return routes
