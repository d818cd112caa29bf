"""What each /guard command does, in the transaction in which it is written down."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.diagnosis import CATEGORIES, Category
from pipeline_guard.stages.context import Context
from pipeline_guard.stages.gather.gather import Ready
from pipeline_guard.stages.people.retry import retry
from pipeline_guard.stages.people.wish import propose_now
from pipeline_guard.store import failures, labels, switches
from pipeline_guard.store.commands import Said
from pipeline_guard.store.tables import Failure

Status = Literal["done", "refused", "unclear"]
OPEN: Final = ("open", "escalated", "observed")


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended, and a sentence for the person who gave it."""

    status: Status
    text: str


@dataclass(frozen=True, slots=True)
class Talk:
    """What a handler is given; `found` failed at the request's newest commit, oldest first."""

    context: Context
    session: AsyncSession
    said: Said
    found: Sequence[Failure]
    runs: Sequence[Ready]

    @property
    def newest(self) -> list[Failure]:
        """The newest failure of each job, as the comment shows them."""
        return list({(item.workflow, item.job): item for item in self.found}.values())


async def _retry(talk: Talk) -> Answer:
    if not talk.runs:
        return _nothing()
    results = [
        await retry(talk.context, talk.session, ready, talk.said.author, talk.said.comment_id)
        for ready in talk.runs
    ]
    status: Status = "done" if any(item.coming for item in results) else "refused"
    return Answer(status, " ".join(item.text for item in results))


async def _patch(talk: Talk) -> Answer:
    if not talk.runs:
        return _nothing()
    said = talk.said
    result = await propose_now(
        talk.context, talk.session, talk.runs, talk.newest, said.author, said.comment_id
    )
    return Answer("done" if result.coming else "refused", result.text)


async def _explain(talk: Talk) -> Answer:
    return Answer("done", "The reasoning is unfolded.") if talk.found else _nothing()


async def _ignore(talk: Talk) -> Answer:
    ids = [item.id for item in talk.found if item.status in OPEN]
    if not ids:
        return Answer("refused", "No failure of the newest commit is open.")
    await failures.set_status(talk.session, ids, "ignored")
    return Answer("done", f"Ignored: {len(ids)} failure(s) of this commit.")


async def _wrong(talk: Talk) -> Answer:
    word, _, job = talk.said.argument.partition(" ")
    category = _category(word)
    if category is None:
        return Answer("unclear", f"The categories are: {', '.join(CATEGORIES)}.")
    if not talk.found:
        return _nothing()
    meant = [item for item in talk.newest if not job or item.job.lower() == job.lower()]
    if not meant:
        return Answer("unclear", f"No job of that name has failed: {_names(talk.newest)}.")
    if len({(item.category, item.fingerprint) for item in meant}) > 1:
        # One word for different failures would teach the model nonsense.
        return Answer("unclear", f"Which one? Name the job after the category: {_names(meant)}.")
    labels.add(talk.session, [item.id for item in meant], category, talk.said.author)
    return Answer("done", f"Noted: {_names(meant)} is {category}.")


async def _off(talk: Talk) -> Answer:
    said = talk.said
    await switches.turn(talk.session, said.platform, said.repository, said.author, off=True)
    return Answer("done", "Healing is switched off for this repository.")


async def _on(talk: Talk) -> Answer:
    said = talk.said
    await switches.turn(talk.session, said.platform, said.repository, said.author, off=False)
    wider = await switches.off_by(talk.session, said.platform, said.repository)
    text = "Healing is switched on for this repository"
    return Answer("done", f"{text}, but stays off: {wider}." if wider else f"{text}.")


async def _help(talk: Talk) -> Answer:
    return Answer("done", "This is what there is.")


HANDLERS: Final[dict[str, Callable[[Talk], Awaitable[Answer]]]] = {
    "retry": _retry,
    "patch": _patch,
    "explain": _explain,
    "ignore": _ignore,
    "wrong": _wrong,
    "off": _off,
    "on": _on,
    "help": _help,
}


def _category(word: str) -> Category | None:
    return next((item for item in CATEGORIES if item == word.lower()), None)


def _names(found: Sequence[Failure]) -> str:
    return ", ".join(dict.fromkeys(item.job for item in found))


def _nothing() -> Answer:
    return Answer("refused", "Nothing is known to have failed at the newest commit.")
