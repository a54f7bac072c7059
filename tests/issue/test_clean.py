"""Tests of what may stand in front of a reader."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.issue.clean import clean, defuse, safe_url, scrub_header


@given(st.text())
def test_clean_text_has_no_control_or_bidi_characters(text: str) -> None:
    """Whatever comes in, what goes out is one line without control or direction characters."""
    shown = clean(text)
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in shown)
    assert not set(shown) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\ufffd"
    )
    assert shown == shown.strip()


@given(st.text())
def test_a_scrubbed_header_is_one_line_without_encoded_words(text: str) -> None:
    """No subject can become a second header line."""
    line = scrub_header(text)
    assert "=?" not in line
    assert "\r" not in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Two\u202e lines\r\nof  text ", "Two lines of text"),
        ("Cafe\u0301 &amp;amp; bar", "Café & bar"),
        ("Smith &amp; Sons", "Smith & Sons"),
        ("R&D stays", "R&D stays"),
        ("hidden\U000e0041\U000e0042 tags", "hidden tags"),
    ],
)
def test_tricks_are_taken_out_and_words_stay(text: str, shown: str) -> None:
    """Direction marks, double encoding and hidden tags go; the words stay as they were."""
    assert clean(text) == shown


@pytest.mark.parametrize("text", ["{{7*7}}", "{% x %}", "${x}", "*|NAME|*", "%%NAME%%", "<%= x %>"])
def test_marks_of_mailing_software_are_broken(text: str) -> None:
    """Words that a provider would fill in are no longer words it knows."""
    shown = defuse(text)
    assert shown != text
    for mark in ("{{", "{%", "${", "*|", "%NAME%", "<%"):
        assert mark not in shown


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "//example.org/x",
        "/x",
        "http://",
        "https://name:secret@example.org/",
        "https://exa mple.org/",
        "https://[::1/x",
        "https://example.org:port/",
        "",
    ],
)
def test_an_address_that_is_no_web_page_is_refused(address: str) -> None:
    """Only http and https with a host and without a password become links."""
    assert safe_url(address) == ""


def test_a_web_address_keeps_its_meaning() -> None:
    """Odd characters are encoded, and what is encoded already is not encoded twice."""
    assert safe_url('https://example.org/a b?q="<x>"&r=%20{{y}}') == (
        "https://example.org/a%20b?q=%22%3Cx%3E%22&r=%20%7B%7By%7D%7D"
    )
