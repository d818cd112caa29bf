"""A small OpenID provider: codes that are good once, PKCE that is checked, keys of its own."""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "guard", "client-secret"


class FakeProvider:
    """Signs in whoever `person` says, without asking."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.person: dict[str, Any] | None = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.changed: dict[str, Any] = {}
        """Claims that the ID token shall have instead."""
        self.more: dict[str, Any] = {}
        """What only the user-info endpoint tells."""
        self.down = False

    def __enter__(self) -> "FakeProvider":
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.reply(*provider.get(self.path, dict(self.headers)))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
                self.reply(*provider.post(self.path, dict(self.headers), dict(parse_qsl(body))))

            def reply(self, status: int, data: Any, location: str | None = None) -> None:
                raw = json.dumps(data).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                if location:
                    self.send_header("location", location)
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def get(self, path: str, headers: dict[str, str]) -> tuple[Any, ...]:
        where = urlsplit(path)
        if self.down:
            return 503, {}
        if where.path == "/.well-known/openid-configuration":
            ends = ("authorization", "token", "userinfo")
            about = {f"{name}_endpoint": f"{self.url}/{name}" for name in ends}
            return 200, {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **about}
        if where.path == "/keys":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        if where.path == "/authorization":
            return self.authorize({key: value[0] for key, value in parse_qs(where.query).items()})
        if where.path == "/userinfo":
            token = headers.get("Authorization", "").removeprefix("Bearer ")
            return (200, self.tokens[token]) if token in self.tokens else (401, {})
        return 404, {}

    def authorize(self, query: dict[str, str]) -> tuple[Any, ...]:
        back = {"state": query["state"]}
        if query["client_id"] != CLIENT or query["code_challenge_method"] != "S256":
            return 400, {}
        if self.person is None:
            back["error"] = "access_denied"
        else:
            back["code"] = secrets.token_urlsafe(8)
            self.codes[back["code"]] = query
        return 302, {}, f"{query['redirect_uri']}?{urlencode(back)}"

    def post(self, path: str, headers: dict[str, str], form: dict[str, str]) -> tuple[Any, ...]:
        shown = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if path != "/token" or headers.get("Authorization") != f"Basic {shown}":
            return 401, {"error": "invalid_client"}
        query = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            query is None
            or challenge != query["code_challenge"]
            or form.get("redirect_uri") != query["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        token, now = secrets.token_urlsafe(8), int(time.time())
        self.tokens[token] = {**(self.person or {}), **self.more}
        claims = {
            "iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": query["nonce"], **(self.person or {}), **self.changed,
        }  # fmt: skip
        header = {"alg": "RS256", "kid": self.key.kid}
        return 200, {
            "access_token": token, "token_type": "Bearer",
            "id_token": jwt.encode(header, claims, self.key),
        }  # fmt: skip
