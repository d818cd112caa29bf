"""The kill switch by the API and on the dashboard: who may turn it, what it says, its record."""

import re
from datetime import UTC, datetime

import pytest
from tests.web.test_access import bearer, made  # noqa: F401  # a fixture

from pipeline_guard.store import switches
from pipeline_guard.store.tables import Repository


@pytest.fixture
async def heard_of(database) -> None:
    now = datetime.now(UTC)
    async with database.transaction() as session:
        for platform, name in (
            ("github", "acme/shop"),
            ("github", "acme/Web"),
            ("github", "acme_x/shop"),
            ("gitlab", "acme/shop"),
        ):
            session.add(
                Repository(
                    platform=platform,
                    repository=name,
                    first_seen=now,
                    last_seen=now,
                    last_delivery=1,
                )
            )


@pytest.mark.parametrize(
    ("place", "about"),
    [
        ("github/acme/shop", 1),
        ("github/ACME/web", 1),
        ("github/acme/*", 2),
        ("github/acme_/*", 0),
        ("github/*", 3),
        ("*/acme/shop", 2),
        ("*/*", 4),
        ("gitlab/acme/shopp", 0),
    ],
)
async def test_a_switch_is_turned_and_tells_how_much_it_is_about(
    client, database, heard_of, place, about
):
    platform, _, repository = place.partition("/")
    answer = await client.put(f"/api/v1/switches/{place}", json={"off": True})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["platform"], told["repository"]) == (platform, repository)
    assert (told["off"], told["author"], told["repositories"]) == (True, "token:API_TOKEN", about)
    assert (await client.get("/api/v1/switches")).json()["items"] == [told]
    (entry,) = (await client.get("/api/v1/audit")).json()["items"]
    assert (entry["actor"], entry["action"]) == ("token:API_TOKEN", "switch.off")
    assert (entry["subject"], entry["details"]) == (
        f"{platform}:{repository}",
        {"repositories": about},
    )
    back = await client.put(f"/api/v1/switches/{place}", json={"off": False})
    assert back.json()["off"] is False
    async with database.transaction() as session:
        assert await switches.off_by(session, "github", "acme/shop") is None


async def test_who_may_only_read_sees_switches_and_turns_none(client, made, database):  # noqa: F811
    for scope, status in (("read", 403), ("act", 200), ("admin", 200)):
        headers = bearer(made[scope])
        answer = await client.put(
            "/api/v1/switches/github/acme/shop", json={"off": True}, headers=headers
        )
        assert answer.status_code == status
        assert (await client.get("/api/v1/switches", headers=headers)).status_code == 200
        async with database.transaction() as session:
            off = await switches.off_by(session, "github", "acme/shop")
        assert (off is not None) is (status == 200)


@pytest.mark.parametrize(
    ("place", "body", "where"),
    [
        ("githb/acme/shop", {"off": True}, "path.platform"),
        ("github/acme/sh*p", {"off": True}, "path.repository"),
        ("github/acme/", {"off": True}, "path.repository"),
        ("github/a%00b", {"off": True}, "path.repository"),
        ("github/acme/shop", {}, "body.off"),
        ("github/acme/shop", {"of": True}, "body.of"),
    ],
)
async def test_what_names_no_repository_or_says_nothing_turns_nothing(client, place, body, where):
    answer = await client.put(f"/api/v1/switches/{place}", json=body)
    assert answer.status_code == 422
    assert where in answer.json()["detail"]
    assert (await client.get("/api/v1/switches")).json()["items"] == []


async def test_the_dashboard_turns_a_switch_and_warns_while_it_is_off(client, heard_of):
    assert "Healing is switched off" not in (await client.get("/")).text
    form = {"platform": "github", "repository": " acme/* ", "off": "yes"}
    answer = await client.post("/switches", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings#switches")
    now = (await client.get("/")).text
    assert re.search(r"Healing is switched off: <b>acme/\* <small>github</small></b>", now)
    page = (await client.get("/settings")).text
    assert "Switch on</button>" in page
    await client.post("/switches", data=form | {"off": "no"})
    assert "Healing is switched off" not in (await client.get("/")).text


async def test_a_form_that_names_nothing_is_refused(client):
    for form in ({}, {"platform": "github", "repository": "a*b"}, {"platform": "x"}):
        answer = await client.post("/switches", data=form | {"off": "yes"})
        assert answer.status_code == 422
    assert (await client.get("/api/v1/switches")).json()["items"] == []


@pytest.mark.parametrize("said", [{}, {"off": ""}, {"off": "true"}])
async def test_a_form_that_does_not_say_off_or_on_switches_nothing_on(client, database, said):
    here = {"platform": "github", "repository": "acme/shop"}
    await client.post("/switches", data=here | {"off": "yes"})
    assert (await client.post("/switches", data=here | said)).status_code == 422
    async with database.transaction() as session:
        assert await switches.off_by(session, "github", "acme/shop")
