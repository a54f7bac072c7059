"""A small real OpenID Connect provider on a port of this machine, and ways for it to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from newsletter.clock import Clock


@cache
def fresh_key(name: str) -> RSAKey:
    """A key of its own for each name; making one takes a while, so once a run."""
    return RSAKey.generate_key(2048, {"kid": name})


CLIENT, SECRET = "desk-of-the-newsletter", "a secret of the provider"
Claims = dict[str, Any]


@dataclass(slots=True)
class Provider:
    """Signs in whoever ``who`` says, without asking; ``lie`` changes what it says of them."""

    clock: Clock
    who: Claims = field(default_factory=dict)
    lie: Callable[[Claims], Claims] = dict
    sign: Callable[[Provider, Claims], str] | None = None
    key: RSAKey = field(default_factory=lambda: fresh_key("one"))
    issuer: str = ""
    described: Claims = field(default_factory=dict)
    """What the description says differently."""
    account: Claims | None = None
    """What its account page says; the ID token has no address then."""
    forgiving: bool = False
    """Whether it changes a code twice, which no provider should."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    """What each sign-in asked for."""

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to, with a code that is good once."""
        assert query["client_id"] == CLIENT
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        self.asked.append(query)
        code = secrets.token_urlsafe(12)
        self.codes[code] = query
        more = {"code": code, "state": query["state"], "iss": self.issuer}
        return f"{query['redirect_uri']}?{urlencode(more)}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, Claims]:
        """Change a code for tokens: the client's secret, the address and the verifier must fit."""
        code = form.get("code", "")
        asked = self.codes.get(code) if self.forgiving else self.codes.pop(code, None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        challenge = (
            base64.urlsafe_b64encode(
                hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            )
            .rstrip(b"=")
            .decode()
        )
        if authorization != f"Basic {basic}":
            return 401, {"error": "invalid_client"}
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form.get("redirect_uri")
        ):
            return 400, {"error": "invalid_grant"}
        now = int(self.clock().timestamp())
        claims = self.lie(
            {
                "iss": self.issuer,
                "aud": CLIENT,
                "sub": "person-1",
                "iat": now,
                "exp": now + 300,
                "auth_time": now,
                "nonce": asked["nonce"],
                **({} if self.account is not None else {"email_verified": True}),
                **self.who,
            }
        )
        word = (self.sign or honest)(self, claims)
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": word}

    def description(self) -> Claims:
        """What it says of itself."""
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        if self.account is not None:
            said["userinfo_endpoint"] = f"{self.issuer}/account"
        return said | self.described


def honest(provider: Provider, claims: Claims) -> str:
    """An ID token signed with the key that the provider shows."""
    return jwt.encode({"alg": "RS256", "kid": provider.key.kid}, claims, provider.key)


def by_another_key(provider: Provider, claims: Claims) -> str:
    """Signed by somebody else who names the provider's key."""
    other = RSAKey.import_key(fresh_key("two").as_dict(private=True) | {"kid": "one"})
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, other)


def not_at_all(provider: Provider, claims: Claims) -> str:
    """``alg: none``."""
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{body}."


def with_the_public_key(provider: Provider, claims: Claims) -> str:
    """HS256 with the public key, which everybody has, as the secret."""
    key = OctKey.import_key(provider.key.as_pem(private=False), {"kid": "one"})
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, key, algorithms=["HS256"])


def with_the_clients_secret(provider: Provider, claims: Claims) -> str:
    """HS256 with the client's secret, which the desk has as well."""
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET), algorithms=["HS256"])


def altered(provider: Provider, claims: Claims) -> str:
    """Signed, and then another address put in."""
    head, body, signature = honest(provider, claims).split(".")
    changed = {**claims, "email": "admin@example.org"}
    body = base64.urlsafe_b64encode(json.dumps(changed).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


@contextmanager
def provider_at_work(clock: Clock) -> Iterator[Provider]:
    """Serve a provider on a free port."""
    provider = Provider(clock)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/.well-known/openid-configuration":
                self._say(200, provider.description())
            elif parts.path == "/keys":
                self._say(200, dict(KeySet([provider.key]).as_dict(private=False)))
            elif parts.path == "/account":
                allowed = self.headers.get("Authorization") == "Bearer access"
                self._say(200 if allowed else 401, provider.account or {})
            else:
                self.send_response(302)
                self.send_header("Location", provider.authorize(query))
                self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._say(*provider.token(form, self.headers.get("Authorization", "")))

        def _say(self, status: int, what: Claims) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(what).encode())

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
