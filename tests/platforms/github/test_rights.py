"""What we lack to re-run jobs, told before anything is tried."""

import pytest
from tests.fakes.github import FakeGitHub

from pipeline_guard.platforms.github.adapter import GitHub


async def test_a_token_with_all_it_needs_lacks_nothing_and_is_asked_once(
    fake: FakeGitHub, github: GitHub
):
    fake.add_repo()
    assert await github.missing_right("acme/shop") is None
    assert await github.missing_right("acme/shop") is None
    assert len(fake.calls("POST", "/actions/runs/0/cancel")) == 1


async def test_an_owner_who_may_not_write(fake: FakeGitHub, github: GitHub):
    fake.add_repo()
    fake.world.read_only.add("acme/shop")
    assert await github.missing_right("acme/shop") == "write access of the token's owner"


async def test_a_fine_grained_token_without_the_permission(fake: FakeGitHub, github: GitHub):
    fake.add_repo()
    fake.add_token(fake.token, fake.login, actions="read")
    assert await github.missing_right("acme/shop") == "the permission Actions: write"


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [("repo, gist", None), ("public_repo", None), ("gist", "the token's scope repo")],
)
async def test_a_classic_token_names_its_scopes(fake: FakeGitHub, github: GitHub, scopes, missing):
    fake.add_repo()
    fake.fail("GET", "/repos/acme/shop$", 200, headers={"x-oauth-scopes": scopes},
              body={"permissions": {"push": True}, "private": False})  # fmt: skip
    assert await github.missing_right("acme/shop") == missing
    assert fake.calls("POST") == []
