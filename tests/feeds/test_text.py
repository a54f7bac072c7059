"""Text: whatever comes in, what goes out is plain, visible and free of markup."""

from __future__ import annotations

import re
import time
import unicodedata

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.text import TITLE_CHARACTERS, excerpt, line, paragraphs, shorten, visible

NASTY = st.text(
    alphabet=st.sampled_from("<>&;\"'/!-scriptb#x3C\u202e\u200b\U000e0041\x00\x1b\ud800 \n\t=ol")
    | st.characters(),
    max_size=200,
)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Fish &amp; chips", "Fish & chips"),
        ("Fish &amp;amp; chips", "Fish & chips"),
        ("It&#8217;s <b>over</b>", "It’s over"),
        ("It&amp;#8217;s over", "It’s over"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;Rates rise", "Rates rise"),
        ("AT&T and R&D", "AT&T and R&D"),
        ("Inflation < 2 % and > 1 %", "Inflation < 2 % and > 1 %"),
        ("Two\r\nBcc: a@example.org", "Two Bcc: a@example.org"),
        ("Caf\u0065\u0301", "Café"),
        ("The \x93quoted\x94 word", "The “quoted” word"),
        ("It\u00e2\u20ac\u2122s in the caf\u00c3\u00a9", "It’s in the café"),
        ("Ångström’s Ãœber", "Ångström’s Ãœber"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("ti\u200btle\U000e0041", "title"),
        ("=?utf-8?q?x?=", "=?utf-8?q?x?="),
    ],
)
def test_titles_become_one_plain_line(raw: str, shown: str) -> None:
    """A title escaped never, once or twice reads the same."""
    assert line(raw) == shown


@given(NASTY)
def test_no_title_can_carry_markup_or_invisible_characters(raw: str) -> None:
    """Any string at all comes out as text that an HTML5 parser sees no element in."""
    shown = line(raw)
    assert len(shown) <= TITLE_CHARACTERS
    assert not re.search(r"<[a-zA-Z/!?]", shown)
    assert "\n" not in shown
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cs"}]
    assert not re.search(r"[\u200b\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e0fff]", shown)
    tree = html5lib.parseFragment(shown, namespaceHTMLElements=False)
    assert len(tree) == 0


@given(NASTY)
def test_no_summary_can_carry_markup(raw: str) -> None:
    """Paragraphs of any string hold no element and no control character but the line break."""
    shown = paragraphs(raw, 10_000)
    assert not re.search(r"<[a-zA-Z/!?]", shown)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cs"} and c != "\n"]


def test_cleaning_is_done_after_once() -> None:
    """Cleaning a cleaned text changes nothing."""
    once = paragraphs("<p>One &amp; two</p><p>Three &lt; four<br>five</p>", 1_000)
    assert once == "One & two\nThree < four\nfive"
    assert paragraphs(once, 1_000) == once


def test_blocks_become_paragraphs_and_scripts_vanish() -> None:
    """Block elements break lines; what scripts, styles and frames hold is dropped whole."""
    raw = "<div>One</div><style>p{}</style><p>Two<script>x()</script></p><ul><li>Three</ul>"
    assert paragraphs(raw, 1_000) == "One\nTwo\nThree"


def test_a_summary_that_was_escaped_twice_is_still_read() -> None:
    """Tags that show after the first layer of escaping are taken out as well."""
    assert paragraphs("&lt;p&gt;One&lt;/p&gt;&lt;p&gt;Two&lt;/p&gt;", 1_000) == "One\nTwo"


@pytest.mark.parametrize(
    "footer",
    [
        "<p>The post <a href='x'>Roads</a> appeared first on <a href='y'>The Paper</a>.</p>",
        "<p>Continue reading...</p>",
        " [&#8230;]",
    ],
)
def test_what_publishing_systems_add_is_cut(footer: str) -> None:
    """The line that a publishing system puts under an excerpt is not part of the news."""
    assert paragraphs(f"<p>The road is open.</p>{footer}", 1_000) == "The road is open."


def test_joiners_stay_where_scripts_and_emoji_need_them() -> None:
    """A joiner between letters beyond ASCII is spelling; next to ASCII it only hides a word."""
    family = "👩\u200d👧"
    persian = "می\u200cخواهم"
    assert visible(family) == family
    assert visible(persian) == persian
    assert visible("pass\u200dword") == "password"


def test_long_titles_are_cut_at_a_word() -> None:
    """A cut title ends with an ellipsis and a whole word."""
    cut = shorten("word " * 100, 40)
    assert len(cut) <= 40
    assert cut.endswith("word…")


def test_an_excerpt_ends_with_a_sentence() -> None:
    """The first sentences that fit are kept whole."""
    text = "One is here. Two is there. " + "Three goes on and on " * 30
    assert excerpt(text, 60) == "One is here. Two is there."


def test_very_deep_markup_is_read() -> None:
    """Nine thousand nested elements cost no more than any other summary."""
    assert paragraphs("<div>" * 9_000 + "deep" + "</div>" * 9_000, 262_144) == "deep"


@pytest.mark.parametrize(
    "raw",
    [
        "news " * 50_000 + "<script>",
        "<p>" * 80_000 + "<",
        "<!--" * 60_000,
        '<a href="' * 20_000,
        "<a " + 'b="c" ' * 40_000,
        "The post " * 20_000 + "appeared first on " * 9_000,
        "&amp;" * 50_000,
        "&" * 200_000,
        "\u0301" * 100_000,
        "\u200d" * 100_000,
        "<" * 200_000,
    ],
    ids=range(11),
)
def test_no_text_takes_long(raw: str) -> None:
    """Cleaning takes time in proportion to the text, whatever the text is."""
    started = time.process_time()
    paragraphs(raw, 262_144)
    line(raw)
    visible(raw)
    assert time.process_time() - started < 2


def test_a_field_is_limited_by_its_bytes() -> None:
    """Letters of three bytes fill a field three times as fast, and none is cut in the middle."""
    assert paragraphs("橋" * 1_000, 100) == "橋" * 33
    assert paragraphs("a" * 1_000, 100) == "a" * 100
