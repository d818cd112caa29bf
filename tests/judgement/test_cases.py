"""Right about the cause, whatever the tool and the platform: made-up logs in many tools' styles.

The shares are asserted over all cases, because the model is trained anew now and then; what fell
short is named in the failure's message.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from pipeline_guard.classifier.predict import Model
from pipeline_guard.domain.diagnosis import CATEGORIES, Diagnosis
from pipeline_guard.rules.load import load_rules
from pipeline_guard.stages.diagnose.judge import Judge
from tests.judgement.cases import Case, cases
from tests.judgement.dress import PLATFORMS


@dataclass(frozen=True)
class Judged:
    case: Case
    platform: str
    said: Diagnosis

    def __str__(self) -> str:
        first = self.said.evidence[0].text if self.said.evidence else "nothing"
        told = f"{self.said.category}, transient {self.said.transient}, because of {first!r}"
        return f"{self.case.category} / {self.case.title} / {self.platform}: {told}"


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    judge = Judge(load_rules(), Model())
    return [
        Judged(case, dress.__name__, judge.judge(io.BytesIO(_log(case, dress))))
        for number, case in enumerate(cases())
        for dress in (PLATFORMS[number % 8], PLATFORMS[(number + 5) % 8])
    ]


def _log(case: Case, dress: object) -> bytes:
    assert callable(dress)
    lines = dress(list(case.body), failed=case.category != "none")
    return ("\n".join(lines) + "\n").encode()


def _short(wrong: Iterator[Judged], count: int, most: float) -> None:
    found = [str(one) for one in wrong]
    assert len(found) <= most * count, "\n".join(found)


def test_every_category_has_cases() -> None:
    named = {case.category for case in cases()}
    assert named == set(CATEGORIES) - {"unknown"}
    assert len(list(cases())) > 240


def test_the_category(judged: list[Judged]) -> None:
    wrong = (one for one in judged if one.said.category != one.case.category)
    _short(wrong, len(judged), 0.03)


def test_no_passed_log_is_called_a_failure(judged: list[Judged]) -> None:
    _short((o for o in judged if o.case.category == "none" != o.said.category), 1, 0)


def test_no_failure_is_called_none(judged: list[Judged]) -> None:
    _short((o for o in judged if o.said.category == "none" != o.case.category), 1, 0)


def test_hardly_any_lasting_failure_is_called_transient(judged: list[Judged]) -> None:
    said = [one for one in judged if one.said.transient]
    _short((one for one in said if not one.case.again), len(said), 0.02)


def test_most_transient_failures_are_known(judged: list[Judged]) -> None:
    wanted = [one for one in judged if one.case.again]
    _short((one for one in wanted if not one.said.transient), len(wanted), 0.12)


def test_the_line_that_names_the_cause_is_among_the_first_three(judged: list[Judged]) -> None:
    shown = (
        one
        for one in judged
        if one.case.cause and not any(one.case.cause in line.text for line in one.said.evidence[:3])
    )
    _short(shown, len(judged), 0.06)


def test_failed_tests_are_named(judged: list[Judged]) -> None:
    _short((o for o in judged if set(o.case.tests) - set(o.said.failed_tests)), len(judged), 0.015)
