"""Who is let in, to what, and how a browser stays signed in."""

import base64
import re

import pytest
from sqlalchemy import select

from pipeline_guard.store import sign_ins, tokens
from pipeline_guard.store.tables import Audit
from pipeline_guard.web import access
from pipeline_guard.web.dashboard.page import HERE

TOKEN = "api-token-of-the-test"
TEMPLATES = HERE / "templates"
PAGE = {"accept": "text/html", "authorization": ""}


@pytest.fixture
async def made(database):
    """Tokens of every scope, by scope."""
    found = {}
    async with database.transaction() as session:
        for scope in ("read", "act", "admin"):
            _, found[scope] = await tokens.create(session, f"a {scope} token", scope, "test")
    return found


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_token_opens_what_its_scope_holds_and_no_more(client, made):
    for scope, replay in (("read", 403), ("act", 404), ("admin", 404)):
        headers = bearer(made[scope])
        assert (await client.get("/api/v1/failures", headers=headers)).status_code == 200
        answer = await client.post("/api/v1/deliveries/1/replay", headers=headers)
        assert answer.status_code == replay
        assert answer.headers["content-type"] == "application/problem+json"


async def test_admins_see_and_end_tokens_and_nobody_else_does(client, made, database):
    for scope in ("read", "act"):
        for method, path in (("GET", ""), ("DELETE", "/a read token")):
            answer = await client.request(
                method, f"/api/v1/tokens{path}", headers=bearer(made[scope])
            )
            assert answer.status_code == 403
            assert "takes the scope 'admin'" in answer.json()["detail"]
    admin = bearer(made["admin"])
    listed = await client.get("/api/v1/tokens", headers=admin)
    names = [item["name"] for item in listed.json()["items"]]
    assert names == ["a admin token", "a act token", "a read token"]
    assert not any(secret in listed.text for secret in made.values())
    path = "/api/v1/tokens/a read token"
    assert (await client.delete(path, headers=admin)).status_code == 204
    assert (await client.get("/api/v1/stats", headers=bearer(made["read"]))).status_code == 401
    assert (await client.delete(path, headers=admin)).status_code == 404
    async with database.transaction() as session:
        (entry,) = (await session.scalars(select(Audit))).all()
    told = (entry.actor, entry.action, entry.subject)
    assert told == ("token:a admin token", "token.revoked", "token:a read token")


async def test_only_a_hash_is_kept_and_use_is_noted(client, made, database):
    await client.get("/api/v1/failures", headers=bearer(made["read"]))
    async with database.transaction() as session:
        rows = {row.name: row for row in await tokens.everything(session)}
    assert rows["a read token"].last_used_at is not None
    assert rows["a act token"].last_used_at is None
    assert not any(made["read"] in str(vars(row)) for row in rows.values())


async def test_a_revoked_token_opens_nothing(client, made, database):
    async with database.transaction() as session:
        assert await tokens.revoke(session, "a read token")
        assert await tokens.revoke(session, "a read token") is None
    answer = await client.get("/api/v1/failures", headers=bearer(made["read"]))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def sign_in(client, token: str = TOKEN, following: str = "/"):
    fields = {"token": token, "next": following}
    return await client.post("/login", data=fields, headers={"authorization": ""})


async def test_a_browser_is_sent_to_sign_in_and_back(client, made):
    answer = await client.get("/failures/7?x=1", headers=PAGE)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Ffailures%2F7%3Fx%3D1"
    page = await client.get(answer.headers["location"], headers=PAGE)
    assert "plain <code>http" in page.text
    assert 'value="/failures/7?x=1"' in page.text
    assert (await sign_in(client, "wrong")).status_code == 401
    answer = await sign_in(client, made["read"], "/failures/7?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/failures/7?x=1")
    cookie = answer.headers["set-cookie"]
    for part in ("__Host-guard=", "HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert made["read"] not in cookie


@pytest.mark.parametrize(
    "following", ["https://evil.example", "//evil.example", "/\\evil.example", "x", "/a\nb", ""]
)
async def test_no_link_leads_elsewhere_after_signing_in(client, following):
    assert (await sign_in(client, following=following)).headers["location"] == "/"


@pytest.fixture
async def browser(client, made):
    """Signed in with a token that may act; cookies are Secure, so over https."""
    client.base_url = "https://test"
    assert (await sign_in(client, made["act"])).status_code == 303
    client.headers.pop("authorization")
    return client


async def test_a_signed_in_browser_sees_pages_until_it_signs_out(browser):
    page = await browser.get("/")
    assert page.status_code == 200
    field = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    assert (await browser.post("/logout")).status_code == 403
    assert (await browser.post("/logout", data={"csrf_token": field})).status_code == 303
    assert (await browser.get("/")).status_code == 401


async def test_a_sign_in_ends_with_its_token(browser, database):
    async with database.transaction() as session:
        await tokens.revoke(session, "a act token")
    assert (await browser.get("/")).status_code == 401


async def test_a_sign_in_ends_after_its_time(browser, database, monkeypatch):
    monkeypatch.setattr(sign_ins, "datetime", _Later)
    assert (await browser.get("/")).status_code == 401


class _Later(sign_ins.datetime):
    @classmethod
    def now(cls, zone=None):
        return super().now(zone) + sign_ins.LIFETIME


async def test_a_form_without_its_token_is_refused_and_by_another_sign_in_too(browser, made):
    replay = "/api/v1/deliveries/1/replay"
    assert (await browser.post(replay)).status_code == 403
    assert (await browser.post(replay, data={"csrf_token": "0" * 64})).status_code == 403
    field = (await browser.get("/")).text.partition('name="csrf_token" value="')[2][:64]
    assert (await browser.post(replay, data={"csrf_token": field})).status_code == 404
    assert (await browser.post(replay, headers={"x-csrf-token": field})).status_code == 404
    await sign_in(browser, made["act"])
    assert (await browser.post(replay, headers={"x-csrf-token": field})).status_code == 403


async def test_a_remembered_password_does_not_serve_another_site(client):
    replay = "/api/v1/deliveries/1/replay"
    shown = base64.b64encode(f"x:{TOKEN}".encode()).decode()
    client.headers["authorization"] = f"Basic {shown}"
    assert (await client.post(replay)).status_code == 404
    for header in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert (await client.post(replay, headers=header)).status_code == 403


async def test_every_answer_forbids_foreign_content(client):
    for path in ("/", "/login", "/api/v1/failures", "/nowhere", "/static/dashboard.css"):
        answer = await client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"


OPEN = {"/healthz", "/readyz", "/metrics", "/login", "/logout", "/openapi.json", "/static",
        "/docs", "/docs/oauth2-redirect", "/redoc"}  # fmt: skip


def routes_of(app) -> list[tuple[str, str]]:
    """Every (method, path) there is, with 1 for each parameter."""
    found = []
    for route in app.routes:
        nested = getattr(route, "effective_route_contexts", None)
        for item in nested() if nested else [route]:
            path = re.sub(r"{[^}]+}", "1", item.path)
            found += [(method, path) for method in getattr(item, "methods", None) or ()]
    return found


async def test_every_route_is_locked_but_those_that_must_not_be(app, client, made):
    seen = 0
    for method, path in routes_of(app):
        if path in OPEN or method == "HEAD":
            continue
        seen += 1
        answer = await client.request(method, path, headers={"authorization": ""})
        assert answer.status_code == 401, f"{method} {path}"
        if method != "GET":
            answer = await client.request(method, path, headers=bearer(made["read"]))
            assert answer.status_code == 403, f"{method} {path} changes something"
    assert seen > 8


async def test_without_any_lock_only_this_machine_is_let_in(open_client, database):
    assert (await open_client.get("/")).status_code == 200
    elsewhere = {"host": "guard.example.org"}
    assert (await open_client.get("/", headers=elsewhere)).status_code == 401
    assert (await open_client.post("/api/v1/deliveries/1/replay")).status_code == 404
    foreign = {"origin": "https://evil.example"}
    answer = await open_client.post("/api/v1/deliveries/1/replay", headers=foreign)
    assert answer.status_code == 403
    async with database.transaction() as session:
        await tokens.create(session, "first", "read", "test")
    assert (await open_client.get("/")).status_code == 401


def test_a_scope_holds_those_before_it():
    assert access.covers("admin", "read")
    assert access.covers("act", "act")
    assert not access.covers("read", "act")


def test_every_form_that_changes_something_carries_its_token_and_nothing_is_inline():
    forms = 0
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text()
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", text)
        for form in re.findall(r'<form[^>]*method="post".*?</form>', text, re.DOTALL):
            forms += 1
            way_in = template.name in ("login.html", "setup.html")
            assert way_in or "csrf_field" in form, template.name
    assert forms > 4
