"""GET /docs: the API's description as a page, without any script."""

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from pipeline_guard.web.dashboard.page import Pages
from pipeline_guard.web.openapi import operations


def router(pages: Pages) -> APIRouter:
    """The page; like the description itself it is open, as it tells nothing of anybody."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs", response_class=HTMLResponse)
    async def docs(request: Request) -> HTMLResponse:
        listed = [
            _told(path, verb, operation)
            for path, verb, operation in operations(request.app.openapi())
        ]
        return pages.show(request, "reference.html", operations=listed)

    return routes


def _told(path: str, verb: str, operation: dict[str, Any]) -> dict[str, Any]:
    scopes = [scope for entry in operation.get("security", ()) for part in entry.values()
              for scope in part]  # fmt: skip
    answers = [
        (status, kind, media["example"])
        for status, answer in operation["responses"].items()
        if status.startswith("2")
        for kind, media in answer.get("content", {}).items()
    ]
    return {
        "verb": verb.upper(),
        "path": path,
        "anchor": f"{verb}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}",
        "text": operation.get("description") or operation.get("summary", ""),
        "scope": scopes[-1] if scopes else None,
        "parameters": operation.get("parameters", []),
        "sample": operation["x-codeSamples"][0]["source"],
        "answers": [
            (status, kind, said if isinstance(said, str) else json.dumps(said, indent=2))
            for status, kind, said in answers
        ],
    }
