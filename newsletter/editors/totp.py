"""The second factor: codes by time (RFC 6238), and recovery codes for a lost phone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
from collections.abc import Callable, Collection
from datetime import datetime
from urllib.parse import quote

STEP = 30
"""Seconds a code is good for."""
DIGITS = 6
DRIFT = 1
"""Steps that a phone's clock may be wrong, either way."""
RECOVERY_CODES = 10

_SECRET_BYTES = 20
_LETTERS = "abcdefghjkmnpqrstvwxyz23456789"  # none that is mistaken for another


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """A fresh secret as the phone takes it: 160 bits in base32."""
    return base64.b32encode(random_bytes(_SECRET_BYTES)).decode("ascii")


def code_at(secret: str, step: int) -> str:
    """The code of one step of time."""
    key = base64.b32decode(secret)
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    at = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of(now: datetime) -> int:
    """The step of time a moment lies in."""
    return int(now.timestamp()) // STEP


def accepted_step(secret: str, typed: str, *, now: datetime, last: int) -> int | None:
    """The step whose code was typed; None when it is none of those that count now.

    :param last: the step of the newest code that was used; it and older ones are refused, so a
        code that was looked over a shoulder opens nothing.
    """
    code = re.sub(r"[\s-]", "", typed)
    if not re.fullmatch(rf"[0-9]{{{DIGITS}}}", code):
        return None
    found = None
    present = step_of(now)
    for step in range(present - DRIFT, present + DRIFT + 1):
        # All steps are compared, so that the time taken does not say which one it was.
        if hmac.compare_digest(code_at(secret, step), code) and step > last:
            found = step
    return found


def address(secret: str, *, account: str, issuer: str) -> str:
    """The ``otpauth:`` address that a phone reads from a picture or a link."""
    label = quote(f"{issuer}:{account}", safe="")
    return (
        f"otpauth://totp/{label}?secret={secret}&issuer={quote(issuer, safe='')}"
        f"&digits={DIGITS}&period={STEP}"
    )


def grouped(secret: str) -> str:
    """The secret in groups of four, to be typed by hand."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def new_recovery_codes(random_below: Callable[[int], int]) -> tuple[str, ...]:
    """Fresh codes for a lost phone, each good once: 117 bits, in four groups of six."""
    codes = []
    for _ in range(RECOVERY_CODES):
        letters = "".join(_LETTERS[random_below(len(_LETTERS))] for _ in range(24))
        codes.append("-".join(letters[at : at + 6] for at in range(0, 24, 6)))
    return tuple(codes)


def recovery_hash(code: str) -> str:
    """What is kept of a recovery code.

    A plain hash: 117 random bits cannot be guessed from it (ASVS 5.0 V6.5.2).
    """
    plain = re.sub(r"[\s-]", "", code.casefold())
    return hashlib.sha256(f"recovery {plain}".encode()).hexdigest()


def matching(typed: str, kept: Collection[str]) -> str | None:
    """The kept hash of a typed recovery code; None when it is none of them."""
    hashed = recovery_hash(typed)
    return next((one for one in kept if hmac.compare_digest(one, hashed)), None)
