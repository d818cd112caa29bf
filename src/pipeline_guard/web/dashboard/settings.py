"""Settings: what is switched off, the policy with the origin of each value, how the service is."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from pipeline_guard.platforms import PLATFORMS
from pipeline_guard.platforms.github.registration import configured
from pipeline_guard.policy.layers import BUILT_IN, Target
from pipeline_guard.stages.assemble import Platforms, connect_platforms
from pipeline_guard.stages.upkeep.doctor import examine
from pipeline_guard.web.api.parameters import Filter
from pipeline_guard.web.api.switches import listed
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
        async with desk.database.transaction() as session:
            turned = await listed(session)
        return desk.pages.show(
            request,
            "settings.html",
            section="/settings",
            target=target,
            leaves=resolved.leaves(),
            origins=resolved.origins,
            built_in=BUILT_IN,
            file=desk.settings.config,
            switches=turned,
            platforms=tuple(PLATFORMS),
            connectable="github" not in desk.context.platforms and not configured(desk.settings),
        )

    @routes.get("/settings/checks", response_class=HTMLResponse)
    async def checks(request: Request) -> StreamingResponse:
        async def answer() -> AsyncIterator[bytes]:
            # Streamed, so that the answer begins before platforms were asked.
            findings = await examine(desk.settings, desk.database, await _platforms(desk))
            order = ("wrong", "note", "ok", "off")
            findings.sort(key=lambda item: order.index(item.state))
            yield bytes(desk.pages.show(request, "checks.html", findings=findings).body)

        return StreamingResponse(answer(), media_type="text/html; charset=utf-8")

    return routes


async def _platforms(desk: Desk) -> Platforms:
    """Those of this process, and why the others are off."""
    on = dict(desk.context.platforms)
    built = connect_platforms(desk.settings)
    await built.aclose()
    return Platforms(on, {name: why for name, why in built.off.items() if name not in on})
