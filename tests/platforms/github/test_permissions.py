"""An App's tokens can do what a call takes and no more."""

import threading
from collections.abc import AsyncIterator

import pytest
from tests.fakes.github import FakeGitHub
from tests.platforms.github.keys import KEY, PEM

from pipeline_guard import errors
from pipeline_guard.domain.events import Event
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.credentials import AppCredentials, TokenCredentials
from pipeline_guard.platforms.github.permissions import APP, READING, granted_of, needed

REPO = "/repos/acme/shop"
WORKFLOW = {"tree": [{"path": "a.py"}, {"path": ".github/workflows/ci.yml"}]}


@pytest.mark.parametrize(
    ("verb", "path", "body", "wanted"),
    [
        ("GET", f"{REPO}/actions/runs/7", None, READING),
        ("GET", f"{REPO}/hooks", None, {"repository_hooks": "read"}),
        ("GET", REPO, None, READING),
        ("POST", f"{REPO}/actions/runs/7/rerun", None, {"actions": "write"}),
        ("POST", f"{REPO}/check-runs?x=1", {}, {"checks": "write"}),
        (
            "PATCH",
            f"{REPO}/issues/comments/7",
            {},
            {"issues": "write", "pull_requests": "write"},
        ),
        ("POST", f"{REPO}/git/trees", {"tree": [{"path": "a.py"}]}, {"contents": "write"}),
        ("POST", f"{REPO}/git/trees", WORKFLOW, {"contents": "write", "workflows": "write"}),
        ("POST", f"{REPO}/git/refs", {}, {"contents": "write", "workflows": "write"}),
        ("POST", f"{REPO}/git/commits", {}, {"contents": "write"}),
        ("POST", f"{REPO}/pulls", {}, {"pull_requests": "write"}),
        ("POST", f"{REPO}/hooks/1/deliveries/2/attempts", None, {"repository_hooks": "write"}),
    ],
)
def test_a_call_takes_what_it_needs(verb, path, body, wanted):
    assert needed(verb, path, body) == wanted


def test_only_what_was_granted_is_asked_for():
    assert granted_of({"actions": "write", "checks": "write"}, {"actions": "read"}) == {}
    assert granted_of(READING, {"contents": "write", "metadata": "read"}) == {
        "contents": "read",
        "metadata": "read",
    }


@pytest.fixture
async def app(fake: FakeGitHub) -> AsyncIterator[GitHub]:
    fake.add_app("acme/shop", KEY.public_key())
    made = GitHub(Client(fake.url, AppCredentials("1", PEM), retry_wait=0))
    yield made
    await made.aclose()


async def test_reading_never_holds_a_right_to_write_and_writing_only_its_own(fake, app):
    made = fake.add_run(log="text")
    run = await app.read_run(Event("run_finished", "github", "acme/shop", str(made.id)))
    await app.rerun(run, "failed_jobs", None)
    given = [call.body["permissions"] for call in fake.calls("POST", "/access_tokens")]
    assert [sorted(set(one.values())) for one in given] == [["read"], ["write"]]
    assert given[1] == {"actions": "write"}


async def test_tokens_are_kept_by_repository_and_right(fake, app):
    fake.add_app("acme/other", KEY.public_key())
    runs = {repo: fake.add_run(repo) for repo in ("acme/shop", "acme/other")}
    for _ in range(3):
        for repo, made in runs.items():
            await app.read_run(Event("run_finished", "github", repo, str(made.id)))
    asked = fake.calls("POST", "/access_tokens")
    assert [call.body["repositories"] for call in asked] == [["shop"], ["other"]]
    assert len(fake.calls("GET", "/installation$")) == 2


def test_one_repository_does_not_wait_for_the_token_of_another():
    asked, answer = threading.Event(), threading.Event()

    def calls(verb, path, body=None):
        if "acme/slow" in path:
            asked.set()
            answer.wait(10)
        return {"id": 1, "token": "t"}

    app = AppCredentials("1", PEM)
    slow = threading.Thread(target=app.for_repository, args=("acme/slow", {}, calls))
    slow.start()
    assert asked.wait(10)
    app.for_repository("acme/quick", {}, calls)
    assert slow.is_alive()
    answer.set()
    slow.join()


async def test_connections_are_kept_for_the_tokens_used_last(fake, app, monkeypatch):
    monkeypatch.setattr("pipeline_guard.platforms.github.client._MOST_CONNECTED", 3)
    names = ["acme/shop", *(f"acme/{number}" for number in range(6))]
    for name in names[1:]:
        fake.add_app(name, KEY.public_key())
    for name in (*names, *names):
        made = fake.add_run(name)
        await app.read_run(Event("run_finished", "github", name, str(made.id)))
    assert len(app._client._requesters) == 3
    assert len(fake.calls("POST", "/access_tokens")) == len(names)


async def test_what_was_not_granted_is_told_before_github_is_asked(fake, app):
    fake.world.granted["acme/shop"] = {"actions": "read", "metadata": "read"}
    made = fake.add_run()
    run = await app.read_run(Event("run_finished", "github", "acme/shop", str(made.id)))
    assert await app.missing_right("acme/shop") == "the permission Actions: write"
    with pytest.raises(errors.NotAuthorized, match=r"not been granted actions: write"):
        await app.rerun(run, "failed_jobs", None)
    assert fake.calls("POST", "/rerun") == []
    assert await app.annotations(run, run.jobs[0]) == ()


async def test_the_fake_refuses_a_token_what_it_was_not_made_for(fake, app):
    made = fake.add_run()
    await app.read_run(Event("run_finished", "github", "acme/shop", str(made.id)))
    (token,) = [name for name in fake.world.tokens if name.startswith("ghs_")]
    fake.world.tokens["plain"] = fake.world.tokens[token]
    narrow = Client(fake.url, TokenCredentials("plain"), retry_wait=0)
    with pytest.raises(errors.NotAuthorized):
        await narrow.send("POST", "acme/shop", f"{REPO}/actions/runs/{made.id}/rerun")
    await narrow.aclose()


def test_what_an_app_asks_for_holds_all_that_is_read():
    assert granted_of(READING, APP) == READING
