"""A failure's log: its steps folded, its lines in windows that are loaded when they are seen."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store import failures, job_logs
from pipeline_guard.store.log_tables import JobLog
from pipeline_guard.store.session import Database
from pipeline_guard.store.tables import Failure
from pipeline_guard.web.api.parameters import LARGEST_ID, Filter, RowId, found
from pipeline_guard.web.dashboard.desk import Desk

WINDOW: Final = 500
"""Lines that are loaded at once."""
FOUND: Final = 200
"""Matches that a search lists."""
TELLING: Final = 3
"""Evidence that is shown as such whatever it is; what comes after only where a rule knows it."""
_MARKS: Final = (
    ("##[error]", "err"),
    ("##[warning]", "warn"),
    ("##[group]", "mark"),
    ("##[endgroup]", "mark"),
    ("[command]", "mark"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it is shown; `lit` when it is telling evidence, `kind` by the platform's mark."""

    number: int
    text: str
    anchor: str
    lit: bool
    kind: str


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive lines of a part; without `kept` they were left out when the log was stored."""

    part: int
    first: int
    last: int
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Section:
    """A step, or a fold inside of one."""

    name: str
    first: int
    last: int
    is_open: bool
    windows: tuple[Window, ...]
    inner: tuple["Section", ...] = ()

    @property
    def all_windows(self) -> tuple[Window, ...]:
        """Those of its folds, too."""
        return self.windows + tuple(item for fold in self.inner for item in fold.windows)


@dataclass(frozen=True, slots=True)
class LogView:
    """All that the page shows of a log."""

    count: int
    """Lines of the whole log."""
    notes: Sequence[str]
    sections: tuple[Section, ...]
    evidence: tuple[str, ...]
    """The anchor of each piece of evidence, in its order."""
    at: Window | None = None
    """Where the most telling line is; its `lines` come with the page."""
    lines_at: tuple[Line, ...] = ()

    def window_of(self, part: int, line: int) -> Window | None:
        """The window that holds a line, if it was kept."""
        windows = (item for section in self.sections for item in section.all_windows)
        return next(
            (w for w in windows if w.kept and w.part == part and w.first <= line <= w.last), None
        )


def anchor(part: int, number: int) -> str:
    """The name of a line in the page's address."""
    return f"P{part}L{number}" if part else f"L{number}"


def telling(evidence: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Which pieces of evidence are worth the eye: of a short log, most lines are among the ten."""
    return [at < TELLING or bool(item.get("rule")) for at, item in enumerate(evidence)]


class Outline:
    """Turns what is stored about a log into sections and windows."""

    def __init__(
        self,
        kept: JobLog,
        ranges: Sequence[tuple[str, int, int]],
        evidence: Sequence[Mapping[str, Any]],
    ) -> None:
        self._log = kept
        self._evidence = evidence
        self.parts = tuple(dict.fromkeys(item["part"] for item in kept.outline)) or ("",)
        self._ranges: dict[str, list[tuple[int, int]]] = {}
        for part, first, last in ranges:
            own = self._ranges.setdefault(part, [])
            if own and own[-1][1] + 1 == first:
                own[-1] = (own[-1][0], last)
            else:
                own.append((first, last))
        marked = zip(evidence, telling(evidence), strict=True)
        self.lit = {self.place_of(item) for item, tells in marked if tells}

    def place_of(self, item: Mapping[str, Any]) -> tuple[int, int]:
        """Where evidence stands: (part, line); one that names no file is in the first."""
        part = item.get("part") or ""
        return self.parts.index(part) if part in self.parts else 0, int(item["line"])

    def view(self) -> LogView:
        """The sections, those open that hold lit lines, or else the last."""
        groups = [
            list(items)
            for _, items in groupby(
                self._log.outline, key=lambda item: (item["part"], tuple(item["path"][:1]))
            )
        ]
        sections = tuple(self._step(items, last=items is groups[-1]) for items in groups)
        anchors = tuple(anchor(*self.place_of(item)) for item in self._evidence)
        return LogView(self._log.lines, self._log.notes, sections, anchors)

    def _step(self, items: Sequence[Mapping[str, Any]], *, last: bool) -> Section:
        part, first, end = self.parts.index(items[0]["part"]), items[0]["first"], items[-1]["last"]
        depth = len(items[0]["path"][:1])
        name = items[0]["path"][0] if depth else items[0]["part"]
        is_open = self._has_evidence(part, first, end) or (last and not self.lit)
        if len(items) == 1:
            return Section(name, first, end, is_open, self._windows(part, first, end))
        inner = tuple(self._fold(part, depth, item) for item in items)
        return Section(name, first, end, is_open, (), inner)

    def _fold(self, part: int, depth: int, item: Mapping[str, Any]) -> Section:
        first, last = item["first"], item["last"]
        name = " › ".join(item["path"][depth:])
        is_open = not name or self._has_evidence(part, first, last)
        return Section(name, first, last, is_open, self._windows(part, first, last))

    def _has_evidence(self, part: int, first: int, last: int) -> bool:
        return any(own == part and first <= line <= last for own, line in self.lit)

    def _windows(self, part: int, first: int, last: int) -> tuple[Window, ...]:
        found: list[Window] = []
        at = first
        for start, end in self._ranges.get(self.parts[part], []):
            if end < first or start > last:
                continue
            if start > at:
                found.append(Window(part, at, start - 1, kept=False))
            at = max(start, at)
            while at <= min(end, last):
                stop = min(at + WINDOW - 1, end, last)
                found.append(Window(part, at, stop))
                at = stop + 1
        if at <= last:
            found.append(Window(part, at, last, kept=False))
        return tuple(found)

    def lines(self, part: int, numbered: Iterable[tuple[int, str]]) -> tuple[Line, ...]:
        """Stored lines as they are shown."""
        return tuple(
            Line(number, text, anchor(part, number), (part, number) in self.lit, _kind(text))
            for number, text in numbered
        )


def _kind(text: str) -> str:
    return next((kind for mark, kind in _MARKS if text.startswith(mark)), "")


async def outline(session: AsyncSession, failure: Failure) -> Outline | None:
    """The outline of a failure's log; None when none was kept."""
    kept = await job_logs.get(session, failure.id)
    if kept is None:
        return None
    ranges = await job_logs.ranges(session, failure.id)
    return Outline(kept, ranges, failure.diagnosis["evidence"])


async def view(session: AsyncSession, failure: Failure) -> LogView | None:
    """The log as the page shows it, its most telling line there from the start."""
    outlined = await outline(session, failure)
    if outlined is None:
        return None
    shown, evidence = outlined.view(), failure.diagnosis["evidence"]
    at = shown.window_of(*outlined.place_of(evidence[0])) if evidence else None
    if at is None:
        return shown
    rows = await job_logs.lines(session, failure.id, outlined.parts[at.part], at.first, at.last)
    return replace(shown, at=at, lines_at=outlined.lines(at.part, rows))


def router(desk: Desk) -> APIRouter:
    """Windows of lines, search, and the whole log as text."""
    routes = APIRouter(prefix="/failures/{failure_id}")

    @routes.get("/log", response_class=HTMLResponse)
    async def window(
        request: Request,
        failure_id: RowId,
        first: Annotated[int, Query(ge=1, le=LARGEST_ID)],
        last: Annotated[int, Query(ge=1, le=LARGEST_ID)],
        part: Annotated[int, Query(ge=0, le=10_000)] = 0,
    ) -> HTMLResponse:
        async with desk.database.transaction() as session:
            shown = await _kept(session, failure_id)
            name = shown.parts[part] if part < len(shown.parts) else ""
            until = min(last, first + WINDOW - 1)
            rows = await job_logs.lines(session, failure_id, name, first, until)
        return desk.pages.show(request, "lines.html", lines=shown.lines(part, rows))

    @routes.get("/find", response_class=HTMLResponse)
    async def find(request: Request, failure_id: RowId, q: Filter = None) -> HTMLResponse:
        async with desk.database.transaction() as session:
            shown = await _kept(session, failure_id)
            found = await _search(session, failure_id, shown, q or "")
        return desk.pages.show(request, "found.html", found=found, q=q or "", most=FOUND)

    @routes.get("/log.txt")
    async def whole(failure_id: RowId) -> StreamingResponse:
        async with desk.database.transaction() as session:
            shown = await _kept(session, failure_id)
        text = _text(desk.database, failure_id, shown.parts)
        return StreamingResponse(text, media_type="text/plain; charset=utf-8")

    return routes


async def _kept(session: AsyncSession, failure_id: int) -> Outline:
    row = found(await failures.get(session, failure_id), "failure", failure_id)
    return found(await outline(session, row), "kept log of failure", failure_id)


async def _search(
    session: AsyncSession, failure_id: int, shown: Outline, wanted: str
) -> list[Line]:
    lines: list[Line] = []
    for part, name in enumerate(shown.parts if wanted.strip() else ()):
        left = FOUND - len(lines)
        if left > 0:
            rows = await job_logs.search(session, failure_id, name, wanted, left)
            lines += shown.lines(part, rows)
    return lines


async def _text(database: Database, failure_id: int, parts: Sequence[str]) -> AsyncIterator[str]:
    async with database.transaction() as session:
        for name in parts:
            async for _, piece in job_logs.pieces(session, failure_id, name):
                yield piece + "\n"
