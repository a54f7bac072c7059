"""Signatures that the other side can check, and tries that end."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.webhooks import BACK_OFF, headers, new_secret, next_try

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@given(st.text(), st.binary(min_size=24, max_size=64))
def test_the_signature_is_the_one_the_standard_describes(body: str, random: bytes) -> None:
    """HMAC-SHA256 over id, time and body with the decoded secret; another body has another."""
    secret = new_secret(random)
    found = headers("msg_1", body, secret, NOW)
    signed = f"msg_1.{found['webhook-timestamp']}.{body}".encode("utf-8", "surrogatepass")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert found["webhook-signature"] == f"v1,{expected}"
    assert headers("msg_1", body + "x", secret, NOW) != found


def test_tries_come_later_and_later_and_end() -> None:
    """The wait grows, Retry-After is kept within a day, and after ten failures it is over."""
    waits = [next_try(number, NOW) for number in range(1, len(BACK_OFF) + 2)]
    assert waits[-1] is None
    known = [moment for moment in waits if moment]
    assert known == sorted(known)
    assert next_try(1, NOW, wait=600) == NOW + timedelta(minutes=10)
    assert next_try(1, NOW, wait=1e12) == NOW + timedelta(days=1)
