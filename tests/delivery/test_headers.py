"""What strangers write into titles and names cannot leave its header."""

from __future__ import annotations

import email.policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.delivery.headers import (
    ascii_address,
    mailbox_header,
    plain_header,
    scrub,
    text_header,
)
from newsletter.errors import DeliveryError

BOMB = "=?utf-8?q?x=0D=0ABcc=3A_evil=40example=2Ecom?="
WORDS = ["=?", "?=", "=?utf-8?q?", "=0D=0A", '"', "\\", "<", ">", ",", "é", "日本", "🎈", " "]
NASTY = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.sampled_from(
            [
                "\r\n",
                "\n",
                "\r",
                "\x00",
                "\x85",
                "\u2028",
                "\u202e",
                "Bcc: a@b.example",
                BOMB,
                *WORDS,
            ]
        ),
        max_size=12,
    ).map("".join),
)


def parsed(raw: bytes) -> EmailMessage:
    """The header as a mail program reads it."""
    message = BytesParser(policy=email.policy.default).parsebytes(raw + b"X-After: 1\r\n\r\nbody")
    assert isinstance(message, EmailMessage)
    return message


@given(NASTY)
@example(BOMB)
@example("=?utf-8?b?" + "PT91dGYtOD9xP3g9MEQ9MEFCY2M9M0E/PQ==" + "?=")
@example("word " * 60)
@example("é" * 300)
def test_subject_stays_one_header(text: str) -> None:
    """Whatever a title holds, the bytes hold one Subject, the next header, and the scrubbed text."""
    raw = text_header("Subject", text)
    assert raw.isascii()
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    message = parsed(raw)
    assert message.keys() == ["Subject", "X-After"]
    assert str(message["Subject"]) == scrub(text)


@given(NASTY)
@example(BOMB)
def test_scrubbed_again_is_the_same(text: str) -> None:
    """Scrubbed text holds nothing that decodes or hides, so scrubbing it again changes nothing."""
    once = scrub(text)
    assert "=?" not in once
    assert once == once.strip()
    assert not set(once) & set("\r\n\x00\x85\u2028\u2029\u202e\u2066\u200f\ufeff")
    assert scrub(once) == once


@given(NASTY)
@example('Ann "the hammer" O\\Neill, jr.')
@example("evil@example.com>, other")
def test_name_stays_one_mailbox(name: str) -> None:
    """Whatever a name holds, To has one mailbox with the reader's address."""
    raw = mailbox_header("To", name, "ann@example.org")
    assert raw.isascii()
    message = parsed(raw)
    assert message.keys() == ["To", "X-After"]
    assert [one.addr_spec for one in message["To"].addresses] == ["ann@example.org"]


def test_the_bomb() -> None:
    """The encoded word of CVE-2024-6923 comes out as its harmless words."""
    assert scrub(BOMB) == "x Bcc: evil@example.com"
    assert text_header("Subject", BOMB) == b"Subject: x Bcc: evil@example.com\r\n"


def test_long_text_is_cut() -> None:
    """A title that goes on and on ends in an ellipsis."""
    assert scrub("a" * 1000) == "a" * 399 + "…"


@pytest.mark.parametrize(
    ("address", "travels"),
    [
        ("ann@example.org", "ann@example.org"),
        ("ann+news@müller.example", "ann+news@xn--mller-kva.example"),
        ("änn@example.org", ""),
        ("ann@example.org\r\nBcc: x@example.org", ""),
        ("ann b@example.org", ""),
        ("ann@localhost", ""),
        ("@example.org", ""),
        ("ann@@example.org", ""),
        ("<ann@example.org>", ""),
        ("", ""),
        ("a" * 65 + "@example.org", ""),
    ],
)
def test_addresses(address: str, travels: str) -> None:
    """An address travels in ASCII, with its domain as IDNA, or not at all."""
    assert ascii_address(address) == travels


@pytest.mark.parametrize("value", ["a\r\nb", "", " a", "é", "x" * 1000, "a\x00"])
def test_plain_values(value: str) -> None:
    """A value of ours that would be folded or encoded is refused, not repaired."""
    with pytest.raises(DeliveryError):
        plain_header("List-Unsubscribe", value)
