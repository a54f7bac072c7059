"""A letter joined from bytes reads like one built with care."""

from __future__ import annotations

import email.policy
import re
import time
from dataclasses import replace
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.letter import (
    because,
    join,
    letters_for,
    message_id,
    prepare,
    prepare_issue,
)
from newsletter.errors import DeliveryError
from newsletter.model import Letter, Rendered
from tests.delivery.people import ISSUE, NOON, TAG, delivery, issue_mail, letters, rendered


def parsed(raw: bytes) -> EmailMessage:
    """The letter as a mail program reads it."""
    message = BytesParser(policy=email.policy.default).parsebytes(raw)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    """The text of one part, with line ends as they were written."""
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_headers() -> None:
    """A letter has each header once, the one-click pair, and never a Bcc."""
    mail = issue_mail()
    raw = mail.prepared("", "b1").message(letters(1, mail)[0])
    message = parsed(raw)
    assert message.keys() == [
        "To",
        "Message-ID",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "From",
        "Subject",
        "Date",
        "Reply-To",
        "List-Id",
        "MIME-Version",
        "Content-Type",
    ]
    assert b"\r\nList-Unsubscribe: <https://news.example.org/u/tok00001>\r\n" in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert message["List-Id"] == '"The daily issue" <daily.example.org>'
    assert message.get_content_type() == "multipart/alternative"
    assert not message.defects


def test_no_one_click_without_https() -> None:
    """The one-click line stands only beside an https link, as RFC 8058 wants."""
    mail = issue_mail(base_url="http://127.0.0.1:8000")
    raw = mail.prepared("", "b1").message(letters(1, mail)[0])
    assert b"List-Unsubscribe: <http://127.0.0.1:8000/u/tok00001>\r\n" in raw
    assert b"List-Unsubscribe-Post" not in raw


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=400),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=400),
    st.sampled_from(["x", "https://news.example.org/u/abc", "=3D", "é" * 60, "a " * 90 + "b", "."]),
)
def test_parts_decode_to_themselves(before: str, after: str, value: str) -> None:
    """Any text around a token decodes to itself with the value in the token's place."""
    if TAG in before + after:
        return
    page = f"{before}{TAG}_unsubscribe_{after}{TAG}_because_"
    parts = prepare(
        Rendered(subject="s", preheader="", html=page, text=page, tag=TAG),
        date=NOON,
        from_email="news@example.org",
    )
    letter = Letter(
        key="k",
        to="ann@example.org",
        to_name="",
        message_id="<m@example.org>",
        list_unsubscribe="<https://news.example.org/u/a>",
        values={"unsubscribe": value, "preferences": "", "because": value},
    )
    raw = join(parts, letter)
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    wanted = f"{before}{value}{after}{value}"
    message = parsed(raw)
    for kind in ("plain", "html"):
        payload = message.get_body((kind,))
        assert payload is not None
        decoded = payload.get_payload(decode=True)
        assert isinstance(decoded, bytes)
        assert decoded.decode().replace("\r\n", "\n").removesuffix("\n") == wanted.removesuffix(
            "\n"
        )


def test_two_readers_differ_only_in_their_own_words() -> None:
    """With one reader's words put for the other's, two letters are the same bytes."""
    mail = issue_mail()
    prepared = mail.prepared("", "b")
    one, two = letters(2, mail)
    other = prepared.message(two)
    for name in ("unsubscribe", "preferences", "because"):
        other = other.replace(two.values[name].encode(), one.values[name].encode())
    other = other.replace(two.to.encode(), one.to.encode())
    other = other.replace(two.message_id.encode(), one.message_id.encode())
    assert other == prepared.message(one)


def test_no_token_is_left() -> None:
    """No reader sees the tag, and every value is where its token was."""
    mail = issue_mail()
    message = parsed(mail.prepared("", "b").message(letters(1, mail)[0]))
    for kind in ("plain", "html"):
        body = part(message, kind)
        assert TAG not in body
        assert "https://news.example.org/u/tok00001" in body
        assert "https://news.example.org/p/tok00001" in body
        assert "because you subscribed on 3 May 2026." in body


def test_without_a_way_out() -> None:
    """A rendering without the unsubscribe link is refused before anybody gets it."""
    bare = Rendered(subject="s", preheader="", html="<p>hi</p>", text="hi", tag=TAG)
    with pytest.raises(DeliveryError, match="no unsubscribe link"):
        prepare(bare, date=NOON, from_email="news@example.org")


def test_unknown_token() -> None:
    """A token that nobody has a value for is refused."""
    odd = Rendered(
        subject="s",
        preheader="",
        html=f"{TAG}_unsubscribe_",
        text=f"{TAG}_unsubscribe_ {TAG}_surname_",
        tag=TAG,
    )
    with pytest.raises(DeliveryError, match="no reader has a value"):
        prepare(odd, date=NOON, from_email="news@example.org")


def test_message_id_is_for_ever() -> None:
    """The Message-ID follows from issue and reader, and tells neither."""
    one = message_id(ISSUE, 7, "example.org", "a key")
    assert one == message_id(ISSUE, 7, "example.org", "a key")
    assert one != message_id(ISSUE, 8, "example.org", "a key")
    assert one != message_id("other", 7, "example.org", "a key")
    assert one != message_id(ISSUE, 7, "example.org", "another key")
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.org>", one)


def test_because_has_no_markup() -> None:
    """The sentence that says why is the same in text and HTML, so it holds no markup."""
    [letter] = letters_for(
        [delivery(1)],
        issue=ISSUE,
        base_url="https://news.example.org",
        edition_title='<b>"News" & more</b>',
        domain="example.org",
    )
    assert letter.values["because"] == (
        "You get bNews more/b because you subscribed on 3 May 2026."
    )
    assert because("The daily issue", NOON.date()).endswith("subscribed on 4 May 2026.")


def test_wrong_sender() -> None:
    """A From address that cannot stand in a header is refused at once."""
    with pytest.raises(DeliveryError, match="not an address"):
        prepare_issue(
            ISSUE,
            [rendered()],
            date=NOON,
            from_email="news at example",
            from_name="",
            reply_to="",
            base_url="https://news.example.org",
            edition="daily",
            edition_title="Daily",
        )


def test_join_is_fast() -> None:
    """A hundred letters of 100 KB take far less time than encoding one of them a hundred times."""
    page = rendered()
    big = Rendered(
        subject=page.subject,
        preheader="",
        html=page.html + "<p>Zeitung für alle — ja</p>\n" * 4000,
        text=page.text,
        tag=TAG,
    )
    mail = issue_mail(big)
    prepared = mail.prepared("", "b")
    many = letters(100, mail)
    begun = time.process_time()
    sizes = [len(prepared.message(letter)) for letter in many]
    taken = time.process_time() - begun
    assert min(sizes) > 100_000
    assert taken < 0.5


@given(
    text=st.text(st.sampled_from(".\n =a\u00e9\u2026"), max_size=300),
    value=st.text(".x =", max_size=120),
)
def test_no_line_begins_with_a_dot(text: str, value: str) -> None:
    """Whatever text and values are, no line begins with a dot, none is too long, all decodes."""
    page = rendered()
    odd = issue_mail(replace(page, text=f"{text}\n{page.text}"))
    [letter] = letters(1, odd)
    letter = letter._replace(values={**letter.values, "because": value})
    raw = odd.prepared("", "b").message(letter)
    lines = raw.split(b"\r\n")
    assert not any(line.startswith(b".") for line in lines)
    body = raw.partition(b"\r\n\r\n")[2].split(b"\r\n")
    assert max(map(len, body)) <= 76
    told = part(parsed(raw), "plain")
    assert told.startswith(f"{text}\n")
    assert value in told
