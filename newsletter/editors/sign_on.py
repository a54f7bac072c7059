"""Single sign-on by OpenID Connect: an address to go to, and an answer to believe or not.

The authorization code flow with PKCE (RFC 7636), state, nonce and the issuer in the answer
(RFC 9207). What counts is the signed ID token: signature by a key of the provider, issuer,
audience, time and nonce are all checked before a word of it is read. Who that person is here is
not decided in this file.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from authlib.integrations.httpx_client import OAuth2Client, OAuthError
from authlib.oidc.core import CodeIDToken
from httpx2 import HTTPError, InvalidURL
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from newsletter.clock import Clock
from newsletter.config import Oidc
from newsletter.errors import AccountError, ConfigError

SECONDS = 10
LARGEST = 1_000_000
"""Bytes of a description, a set of keys or an account that are read at most."""
KEPT_FOR = timedelta(hours=1)
DOWN_FOR = timedelta(seconds=30)
"""How long a provider that did not answer is not asked again: each try holds a visitor up."""
SKEW = 60
"""Seconds that the provider's clock may be wrong."""
FRESH = timedelta(minutes=5)
"""How old a sign-in at the provider may be when somebody is asked to show that it is them."""
# Signatures by a key that only the provider has. HS256 would take our own secret for one.
SIGNATURES = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A sign-in that has begun: where the browser goes, and what only it and we know."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the provider says it is.

    ``subject`` is its address and its own word for the person, which never goes to somebody else.
    ``email`` is empty where the provider has not verified it. ``two_factors`` is its word (``mfa``,
    RFC 8176) that it asked for more than a password. ``recent`` is whether it says that it asked
    within :data:`FRESH`: a provider where somebody is still signed in answers without asking.
    """

    subject: str
    email: str
    two_factors: bool
    recent: bool


class Provider:
    """One OpenID Connect provider. Its description and keys are asked for when first needed.

    :param back: the address of this desk that the provider sends the browser back to.
    """

    def __init__(self, settings: Oidc, *, secret: str, back: str, clock: Clock):
        self._settings = settings
        self._secret = secret
        self._back = back
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._read_at = clock()
        self._failed: tuple[datetime, str] | None = None

    def start(self, *, fresh: bool = False) -> Start:
        """Begin a sign-in.

        :param fresh: whether the provider must ask for a password now, whoever is signed in there.
        :raises AccountError: when the provider cannot be reached or describes itself wrongly.
        """
        known, _ = self._described()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        more = {"prompt": "login", "max_age": "0"} if fresh else {}
        with self._client() as client:
            address, _ = client.create_authorization_url(
                known["authorization_endpoint"],
                state=state,
                nonce=nonce,
                code_verifier=verifier,
                **more,
            )
        return Start(address=address, state=state, nonce=nonce, verifier=verifier)

    def finish(
        self, answer: Mapping[str, str], *, nonce: str, verifier: str, fresh: bool = False
    ) -> Identity:
        """Change the code of an answer for an ID token, and read it once it is proved.

        :param answer: ``code`` and perhaps ``iss`` of the address the browser came back by; its
            state has been compared already.
        :raises AccountError: with the reason, for the log and not for the visitor.
        """
        known, keys = self._described()
        named = answer.get("iss", "")
        must = bool(known.get("authorization_response_iss_parameter_supported"))
        if (named or must) and named != known["issuer"]:
            raise AccountError("", "the answer names another provider")
        try:
            with self._client() as client:
                given = client.fetch_token(
                    known["token_endpoint"],
                    grant_type="authorization_code",
                    code=answer.get("code", ""),
                    code_verifier=verifier,
                )
                claims = self._proved(given, keys, nonce=nonce, fresh=fresh)
                if "email" not in claims and known.get("userinfo_endpoint"):
                    told = self._read(client, known["userinfo_endpoint"], signed=True)
                    if told.get("sub") == claims["sub"]:
                        claims = {**told, **claims}
        except (OAuthError, HTTPError, InvalidURL, JoseError, ValueError, KeyError) as error:
            raise AccountError(
                "", f"the provider's answer does not hold ({error!r:.200})"
            ) from None
        verified = claims.get("email_verified") in {True, "true"}
        methods = claims.get("amr") or []
        return Identity(
            subject=f"{known['issuer']} {claims['sub']}",
            email=str(claims.get("email", "")).strip() if verified else "",
            two_factors="mfa" in methods,
            recent=self._is_recent(claims.get("auth_time")),
        )

    def _is_recent(self, asked: object) -> bool:
        """Whether the provider asked for a password a short while ago; it need not say when."""
        if not isinstance(asked, int | float):
            return False
        return self._clock().timestamp() - asked <= FRESH.total_seconds() + SKEW

    def _proved(
        self, given: Mapping[str, Any], keys: KeySet, *, nonce: str, fresh: bool
    ) -> dict[str, Any]:
        """The claims of an ID token that is the provider's, for us, of now and of this sign-in."""
        word = str(given.get("id_token", ""))
        try:
            token = jwt.decode(word, keys, algorithms=SIGNATURES)
        except (JoseError, ValueError):
            # The provider may have changed its keys since they were read.
            _, keys = self._described(anew=True)
            token = jwt.decode(word, keys, algorithms=SIGNATURES)
        now = int(self._clock().timestamp())
        client = self._settings.client_id
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={
                "iss": {"essential": True, "value": self._known["issuer"]},
                "aud": {"essential": True, "value": client},
            },
            params={
                "nonce": nonce,
                "client_id": client,
                "access_token": given.get("access_token", ""),
                "max_age": fresh,
            },
        )
        claims.validate(now=now, leeway=SKEW)
        if fresh and not self._is_recent(claims["auth_time"]):
            raise ValueError("nobody was asked to sign in anew")
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise ValueError("the subject is no word")
        return dict(claims)

    def _described(self, *, anew: bool = False) -> tuple[dict[str, Any], KeySet]:
        """The provider's description and keys, kept for an hour."""
        issuer = self._settings.issuer
        with self._lock:
            if self._keys is not None and not anew and self._clock() - self._read_at < KEPT_FOR:
                return self._known, self._keys
            if self._failed and not anew and self._clock() - self._failed[0] < DOWN_FOR:
                raise _unusable(issuer, self._failed[1])
            try:
                with self._client() as client:
                    place = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
                    known = self._read(client, place)
                    if known.get("issuer") != issuer:
                        raise ValueError(f'it calls itself "{known.get("issuer")}"')
                    for name in _NEEDED:
                        _must_be_safe(str(known.get(name, "")), issuer, name)
                    keys = KeySet.import_key_set(
                        {"keys": self._read(client, known["jwks_uri"])["keys"]}
                    )
            except (
                HTTPError,
                InvalidURL,
                JoseError,
                ValueError,
                KeyError,
                TypeError,
                RecursionError,
            ) as error:
                self._failed = self._clock(), f"{error!s:.200}"
                raise _unusable(issuer, self._failed[1]) from None
            self._failed = None
            self._known, self._keys, self._read_at = known, keys, self._clock()
            return known, keys

    def _client(self) -> OAuth2Client:
        return OAuth2Client(
            self._settings.client_id,
            self._secret or None,
            token_endpoint_auth_method="client_secret_basic" if self._secret else "none",
            scope="openid email",
            redirect_uri=self._back,
            code_challenge_method="S256",
            timeout=SECONDS,
            follow_redirects=False,
        )

    @staticmethod
    def _read(client: OAuth2Client, address: str, *, signed: bool = False) -> dict[str, Any]:
        """A JSON object from an address, no more of it than is sensible."""
        how = {} if signed else {"withhold_token": True}
        body = b""
        with client.stream("GET", address, **how) as answer:
            answer.raise_for_status()
            for block in answer.iter_bytes():
                body += block
                if len(body) > LARGEST:
                    raise ValueError("it says too much")
        found = json.loads(body)
        if not isinstance(found, dict):
            raise TypeError("what it says is no object")
        return found


def _unusable(issuer: str, reason: str) -> AccountError:
    return AccountError(
        issuer,
        f"the provider of single sign-on cannot be used ({reason})",
        hint="Look at [desk.oidc] issuer, and whether the provider answers.",
        again=True,
    )


def provider_of(settings: Oidc, *, root: Path, base_url: str, clock: Clock) -> Provider:
    """Put a provider together from the configuration.

    :raises ConfigError: when its secret is not where the configuration says.
    """
    return Provider(
        settings,
        secret=_secret(settings, root),
        back=f"{base_url.rstrip('/')}/desk/login/provider/back",
        clock=clock,
    )


def _secret(settings: Oidc, root: Path) -> str:
    if settings.client_secret_env:
        found = os.environ.get(settings.client_secret_env, "").strip()
        if not found:
            raise ConfigError(
                "desk.oidc.client_secret_env",
                f'names the environment variable "{settings.client_secret_env}", which is not set',
                hint=f"Set {settings.client_secret_env} before you start the program.",
            )
        return found
    if settings.client_secret_file:
        try:
            return (root / settings.client_secret_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigError(
                "desk.oidc.client_secret_file",
                f'names "{settings.client_secret_file}", which cannot be read',
                hint="Put the secret there, and let this program's user read it.",
            ) from None
    return ""


def _must_be_safe(address: str, issuer: str, name: str) -> None:
    """A provider that is asked over TLS sends us nowhere without it."""
    parts, own = urlsplit(address), urlsplit(issuer)
    if not parts.hostname or parts.scheme not in {"https", own.scheme}:
        raise ValueError(f"its {name} is no safe address")
