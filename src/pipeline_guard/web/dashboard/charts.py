"""Charts as SVG, drawn on the server: columns over days, a bar in a table's cell, a small trend.

They carry classes, not colours, so that both themes fit; each says in words what it shows, and
stands beside a table of its numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from markupsafe import Markup

WIDTH, HEIGHT = 560, 220
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 12, 26
"""Room around the columns, in units of the drawing."""
LABELS: Final = 7
"""Dates written below columns, at most."""
TICKS: Final = 4


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one kind, one a day; `kind` is the class that colours them."""

    name: str
    kind: str
    values: Sequence[float]


def nice(most: float, *, whole: bool = True) -> float:
    """A round number of at least `most`, so that each of TICKS parts is one to read.

    `whole` keeps the parts from being fractions, which counts have none of.
    """
    if most <= 0 or (whole and most <= TICKS):
        return float(TICKS)
    step = most / TICKS
    size = 10 ** math.floor(math.log10(step))
    parts = (size * by for by in (1, 2, 2.5, 3, 5, 10))
    return float(next(part for part in parts if part >= step and not (whole and part % 1)) * TICKS)


def columns(
    name: str, days: Sequence[date], series: Sequence[Series], unit: str, *, whole: bool = True
) -> Markup:
    """A column a day, the series one upon the other; `name` is unique on its page.

    `whole` says that the values are counts.
    """
    most = max((sum(s.values[i] for s in series) for i in range(len(days))), default=0)
    top = nice(most, whole=whole)
    width = (WIDTH - LEFT - RIGHT) / max(len(days), 1)
    height = HEIGHT - TOP - BOTTOM
    parts: list[Markup] = [_axis(top, height)]
    every = max(1, math.ceil(len(days) / LABELS))
    for index, day in enumerate(days):
        x, y = LEFT + index * width, float(HEIGHT - BOTTOM)
        told = ", ".join(f"{_amount(item.values[index])} {item.name}" for item in series)
        bars: list[Markup] = []
        for item in series:
            size = item.values[index] / top * height
            y -= size
            if size > 0:
                bars.append(_rect(item.kind, x + width * 0.14, y, width * 0.72, size))
        parts.append(
            Markup("<g><title>{}: {}</title>{}</g>").format(
                day.strftime("%a %d %b"), told, Markup("").join(bars)
            )
        )
        if index % every == 0:
            parts.append(_text(x + width / 2, HEIGHT - 8, "middle", day.strftime("%d %b")))
    return _svg(name, _told(days, series, unit), parts)


def bar(share: float | None, kind: str = "good") -> Markup:
    """A share of 1 as a bar for a table's cell; nothing where there is none."""
    if share is None:
        return Markup("")
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8" rx="2"/>'
        '<rect class="{}" width="{}" height="8" rx="2"/></svg>'
    ).format(kind, f"{max(share * 100, 1):.1f}")


def trend(values: Sequence[int]) -> Markup:
    """A few numbers as small columns, told in words."""
    most, width = max([*values, 1]), 9
    rects = Markup("").join(
        _rect("mark", index * width, 24 - value / most * 22, width - 2, max(value / most * 22, 1))
        for index, value in enumerate(values)
    )
    return Markup(
        '<svg class="trend" viewBox="0 0 {} 24" role="img" aria-label="{}">{}</svg>'
    ).format(width * len(values), "by week: " + ", ".join(map(str, values)), rects)


def _amount(value: float) -> str:
    """A number to read: whole from ten on, with two digits that count below."""
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.2g}"


def _axis(top: float, height: float) -> Markup:
    lines: list[Markup] = []
    for tick in range(TICKS + 1):
        y = HEIGHT - BOTTOM - height * tick / TICKS
        lines.append(
            Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                LEFT, WIDTH - RIGHT, f"{y:.1f}", f"{y:.1f}"
            )
        )
        lines.append(_text(LEFT - 8, y + 4, "end", _amount(top * tick / TICKS)))
    return Markup("").join(lines)


def _rect(kind: str, x: float, y: float, width: float, height: float) -> Markup:
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        kind, f"{x:.1f}", f"{y:.1f}", f"{width:.1f}", f"{height:.1f}"
    )


def _text(x: float, y: float, anchor: str, text: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
        f"{x:.1f}", f"{y:.1f}", anchor, text
    )


def _told(days: Sequence[date], series: Sequence[Series], unit: str) -> str:
    if not days:
        return "There are no days to show."
    totals = ", ".join(f"{_amount(sum(item.values))} {item.name}" for item in series)
    return f"{unit} per day from {days[0]:%d %B} to {days[-1]:%d %B}: {totals} in all."


def _svg(name: str, told: str, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-told">'
        '<title id="{}-told">{}</title>{}</svg>'
    ).format(WIDTH, HEIGHT, name, name, told, Markup("").join(parts))
