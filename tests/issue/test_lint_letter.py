"""Tests of the checks on whole letters: what large providers refuse, approval refuses first."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.delivery.letter import prepare_issue
from newsletter.issue.lint_letter import lint_letter
from newsletter.issue.render import Renderer
from newsletter.issue.wording import wording
from newsletter.model import Delivery
from tests.issue.content import SITE, TAG, content

TEMPLATES = Path(__file__).parents[2] / "templates"
NOON = datetime(2026, 3, 18, 12, tzinfo=UTC)


def letter(base_url: str = "https://news.example.org") -> bytes:
    """A whole letter of the invented issue."""
    mail = prepare_issue(
        "daily-2026-03-18",
        [Renderer(TEMPLATES, SITE).render(content(), tag=TAG)],
        date=NOON,
        from_email="news@example.org",
        from_name="Both Sides Daily",
        reply_to="editor@example.org",
        base_url=base_url,
        edition="daily",
        edition_title="The daily issue",
    )
    delivery = Delivery(
        id=1,
        key="k",
        issue="daily-2026-03-18",
        reader=1,
        email="ada@example.org",
        name="Ada",
        token="a1b2c3d4e5f6g7h8i9j0kl",
        segment="",
        joined=NOON,
    )
    return mail.prepared("", "b").message(mail.letters([delivery])[0])


LETTER = letter()


def test_our_own_letter_is_sound() -> None:
    """Nothing is found in a letter of the invented issue."""
    assert lint_letter(LETTER) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"\r\nSubject: ", b"\r\nX-Subject: ", "0 headers Subject"),
        (b"\r\nDate: ", b"\r\nDate: x\r\nDate: ", "2 headers Date"),
        (b"\r\nList-Unsubscribe: <https", b"\r\nList-Unsubscribe: <http", "no https address"),
        (b"\r\nList-Unsubscribe: <", b"\r\nList-Unsubscribe: =?utf-8?", "not tidy"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Yes", "one click"),
        (b"\r\nSubject: ", b"\r\nSubject: {{ top }} ", "left in the header Subject"),
        (b"\r\nSubject: ", b"\r\nSubject: \x01", "control or raw 8-bit"),
        (b"\r\nSubject: ", "\r\nSubject: é".encode(), "control or raw 8-bit"),
        (b"Content-Type: text/plain", b"Content-Type: text/html", "text first"),
        (b"multipart/alternative", b"multipart/mixed", "alternatives"),
        (b"\r\n\r\n", b"\r\n\r\n" + b"x" * 1200 + b"\r\n", "1200 bytes"),
    ],
)
def test_what_is_wrong_is_named(old: bytes, new: bytes, said: str) -> None:
    """Each fault is an error with a sentence of its own."""
    broken = LETTER.replace(old, new, 1)
    assert broken != LETTER
    errors = [f.sentence for f in lint_letter(broken) if f.severity == "error"]
    assert any(said in sentence for sentence in errors), errors


def test_a_trial_on_this_machine_may_do_without_encryption() -> None:
    """Letters that stay in a folder are only warned about their http address."""
    raw = letter("http://127.0.0.1:8000")
    assert [f.severity for f in lint_letter(raw, trial=True)] == ["warning"]
    assert "error" in [f.severity for f in lint_letter(raw)]


@pytest.mark.parametrize(
    ("subject", "visible", "said"),
    [
        ("Senate votes", "Act now and win", "Act now"),
        ("Senate votes!!", "", "!!"),
        ("SENATE PASSES HARBOUR BILL", "", "capitals"),
        ("RE: the harbour bill", "", "pretends"),
        ("Senate votes", "F R E E M O N E Y", "F R E E"),
    ],
)
def test_wording_that_filters_dislike_is_shown(subject: str, visible: str, said: str) -> None:
    """It only warns: a quotation may say such things."""
    found = list(wording(subject, visible))
    assert {f.severity for f in found} == {"warning"}
    assert any(said in f.sentence for f in found)


def test_sober_wording_is_let_through() -> None:
    """NATO, a price and a question in a quotation are no matter."""
    assert (
        list(wording("NATO and the EU agree on $38 billion", "“Why now?” she asked. US GDP")) == []
    )
