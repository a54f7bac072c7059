"""JSON Feed, versions 1 and 1.1 (https://www.jsonfeed.org/version/1.1/)."""

from __future__ import annotations

import json
from typing import Any

from newsletter.errors import FeedUnreadable
from newsletter.feeds.entry import Document, Entry


def looks_like_json(body: bytes) -> bool:
    """Whether a body begins as a JSON object does."""
    return body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def read_json_feed(body: bytes, url: str) -> Document:
    """The entries of a JSON Feed. Fields of the wrong type count as absent.

    :raises FeedUnreadable: when the body is not JSON, or is JSON that is not a feed.
    """
    try:
        data = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise FeedUnreadable(url, "the answer is not a feed (broken JSON)") from None
    version, items = data.get("version"), data.get("items")
    if not isinstance(items, list) or "jsonfeed.org" not in str(version):
        raise FeedUnreadable(url, "the answer is JSON, but not a JSON Feed")
    lang = _string(data, "language")
    authors = _authors(data)
    return Document(
        title=_string(data, "title"),
        lang=lang,
        link=_string(data, "home_page_url"),
        form="json",
        entries=tuple(_entry(item, authors) for item in items if isinstance(item, dict)),
    )


def _entry(item: dict[str, Any], authors: str) -> Entry:
    plain = _string(item, "content_text")
    tags = item.get("tags")
    return Entry(
        guid=_string(item, "id"),
        link=_string(item, "url") or _string(item, "external_url"),
        title=_string(item, "title"),
        summary=_string(item, "summary"),
        content=_string(item, "content_html") or plain.replace("&", "&amp;").replace("<", "&lt;"),
        author=_authors(item) or authors,
        dates=tuple(
            filter(None, (_string(item, "date_published"), _string(item, "date_modified")))
        ),
        categories=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        lang=_string(item, "language"),
    )


def _authors(data: dict[str, Any]) -> str:
    found = data.get("authors")
    if not isinstance(found, list):
        found = [data.get("author")]
    names = [_string(author, "name") for author in found if isinstance(author, dict)]
    return ", ".join(filter(None, names))


def _string(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)
