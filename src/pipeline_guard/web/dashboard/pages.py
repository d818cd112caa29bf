"""The dashboard: its pages, one module each, and the files they load."""

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from pipeline_guard.web.dashboard import (
    backtests,
    deliveries,
    failure,
    insights,
    log,
    now,
    rules,
    settings,
    switches,
    wishes,
)
from pipeline_guard.web.dashboard.desk import Desk
from pipeline_guard.web.dashboard.page import HERE


def router(desk: Desk) -> APIRouter:
    """All pages."""
    routes = APIRouter(include_in_schema=False)
    for module in (
        now,
        failure,
        wishes,
        log,
        insights,
        rules,
        backtests,
        deliveries,
        settings,
        switches,
    ):
        routes.include_router(module.router(desk))
    return routes


def serve_files(app: FastAPI) -> None:
    """Style and script: open to everybody, they hold nothing of anybody."""
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
