"""What a provider reports later: delivered, bounced, complained, unsubscribed.

Events come several times each, in any order, and from anybody who knows the address they are
posted to. So :func:`check` first looks at the signature over the raw bytes and at the age of its
timestamp. What a letter ends in does not depend on order or number: where events are absorbed,
the gravest report stands. Our own key of the delivery comes back in each event; nothing else of
it is believed to identify a letter.

Source: SendGrid's Event Webhook reference. ECDSA with SHA-256 over the timestamp header followed
by the body exactly as it came, its last line end included.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from newsletter.delivery.headers import scrub
from newsletter.errors import ConfigError, DeliveryError
from newsletter.model import DeliveryState, Event

MAX_BYTES = 4_000_000
"""Largest body that is looked at; SendGrid sends less than 1 MB."""
MAX_AGE = timedelta(minutes=10)
"""Oldest timestamp that is believed, and the farthest in the future."""
SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"

STATES: Mapping[str, DeliveryState] = {
    "processed": DeliveryState.ACCEPTED,
    "deferred": DeliveryState.ACCEPTED,
    "delivered": DeliveryState.DELIVERED,
    "dropped": DeliveryState.REJECTED,
    "blocked": DeliveryState.BOUNCED,
    "bounce": DeliveryState.BOUNCED,
    "unsubscribe": DeliveryState.UNSUBSCRIBED,
    "complaint": DeliveryState.COMPLAINED,
}
"""What each kind of event says of its letter. Opens are not looked at."""

CLICK = "click"
"""The kind that says nothing of the letter: a link in it was followed, named in the detail."""

FAREWELLS = frozenset({"bounce", "unsubscribe", "complaint"})
"""Kinds after which the reader must get no more letters. A block is the receiver's mood."""

_OURS = {"spamreport": "complaint", "group_unsubscribe": "unsubscribe"}
_KEY = re.compile(r"[A-Za-z0-9_-]{1,32}")


def check(
    raw: bytes,
    headers: Mapping[str, str],
    *,
    public_key: str,
    now: datetime,
    max_age: timedelta = MAX_AGE,
) -> None:
    """Check that a post came from the provider, and lately; nothing of it is read for that.

    :param raw: the body exactly as it came.
    :param public_key: the provider's verification key, base64 of its DER form.
    :raises DeliveryError: when the post is too large, unsigned, wrongly signed or too old. Answer
        4xx and keep nothing of it.
    :raises ConfigError: when the key is not a key.
    """
    if len(raw) > MAX_BYTES:
        raise DeliveryError("webhook", "the post is too large")
    lower = {name.lower(): value for name, value in headers.items()}
    stamp = lower.get(TIMESTAMP, "")
    _verify(raw, stamp, lower.get(SIGNATURE, ""), public_key)
    if not re.fullmatch(r"\d{1,12}", stamp):
        raise DeliveryError("webhook", "the timestamp is not a time")
    if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > max_age:
        raise DeliveryError("webhook", "the post is too old to be believed")


def read_events(raw: bytes) -> list[Event]:
    """Read the events of a post that was checked.

    Events that are not about our letters, or of a kind that says nothing, are left out; a broken
    one does not harm the others.

    :raises DeliveryError: when the post is no list of events.
    """
    try:
        listed = json.loads(raw)
    except ValueError:
        raise DeliveryError("webhook", "the post is not JSON") from None
    if not isinstance(listed, list):
        raise DeliveryError("webhook", "the post is not a list of events")
    return [event for one in listed if (event := _event(one)) is not None]


def _verify(raw: bytes, stamp: str, signature: str, public_key: str) -> None:
    key = verification_key(public_key.strip())
    if key is None:
        raise ConfigError(
            "delivery.sendgrid.webhook_public_key_file",
            "does not hold a verification key",
            hint="Copy the key from SendGrid's Signed Event Webhook settings, one line.",
        )
    try:
        given = base64.b64decode(signature, validate=True)
        key.verify(given, stamp.encode("ascii") + raw, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):  # binascii.Error and UnicodeError are ValueErrors
        raise DeliveryError("webhook", "the signature is missing or wrong") from None


@lru_cache(maxsize=4)
def verification_key(text: str) -> ec.EllipticCurvePublicKey | None:
    """Read the provider's key, base64 of its DER form; None when it is not one."""
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


def _event(one: Any) -> Event | None:
    """One event in our words; None when it says nothing about a letter of ours."""
    if not isinstance(one, dict):
        return None
    kind = one.get("event")
    key, at = one.get("delivery"), one.get("timestamp")
    if not isinstance(kind, str) or not isinstance(key, str) or not _KEY.fullmatch(key):
        return None
    if kind == "bounce" and one.get("type") == "blocked":
        kind = "blocked"
    kind = _OURS.get(kind, kind)
    if (kind not in STATES and kind != CLICK) or isinstance(at, bool) or not isinstance(at, int):
        return None
    try:
        moment = datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    if kind == CLICK:
        url = one.get("url")
        link = scrub(url, limit=2_000) if isinstance(url, str) else ""
        return Event(key=key, kind=kind, at=moment, detail=link) if link else None
    detail = one.get("reason") or one.get("response") or ""
    return Event(key=key, kind=kind, at=moment, detail=scrub(str(detail), limit=250))
