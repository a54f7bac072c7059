"""Well-formed feeds: the quick way and feedparser's say the same."""

from __future__ import annotations

import html
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.feeds.entry import Document, Entry
from newsletter.feeds.parse import _by_feedparser
from newsletter.feeds.text import line
from newsletter.feeds.wellformed import read_well_formed

URL = "https://example.org/news/feed.xml"
UTF_8 = "text/xml; charset=utf-8"
WORDS = st.text(
    alphabet=st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["Cc"]),
    min_size=1,
    max_size=30,
)


def seen(document: Document | None) -> list[Entry]:
    """The entries with what may differ by design put aside."""
    assert document is not None
    return [
        replace(entry, date=None, lang="", title=html.unescape(entry.title))
        for entry in document.entries
    ]


RSS = """<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"
 xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>The Paper</title>
 <link>https://example.org/</link><language>en</language>{}</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>The Paper</title>{}</feed>"""


@pytest.mark.parametrize(
    "body",
    [
        RSS.format(
            "<item><title>Roads &amp;amp; rails</title><link>/roads</link><guid isPermaLink='false'>r1</guid>"
            "<description>&lt;p&gt;Open.&lt;/p&gt;</description>"
            "<content:encoded><![CDATA[<p>Open at last.</p>]]></content:encoded>"
            "<dc:creator>Jo</dc:creator><category>Politics</category><category>Roads</category>"
            "<pubDate>Sun, 22 Nov 2026 10:00:00 GMT</pubDate></item>"
        ),
        RSS.format(
            "<item><title><![CDATA[Roads]]></title><link>\n https://example.org/a \n</link>"
            "<guid isPermaLink='false'>7</guid><dc:date>2026-11-22T10:00:00Z</dc:date></item>"
            "<item><title>Rails</title><guid>https://example.org/b</guid></item>"
        ),
        ATOM.format(
            "<entry><id>urn:1</id><title type='html'>Roads</title><link href='a.html'/>"
            "<link rel='enclosure' href='b.mp3'/><author><name>Jo</name></author>"
            "<published>2026-11-22T10:00:00Z</published><updated>2026-11-22T11:00:00Z</updated>"
            "<summary>Open.</summary><category term='politics' label='Politics'/></entry>"
        ),
        ATOM.format(
            "<entry xml:base='https://example.net/x/'><id>urn:1</id><title>Roads</title>"
            "<link rel='alternate' href='a.html'/><updated>2026-11-22T11:00:00Z</updated></entry>"
        ),
    ],
)
def test_both_ways_give_the_same_entries(body: str) -> None:
    """Ordinary feeds come out the same, whichever parser read them."""
    quick = read_well_formed(body.encode(), URL)
    slow = _by_feedparser(body.encode(), URL, UTF_8)
    assert seen(quick) == seen(slow)


@settings(max_examples=40)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=3))
def test_titles_of_any_words_come_out_the_same(items: list[tuple[str, str]]) -> None:
    """Escaped words of any sort are read alike."""
    body = RSS.format(
        "".join(
            f"<item><title>{html.escape(title)}</title><link>https://example.org/{number}</link>"
            f"<description>{html.escape(text)}</description></item>"
            for number, (title, text) in enumerate(items)
        )
    ).encode()
    quick, slow = read_well_formed(body, URL), _by_feedparser(body, URL, UTF_8)
    assert quick is not None
    assert [one.link for one in quick.entries] == [one.link for one in slow.entries]
    for one, other in zip(quick.entries, slow.entries, strict=True):
        assert line(one.title) == line(other.title)


@pytest.mark.parametrize(
    "body",
    [
        "<rss><channel><item></channel></rss>",
        "<html></html>",
        '<!DOCTYPE rss [<!ENTITY a "b">]>' + RSS.format(""),
        '<feed xmlns="http://purl.org/atom/ns#"><entry/></feed>',
        ATOM.format("<entry><id>urn:1</id><title type='image/png'>x</title></entry>"),
        RSS.format("<item><title>No link</title></item>"),
        RSS.format("<item><link>https://[bad</link></item>"),
        RSS.format("<item><link>https://example.org/</link><pubDate>2026년 11월</pubDate></item>"),
        RSS.format("<item><link>https://example.org/</link><updated>2026-11-22</updated></item>"),
    ],
)
def test_what_is_strange_is_left_to_feedparser(body: str) -> None:
    """Broken XML, document types, old dialects and unknown elements take the slow way."""
    assert read_well_formed(body.encode(), URL) is None


def test_xhtml_is_written_out_as_plain_tags() -> None:
    """Markup inside a summary keeps its elements, without prefixes."""
    body = ATOM.format(
        "<entry><id>urn:1</id><title>Roads</title><link href='a'/><summary type='xhtml'>"
        "<h:div xmlns:h='http://www.w3.org/1999/xhtml'><h:p>One</h:p><h:p>Two</h:p></h:div>"
        "</summary></entry>"
    )
    document = read_well_formed(body.encode(), URL)
    assert document is not None
    assert document.entries[0].summary == "<div><p>One</p><p>Two</p></div>"


def test_the_charset_of_the_header_wins() -> None:
    """RFC 7303: what the transport says about the encoding counts."""
    body = RSS.format("<item><title>Café</title><link>https://example.org/</link></item>")
    document = read_well_formed(body.encode("latin-1"), URL, "text/xml; charset=ISO-8859-1")
    assert document is not None
    assert document.entries[0].title == "Café"
