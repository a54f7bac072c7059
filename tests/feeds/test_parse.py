"""Parsing: every sort of feed gives entries, and nothing else does."""

from __future__ import annotations

import pytest

from newsletter.errors import FeedUnreadable
from newsletter.feeds.parse import parse

URL = "https://example.org/news/feed.xml"
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://example.org/base/">
<title>The Paper</title><entry><id>urn:1</id><title type="html">Roads &amp;amp; bridges</title>
<link href="roads.html"/><updated>2026-11-22T10:00:00Z</updated>
<author><name>Jo</name></author><author><name>Mo</name></author>
<summary>Open.</summary><category term="politics"/></entry></feed>"""


def one(body: str | bytes, content_type: str = "") -> tuple[str, str]:
    """Title and link of the only entry."""
    document = parse(body if isinstance(body, bytes) else body.encode(), URL, content_type)
    (entry,) = document.entries
    return entry.title, entry.link


def rss(title: str, link: str = "https://example.org/a", head: str = "") -> str:
    """A feed of one item."""
    return (
        f'{head}<rss version="2.0"><channel><title>t</title><item><title>{title}</title>'
        f"<link>{link}</link></item></channel></rss>"
    )


def test_atom_is_read() -> None:
    """Atom's base, authors, category and dates find their places."""
    (entry,) = parse(ATOM.encode(), URL).entries
    assert entry.link == "https://example.org/base/roads.html"
    assert entry.author == "Jo, Mo"
    assert entry.dates == ("2026-11-22T10:00:00Z",)
    assert entry.categories == ("politics",)


def test_rss_090_and_rdf_are_read() -> None:
    """Feeds of last century still come."""
    body = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    xmlns="http://purl.org/rss/1.0/"><channel rdf:about="x"><title>t</title></channel>
    <item rdf:about="https://example.org/a"><title>Roads</title>
    <link>https://example.org/a</link></item></rdf:RDF>"""
    assert one(body) == ("Roads", "https://example.org/a")


def test_media_rss_fills_what_is_missing() -> None:
    """A video item's description and credit are taken from its media fields."""
    body = """<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel>
    <title>t</title><item><title>Roads</title><link>https://example.org/a</link>
    <media:group><media:description>The road is open.</media:description>
    <media:credit role="author">Reuters</media:credit></media:group></item></channel></rss>"""
    (entry,) = parse(body.encode(), URL).entries
    assert entry.summary == "The road is open."
    assert entry.credit == "Reuters"


def test_relative_links_are_resolved() -> None:
    """A link without a host is the feed's own."""
    assert one(rss("Roads", "../roads.html"))[1] == "https://example.org/roads.html"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (rss("Café “open”").encode(), "application/rss+xml; charset=iso-8859-1"),
        (
            rss("Café “open”", head='<?xml version="1.0" encoding="Shift_JIS"?>').encode(),
            "text/xml",
        ),
        (
            rss("Café “open”", head='<?xml version="1.0" encoding="UTF-8"?>').encode(),
            "text/xml; charset=ISO-8859-1",
        ),
        (rss("Café “open”").encode("utf-16"), "application/xml"),
        (
            rss("Café “open”", head='<?xml version="1.0" encoding="windows-1252"?>').encode(
                "windows-1252"
            ),
            "application/xml",
        ),
        (b"\xef\xbb\xbf" + rss("Café “open”").encode(), "application/octet-stream"),
    ],
)
def test_text_is_read_in_its_true_encoding(body: bytes, content_type: str) -> None:
    """Sound UTF-8 is UTF-8 whatever it is called; other encodings are believed."""
    assert one(body, content_type)[0] == "Café “open”"


@pytest.mark.parametrize("broken", [b"cut mid-charact\xe2\x80", b"caf\xc3", b"it\x92s"])
@pytest.mark.parametrize("head", ['<?xml version="1.0" encoding="UTF-8"?>', ""])
@pytest.mark.parametrize("content_type", ["application/rss+xml; charset=utf-8", "text/xml", ""])
def test_a_broken_character_costs_no_other(broken: bytes, head: str, content_type: str) -> None:
    """One excerpt that was cut within a character leaves every other title as it is."""
    body = rss("Café “open”</title><description>HERE</description><title>", head=head).encode()
    assert one(body.replace(b"HERE", broken), content_type)[0] == "Café “open”"


@pytest.mark.parametrize("charset", ["windows-1252", "windows-1251", "shift_jis", "euc-kr", "gbk"])
def test_other_encodings_are_no_broken_utf8(charset: str) -> None:
    """Text of another encoding holds hardly a character of UTF-8 and is believed to be its own."""
    title = {
        "windows-1252": "Ärger in der Café-Küche – naïve “Lösung”",
        "windows-1251": "Мост через реку снова открыт для движения",
        "shift_jis": "川にかかる橋が日曜日に再び開通した",
        "euc-kr": "강을 건너는 다리가 일요일에 다시 열렸다",
        "gbk": "跨河大桥周日重新开放通行",
    }[charset]
    body = rss(title, head=f'<?xml version="1.0" encoding="{charset}"?>').encode(charset)
    assert one(body, "application/xml")[0] == title


def test_utf7_is_not_decoded() -> None:
    """Markup hidden in UTF-7 stays the harmless letters that it is."""
    body = rss("+ADw-script+AD4-", head='<?xml version="1.0" encoding="UTF-7"?>')
    assert one(body, "text/xml; charset=utf-7")[0] == "+ADw-script+AD4-"


def test_control_characters_do_not_cost_the_feed() -> None:
    """Zero bytes and references to halves of characters are taken out before parsing."""
    assert one(rss("Ro\x00ads &#xD800;&#8;open"))[0] == "Roads open"


@pytest.mark.parametrize(
    "body",
    [b"", b" \n", b"/etc/passwd", b"https://example.org/", b"<html><body>404</body></html>", b"{}"],
)
def test_what_is_no_feed_is_refused(body: bytes) -> None:
    """Empty answers, web pages, paths and addresses are not feeds, and are not opened."""
    with pytest.raises(FeedUnreadable):
        parse(body, URL)


def test_entities_of_the_document_are_not_expanded() -> None:
    """A document that defines entities makes nothing grow and nothing load."""
    head = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    title, _ = one(rss("x &f; " + "&a;" * 50, head=head))
    assert "root:" not in title
    assert len(title) < 600
