"""The fake's registration of Apps by manifest: a code that is good once, for a key and secrets."""

import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.fakes.github.world import Refused

if TYPE_CHECKING:
    from tests.fakes.github.api import Api, Asked, Result

LONGEST_NAME = 34


class Manifests:
    """What people confirmed in their browser, by code, until it is exchanged."""

    def __init__(self, api: "Api") -> None:
        self._api = api
        self.waiting: dict[str, dict[str, Any]] = {}
        self.made: list[dict[str, Any]] = []
        self.key: Any = None
        """The public half of the newest App's key."""

    def routes(self) -> list[tuple[str, str, Any, str]]:
        """Method, pattern, handler and right, as Api lists them."""
        return [
            ("POST", "/app-manifests/(?P<code>[^/]+)/conversions", self.convert, "nobody"),
            ("GET", "/app/installations", self.installations, "app"),
        ]

    def installations(self, asked: "Asked") -> "Result":
        listed = [
            {"id": number, "account": {"login": repo.partition("/")[0]}}
            for repo, number in self._api.world.installations.items()
        ]
        return self._api.paged(asked, listed)

    def confirm(self, manifest: str, state: str) -> str:
        """A person confirms the form's manifest: where GitHub then sends their browser."""
        asked = json.loads(manifest)
        if not asked["name"] or len(asked["name"]) > LONGEST_NAME:
            raise AssertionError("GitHub takes names of 1 to 34 characters")
        code = f"code-{self._api.world.next_id()}"
        self.waiting[code] = asked
        return f"{asked['redirect_url']}?code={code}&state={state}"

    def convert(self, asked: "Asked", code: str) -> "Result":
        manifest = self.waiting.pop(code, None)
        if manifest is None:
            raise Refused(404, "Not Found")
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key = key.public_key()
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        self.made.append(manifest)
        slug = manifest["name"].lower().replace(" ", "-")
        return 201, {
            "id": len(self.made), "slug": slug, "name": manifest["name"],
            "html_url": f"{self._api.base}/apps/{slug}", "pem": pem.decode(),
            "webhook_secret": f"secret-{len(self.made)}", "client_id": "Iv1.x",
            "client_secret": "unused", "permissions": manifest["default_permissions"],
            "events": manifest["default_events"], "owner": {"login": "acme"},
        }, {}  # fmt: skip
