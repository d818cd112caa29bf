"""Signing in by way of a provider that keeps state and signs with keys of its own."""

import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from tests.fakes.oidc import CLIENT, SECRET, FakeProvider
from tests.web.conftest import client_of, running_app

from pipeline_guard.errors import ConfigError
from pipeline_guard.settings import Settings
from pipeline_guard.stages.upkeep.doctor import of_sign_in
from pipeline_guard.web.oidc import provider_from, scopes_of_groups

ANN = {"sub": "42", "email": "ann@example.org", "groups": ["dev", "staff"]}


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as running:
        running.person = dict(ANN)
        yield running


@pytest.fixture
async def browser(provider, database, database_url, tmp_path) -> AsyncIterator[httpx.AsyncClient]:
    settings = {
        "oidc_issuer": provider.url,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_groups": "dev=act,sre=admin",
        "public_url": "https://guard.example.org",
    }
    async with (
        running_app(database, database_url, tmp_path, **settings) as app,
        client_of(app, "https://guard.example.org") as opened,
    ):
        yield opened


async def go(browser: httpx.AsyncClient, following: str = "/") -> httpx.Response:
    """There and back again, as a browser does; the answer to the way back."""
    away = await browser.get("/login/oidc", params={"next": following})
    async with httpx.AsyncClient() as elsewhere:
        back = await elsewhere.get(away.headers["location"])
    where = urlsplit(back.headers["location"])
    assert where.netloc == "guard.example.org"
    return await browser.get(f"{where.path}?{where.query}")


async def test_a_person_signs_in_with_what_their_groups_may(browser):
    assert (await browser.get("/")).status_code == 401, "OIDC is a lock, too"
    assert "/login/oidc?next=/failures/7" in (await browser.get("/login?next=/failures/7")).text
    answer = await go(browser, "/failures/7")
    assert (answer.status_code, answer.headers["location"]) == (303, "/failures/7")
    page = (await browser.get("/")).text
    assert "oidc:ann@example.org" in page
    field = page.partition('name="csrf_token" value="')[2][:64]
    replay = "/api/v1/deliveries/1/replay"
    assert (await browser.post(replay, data={"csrf_token": field})).status_code == 404
    (entry,) = (await browser.get("/api/v1/audit")).json()["items"]
    assert (entry["actor"], entry["details"]["scope"]) == ("oidc:ann@example.org", "act")


async def refused(browser: httpx.AsyncClient, words: str) -> None:
    answer = await go(browser)
    assert answer.status_code == 403, answer.headers
    assert words in answer.text
    assert (await browser.get("/")).status_code == 401


async def test_who_is_in_no_group_stays_out(browser, provider):
    provider.person["groups"] = ["guests"]
    await refused(browser, "none of the groups")


async def test_groups_may_stand_in_the_user_info(browser, provider):
    del provider.person["groups"]
    await refused(browser, "none of the groups")
    provider.more = {"groups": ["sre"]}
    assert (await go(browser)).headers["location"] == "/"
    provider.more = {"groups": ["sre"], "sub": "somebody else"}
    (await browser.get("/")).raise_for_status()


async def test_an_address_that_nobody_verified_is_no_name(browser, provider):
    provider.person["email_verified"] = False
    await go(browser)
    assert "oidc:42" in (await browser.get("/")).text


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another client"},
        {"iss": "https://evil.example"},
        {"nonce": "another"},
        {"exp": int(time.time()) - 3600},
    ],
)
async def test_a_token_that_is_not_for_this_sign_in_is_refused(browser, provider, changed):
    provider.changed = changed
    await refused(browser, "does not hold")


async def test_a_token_signed_by_somebody_else_is_refused(browser, provider):
    await go(browser)
    browser.cookies.clear()
    published = provider.get
    good = RSAKey.import_key(provider.key.as_dict(private=True))
    provider.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
    provider.get = lambda path, headers: (
        (200, {"keys": [good.as_dict(private=False)]})
        if path == "/keys"
        else published(path, headers)
    )
    await refused(browser, "does not hold")


async def test_keys_that_changed_are_read_again(browser, provider):
    await go(browser)
    browser.cookies.clear()
    provider.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
    assert (await go(browser)).headers["location"] == "/"


async def test_a_person_may_say_no(browser, provider):
    provider.person = None
    await refused(browser, "did not let you in")


async def test_a_way_back_that_another_browser_began_is_refused(browser, provider):
    away = await browser.get("/login/oidc")
    async with httpx.AsyncClient() as elsewhere:
        back = (await elsewhere.get(away.headers["location"])).headers["location"]
    path = back.removeprefix("https://guard.example.org")
    cookies = dict(browser.cookies)
    browser.cookies.clear()
    assert (await browser.get(path)).status_code == 403
    browser.cookies.update(cookies)
    assert (await browser.get(path)).status_code == 303
    browser.cookies.clear()
    browser.cookies.update(cookies)
    assert (await browser.get(path)).status_code == 403, "a state is good once"


async def test_a_provider_that_is_away_is_told(browser, provider):
    provider.down = True
    answer = await browser.get("/login/oidc")
    assert answer.status_code == 403
    assert "cannot be asked" in answer.text


def test_wrong_settings_are_named():
    assert scopes_of_groups("cn=ops,ou=x=admin".replace(",", ";")) == {"cn=ops;ou=x": "admin"}
    for text in ("", "sre", "sre=root", "=read"):
        with pytest.raises(ConfigError, match="OIDC_GROUPS"):
            scopes_of_groups(text)
    with pytest.raises(ConfigError, match="CLIENT_ID"):
        provider_from(Settings(_env_file=None), "https://id.example.org")


async def test_doctor_asks_the_provider_who_it_is(provider):
    def at(issuer: str) -> Settings:
        return Settings(_env_file=None, oidc_issuer=issuer)

    (found,) = await of_sign_in(at(provider.url))
    assert (found.state, provider.url in found.text) == ("ok", True)
    (found,) = await of_sign_in(at(f"{provider.url}/other"))
    assert found.state == "wrong"
    provider.down = True
    (found,) = await of_sign_in(at(provider.url))
    assert found.state == "wrong"
    assert await of_sign_in(Settings(_env_file=None)) == []
