"""OpenID Connect: asks a provider who a person is, and which groups they are in.

Authorization code with PKCE. https://openid.net/specs/openid-connect-core-1_0.html
"""

import time
from dataclasses import dataclass
from typing import Any, Final

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from pipeline_guard.domain.access import SCOPES, Scope
from pipeline_guard.errors import ConfigError, PipelineGuardError
from pipeline_guard.settings import Settings

TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
_TRIES: Final = 2
"""Of what only reads; a code is exchanged once, as it is good once."""
_KEPT_SECONDS: Final = 3600.0
"""How long the provider's description and keys are taken as they were."""
_LEEWAY_SECONDS: Final = 60
_ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
"""Signed with a private key; never "none", and never with our own secret."""
EVERYBODY: Final = "*"

Json = dict[str, Any]


class SignInRefused(PipelineGuardError):
    """The provider did not say who it is, or who it is may not come in; a sentence for them."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who the provider says it is, and what their groups let them do."""

    name: str
    subject: str
    scope: Scope


def scopes_of_groups(text: str | None) -> dict[str, Scope]:
    """OIDC_GROUPS as a mapping; raises ConfigError that says what is wrong."""
    found: dict[str, Scope] = {}
    known = {scope: scope for scope in SCOPES}
    for pair in (part.strip() for part in (text or "").split(",")):
        group, _, scope = pair.rpartition("=")
        if not group or scope not in known:
            raise ConfigError(
                "PIPELINE_GUARD_OIDC_GROUPS needs pairs like sre=admin,dev=act,*=read, where the"
                f" scope is {', '.join(SCOPES)}; '{pair}' is none"
            )
        found[group.strip()] = known[scope]
    return found


def provider_from(settings: Settings, issuer: str) -> "Provider":
    """The provider that the settings describe; raises ConfigError that says what is missing."""
    if settings.oidc_client_id is None or settings.oidc_client_secret is None:
        raise ConfigError(
            "PIPELINE_GUARD_OIDC_ISSUER needs PIPELINE_GUARD_OIDC_CLIENT_ID and"
            " PIPELINE_GUARD_OIDC_CLIENT_SECRET, too"
        )
    return Provider(
        issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret.get_secret_value(),
        scopes_of_groups(settings.oidc_groups),
        settings.oidc_groups_claim,
    )


class Provider:
    """One provider, described by its own discovery document."""

    def __init__(
        self, issuer: str, client_id: str, secret: str, groups: dict[str, Scope], claim: str
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._secret = secret
        self._groups = groups
        self._claim = claim
        self._known: dict[str, tuple[float, Json]] = {}

    async def start(self, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where to send the browser; raises SignInRefused when the provider is away."""
        about = await self._about()
        async with self._client(redirect_uri) as client:
            url, _ = client.create_authorization_url(
                about["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url)

    async def finish(self, redirect_uri: str, code: str, nonce: str, verifier: str) -> Person:
        """Who came back with that code; raises SignInRefused."""
        about = await self._about()
        try:
            async with self._client(redirect_uri) as client:
                answer = await client.fetch_token(
                    about["token_endpoint"], code=code, code_verifier=verifier
                )
                claims = await self._claims(about, answer, nonce)
                if self._claim not in claims and "userinfo_endpoint" in about:
                    claims |= await self._more(client, about["userinfo_endpoint"], claims["sub"])
        except (AuthlibBaseError, JoseError, httpx.HTTPError, ValueError, KeyError) as error:
            raise SignInRefused(
                f"The sign-in provider's answer does not hold: {type(error).__name__}."
            ) from error
        return self._person(claims)

    def _client(self, redirect_uri: str) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            self._client_id,
            self._secret,
            redirect_uri=redirect_uri,
            scope="openid email profile",
            code_challenge_method="S256",
            timeout=TIMEOUT,
        )

    def _person(self, claims: Json) -> Person:
        listed = claims.get(self._claim)
        groups = {str(group) for group in listed} if isinstance(listed, list) else set()
        held = [scope for group, scope in self._groups.items() if group in {*groups, EVERYBODY}]
        # An address that nobody verified is only what somebody typed.
        verified = claims.get("email_verified", True) is True
        name = str((claims.get("email") if verified else None) or claims["sub"])
        if not held:
            raise SignInRefused(f"{name} is in none of the groups that may come in here.")
        return Person(name, str(claims["sub"]), max(held, key=SCOPES.index))

    async def _claims(self, about: Json, answer: Json, nonce: str) -> Json:
        token, keys = answer["id_token"], await self._get(about["jwks_uri"])
        registry = JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
        try:
            decoded = jwt.decode(token, KeySet.import_key_set(_key_set(keys)), registry=registry)
        except InvalidKeyIdError:  # the provider has changed its keys
            self._known.pop(about["jwks_uri"], None)
            keys = await self._get(about["jwks_uri"])
            decoded = jwt.decode(token, KeySet.import_key_set(_key_set(keys)), registry=registry)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": self._issuer},
                "aud": {"essential": True, "value": self._client_id},
                "nonce": {"essential": True, "value": nonce},
            },
            {"nonce": nonce, "client_id": self._client_id, "access_token": answer["access_token"]},
        )
        claims.validate(leeway=_LEEWAY_SECONDS)
        return dict(claims)

    async def _more(self, client: AsyncOAuth2Client, url: str, subject: str) -> Json:
        """What the provider tells elsewhere than in its token, if it is about the same person."""
        answer = await client.get(url)
        answer.raise_for_status()
        told = answer.json()
        return told if isinstance(told, dict) and told.get("sub") == subject else {}

    async def _about(self) -> Json:
        about = await self._get(f"{self._issuer}/.well-known/openid-configuration")
        if str(about.get("issuer", "")).rstrip("/") != self._issuer:
            raise SignInRefused("The sign-in provider names another issuer than the one set here.")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not str(about.get(name, "")).startswith(("https://", "http://")):
                raise SignInRefused(f"The sign-in provider does not tell its {name}.")
        return about

    async def _get(self, url: str) -> Json:
        """A document of the provider, kept for a while; raises SignInRefused when it is away."""
        kept = self._known.get(url)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        told = "nothing"
        for _ in range(_TRIES):
            try:
                async with httpx.AsyncClient(timeout=TIMEOUT) as client:
                    answer = await client.get(url)
                answer.raise_for_status()
                data = answer.json()
            except (httpx.HTTPError, ValueError) as error:
                told = str(error) or type(error).__name__
                continue
            if isinstance(data, dict):
                self._known[url] = time.monotonic() + _KEPT_SECONDS, data
                return data
        raise SignInRefused(f"The sign-in provider cannot be asked: {told}")


def _key_set(keys: Json) -> Any:
    return {"keys": [key for key in keys.get("keys", []) if key.get("use", "sig") == "sig"]}
