"""From the bytes of an answer to entries. The only place that knows feedparser.

feedparser is never given text or bytes, only a ``BytesIO``: it takes a plain body that looks like
a path or an address for one and would open it. Its own cleaning and link rewriting stay off;
they are slow and no defence (:mod:`newsletter.feeds.text` is one). It may raise, take minutes or
take gigabytes on a body made to hurt, so the product calls this in a worker process only
(:mod:`newsletter.feeds.worker`).
"""

from __future__ import annotations

import io
import re
import time
from calendar import timegm
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from newsletter.errors import FeedUnreadable
from newsletter.feeds.entry import Document, Entry
from newsletter.feeds.jsonfeed import looks_like_json, read_json_feed
from newsletter.feeds.wellformed import read_well_formed

# Encodings that smuggle markup past anything that looks at bytes. No newsroom uses them.
_REFUSED = re.compile(
    rb"utf-?7|hz-gb|scsu|bocu|imap|x-user-defined|punycode|escape|rot_?13", re.IGNORECASE
)
_DECLARED = re.compile(rb"""^(\s*<\?xml\b[^>]{0,200}?encoding\s*=\s*["'])([^"']{1,60})""")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s;\"']+)", re.IGNORECASE)
_CONTROLS = bytes((*range(9), 0x0B, 0x0C, *range(0x0E, 0x20)))
_BAD_REFERENCE = re.compile(
    rb"&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01]|5529[6-9]|55[3-9]\d\d|5[67]\d{3}|65534|65535)|x0*(?:[0-8bcef]|1[0-9a-f]|d[89a-f][0-9a-f]{2}|fff[ef]));",
    re.IGNORECASE,
)


def parse(body: bytes, url: str, content_type: str = "") -> Document:
    """Read RSS (0.9x, 1.0, 2.0), Atom, CDF or JSON Feed.

    :param url: where the body came from; relative links are resolved against it.
    :param content_type: the header of that name, for its charset; the label itself is ignored.
    :raises FeedUnreadable: when the body is empty or is not a feed.
    """
    if not body.strip():
        raise FeedUnreadable(url, "the answer is empty")
    if looks_like_json(body):
        return read_json_feed(body, url)
    body, content_type = _honest_encoding(body, content_type)
    body = _without_controls(body)
    return read_well_formed(body, url, content_type) or _by_feedparser(body, url, content_type)


def _by_feedparser(body: bytes, url: str, content_type: str) -> Document:
    """Everything that is not sound XML of the usual kinds: feedparser knows how to bear it."""
    # Loading it takes as long as reading dozens of feeds, and few feeds need it.
    import feedparser  # noqa: PLC0415 - see above

    headers = {"content-location": url}
    if content_type:
        headers["content-type"] = content_type
    parsed: Any = feedparser.parse(
        io.BytesIO(body),
        response_headers=headers,
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    entries = parsed.get("entries") or []
    form = str(parsed.get("version") or "")
    if not form and not entries:
        raise FeedUnreadable(url, _what_it_is(body))
    about = parsed.get("feed") or {}
    return Document(
        title=_string(about, "title"),
        lang=_string(about, "language"),
        link=_string(about, "link"),
        form=form,
        entries=tuple(_entry(entry) for entry in entries),
    )


def _entry(entry: Any) -> Entry:
    contents = [part.get("value") or "" for part in entry.get("content") or []]
    summary = _string(entry, "summary")
    content = max(contents, key=len, default="")
    return Entry(
        guid=_string(entry, "id"),
        link=_link(entry),
        title=_string(entry, "title"),
        # feedparser puts media:description and itunes:summary here where nothing better is said.
        summary=summary or _string(entry, "subtitle"),
        content=content if content != summary else "",
        author=_authors(entry),
        dates=tuple(
            dict.fromkeys(
                filter(None, (_string(entry, key) for key in ("published", "updated", "created")))
            )
        ),
        date=_moment(entry, ("published_parsed", "updated_parsed", "created_parsed")),
        categories=tuple(
            str(tag.get("term") or tag.get("label") or "") for tag in entry.get("tags") or []
        )[:20],
        lang=_string(entry.get("title_detail") or {}, "language"),
        credit=_credit(entry),
    )


def _link(entry: Any) -> str:
    """The original address where a feed service names it, else the alternate link."""
    original = _string(entry, "feedburner_origlink")
    if original.startswith(("http://", "https://")):
        return original
    link = _string(entry, "link")
    if link:
        return link
    for other in entry.get("links") or []:
        if other.get("rel") in {"alternate", "via", None} and other.get("href"):
            return str(other["href"])
    return ""


def _authors(entry: Any) -> str:
    names = [str(author.get("name") or "") for author in entry.get("authors") or []]
    named = ", ".join(dict.fromkeys(name for name in names if name))
    return named or _string(entry, "author")


def _credit(entry: Any) -> str:
    for part in entry.get("media_credit") or []:
        text = part.get("content")
        if text:
            return str(text)
    return ""


def _moment(entry: Any, keys: Iterable[str]) -> datetime | None:
    for key in keys:
        value = entry.get(key) if key in entry else None
        if isinstance(value, time.struct_time):
            try:
                return datetime.fromtimestamp(timegm(value), UTC)
            except (ValueError, OverflowError, OSError):
                continue
    return None


def _string(mapping: Any, key: str) -> str:
    # feedparser's mapping answers "updated" with "published" and warns; asking first avoids both.
    value = mapping[key] if key in mapping else None  # noqa: SIM401 - get() is what warns
    return value if isinstance(value, str) else ""


def _honest_encoding(body: bytes, content_type: str) -> tuple[bytes, str]:
    """The body and its label with every claim about its encoding that cannot be true put right.

    Text that is UTF-8 with letters beyond ASCII is UTF-8 whatever it says it is, also where a
    few of its characters are broken: publishing systems cut excerpts in the middle of one.
    """
    declared = _DECLARED.match(body[:400])
    charset = _CHARSET.search(content_type)
    refused = (declared and _REFUSED.search(declared[2])) or (
        charset and _REFUSED.search(charset[1].encode())
    )
    if not refused:
        if (
            body.isascii()
            or body.startswith((b"\xff\xfe", b"\xfe\xff"))
            or b"\x00" in body[:400]
            or (sound := _as_utf8(body)) is None
        ):
            return body, content_type
        body = sound
    if declared and declared[2].lower() != b"utf-8":
        body = body[: declared.start(2)] + b"utf-8" + body[declared.end(2) :]
    return body, "application/xml; charset=utf-8"


def _as_utf8(body: bytes) -> bytes | None:
    """The body without broken characters; None where most of what is beyond ASCII is broken.

    Two bytes of another encoding hardly ever make a character of UTF-8.
    """
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        whole = body.decode("utf-8", "ignore")
        broken = body.decode("utf-8", "replace").count("\ufffd") - whole.count("\ufffd")
        sound = len(whole) - len(whole.encode("ascii", "ignore"))
        return whole.encode() if sound > broken else None
    return body


def _without_controls(body: bytes) -> bytes:
    """The body without control characters and references to them or to halves of characters.

    They make a strict parser refuse the whole feed, and feedparser's loose one raise. Bodies of
    two-byte encodings, where zero bytes belong, stay as they are.
    """
    if body.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00")) or body[:400].count(b"\x00") > 20:
        return body
    body = body.translate(None, _CONTROLS)
    return _BAD_REFERENCE.sub(b"", body) if b"&#" in body else body


def _what_it_is(body: bytes) -> str:
    start = body[:2_000].lstrip().lower()
    if b"<html" in start or b"<!doctype html" in start:
        return "the answer is a web page, not a feed"
    if start.startswith(b"<"):
        return "the answer is XML, but not a feed"
    return "the answer is not a feed"
