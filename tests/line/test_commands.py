"""A person's /guard command, payload to outcome, on GitHub and on GitLab."""

import asyncio

import pytest
from tests.line.talking import ROLES, Stage, on_github, on_gitlab
from tests.line.test_github import DNS, RED


@pytest.fixture(params=["github", "gitlab"])
def stage(request: pytest.FixtureRequest) -> Stage:
    fake = request.getfixturevalue(request.param)
    line = request.getfixturevalue(f"{request.param}_line")
    made = {"github": on_github, "gitlab": on_gitlab}[request.param](fake, line)
    for role in ROLES:
        made.person(role, role)
    made.person("ann", "admin")
    return made


async def statuses(stage: Stage) -> list[str]:
    return [item["status"] for item in await stage.line.failures()]


async def test_retry_re_runs_what_we_would_not_and_follows_it_up(stage: Stage):
    await stage.fail(RED)
    assert await statuses(stage) == ["open"]
    _, comment = await stage.say("Known flake.\n/guard retry", "write")
    assert stage.reruns() == 1
    assert stage.signs(comment) == ["👀", "🎉"]
    (failure,) = await stage.line.failures()
    assert failure["status"] == "healing"
    assert failure["plan"]["steps"][0]["params"]["asked_by"] == "write"
    assert "past transient" in failure["plan"]["steps"][0]["why"]
    assert "Not your change" not in stage.comment
    assert "is being re-run" in stage.comment
    await stage.end_rerun("success")
    assert await statuses(stage) == ["healed"]
    assert "the re-run passed" in stage.comment
    entries = (await stage.line.client.get("/api/v1/audit")).json()["items"][::-1]
    told = [f"{entry['actor']} {entry['action']}" for entry in entries]
    first = [
        f"{stage.name}:write command.done",
        "bot comment.created",
        "bot rerun.done",
        "bot comment.edited",
    ]
    assert sorted(dict.fromkeys(told)) == sorted(first)


async def test_a_person_may_go_past_the_limit_of_re_runs(stage: Stage):
    await stage.fail(DNS)
    for _ in range(3):
        await stage.end_rerun("failure", DNS)
        await stage.line.hurry()
    assert (await statuses(stage))[-1] == "escalated"
    assert stage.reruns() == 2
    await stage.say("/guard retry", "write")
    assert stage.reruns() == 3


async def test_the_same_comment_twice_acts_once(stage: Stage):
    await stage.fail(RED)
    headers, body, comment = stage.hook("/guard retry", "write", delivery="one")
    for _ in range(3):
        await stage.line.post(stage.name, headers, body)
    await stage.line.settle()
    again = (await stage.line.client.get("/api/v1/deliveries")).json()["items"][0]["id"]
    await stage.end_rerun("failure", RED)
    await stage.line.client.post(f"/api/v1/deliveries/{again}/replay")
    await stage.line.settle()
    assert stage.reruns() == 1
    assert stage.signs(comment) == ["👀", "🎉"]
    assert len(stage.ours()) == 1


async def test_who_may_not_is_told_so_and_nothing_else_happens(stage: Stage):
    await stage.fail(RED)
    for text, author in (
        ("/guard retry", "read"),
        ("/guard ignore", "read"),
        ("/guard wrong flaky_test", "read"),
        ("/guard off", "write"),
        ("/guard on", "write"),
        ("/guard help", "none"),
        ("/guard explain", "none"),
        ("/guard dance", "none"),
    ):
        _, comment = await stage.say(text, author)
        assert stage.signs(comment) == ["👀", "👎"]
        assert stage.comment.count(f"yours is {author}") > 0
    assert stage.reruns() == 0
    (failure,) = await stage.line.failures()
    assert (failure["status"], failure["labels"]) == ("open", [])
    await stage.say("/guard retry", "ann")
    assert stage.reruns() == 1  # nothing was switched off


async def test_ignore_ends_what_is_open(stage: Stage):
    await stage.fail(RED)
    await stage.say("/guard ignore", "write")
    assert await statuses(stage) == ["ignored"]
    assert "Ignored: 1 failure" in stage.comment
    _, comment = await stage.say("/guard ignore", "write")
    assert stage.signs(comment) == ["👀", "👎"]


async def test_wrong_is_kept_as_a_label_with_its_author(stage: Stage):
    await stage.fail(RED)
    await stage.say("/guard wrong Flaky_Test", "write")
    (failure,) = await stage.line.failures()
    (label,) = failure["labels"]
    assert (label["category"], label["author"]) == ("flaky_test", "write")
    assert failure["category"] == "test_failure"
    assert "write says: it is `flaky_test`" in stage.comment


async def test_wrong_with_a_category_that_is_none_lists_them(stage: Stage):
    await stage.fail(RED)
    _, comment = await stage.say("/guard wrong monday", "write")
    assert stage.signs(comment) == ["👀", "😕"]
    assert "network\\_transient" in stage.comment
    (failure,) = await stage.line.failures()
    assert failure["labels"] == []


async def test_wrong_asks_which_job_when_different_ones_failed(github, github_line):
    stage = on_github(github, github_line)
    stage.person("ann", "write")
    await stage.fail(RED)
    await stage.fail("error: could not compile `shop`\n", jobs={"build": "failure"})
    await stage.say("/guard wrong crash")
    assert "Which one?" in stage.comment
    await stage.say("/guard wrong crash Build")
    labels = {item["job"]: item["labels"] for item in await github_line.failures()}
    assert labels["tests"] == []
    assert [item["category"] for item in labels["build"]] == ["crash"]


async def test_off_stops_healing_until_on(stage: Stage):
    _, comment = await stage.say("/guard off")
    assert stage.signs(comment) == ["👀", "🎉"]
    await stage.fail(DNS)
    (failure,) = await stage.line.failures()
    assert failure["status"] == "open"
    assert "switched_off" in {item["guard"] for item in failure["plan"]["refusals"]}
    assert "switched off in this repository by ann" in stage.comment
    _, refused = await stage.say("/guard retry")
    assert stage.signs(refused) == ["👀", "👎"]
    assert stage.reruns() == 0
    await stage.say("/guard on\n/guard retry")
    assert stage.reruns() == 1
    assert "switched off in this repository" not in stage.comment


async def test_what_is_off_for_the_whole_owner_stays_off_when_its_repository_is_on(stage: Stage):
    switch = f"/api/v1/switches/{stage.name}/ACME/*"
    assert (await stage.line.client.put(switch, json={"off": True})).status_code == 200
    await stage.fail(DNS)
    _, comment = await stage.say("/guard on\n/guard retry")
    assert stage.signs(comment) == ["👀", "👎"]
    assert stage.reruns() == 0
    assert "but stays off: " in stage.comment
    assert "with all of ACME" in stage.comment
    await stage.line.client.put(switch, json={"off": False})
    await stage.say("/guard retry")
    assert stage.reruns() == 1


async def test_off_stops_what_is_planned_but_not_done(github, github_line):
    stage = on_github(github, github_line)
    stage.person("ann", "admin")
    github.fail("POST", "/rerun", 503, times=2)
    github.fail("GET", "/actions/runs/", 503, times=0)
    await stage.fail(DNS)
    assert await statuses(stage) == ["healing"]
    before = stage.reruns()
    await stage.say("/guard off")
    await github_line.hurry()
    assert await statuses(stage) == ["open"]
    assert stage.reruns() == before


async def test_explain_unfolds_the_reasoning_in_the_same_comment(stage: Stage):
    await stage.fail(RED)
    assert "How it was judged" not in stage.comment
    await stage.say("/guard explain", "read")
    assert "<details open><summary>How it was judged: tests" in stage.comment
    assert "transient: A re-run would not help" in stage.comment
    assert len(stage.ours()) == 1


@pytest.mark.parametrize(("text", "sign"), [("/guard help", "🎉"), ("/guard mend", "😕")])
async def test_help_and_what_is_unknown_list_the_commands(stage: Stage, text, sign):
    _, comment = await stage.say(text, "read")
    assert stage.signs(comment) == ["👀", sign]
    assert "`/guard wrong <category> [job]`: say what the cause really is" in stage.comment


async def test_never_re_run_holds_for_people_too(stage: Stage):
    await stage.fail(DNS, jobs={"deploy": "failure"})
    _, comment = await stage.say("/guard retry")
    assert stage.signs(comment) == ["👀", "👎"]
    assert "never re-run" in stage.comment
    assert stage.reruns() == 0


async def test_a_commit_that_was_replaced_is_not_re_run(stage: Stage):
    await stage.fail(RED)
    stage.push()
    _, comment = await stage.say("/guard retry")
    assert stage.signs(comment) == ["👀", "👎"]
    assert stage.reruns() == 0


async def test_a_closed_request_is_left_alone(stage: Stage):
    await stage.fail(RED)
    before = stage.ours()
    headers, body, comment = stage.hook("/guard retry", "ann")
    stage.close()
    answer = (await stage.line.post(stage.name, headers, body)).json()
    await stage.line.settle()
    assert "not open" in await stage.note(answer)
    assert (stage.signs(comment), stage.ours(), stage.reruns()) == ([], before, 0)
    answer, _ = await stage.say("/guard retry")
    assert answer["status"] == "ignored"


async def test_text_that_is_no_command_is_ignored_with_a_reason(stage: Stage):
    for text in ("```\n/guard retry\n```", "> /guard retry", "try /guard retry"):
        answer, comment = await stage.say(text)
        assert (answer["status"], stage.signs(comment)) == ("ignored", [])
    for action in ("edited", "update"):
        answer, _ = await stage.say("/guard retry", action=action)
        assert answer["status"] == "ignored"


async def test_our_own_comments_are_never_answered(stage: Stage, github, gitlab):
    await stage.fail(RED)
    answer, comment = await stage.say("<!-- pipeline-guard -->\n/guard retry")
    assert answer["status"] == "ignored"
    us = github.login if stage.name == "github" else gitlab.bot
    answer, comment = await stage.say("/guard retry", us)
    assert "our own" in await stage.note(answer)
    assert (stage.signs(comment), stage.reruns()) == ([], 0)


async def test_a_delivery_that_says_more_than_the_comment_is_not_believed(stage: Stage):
    await stage.fail(RED)
    headers, body, comment = stage.hook("/guard retry", "ann")
    comment.body = "never mind"
    answer = (await stage.line.post(stage.name, headers, body)).json()
    await stage.line.settle()
    assert "does not say" in await stage.note(answer)
    forged = stage.hook("/guard off", "read")
    for part in ("user", "author"):
        if hasattr(forged[2], part):
            setattr(forged[2], part, "none")
    answer = (await stage.line.post(stage.name, forged[0], forged[1])).json()
    await stage.line.settle()
    assert "does not say" in await stage.note(answer)
    assert stage.reruns() == 0


async def test_names_from_people_are_inert_in_our_comment(stage: Stage):
    await stage.say("/guard `@everyone`<b> @all", "read")
    assert "@everyone" not in stage.comment.replace("`/guard @everyone<b> @all`", "")


@pytest.mark.parametrize("mode", ["suggest"], indirect=True)
async def test_in_suggest_a_person_s_word_is_what_was_waited_for(github, github_line):
    stage = on_github(github, github_line)
    stage.person("ann", "write")
    await stage.fail(DNS)
    assert stage.reruns() == 0
    await stage.say("/guard retry")
    assert stage.reruns() == 1


@pytest.mark.parametrize("mode", ["observe"], indirect=True)
async def test_who_only_observes_says_nothing(github, github_line):
    stage = on_github(github, github_line)
    stage.person("ann", "admin")
    await stage.fail(DNS)
    answer, _ = await stage.say("/guard retry")
    assert "observe" in await stage.note(answer)
    assert {call.method for call in github.calls()} == {"GET"}


async def test_when_permission_cannot_be_asked_nobody_is_let_in(github, github_line):
    stage = on_github(github, github_line)
    stage.person("ann", "admin")
    await stage.fail(RED)
    github.fail("GET", "/permission", 403)
    _, comment = await stage.say("/guard retry")
    assert stage.signs(comment) == ["👀", "👎"]
    assert "could not be checked" in stage.comment
    assert stage.reruns() == 0


async def test_two_runs_that_end_together_write_one_comment(github, github_line):
    stage = on_github(github, github_line)
    (number,) = github.world.repos["acme/shop"].pulls
    github.latency = 0.05
    runs = [
        github.add_run(log=RED, workflow=name, pulls=(number,)) for name in ("CI", "Docs", "Lint")
    ]
    hooks = [github.webhook("workflow_run", run) for run in runs]
    await asyncio.gather(*(github_line.post("github", *hook) for hook in hooks))
    await github_line.settle()
    for name in ("CI / tests", "Docs / tests", "Lint / tests"):
        assert f"`{name}`" in stage.comment


async def test_what_cannot_be_read_again_is_not_done(github, github_line):
    stage = on_github(github, github_line)
    stage.person("ann", "admin")
    await stage.fail(RED)
    github.fail("GET", "/issues/comments/", 403)
    answer, comment = await stage.say("/guard retry")
    assert "could not be read again" in await stage.note(answer)
    assert (stage.signs(comment), stage.reruns()) == ([], 0)
