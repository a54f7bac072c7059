"""Lines: feed files as JSON, one file's trouble its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.errors import FeedUnreadable
from newsletter.feeds.lines import parse_file, parse_many

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = (
    b'<rss version="2.0"><channel><title>t</title><item><title>Roads</title><author>Jo</author>'
    b"<link>https://www.example.org/roads</link><description>Open.</description>"
    b"<pubDate>Sun, 22 Nov 2026 10:00:00 GMT</pubDate></item></channel></rss>"
)


def test_a_file_becomes_articles_in_the_schema() -> None:
    """Every field of the schema is there, in plain types."""
    (article,) = parse_file(GOOD, "https://www.example.org/feed", first_seen=NOW)
    assert json.loads(json.dumps(article)) == {
        "id": article["id"],
        "url": "https://www.example.org/roads",
        "source": "example.org",
        "lean": None,
        "published": "2026-11-22T10:00:00Z",
        "title": "Roads",
        "text": "Open.",
        "lang": "en",
        "author": "Jo",
        "summary": "Open.",
    }


def test_a_file_that_is_no_feed_is_a_stated_error() -> None:
    """One sentence, no traceback."""
    with pytest.raises(FeedUnreadable, match="not a feed"):
        parse_file(b"hello", "https://example.org/feed", first_seen=NOW)


def test_many_files_are_read_in_order_and_none_costs_another(tmp_path: Path) -> None:
    """Missing, empty and broken files have their sentences; the others their articles."""
    (tmp_path / "good.xml").write_bytes(GOOD)
    (tmp_path / "bad.xml").write_bytes(b"<html></html>")
    (tmp_path / "empty.xml").write_bytes(b"")
    names = ["good.xml", "bad.xml", "missing.xml", "empty.xml", "\x00", "good.xml"]
    lines = [f"{name}\thttps://example.org/{place}\n" for place, name in enumerate(names)]
    results = list(parse_many([*lines, "\n"], first_seen=NOW, root=tmp_path))
    assert [result["file"] for result in results] == names
    assert [len(result["articles"]) for result in results] == [1, 0, 0, 0, 0, 1]
    assert [result["error"] is None for result in results] == [True, *[False] * 4, True]
