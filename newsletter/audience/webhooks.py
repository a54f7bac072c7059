"""Outgoing webhooks: how a message is signed, when it is tried again, what an answer means.

Signed as Standard Webhooks writes it (standardwebhooks.com): HMAC-SHA256 over
``id.timestamp.body``, in base64 after ``v1,``, with the secret behind ``whsec_``. Whoever gets a
message can tell that it is ours, whole, and fresh.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime, timedelta

PREFIX = "whsec_"
BACK_OFF = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""How long after each failed attempt the next one comes; after the last one it is given up."""


def new_secret(random: bytes) -> str:
    """A secret from 24 or more random bytes."""
    return PREFIX + base64.b64encode(random).decode()


def headers(message: str, body: str, secret: str, now: datetime) -> dict[str, str]:
    """The headers of one attempt."""
    stamp = str(int(now.timestamp()))
    return {
        "content-type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": stamp,
        "webhook-signature": signature(message, stamp, body, secret),
    }


def signature(message: str, stamp: str, body: str, secret: str) -> str:
    """What is signed is the id, the time and the body, so none of them can be exchanged."""
    signed = f"{message}.{stamp}.{body}".encode()
    digest = hmac.digest(_key(secret), signed, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def next_try(attempts: int, now: datetime, wait: float = 0) -> datetime | None:
    """When to try again after so many attempts; None when it is time to give up.

    :param wait: seconds that the other side asked for with Retry-After.
    """
    if attempts > len(BACK_OFF):
        return None
    asked = timedelta(seconds=max(0.0, min(wait, 86_400)))
    return now + max(BACK_OFF[attempts - 1], asked)


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return secret.encode()
