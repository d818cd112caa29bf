"""The description of the API is complete, and what it shows is true."""

import jsonschema
import pytest
from tests.web.test_access import OPEN

from pipeline_guard.web.openapi import operations


@pytest.fixture
def described(app) -> dict:
    return app.openapi()


def test_every_operation_has_an_example_that_its_own_schema_takes(described):
    seen = 0
    for path, verb, operation in operations(described):
        what = f"{verb} {path}"
        assert operation["x-codeSamples"][0]["source"].startswith("curl "), what
        for parameter in operation.get("parameters", ()):
            schema = parameter["schema"] | {"components": described["components"]}
            jsonschema.validate(parameter["example"], schema)
        good = [answer for status, answer in operation["responses"].items() if status < "3"]
        for answer in good:
            for kind, media in answer.get("content", {}).items():
                schema = media.get("schema", {}) | {"components": described["components"]}
                if kind.endswith("json"):
                    jsonschema.validate(media["example"], schema)
                seen += 1
    assert seen >= 10


def test_every_locked_operation_names_its_scope_and_its_errors(described):
    for path, verb, operation in operations(described):
        if path in OPEN:
            assert "security" not in operation
            continue
        scopes = {scope for entry in operation["security"] for scope in entry["token"]}
        assert scopes, path
        assert {"401", "403", "422", "503"} <= set(operation["responses"]), path
        assert ("404" in operation["responses"]) is ("{" in path), f"{verb} {path}"


async def test_the_page_shows_all_of_it_without_a_script(client, described):
    page = (await client.get("/docs", headers={"authorization": ""})).text
    for path, verb, _ in operations(described):
        assert f"{verb.upper()} {path}" in page
    assert "<script>" not in page
    assert "https://cdn" not in page


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/failures", 405),
        ("GET", "/api/v1/failures?limit=1000", 422),
        ("GET", "/api/v1/failures?repository=a&repository=b", 422),
        ("GET", "/api/v1/failures/0", 422),
        ("GET", "/api/v1/failures/1", 404),
        ("POST", "/webhooks/nowhere", 404),
        ("GET", "/webhooks/github", 405),
    ],
)
async def test_every_error_is_a_problem(client, method, path, status):
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["status"], bool(told["title"]), bool(told["detail"])) == (status, True, True)


async def test_a_person_is_told_of_an_error_on_a_page_and_a_script_never(client):
    html = {"accept": "text/html,*/*;q=0.8"}
    for path, status in (("/failures/99", 404), ("/insights?days=8", 422), ("/nowhere", 404)):
        answer = await client.get(path, headers=html)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert 'href="/"' in answer.text
    assert "There is no failure 99." in (await client.get("/failures/99", headers=html)).text
    for path in ("/api/v1/failures/99", "/webhooks/nowhere"):
        answer = await client.get(path, headers=html)
        assert answer.headers["content-type"] == "application/problem+json"
    forged = {**html, "authorization": "", "cookie": "guard=x"}
    answer = await client.post("/deliveries/1/replay", headers=forged)
    assert (answer.status_code, "<h1>Unauthorized</h1>" in answer.text) == (401, True)


async def test_a_crash_is_told_so_too_and_by_the_rules_of_every_other_page(app, client):
    async def broken() -> None:
        raise ZeroDivisionError("a secret of the code")

    for path in ("/broken", "/api/broken"):
        app.add_api_route(path, broken)
    page = await client.get("/broken", headers={"accept": "text/html"})
    assert (page.status_code, "<h1>Internal Server Error</h1>" in page.text) == (500, True)
    answer = await client.get("/api/broken", headers={"accept": "text/html"})
    assert answer.json()["status"] == answer.status_code == 500
    for told in (page, answer):
        assert "default-src 'none'" in told.headers["content-security-policy"]
        assert "secret" not in told.text


async def test_a_body_beyond_the_limit_is_a_problem_too(client):
    async def endless():
        for _ in range(12):
            yield b"token=" + b"x" * 1024 * 1024

    kind = {"content-type": "application/x-www-form-urlencoded"}
    for content in (endless(), b"x" * 9 * 1024 * 1024):
        answer = await client.post("/login", content=content, headers=kind)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
