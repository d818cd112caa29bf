"""The dashboard: its pages, one module each, and the files they load."""

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from pipeline_guard.store.session import Database
from pipeline_guard.web.dashboard import failure, now
from pipeline_guard.web.dashboard.page import HERE, Pages


def router(pages: Pages, database: Database) -> APIRouter:
    """All pages over that database."""
    routes = APIRouter(include_in_schema=False)
    for part in (now.router(pages, database), failure.router(pages, database)):
        routes.include_router(part)
    return routes


def serve_files(app: FastAPI) -> None:
    """Style and script: open to everybody, they hold nothing of anybody."""
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
