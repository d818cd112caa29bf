"""Announcements: which of a run's failures people elsewhere should hear of, and in what words."""

from collections.abc import Sequence
from datetime import datetime

from pipeline_guard.domain.notices import Notice, NoticeKind
from pipeline_guard.store.tables import Failure


def announcements(found: Sequence[Failure], now: datetime) -> list[Notice]:
    """What to announce of a run's failures over its attempts, oldest first.

    The same failure of a repository is announced as escalated once a day: a branch that stays red
    is no news with every push.
    """
    newest = {(item.workflow, item.job): item for item in found}
    notices = []
    for item in newest.values():
        if item.status == "escalated" and not _is_held(item):
            notices.append(_escalated(item, now))
        elif item.status == "healed":
            first = next(other for other in found if other.job == item.job)
            notices.append(_healed(item, first))
    return notices


def _is_held(failure: Failure) -> bool:
    """An open incident holds its re-run, and is announced itself."""
    return any(item["guard"] == "incident" for item in failure.plan["refusals"])


def _escalated(failure: Failure, now: datetime) -> Notice:
    what = failure.fingerprint or f"{failure.workflow}/{failure.job}"
    advice = failure.diagnosis.get("advice")
    lines = (
        f"{_where(failure)}. What could be tried did not help.",
        *((advice,) if advice else ()),
    )
    return _notice(
        failure,
        key=f"escalated/{failure.platform}/{failure.repository}/{what}/{now:%Y-%m-%d}",
        kind="escalated",
        title=f"{failure.repository}: {failure.job} needs a person: {failure.category}",
        lines=lines,
    )


def _healed(failure: Failure, first: Failure) -> Notice:
    minutes = ((failure.settled_at or failure.updated_at) - first.created_at).total_seconds() / 60
    return _notice(
        failure,
        key=f"healed/{failure.platform}/{failure.repository}/{failure.run_id}/{failure.job}",
        kind="healed_late",
        title=f"{failure.repository}: {failure.job} is green again after {minutes:.0f} minutes",
        lines=(f"{_where(failure)}. It was {failure.category}.",),
        minutes=minutes,
    )


def _notice(
    failure: Failure,
    *,
    key: str,
    kind: NoticeKind,
    title: str,
    lines: tuple[str, ...],
    minutes: float = 0.0,
) -> Notice:
    evidence = failure.diagnosis["evidence"]
    return Notice(
        key=key,
        kind=kind,
        title=title,
        repositories=(failure.repository,),
        lines=lines,
        quote=evidence[0]["text"][:300] if evidence and kind == "escalated" else "",
        url=failure.url,
        minutes=minutes,
        facts=(
            ("failure", str(failure.id)),
            ("platform", failure.platform),
            ("run_id", failure.run_id),
            ("job", failure.job),
            ("branch", failure.branch or ""),
            ("commit", failure.commit or ""),
            ("category", failure.category),
            ("fingerprint", failure.fingerprint),
            ("status", failure.status),
        ),
    )


def _where(failure: Failure) -> str:
    request = f"request {failure.request_number}" if failure.request_number else failure.branch
    return f"{failure.workflow}, {request or 'no branch'}, {(failure.commit or '')[:10]}"
