"""Maintenance windows: stretches of time, once or by weekday, in which nothing is re-run."""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Window(BaseModel):
    """One window: two moments, or two times of day (UTC) on some weekdays."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    start: Annotated[
        str,
        Field(
            alias="from",
            description="A moment with its zone (2026-12-24T18:00Z), or a time of day in UTC.",
        ),
    ]
    end: Annotated[
        str,
        Field(
            alias="to",
            description="As `from`; a time of day that is not after `from` is on the next day.",
        ),
    ]
    days: Annotated[
        tuple[Day, ...],
        Field(
            description="With times of day: the weekdays on which it starts; none means every day."
        ),
    ] = ()

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        once, daily = (_moment(self.start), _moment(self.end)), (_time(self.start), _time(self.end))
        if None not in daily:
            return self
        if once[0] is None or once[1] is None:
            raise ValueError(
                "from and to must both be moments like 2026-12-24T18:00Z, with the zone,"
                " or both times of day like 22:00"
            )
        if self.days:
            raise ValueError("days go with times of day, not with moments")
        if once[1] <= once[0]:
            raise ValueError("to must be after from")
        return self

    def covers(self, now: datetime) -> bool:
        """True when `now` (aware) lies in the window; its end is outside."""
        start, end = _time(self.start), _time(self.end)
        if start is not None and end is not None:
            return self._covers_daily(now.astimezone(UTC), start, end)
        first, last = _moment(self.start), _moment(self.end)
        return first is not None and last is not None and first <= now < last

    def _covers_daily(self, now: datetime, start: time, end: time) -> bool:
        at = now.time()
        if start < end:
            return start <= at < end and self._starts_on(now)
        if at >= start:
            return self._starts_on(now)
        return at < end and self._starts_on(now - timedelta(days=1))

    def _starts_on(self, day: datetime) -> bool:
        return not self.days or _DAYS[day.weekday()] in self.days

    def __str__(self) -> str:
        days = f"{', '.join(self.days)} " if self.days else ""
        return f"{days}{self.start} to {self.end}"


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _time(text: str) -> time | None:
    try:
        found = time.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is None and ":" in text else None
