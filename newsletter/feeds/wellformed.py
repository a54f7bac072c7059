"""Read feeds that are sound XML of the usual kinds, ten times as fast as feedparser does.

Nearly every answer is RSS 2.0 or Atom 1.0 without a mistake in it. Those are read here, with the
standard library's own parser; anything else, any error and any document type is feedparser's
(:mod:`newsletter.feeds.parse`). Both give the same entries; the tests compare them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, ParseError, XMLParser, tostring

from newsletter.feeds.entry import Document, Entry

_ATOM = "{http://www.w3.org/2005/Atom}"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_DC = "{http://purl.org/dc/elements/1.1/}"
_TERMS = "{http://purl.org/dc/terms/}"
_MEDIA = "{http://search.yahoo.com/mrss/}"
_ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
_ORIGINAL = "{http://rssnamespace.org/feedburner/ext/1.0}origLink"
_RSS_1 = "{http://purl.org/rss/1.0/}"
_RDF_SPACE = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_RDF = f"{_RDF_SPACE}RDF"
_XML = "{http://www.w3.org/XML/1998/namespace}"
# Encodings that expat decodes by itself, and the names that they go by.
_NATIVE = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8",
    "iso-8859-1": "iso-8859-1", "latin-1": "iso-8859-1", "latin1": "iso-8859-1",
}  # fmt: skip
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s;\"']+)", re.IGNORECASE)
_TEXT_TYPES = frozenset(
    {"", "text", "html", "xhtml", "text/plain", "text/html", "application/xhtml+xml"}
)
_DATE_LIKE = re.compile(r"(?:date|updated|issued|published|modified|created)$", re.IGNORECASE)
# Names that every item is asked for, put together once.
_LABELS = frozenset({"category", f"{_DC}subject"})
_RSS_DATES = (
    "pubDate", f"{_DC}date", f"{_ATOM}published", f"{_ATOM}updated", f"{_TERMS}issued",
    f"{_TERMS}created", f"{_TERMS}modified",
)  # fmt: skip
_ATOM_DATES = (f"{_ATOM}published", f"{_ATOM}updated", f"{_DC}date")
_RSS_SUMMARIES = (f"{_ITUNES}summary", f"{_MEDIA}description", f"{_ATOM}summary")
_RSS_AUTHORS = ("author", f"{_DC}creator", f"{_ITUNES}author")
_CONTENTS = (_CONTENT, f"{_ATOM}content")
_GROUP, _CREDIT = f"{_MEDIA}group", f"{_MEDIA}credit"
_BASE, _LANG, _ABOUT = f"{_XML}base", f"{_XML}lang", f"{_RDF_SPACE}about"
_PREFIXES = re.compile(r"""\sxmlns(?::\w+)?="[^"]*"|(?<=</)\w+:|(?<=<)\w+:(?=\w)""")


def read_well_formed(body: bytes, url: str, content_type: str = "") -> Document | None:
    """The document, or None where feedparser should have a look at it.

    :param content_type: its charset, where it has one, wins over the document's own claim.
    """
    # Two-byte encodings would hide a document type from this look.
    if b"\x00" in body[:200]:
        return None
    if b"<!DOCTYPE" in body[:4_000] or b"<!ENTITY" in body or b"<!doctype" in body[:4_000]:
        return None
    root = _tree(body, content_type)
    if root is None:
        return None
    try:
        return _read(root, urljoin(url, root.get(_BASE, "")))
    except (_Strange, ValueError):
        return None


class _Strange(Exception):
    """Something that feedparser knows more about."""


def _read(root: Element, base: str) -> Document:
    if root.tag == "rss":
        channel = root.find("channel")
        if channel is not None:
            return _rss(channel, root, channel.findall("item"), "", base)
    elif root.tag == _RDF:
        channel = root.find(f"{_RSS_1}channel")
        if channel is not None:
            return _rss(channel, root, root.findall(f"{_RSS_1}item"), _RSS_1, base)
    elif root.tag == f"{_ATOM}feed":
        return _atom(root, base)
    raise _Strange


def _tree(body: bytes, content_type: str) -> Element | None:
    charset = _CHARSET.search(content_type)
    encoding = _NATIVE.get(charset[1].lower()) if charset else None
    if charset and encoding is None:
        return None
    try:
        parser = XMLParser(encoding=encoding)  # noqa: S314 - without a document type, in a worker
        parser.feed(body)
        return parser.close()
    except (ParseError, ValueError, LookupError):
        return None


# --------------------------------------------------------------------------- RSS


def _rss(channel: Element, root: Element, items: list[Element], space: str, base: str) -> Document:
    base = urljoin(base, channel.get(_BASE, ""))
    lang = _plain(channel, f"{space}language", f"{_DC}language") or root.get(_LANG, "")
    # Some feeds say 0.9x and put items beside the channel.
    return Document(
        title=_plain(channel, f"{space}title"),
        lang=lang or channel.get(_LANG, ""),
        link=_plain(channel, f"{space}link"),
        form="rss",
        entries=tuple(_item(item, space, base) for item in items or root.findall("item")),
    )


def _item(item: Element, space: str, base: str) -> Entry:
    found: dict[str, Element] = {}
    categories, own = [], item.get(_BASE, "")
    base = urljoin(base, own) if own else base
    for child in item:
        tag = child.tag
        if tag in _LABELS:
            categories.append((child.text or "").strip())
        elif tag not in found or not _filled(found[tag]):
            found[tag] = child
    description = _inner(found.get(f"{space}description"))
    for child in found.get(_GROUP, ()):
        found.setdefault(child.tag, child)
    summary = description or _first(_inner, found, _RSS_SUMMARIES)
    content = _first(_inner, found, _CONTENTS)
    if not summary:
        summary, content = content, ""
    link = _rss_link(item, found, space, base)
    title = found.get(f"{space}title")
    if title is None:
        title = found.get(f"{_DC}title")
    if not link:
        raise _Strange
    return Entry(
        guid=_text(found.get("guid")) or item.get(_ABOUT, ""),
        link=link,
        title=_inner(title) or _inner(found.get(f"{_MEDIA}title")),
        summary=summary,
        content=content if content != summary else "",
        author=_first(_text, found, _RSS_AUTHORS),
        dates=_dates(found, _RSS_DATES),
        categories=_distinct(*categories)[:20],
        lang=item.get(_LANG, "") or _text(found.get(f"{_DC}language")),
        credit=_text(found.get(_CREDIT)),
    )


def _rss_link(item: Element, found: dict[str, Element], space: str, base: str) -> str:
    original = _text(found.get(_ORIGINAL))
    if original.startswith(("http://", "https://")):
        return original
    element = found.get(f"{space}link")
    link = _text(element)
    if link and element is not None:
        return _joined(base, element.get(_BASE, ""), link)
    for other in item.iter(f"{_ATOM}link"):
        if other.get("rel", "alternate") == "alternate" and other.get("href"):
            return urljoin(base, other.get("href", ""))
    guid = found.get("guid")
    if guid is not None and guid.get("isPermaLink", "true").lower() != "false" and _text(guid):
        return urljoin(base, _text(guid))
    return ""


def _joined(base: str, own: str, link: str) -> str:
    # Joining is slow and changes nothing for the addresses that nearly all feeds have.
    if link.startswith(("https://", "http://")) and "[" not in link:
        return link
    return urljoin(urljoin(base, own), link)


# --------------------------------------------------------------------------- Atom


def _atom(root: Element, base: str) -> Document:
    authors = _names(root)
    return Document(
        title=_construct(root.find(f"{_ATOM}title")),
        lang=root.get(_LANG, ""),
        link=_atom_link(root, base),
        form="atom",
        entries=tuple(
            _atom_entry(entry, base, authors) for entry in root.iterfind(f"{_ATOM}entry")
        ),
    )


def _atom_entry(entry: Element, base: str, authors: str) -> Entry:
    own = entry.get(_BASE, "")
    base = urljoin(base, own) if own else base
    found: dict[str, Element] = {}
    for child in entry:
        if child.tag not in found or not _filled(found[child.tag]):
            found[child.tag] = child
    for child in found.get(_GROUP, ()):
        found.setdefault(child.tag, child)
    summary = _construct(found.get(f"{_ATOM}summary")) or _inner(found.get(f"{_MEDIA}description"))
    content = _construct(found.get(f"{_ATOM}content")) or _inner(found.get(_CONTENT))
    if not summary:
        summary, content = content, ""
    source = found.get(f"{_ATOM}source")
    title = found.get(f"{_ATOM}title")
    original = _text(found.get(_ORIGINAL))
    return Entry(
        guid=_text(found.get(f"{_ATOM}id")),
        link=original if original.startswith("http") else _atom_link(entry, base),
        title=_construct(title),
        summary=summary,
        content=content if content != summary else "",
        author=_names(entry)
        or (_names(source) if source is not None else "")
        or authors
        or _text(found.get(f"{_DC}creator")),
        dates=_dates(found, _ATOM_DATES),
        categories=_distinct(
            *(
                child.get("term") or child.get("label") or ""
                for child in entry.iterfind(f"{_ATOM}category")
            )
        )[:20],
        lang=(title.get(_LANG, "") if title is not None else "") or entry.get(_LANG, ""),
        credit=_text(found.get(_CREDIT)),
    )


def _atom_link(element: Element, base: str) -> str:
    for link in element.iterfind(f"{_ATOM}link"):
        if link.get("rel", "alternate") == "alternate" and link.get("href"):
            return _joined(base, link.get(_BASE, ""), link.get("href", "").strip())
    return ""


def _names(element: Element) -> str:
    names = (_text(author.find(f"{_ATOM}name")) for author in element.iterfind(f"{_ATOM}author"))
    return ", ".join(_distinct(*names))


def _construct(element: Element | None) -> str:
    """A text construct (RFC 4287 3.1): text, escaped HTML or XHTML."""
    if element is None:
        return ""
    if element.get("type", "").strip().lower() not in _TEXT_TYPES:
        raise _Strange
    return _inner(element)


# --------------------------------------------------------------------------- elements


def _inner(element: Element | None) -> str:
    """What stands in an element; child elements are written out as markup."""
    if element is None:
        return ""
    if not len(element):
        return (element.text or "").strip()
    parts = [element.text or "", *_written(element)]
    return "".join(parts).strip()


def _written(element: Element) -> Iterator[str]:
    for child in element:
        # Prefixes and namespace declarations would hide the tags from the cleaner.
        yield _PREFIXES.sub("", tostring(child, encoding="unicode"))


def _text(element: Element | None) -> str:
    return "" if element is None else (element.text or "").strip()


def _first(read: Callable[[Element], str], found: dict[str, Element], tags: Sequence[str]) -> str:
    """What the first of some elements that says anything says."""
    for tag in tags:
        said = read(found[tag]) if tag in found else ""
        if said:
            return said
    return ""


def _dates(found: dict[str, Element], tags: Sequence[str]) -> tuple[str, ...]:
    """What is said about dates, best first."""
    said = _distinct(*[_text(found[tag]) for tag in tags if tag in found])
    # Dates in other words than English, and elements that are not known here.
    if not "".join(said).isascii() or (
        not said and any(_DATE_LIKE.search(tag) and _text(found[tag]) for tag in found)
    ):
        raise _Strange
    return said


def _plain(element: Element, *tags: str) -> str:
    return next(filter(None, (_text(element.find(tag)) for tag in tags)), "")


def _filled(element: Element) -> bool:
    return bool((element.text or "").strip() or len(element) or element.attrib)


def _distinct(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, texts)))
