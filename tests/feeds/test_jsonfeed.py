"""JSON Feed: read like any other, and refused when it is only JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import FeedUnreadable
from newsletter.feeds.jsonfeed import looks_like_json, read_json_feed

VERSION = "https://jsonfeed.org/version/1.1"


def test_a_json_feed_is_read() -> None:
    """Fields of version 1.1 find their places."""
    body = json.dumps(
        {
            "version": VERSION,
            "title": "The Paper",
            "language": "en-US",
            "authors": [{"name": "The Desk"}],
            "items": [
                {
                    "id": 7,
                    "url": "https://example.org/roads",
                    "title": "Roads",
                    "content_html": "<p>Open.</p>",
                    "date_published": "2026-11-22T10:00:00Z",
                    "tags": ["Politics"],
                },
                {"id": "8", "content_text": "1 < 2", "author": {"name": "Jo"}},
            ],
        }
    ).encode()
    assert looks_like_json(b"\xef\xbb\xbf " + body)
    document = read_json_feed(body, "https://example.org/feed.json")
    first, second = document.entries
    assert (first.guid, first.author, first.categories) == ("7", "The Desk", ("Politics",))
    assert (second.content, second.author) == ("1 &lt; 2", "Jo")
    assert document.lang == "en-US"


@pytest.mark.parametrize("body", [b"{", b'{"items": []}', b'{"version": "x"}', b"{" * 100_000])
def test_json_that_is_no_feed_is_refused(body: bytes) -> None:
    """Broken JSON and other JSON have their sentence."""
    with pytest.raises(FeedUnreadable):
        read_json_feed(body, "https://example.org/feed.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "url", "title", "authors", "author", "name", "tags", "items"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.lists(JSON, max_size=4), JSON)
def test_fields_of_the_wrong_type_count_as_absent(items: list[object], authors: object) -> None:
    """No JSON under the right version makes the reader raise."""
    body = json.dumps({"version": VERSION, "items": items, "authors": authors}).encode()
    document = read_json_feed(body, "https://example.org/feed.json")
    assert len(document.entries) == sum(isinstance(item, dict) for item in items)
