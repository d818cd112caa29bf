"""Who asks, and whether they may: bearer tokens, signed-in browsers, forms sent on purpose.

A route says what it takes: `actor: Annotated[Actor, require("act")]`, or `require("read")` among
its dependencies. Everything else is done here, the check against forged forms included.
"""

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, HTTPException, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from markupsafe import Markup

from pipeline_guard.domain.access import SCOPES, Scope, covers
from pipeline_guard.settings import Settings, is_loopback
from pipeline_guard.store import sign_ins, tokens
from pipeline_guard.store.session import Database
from pipeline_guard.web import forms

OIDC: Final = "oidc"
"""The basis of sign-ins by OpenID Connect: they end when it is not configured any more."""
CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf_token"
_BY_NAME: Final[dict[str, Scope]] = {scope: scope for scope in SCOPES}
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="Pipeline Guard"'}
_HOW: Final = (
    "Send 'Authorization: Bearer <token>' with PIPELINE_GUARD_API_TOKEN or a token made by"
    " `pipeline-guard tokens create`; a browser signs in at /login."
)
_BEARER: Final = HTTPBearer(
    auto_error=False, scheme_name="token", description="A token with the scope that is named."
)

Way = Literal["bearer", "basic", "cookie", "open"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: the name that the audit gets, what they may, and how they showed it."""

    name: str
    scope: Scope
    way: Way
    csrf: str
    """What their forms must carry; it cannot be told without what they showed."""


class Access:
    """Tells who asks; one per application, at `app.state.access`."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._oidc = settings.oidc_issuer is not None
        self._admin_digests = tuple(tokens.digest(token) for token in settings.api_tokens)
        # Of this process: a form that is older than it has to be loaded again.
        self._key = secrets.token_bytes(32)

    async def identify(self, request: Request) -> Actor | None:
        """Who asks, None when what they showed opens nothing; raises StoreUnavailable."""
        way, shown = _shown(request)
        if way in ("bearer", "basic"):
            found = await self.of_token(shown)
            return found and Actor(found[0], found[1], way, _csrf(shown.encode()))
        actor = await self._signed_in(shown) if way == "cookie" else None
        if actor is None and await self.is_open(request):
            return Actor("anybody", "admin", "open", _csrf(self._key))
        return actor

    async def of_token(self, shown: str) -> tuple[str, Scope] | None:
        """The name and scope of a token's holder; all are compared, so time tells nothing."""
        digest = tokens.digest(shown)
        matches = [hmac.compare_digest(digest, known) for known in self._admin_digests]
        if any(matches):
            return "token:API_TOKEN", "admin"
        if not shown.startswith(tokens.PREFIX):
            return None
        async with self._database.transaction() as session:
            found = await tokens.find(session, digest)
        return (f"token:{found.name}", found.scope) if found else None

    async def is_open(self, request: Request) -> bool:
        """Nobody has asked for a lock, and the request is for this machine by its own name.

        The name matters: a page from elsewhere can point a name of its own at 127.0.0.1, and a
        proxy in front would let in everybody.
        """
        if self._admin_digests or self._oidc or not is_loopback(_host(request)):
            return False
        async with self._database.transaction() as session:
            return not await tokens.any_live(session)

    async def sign_in(self, actor: str, scope: Scope, basis: str) -> str:
        """What the cookie of a newly signed-in browser shall hold."""
        async with self._database.transaction() as session:
            return await sign_ins.start(session, actor, scope, basis)

    async def sign_out(self, request: Request) -> None:
        """End the sign-in of this browser."""
        cookie = request.cookies.get(cookie_name(request))
        if cookie:
            async with self._database.transaction() as session:
                await sign_ins.end(session, cookie)

    async def _signed_in(self, cookie: str) -> Actor | None:
        in_force = {*self._admin_digests, *((OIDC,) if self._oidc else ())}
        async with self._database.transaction() as session:
            found = await sign_ins.find(session, cookie, in_force)
        if found is None:
            return None
        return Actor(found.actor, found.scope, "cookie", _csrf(cookie.encode()))


def _csrf(key: bytes) -> str:
    """What forms carry: it follows from what was shown, so that every replica knows it."""
    return hmac.digest(key, b"csrf", "sha256").hex()


async def current_actor(
    needed: SecurityScopes,
    request: Request,
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
) -> Actor:
    """Who asks; raises 401 for nobody we know, 403 for too little scope or a forged form."""
    actor = await known_actor(request)
    if actor is None:
        raise HTTPException(401, _HOW, headers=_CHALLENGE)
    for scope in needed.scopes:
        if not covers(actor.scope, _BY_NAME[scope]):
            raise HTTPException(403, f"This takes the scope '{scope}'; yours is '{actor.scope}'.")
    if request.method not in _SAFE:
        await check_form(request, actor)
    return actor


async def known_actor(request: Request) -> Actor | None:
    """Who asks, looked up once for each request."""
    if not hasattr(request.state, "actor"):
        access: Access = request.app.state.access
        request.state.actor = await access.identify(request)
    known: Actor | None = request.state.actor
    return known


def require(scope: Scope) -> Any:
    """The dependency by which a route says what it takes, in OpenAPI, too."""
    return Security(current_actor, scopes=[scope])


async def check_form(request: Request, actor: Actor) -> None:
    """Raise 403 unless the form was sent from a page of ours.

    Who shows a bearer token does so on purpose. A cookie comes along by itself, and so does the
    open door of this machine or a remembered password where a browser is asking; those name the
    page they come from.
    """
    if actor.way == "bearer" or (actor.way != "cookie" and not _by_browser(request)):
        return
    given = request.headers.get(CSRF_HEADER, "")
    if not given:
        given = (await forms.fields(request)).get(CSRF_FIELD, "")
    if not hmac.compare_digest(given.encode(), actor.csrf.encode()):
        raise HTTPException(403, "This form is out of date. Load the page again and repeat it.")


def template_values(request: Request) -> dict[str, Any]:
    """For templates: `actor`, and `csrf_field` and `csrf_token` for what they send."""
    actor: Actor | None = getattr(request.state, "actor", None)
    token = actor.csrf if actor else ""
    field = Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, token)
    return {"actor": actor, "csrf_token": token, "csrf_field": field}


def is_secure(request: Request) -> bool:
    """Must a cookie of this site travel over TLS only? On this machine there is none."""
    return request.url.scheme == "https" or not is_loopback(_host(request))


def cookie_name(request: Request) -> str:
    """The prefix makes browsers refuse such a cookie from a neighbouring host."""
    return "__Host-guard" if is_secure(request) else "guard"


def set_cookie(
    request: Request, answer: Response, name: str, value: str, life: timedelta, path: str = "/"
) -> None:
    """Give the browser a cookie that no script reads and that other sites' forms leave behind."""
    answer.set_cookie(
        name,
        value,
        max_age=int(life.total_seconds()),
        path=path,
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def _shown(request: Request) -> tuple[Way | None, str]:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return "bearer", value.strip()
    if scheme.lower() == "basic":
        return "basic", _password(value)
    if scheme:
        return "bearer", ""
    cookie = request.cookies.get(cookie_name(request))
    return ("cookie", cookie) if cookie else (None, "")


def _password(value: str) -> str:
    """The token as a browser or `curl -u` sends it: as the password, with any name."""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _by_browser(request: Request) -> bool:
    return "origin" in request.headers or "sec-fetch-site" in request.headers


def _host(request: Request) -> str:
    return request.url.hostname or ""
