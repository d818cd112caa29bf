"""The dashboard: its pages, one module each, and the files they load."""

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from pipeline_guard.store.session import Database
from pipeline_guard.web.dashboard import failure, log, now
from pipeline_guard.web.dashboard.page import HERE, Pages


def router(pages: Pages, database: Database) -> APIRouter:
    """All pages over that database."""
    routes = APIRouter(include_in_schema=False)
    for module in (now, failure, log):
        routes.include_router(module.router(pages, database))
    return routes


def serve_files(app: FastAPI) -> None:
    """Style and script: open to everybody, they hold nothing of anybody."""
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
