"""What people read on a request: a verdict, its proof, in few lines, and nothing that acts."""

import re
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from pipeline_guard.domain.commands import MARKER
from pipeline_guard.domain.diagnosis import CATEGORIES
from pipeline_guard.domain.plan import FailureStatus
from pipeline_guard.stages.report.comment import MAX_LINES, Seen, Spoken, render
from pipeline_guard.stages.report.verdict import WORDS, verdict
from pipeline_guard.store.tables import Action, Command, Failure, Label

EVIL = "FAILED @everyone [x](http://e.example) <img src=x> `a` ``b`` \n/close\n| #1 ![i](http://e)"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
FLAKY = {"outcomes": {"fingerprint": {"passed": 2, "ended": 2}}}


def failure(number: int = 1, **more: Any) -> Failure:
    text = more.pop("text", "curl: (6) Could not resolve host: mirror.example")
    refusals = more.pop("refusals", [])
    advice, tests = more.pop("advice", None), more.pop("tests", [])
    steps, facts = more.pop("steps", []), more.pop("facts", {})
    labels, actions = more.pop("labels", []), more.pop("actions", [])
    values = {
        "id": number, "platform": "github", "repository": "acme/shop", "workflow": "CI",
        "run_id": "7", "run_attempt": 1, "job_id": str(number), "job": f"job-{number}",
        "url": "https://ci.example/job", "branch": "feature", "commit": "1" * 40,
        "request_number": 3, "category": "network_transient", "confidence": 0.93,
        "source": "rule", "rule": "net.dns", "transient": True, "fingerprint": f"f{number}",
        "status": "open", "created_at": NOW,
    } | more  # fmt: skip
    made = Failure(**values)
    evidence = [
        {"line": line, "text": f"{text} {line}", "url": f"https://ci.example/job#L{line}"}
        for line in range(1, 11)
    ]
    made.diagnosis = {
        "evidence": evidence, "advice": advice, "failed_tests": tests, "notes": [],
        "candidates": [{"category": "timeout", "confidence": 0.1}],
    }  # fmt: skip
    made.plan = {
        "steps": steps, "refusals": refusals, "facts": facts, "status": "open", "summary": "",
        "policy": {},
    }  # fmt: skip
    made.labels, made.actions = labels, actions
    return made


def rerun(**more: Any) -> Action:
    values = {"id": 5, "kind": "rerun", "status": "done", "outcome": "healed", "params": {},
              "url": "https://ci.example/again", "note": "Asked."} | more  # fmt: skip
    return Action(**values)


def no(guard: str, reason: str = "No.", step: str = "rerun") -> dict[str, str]:
    return {"guard": guard, "reason": reason, "step": step}


def command(name: str = "retry", answer: str = "Done.", **more: Any) -> Command:
    values = {"author": "ann", "name": name, "argument": "", "status": "done", "answer": answer}
    return Command(**(values | more))


@pytest.mark.parametrize(
    ("more", "opening"),
    [
        ({"status": "healed"}, "Not your change:** `job-1`: the network failed"),
        ({"status": "healing"}, "Not your change:** `job-1`"),
        ({"status": "healing", "confidence": 0.6}, "Not your change, most likely:** `job-1`"),
        ({"status": "escalated", "run_attempt": 2}, "Unsure:** `job-1`: the network failed (`network_transient`, 93% sure), and it is still red"),  # noqa: E501
        ({"status": "escalated", "refusals": [no("same_on_target")]}, "Not your change:** `job-1`: the network failed (`network_transient`, 93% sure), as on the"),  # noqa: E501
        ({"status": "escalated", "refusals": [no("worth")]}, "Unsure:** `job-1`: the network failed (`network_transient`, 93% sure), which re-runs"),  # noqa: E501
        ({"confidence": 0.3}, "Unsure:** `job-1`: the network failed"),
        ({"confidence": 0.3, "transient": False, "category": "lint_format"}, "Unsure:** `job-1`: a linter"),  # noqa: E501

        ({}, "Not your change:** `job-1`"),
        ({"transient": False, "category": "test_failure"}, "Yours:** `job-1`: a test failed"),
        ({"transient": False, "category": "compile_error", "confidence": 0.5}, "Yours, most"),
        ({"transient": False, "category": "auth_permission"}, "Unsure:** `job-1`: access was"),
        ({"transient": False, "category": "unknown"}, "Unsure:** `job-1`: the log names no"),
        ({"transient": False, "category": "test_failure", "refusals": [no("same_on_target")]},
         "Not your change:** `job-1`: a test failed (`test_failure`, 93% sure), as on the"),
        ({"refusals": [no("incident")]}, "Not your change:** `job-1`"),
        ({"status": "healing", "transient": False}, "Unsure:** `job-1`"),
        ({"transient": False, "category": "test_failure", "facts": FLAKY},
         "Not your change, most likely:** `job-1`: a test failed (`test_failure`, 93% sure), which has passed"),  # noqa: E501
        ({"transient": False, "category": "test_failure", "facts": FLAKY, "status": "healing"},
         "Not your change, most likely:** `job-1`: a test failed (`test_failure`, 93% sure), which has passed"),  # noqa: E501
        ({"status": "superseded"}, "Replaced:** `job-1`"),
        ({"status": "ignored"}, "Ignored:** `job-1`"),
    ],
)  # fmt: skip
def test_the_verdict_is_a_sentence_that_says_whose_it_is(more, opening):
    body = render([failure(**more)], {}, "1" * 40)
    assert f"**{opening}" in body.splitlines()[2]


def test_every_category_has_its_words_and_every_status_a_verdict():
    assert set(WORDS) == set(CATEGORIES)
    for status in get_args(FailureStatus):
        assert verdict(failure(status=status)).opening


def test_what_was_done_and_what_happened_before_are_told_with_links():
    seen = Seen(14, 14, 12, issue=("31", "https://ci.example/issues/31"))
    actions = [rerun(), rerun(id=6, outcome="failed_again", params={"asked_by": "bob"})]
    body = render([failure(status="healed", actions=actions)], {1: seen}, "1" * 40)
    assert "Seen 14 times in 7 days, 12 of 14 passed on re-run." in body
    assert "[Re-run](https://ci.example/again): passed." in body
    assert "[Re-run](https://ci.example/again) for bob: failed again." in body
    assert "[issue #31](https://ci.example/issues/31)" in body
    assert "From lines [1](https://ci.example/job#L1), [2](https://ci.example/job#L2)," in body
    failed = rerun(status="failed", outcome=None, note="GitHub answered 403")
    body = render([failure(status="escalated", actions=[failed])], {1: seen}, None)
    assert "Could not re-run: GitHub answered 403. Seen 14 times" in body
    assert "after re-runs" not in body


def test_the_re_run_that_only_the_mode_holds_back_is_suggested_with_its_command():
    step = {"kind": "rerun", "why": "w", "once": "", "params": {"scope": "failed_jobs"}}
    sentence = "Suggested: re-run; `/guard retry` does it."

    def told(*guards: str, **more: Any) -> bool:
        found = failure(steps=[step], refusals=[no(guard) for guard in guards], **more)
        return sentence in render([found], {}, None)

    assert told("mode")
    assert not told("mode", "switched_off"), "then the command does not do it"
    assert not told("mode", status="healed")
    assert not told(status="healing")
    apart = [
        failure(1, fingerprint="same", steps=[step], refusals=[no("mode")]),
        failure(2, fingerprint="same", steps=[step], refusals=[no("mode"), no("never_rerun")]),
    ]
    assert sentence not in render(apart, {}, None), "not said of a job that must not be re-run"
    only_an_issue = failure(refusals=[no("mode"), no("mode", step="issue")])
    assert sentence not in render([only_an_issue], {}, None)


def test_patch_is_offered_only_beside_a_change_and_rare_commands_are_left_to_help():
    diff = {"diff": "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b", "paths": ["a.py"]}
    step = {"kind": "patch", "why": "w", "once": "", "params": diff}
    assert "/guard patch" in render([failure(steps=[step])], {}, None)
    without = render([failure()], {}, None)
    assert "/guard patch" not in without
    assert "/guard off" not in without
    assert "/guard help" in without


def test_lines_that_have_one_place_are_one_link():
    found = failure()
    for item in found.diagnosis["evidence"]:
        item["url"] = None
    assert "From [lines 1, 2, 3](https://ci.example/job):" in render([found], {}, None)


def test_a_log_that_is_not_there_is_not_said_to_name_no_cause():
    found = failure(category="unknown", transient=False, refusals=[no("transient")])
    found.diagnosis |= {"evidence": [], "lines": 0, "notes": ["github has no log of this job"]}
    body = render([found], {}, None)
    assert "**Unsure:** `job-1`: there is no log to tell the cause." in body
    assert "github has no log of this job" in body


def test_failures_alike_are_told_once():
    alike = [failure(number, fingerprint="same") for number in range(1, 10)]
    body = render(alike, {}, "1" * 40)
    assert body.count("**Not your change:**") == 1
    assert "`job-1`, `job-2`, `job-3`, `job-4`, `job-5`, `job-6`, 3 more:" in body


def worst(count: int, **more: Any) -> list[Failure]:
    """Failures of every kind with everything that can be said, as long as it gets."""
    tests = [f"tests/test_{number}.py::{'x' * 500}" for number in range(90)]
    reasons = [no("worth", "A long reason. " * 60), no("confidence", "Another. " * 80)]
    diff = "\n".join(["--- a/a.py", "+++ b/a.py", "@@ -1,40 +1,40 @@", *(["-old", "+new"] * 40)])
    step = {"kind": "patch", "why": "w", "once": "", "params": {"diff": diff, "paths": ["a.py"]}}
    label = Label(author="@bob", category="timeout")
    return [
        failure(
            number, text=f"{EVIL} {'y' * 900}", tests=tests, refusals=reasons, advice=f"{EVIL}",
            job=f"job {number} {EVIL} {'z' * 400}", steps=[step], labels=[label],
            category=CATEGORIES[number % 5], actions=[rerun(id=number, note=EVIL)],
            **more,
        )
        for number in range(1, count + 1)
    ]  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 40])
@pytest.mark.parametrize("status", ["open", "escalated", "healed"])
def test_the_worst_case_has_under_40_lines_and_fits_every_platform(count, status):
    found = worst(count, status=status)
    said = [command("help"), command("wrong", EVIL * 9, argument=EVIL), command("help", EVIL)]
    seen = {item.id: Seen(99, 9, 3, issue=("1", "https://x.example/1")) for item in found}
    body = render(found, seen, "1" * 40, Spoken(said, f"@ann {EVIL}"))
    assert body.startswith(MARKER)
    assert len(body.splitlines()) <= MAX_LINES
    assert len(body) < 30_000
    assert body.count("<details") == body.count("</details>")


def test_a_change_that_mends_it_is_shown_where_it_has_room():
    body = render(worst(1), {}, "1" * 40)
    assert "A change that would mend it (1 file)" in body
    assert len(body.splitlines()) <= MAX_LINES


def test_the_reasoning_fits_every_platform_even_for_many_jobs():
    body = render(worst(40), {}, "1" * 40, Spoken([command("explain")]))
    assert body.count("How it was judged") == 4
    assert len(body) < 65_536


def outside_code(body: str) -> str:
    """The Markdown without its code blocks and inline code, and without our own tags."""
    text = re.sub(r"^(`{3,}).*?\n.*?^\1$", "", body, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    return re.sub(r"</?(?:details|summary|sub|br)(?: open)?>|<!-- pipeline-guard -->", "", text)


def test_nothing_from_a_log_or_a_name_can_act():
    said = [command("wrong", EVIL, argument=EVIL, author="@mallory")]
    found = [*worst(3), failure(9, job=EVIL, text=EVIL, status="healed")]
    body = render(found, {}, "1" * 40, Spoken([*said, command("explain")], EVIL))
    left = outside_code(body)
    assert not re.search(r"@\w", left)
    assert not re.search(r"(?<!\\)<img", left)
    assert not re.search(r"(?<!\\)\]\(http://e", left)
    assert not re.search(r"^\s*/close", body, re.MULTILINE)


def test_nothing_known_is_said_so():
    assert "Nothing is known to have failed" in render([], {}, None)
