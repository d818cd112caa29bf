"""What `doctor` finds: how one thing is, and what to do where it is not well."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

State = Literal["ok", "off", "note", "wrong"]
"""`off`: not configured. `note`: works, but look at it, or it cannot be told. `wrong`: mend it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `text` and `fix` are sentences for people."""

    name: str
    state: State
    text: str
    fix: str = ""


@runtime_checkable
class Inspects(Protocol):
    """A platform that can tell more about its connection than that it works."""

    async def inspect(self, repositories: Sequence[str]) -> Sequence[Finding]:
        """What our credentials may do, and how the platform's webhooks to us are set and doing.

        `repositories` are some that deliveries came from. Raises PlatformError.
        """

    async def server_time(self) -> datetime | None:
        """The platform's clock, by the Date of an answer, to the second; raises PlatformError."""
