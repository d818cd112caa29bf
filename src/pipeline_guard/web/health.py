"""GET /healthz and /readyz: is the process alive, and can it do its work."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from pipeline_guard.errors import StoreUnavailable
from pipeline_guard.store.session import Database


def router(database: Database) -> APIRouter:
    """The two routes."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz")
    async def healthz() -> dict[str, str]:
        """200 as long as the process answers at all."""
        return {"status": "ok"}

    @routes.get("/readyz")
    async def readyz() -> JSONResponse:
        """200 when deliveries can be stored, 503 with the reason when not."""
        try:
            await database.ping()
        except StoreUnavailable as error:
            return JSONResponse({"status": "unavailable", "reason": str(error)}, 503)
        return JSONResponse({"status": "ready"})

    return routes
