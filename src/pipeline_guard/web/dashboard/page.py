"""Page: renders the dashboard's templates, for whoever is looking."""

from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from pipeline_guard import __version__
from pipeline_guard.web.access import template_values
from pipeline_guard.web.dashboard import words

HERE: Final = Path(__file__).parent
SECTIONS: Final = (
    ("/", "Now"),
    ("/insights", "Insights"),
    ("/rules", "Rules"),
    ("/deliveries", "Deliveries"),
    ("/settings", "Settings"),
)


class Pages:
    """The templates with the words they use."""

    def __init__(self) -> None:
        self._templates = Jinja2Templates(HERE / "templates", context_processors=[template_values])
        env = self._templates.env
        env.trim_blocks = env.lstrip_blocks = True
        env.globals |= {
            "sections": SECTIONS,
            "version": __version__,
            "states": words.STATES,
            "explained": words.EXPLAINED,
        }
        env.filters |= {
            function.__name__: function
            for function in (
                words.ago,
                words.category,
                words.duration,
                words.guard,
                words.number,
                words.percent,
                words.money,
                words.safe_url,
                words.verdict,
            )
        }

    def show(self, request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """The page of that template; `section` of its values marks the way there."""
        return self._templates.TemplateResponse(request, name, values, status_code=status)
