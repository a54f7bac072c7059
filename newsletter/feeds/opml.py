"""OPML, both ways: the subscription lists that feed readers exchange (http://opml.org/spec2.opml)."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from datetime import datetime
from email.utils import format_datetime
from itertools import islice
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, ParseError, SubElement, XMLParser, indent, tostring

from newsletter.config import Source
from newsletter.errors import FeedUnreadable
from newsletter.feeds.links import host_of, link
from newsletter.feeds.text import line
from newsletter.model import Lean

MOST_OUTLINES = 10_000
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def read_opml(body: bytes, name: str) -> tuple[Source, ...]:
    """The feeds of an OPML file as sources, in its order and once each.

    Folders become sections. A lean is taken over only where the file is one of ours; any other
    list's outlets are unrated until an editor rates them.

    :param name: what the file is called, for messages.
    :raises FeedUnreadable: when the file is not OPML.
    """
    # Subscription lists have no document type; one that defines entities means harm.
    if _DOCTYPE.search(body) or b"\x00" in body[:200]:
        raise FeedUnreadable(name, "the file has a document type, which OPML has no use for")
    try:
        parser = XMLParser()  # noqa: S314 - without a document type there is nothing to expand
        parser.feed(body)
        root = parser.close()
    except (ParseError, ValueError, LookupError):
        raise FeedUnreadable(name, "the file is not sound XML") from None
    if root.tag.lower() != "opml":
        raise FeedUnreadable(name, "the file is not OPML")
    found: dict[str, Source] = {}
    taken: set[str] = set()
    for outline, section in islice(_outlines(root, "", 0), MOST_OUTLINES):
        source = _source(outline, section, taken)
        if source and source.feed not in found:
            found[source.feed] = source
            taken.add(source.id)
    return tuple(found.values())


def write_opml(sources: Iterable[Source], *, title: str, now: datetime) -> bytes:
    """An OPML file of these sources, a folder for each lean. Imported ratings are not written.

    :param sources: the sources as configured; never those with an overlay of licensed ratings.
    """
    root = Element("opml", version="2.0")
    head = SubElement(root, "head")
    SubElement(head, "title").text = title
    SubElement(head, "dateCreated").text = format_datetime(now)
    body = SubElement(root, "body")
    folders: dict[Lean, Element] = {}
    for source in sources:
        folder = folders.get(source.lean)
        if folder is None:
            folder = folders[source.lean] = SubElement(body, "outline", text=source.lean.value)
        for address in source.addresses:
            SubElement(
                folder,
                "outline",
                {
                    "type": "rss",
                    "text": source.name,
                    "title": source.name,
                    "xmlUrl": address,
                    "newsletterId": source.id,
                    "newsletterLean": source.lean.value,
                    **({"category": source.section} if source.section else {}),
                },
            )
    indent(root)
    text: str = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def source_id(name: str, taken: Container[str] = ()) -> str:
    """An id such as "the-paper" made from a name or a host, other than those that are taken."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:56] or "outlet"
    made, number = slug, 2
    while made in taken:
        made, number = f"{slug}-{number}", number + 1
    return made


def _outlines(element: Element, section: str, depth: int) -> Iterable[tuple[Element, str]]:
    if depth > 20:
        return
    for child in element:
        if child.tag.lower() == "outline" and child.get("xmlUrl"):
            yield child, child.get("category", "").strip("/") or section
        else:
            folder = child.get("text") or child.get("title") or ""
            is_lean = folder in set(Lean)
            yield from _outlines(child, section if is_lean else folder or section, depth + 1)


def _source(outline: Element, section: str, taken: Container[str]) -> Source | None:
    address = link(outline.get("xmlUrl", ""))
    if not address:
        return None
    # The canonical form drops tracking words, which a feed's address may need; keep it as it is.
    address = outline.get("xmlUrl", "").strip()
    if len(address) > 2_000 or not address.isprintable() or not urlsplit(address).hostname:
        return None
    name = line(outline.get("title") or outline.get("text") or host_of(address), 120)
    given = outline.get("newsletterId", "")
    lean = outline.get("newsletterLean", "")
    try:
        return Source(
            id=given if given and given not in taken else source_id(name, taken),
            name=name or host_of(address),
            feed=address,
            section=line(section, 40).lower(),
            lean=Lean(lean) if lean in set(Lean) else Lean.UNRATED,
            provenance=("taken over from a subscription list",) if lean in set(Lean) else (),
        )
    except ValueError:  # a name or an id that no source may have
        return None
