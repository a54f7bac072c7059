"""Codes by time are those of RFC 6238; a used one opens nothing again."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editors import totp

RFC_KEY = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"),
     (2000000000, "279037"), (20000000000, "353130")],
)  # fmt: skip
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    """The test values of RFC 6238, appendix B, in six digits."""
    assert totp.code_at(RFC_KEY, seconds // totp.STEP) == code


@given(st.integers(-3, 3), st.integers(10**9, 2 * 10**9))
def test_a_code_counts_within_a_step_of_now(off: int, seconds: int) -> None:
    """A phone may be half a minute wrong; more is refused."""
    now = datetime.fromtimestamp(seconds, UTC)
    code = totp.code_at(RFC_KEY, totp.step_of(now) + off)
    step = totp.accepted_step(RFC_KEY, f"{code[:3]} {code[3:]}", now=now, last=0)
    if abs(off) <= totp.DRIFT:
        assert step is not None
    else:
        near = {totp.code_at(RFC_KEY, totp.step_of(now) + n) for n in (-1, 0, 1)}
        assert step is None or code in near


def test_a_used_code_is_over() -> None:
    """Whoever read a code over a shoulder comes too late, also with the one before."""
    now = datetime(2026, 11, 22, 6, tzinfo=UTC)
    step = totp.step_of(now)
    assert totp.accepted_step(RFC_KEY, totp.code_at(RFC_KEY, step), now=now, last=step) is None
    assert totp.accepted_step(RFC_KEY, totp.code_at(RFC_KEY, step - 1), now=now, last=step) is None


@given(st.text(max_size=12))
def test_odd_input_is_no_code(text: str) -> None:
    """Letters, other digits and nothing at all are refused without an error."""
    now = datetime(2026, 11, 22, 6, tzinfo=UTC)
    found = totp.accepted_step(RFC_KEY, text, now=now, last=0)
    assert found is None or text.replace(" ", "").replace("-", "").strip().isascii()


def test_recovery_codes_are_many_and_strange() -> None:
    """Ten codes, none alike, each found again however it is typed."""
    codes = totp.new_recovery_codes(secrets.randbelow)
    assert len(set(codes)) == totp.RECOVERY_CODES
    kept = {totp.recovery_hash(code) for code in codes}
    for code in codes:
        assert totp.matching(code.upper().replace("-", " "), kept) == totp.recovery_hash(code)
    assert totp.matching("aaaaa-aaaaa", kept) is None
    assert not any(code.replace("-", "") in "".join(kept) for code in codes)


def test_the_address_for_a_phone_is_whole() -> None:
    """Signs in an account or a site cannot add a parameter to the address."""
    link = totp.address("ABCD", account="a&b@example.org", issuer="Both? Sides & Co")
    assert link == (
        "otpauth://totp/Both%3F%20Sides%20%26%20Co%3Aa%26b%40example.org?secret=ABCD"
        "&issuer=Both%3F%20Sides%20%26%20Co&digits=6&period=30"
    )
    assert len(totp.new_secret(secrets.token_bytes)) == 32
    assert totp.grouped("ABCDEFGH") == "ABCD EFGH"
