"""Letters to the mailbox for leaving, read from files of every kind."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.unsubscribe_mail import mailto, read_request, requests

WORD = "abcdefghijklmnopqrstuv"


def test_the_link_carries_the_word_in_its_subject() -> None:
    """What a mail program writes from the link is read back as the same word."""
    link = mailto("leave+list@news.example.org", WORD)
    assert link == f"mailto:leave+list@news.example.org?subject=unsubscribe%20{WORD}"
    headers = f"From: Ada <ada@example.org>\nSubject: unsubscribe {WORD}\n".encode()
    found = read_request(1, headers)
    assert (found.word, found.sender, found.refused) == (WORD, "ada@example.org", "")


MBOX = f"""From ada@example.org Sun Nov 22 12:00:00 2026
From: Ada <ada@example.org>
Subject: Re: unsubscribe {WORD}

From here on I want nothing.
>From the same.

From bo@example.org Sun Nov 22 12:01:00 2026
From: =?utf-8?q?B=C3=B6?= <bo@example.org>
Subject: =?utf-8?b?VW5zdWJzY3JpYmUgbWU=?=

From cy@example.org Sun Nov 22 12:02:00 2026
From: cy@example.org
Subject:

From dee@example.org Sun Nov 22 12:03:00 2026
From: dee@example.org
Auto-Submitted: auto-replied
Subject: unsubscribe {WORD}

From x Sun Nov 22 12:04:00 2026
Return-Path: <>
From: MAILER-DAEMON@example.org
Subject: unsubscribe {WORD}

From eve@example.org Sun Nov 22 12:05:00 2026
From: eve@example.org
Subject: I like your letters

"""


def test_a_mailbox_file_is_read_letter_by_letter() -> None:
    """Words, senders and reasons; machines and praise take nobody off."""
    found = list(requests(io.BytesIO(MBOX.encode())))
    assert [(one.word, one.sender, one.refused) for one in found] == [
        (WORD, "ada@example.org", ""),
        ("", "bo@example.org", ""),
        ("", "cy@example.org", ""),
        ("", "dee@example.org", "a machine wrote it"),
        ("", "MAILER-DAEMON@example.org", "it is a delivery report"),
        ("", "eve@example.org", "it does not ask to unsubscribe"),
    ]


def test_a_single_letter_is_a_mailbox_of_one() -> None:
    """What a mail server pipes in has no "From " line before it."""
    letter = f"Subject: unsubscribe {WORD}\r\nFrom: ada@example.org\r\n\r\nhello\r\n"
    [found] = requests(io.BytesIO(letter.encode()))
    assert (found.word, found.sender) == (WORD, "ada@example.org")
    assert list(requests(io.BytesIO(b""))) == []


@given(st.binary(max_size=400))
def test_no_letter_breaks_the_reader(body: bytes) -> None:
    """Whatever comes, it ends as requests or as none."""
    for one in requests(io.BytesIO(b"From x\nSubject: " + body)):
        assert one.refused or one.word or one.sender


def test_a_line_without_an_end_costs_little_memory() -> None:
    """Ten megabytes of header are passed over."""
    body = b"From x\nSubject: " + b"x" * 10_000_000 + b"\nFrom: ada@example.org\n\n"
    [found] = requests(io.BytesIO(body))
    assert found.word == ""


@pytest.mark.parametrize("subject", ["unsubscribe short", "unsubscribe " + "x" * 40])
def test_what_cannot_be_a_word_is_none(subject: str) -> None:
    """Too short and too long words are not looked up; the sender still is."""
    found = read_request(1, f"From: ada@example.org\nSubject: {subject}\n".encode())
    assert (found.word, found.refused) == ("", "")
