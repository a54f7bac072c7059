"""Look a rendered issue over before anybody may approve it.

Errors block the approval: each of them makes a mail that is cut, blocked, unreadable for some or
against the law somewhere. Warnings are shown and decided by a person. Knows nothing of how the
mail was made; it reads what would be sent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from newsletter.config import Site
from newsletter.issue.finding import Finding, blocking, error, warning
from newsletter.issue.markup import Element, Page
from newsletter.issue.theme import faint, theme_of
from newsletter.issue.view import count_words
from newsletter.issue.wording import wording
from newsletter.model import Rendered

__all__ = ["Finding", "blocking", "lint", "visible_words"]

CUT_AT = 102_400
"""Gmail shows this many bytes of HTML and hides the rest, the unsubscribe link with it."""
ROOM_FOR_READERS = 1_500
"""What a reader's own links and sentence may add to the bytes."""
LARGE = 80_000
MINUTES, WORDS_A_MINUTE = 5, 238
PLACES = ("unsubscribe", "preferences", "because")

_ADDRESS = re.compile(r"https?://[^/\s]+[^\s]*$|mailto:[^\s@]+@[^\s@]+$")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_NOTHING = re.compile("[\u00a0\u034f\u00ad\u200b-\u200f\u2007\u2060\u2800\ufeff\\s]+")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_LEFTOVERS = (
    re.compile(r"\{\{.{0,20}"),
    re.compile(r"\{%.{0,20}"),
    re.compile(r"</?mj-[a-z]+"),
    re.compile(r"\*\|[A-Z_:]+\|\*"),
    re.compile(r"<%.{0,20}"),
    re.compile(r"\$\{.{0,20}"),
    re.compile(r"\[object Object\]"),
)
_PERCENT = re.compile(r"%%?[A-Za-z_][A-Za-z0-9_.:-]{1,40}%")
_BROKEN = ("\ufffd", "â€™", "â€œ", "Ã©", "&amp;amp;", "&amp;#")
_FILLER = re.compile(
    r"(?<![\w’'])(?:undefined|NaN|null|lorem ipsum|TODO|FIXME)(?![\w’'])"
    r"|(?:^|[:>|]\s*)None(?=\s*$|\s*[|<])"
)
_VAGUE = re.compile(
    r"(?:click here|here|read more|more|link|this|learn more|continue reading)\W*", re.IGNORECASE
)
_IN_TEXT = re.compile(r"https?://[^\s<>\"]+")
_MARKUP_IN_TEXT = re.compile(r"</?(?:p|div|td|table|span|a|br|strong)\b[^>]*>|&(?:nbsp|amp|quot);")
_FORBIDDEN = ("script", "form", "iframe", "object", "embed", "base", "frame", "applet")


def lint(
    rendered: Rendered, site: Site, values: Mapping[str, str] | None = None
) -> tuple[Finding, ...]:
    """Everything wrong with a rendering, errors first.

    :param values: a reader's own words and links by place; the size is then that of their letter.
        Without them an allowance is made.
    """
    page = Page(rendered.html)
    if not rendered.html:
        return _without_html(rendered, site)
    checks = (
        _size(rendered, values),
        _head(page),
        _headings(page),
        _images(page),
        _tables(page),
        _links(page, rendered.tag),
        _law(page, rendered, site),
        _forbidden(page),
        _characters(page, rendered),
        _shape(page),
        _subject(rendered),
        _text_part(page, rendered),
        _colors(site),
    )
    found = {
        replace(finding, variant=rendered.variant): None for check in checks for finding in check
    }
    return tuple(sorted(found, key=lambda finding: finding.severity))


def _without_html(rendered: Rendered, site: Site) -> tuple[Finding, ...]:
    """What can be wrong with a letter that is text alone."""
    found = [*_subject(rendered), *_text_part(Page(""), rendered), *wording("", rendered.text)]
    found += [
        error(f"The reader’s own place “{place}” is missing in the text part.")
        for place in PLACES
        if f"{rendered.tag}_{place}_" not in rendered.text
    ]
    if _plain(site.postal_address) not in _plain(rendered.text):
        found.append(error("The postal address is missing in the text part."))
    return tuple(replace(finding, variant=rendered.variant) for finding in found)


def visible_words(html: str) -> int:
    """Words a reader sees in the HTML; the hidden preheader is not among them."""
    bodies = Page(html).elements("body")
    return count_words(_plain(bodies[0].text())) if bodies else 0


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", _NOTHING.sub(" ", text)).strip()


def _size(rendered: Rendered, values: Mapping[str, str] | None) -> Iterator[Finding]:
    html = rendered.html
    for place, value in (values or {}).items():
        html = html.replace(f"{rendered.tag}_{place}_", value)
    size = len(html.encode("utf-8", "replace")) + (0 if values else ROOM_FOR_READERS)
    if size >= CUT_AT:
        yield error(f"The HTML has {size:,} bytes; Gmail cuts mail at {CUT_AT:,}.")
    elif size > LARGE:
        yield warning(f"The HTML has {size:,} bytes; over {LARGE:,} little room is left.")
    words = visible_words(rendered.html)
    if words > MINUTES * WORDS_A_MINUTE:
        yield warning(f"{words} words are more than {MINUTES} minutes to read.")


def _head(page: Page) -> Iterator[Finding]:
    if not page.doctype.lower().startswith("doctype html"):
        yield warning("There is no document type.")
    roots = page.elements("html")
    root = roots[0].attributes if roots else {}
    if not _LANGUAGE.fullmatch(root.get("lang", "")) or root.get("lang") == "und":
        yield error("The page does not say its language.")
    if root.get("dir", "").lower() not in {"ltr", "rtl", "auto"}:
        yield error("The page does not say its writing direction.")
    titles = page.elements("title")
    if len(titles) != 1 or not titles[0].text(hidden=True).strip():
        yield error("There is not exactly one title.")
    metas = page.elements("meta")
    names = {meta.attributes.get("name", "").lower(): meta for meta in metas}
    scheme = names.get("color-scheme")
    if scheme is None or not scheme.attributes.get("content", "").strip():
        yield error("The page does not say that it has colours for the night.")
    if "supported-color-schemes" not in names:
        yield warning("The older name of the colour scheme is missing.")
    if "viewport" not in names:
        yield warning("There is no viewport for phones.")
    if not any("charset" in str(meta.attributes).lower() for meta in metas):
        yield warning("The page does not say its character set.")


def _headings(page: Page) -> Iterator[Finding]:
    headings = [e for e in page.elements("h1", "h2", "h3", "h4", "h5", "h6") if e.seen]
    levels = [int(heading.name[1]) for heading in headings]
    if levels.count(1) != 1:
        yield error(f"There are {levels.count(1)} first-level headings instead of one.")
    if levels and levels[0] != 1:
        yield error(f"The first heading is of level {levels[0]}.")
    for before, after in pairwise(levels):
        if after > before + 1:
            yield error(f"A heading of level {after} follows one of level {before}.")
    for heading in headings:
        if not _plain(heading.text()):
            yield error(f"A heading is empty (line {heading.line}).")


def _images(page: Page) -> Iterator[Finding]:
    for image in page.elements("img"):
        attributes = image.attributes
        if "alt" not in attributes:
            yield error(f"An image has no alternative text (line {image.line}).")
        if not re.match(r"https://[^/\s]+", attributes.get("src", "")):
            yield error(f"An image is not at an https address (line {image.line}).")
        if not attributes.get("width", "").strip("px%").isdigit():
            yield warning(f"An image has no width (line {image.line}).")
        if {attributes.get("width"), attributes.get("height")} <= {"0", "1"}:
            yield error("There is an image of one pixel, which looks like tracking.")


def _tables(page: Page) -> Iterator[Finding]:
    for table in page.elements("table"):
        data = any(element.name == "th" for element in table.walk())
        if not data and table.attributes.get("role", "").lower() not in {"presentation", "none"}:
            yield error(f"A layout table is not marked as one (line {table.line}).")


def _links(page: Page, tag: str) -> Iterator[Finding]:
    open_places = {f"{tag}_unsubscribe_", f"{tag}_preferences_"}
    for link in page.elements("a"):
        if "href" not in link.attributes:
            continue
        address, words = link.attributes["href"].strip(), _plain(link.text())
        if not words and not link.attributes.get("aria-label", "").strip():
            yield error(f"A link shows nothing (line {link.line}).")
        if _VAGUE.fullmatch(words):
            yield warning(f"The link “{words}” does not say where it goes.")
        if address in open_places:
            continue
        if not _ADDRESS.match(address):
            yield error(f"A link is neither http(s) nor mailto: {address[:60] or '(empty)'}.")
        elif address.startswith("http://"):
            yield warning(f"A link is not encrypted: {address[:60]}.")
        yield from _honest(words, address)


def _honest(words: str, address: str) -> Iterator[Finding]:
    """A link that shows an address should lead there; filters take others for phishing."""
    shown = re.fullmatch(r"(?:https?://)?((?:[\w-]+\.)+[a-z]{2,})(?:/\S*)?", words, re.IGNORECASE)
    host = (urlsplit(address).hostname or "").removeprefix("www.")
    if shown and address.startswith("http"):
        named = shown.group(1).lower().removeprefix("www.")
        if not (host == named or host.endswith(f".{named}") or named.endswith(f".{host}")):
            yield warning(f"A link shows {named} and leads to {host}.")


def _law(page: Page, rendered: Rendered, site: Site) -> Iterator[Finding]:
    """What mail law and good manners ask for: a way out, an address, a reason."""
    html, tag = rendered.html, rendered.tag
    ways_out = [
        link
        for link in page.elements("a")
        if f"{tag}_unsubscribe_" in link.attributes.get("href", "")
    ]
    if not any(link.seen and _plain(link.text()) for link in ways_out):
        yield error("There is no visible unsubscribe link.")
    for place in PLACES:
        if f"{tag}_{place}_" not in html:
            yield error(f"The reader’s own place “{place}” is missing in the HTML.")
        if f"{tag}_{place}_" not in rendered.text:
            yield error(f"The reader’s own place “{place}” is missing in the text part.")
    unknown = set(re.findall(rf"{re.escape(tag)}_(\w+?)_", html + rendered.text)) - set(PLACES)
    for place in sorted(unknown):
        yield error(f"Nobody fills in the reader’s place “{place}”.")
    bodies = page.elements("body")
    body = bodies[0] if bodies else page.root
    visible = _plain(body.text())
    if not site.postal_address.strip() or _plain(site.postal_address) not in visible:
        yield error("The postal address is missing.")
    elif _plain(site.postal_address) not in _plain(rendered.text):
        yield error("The postal address is missing in the text part.")
    yield from _preheader(body)


def _preheader(body: Element) -> Iterator[Finding]:
    first = next(
        (
            element
            for element in body.walk()
            if element is not body
            and any(isinstance(part, str) and _NOTHING.sub("", part) for part in element.children)
        ),
        None,
    )
    if first is None or first.seen:
        yield error("There is no hidden preheader at the very start.")
        return
    length = len(_plain(first.text(hidden=True)))
    if not 30 <= length <= 150:
        yield warning(f"The preheader has {length} characters; 30 to 150 are useful.")


def _forbidden(page: Page) -> Iterator[Finding]:
    for element in page.root.walk():
        name, attributes = element.name, element.attributes
        if name in _FORBIDDEN:
            yield error(f"A <{name}> has no place in a mail (line {element.line}).")
        if name == "link" and "stylesheet" in attributes.get("rel", "").lower():
            yield error("A style sheet would be fetched from elsewhere.")
        if name == "style" and re.search(r"@import|url\(", element.text(hidden=True)):
            yield error("The style sheet would fetch something from elsewhere.")
        for key, value in attributes.items():
            if re.fullmatch(r"on[a-z]+", key):
                yield error(f"<{name}> has the event handler {key} (line {element.line}).")
            if re.match(r"\s*(?:javascript|vbscript|data:text/html)\s*:?", value, re.IGNORECASE):
                yield error(f"<{name}> runs a script address (line {element.line}).")


def _characters(page: Page, rendered: Rendered) -> Iterator[Finding]:
    for part, text in (
        ("subject", rendered.subject),
        ("HTML", rendered.html),
        ("text part", rendered.text),
    ):
        if _CONTROL.search(text):
            yield error(f"There is a control character in the {part}.")
        if _BIDI.search(text):
            yield error(f"There is a character that turns the reading direction in the {part}.")
        for broken in _BROKEN:
            if broken in text:
                yield error(f"There are broken characters in the {part}: {broken}.")
        for pattern in _LEFTOVERS:
            match = pattern.search(text)
            if match:
                yield error(f"Something of a template is left in the {part}: {match.group()}.")
    visible = _plain(page.root.text())
    addresses = [
        unquote(value)
        for element in page.root.walk()
        for key, value in element.attributes.items()
        if key in {"href", "src", "alt", "title", "content", "aria-label"}
    ]
    for match in _PERCENT.finditer("\n".join([visible, *addresses])):
        if not re.match(r"%[0-9A-Fa-f]{2}", match.group()):
            yield error(f"Something of a template is left in the HTML: {match.group()}.")
    filler = _FILLER.search(visible)
    if filler:
        yield warning(f"A word looks like a filler: {filler.group()}.")
    yield from wording(rendered.subject, visible)


def _shape(page: Page) -> Iterator[Finding]:
    for crooked in page.crooked[:5]:
        yield error(f"The HTML is crooked: {crooked}.")
    for doubled in page.doubled[:5]:
        yield warning(f"An attribute stands twice: {doubled}.")
    ids = Counter(element.attributes.get("id", "") for element in page.root.walk())
    for name, count in ids.items():
        if name and count > 1:
            yield warning(f"The id “{name}” stands {count} times.")


def _subject(rendered: Rendered) -> Iterator[Finding]:
    subject = rendered.subject
    if not subject.strip() or "\n" in subject or "\r" in subject:
        yield error("The subject is not one line of text.")
    elif not 30 <= len(subject) <= 60:
        yield warning(f"The subject has {len(subject)} characters; 30 to 60 are shown whole.")
    if "=?" in subject:
        yield error("The subject holds an encoded word that could become a header.")
    if subject.endswith(("?", "!")):
        yield warning("The subject asks or shouts.")
    if rendered.preheader and rendered.preheader.startswith(subject.rstrip("…")):
        yield warning("The preheader repeats the subject.")


def _colors(site: Site) -> Iterator[Finding]:
    for name, found in faint(theme_of(site)):
        yield warning(
            f"The colour [site.theme] {name} has a contrast of {found:.1f} : 1; text needs 4.5."
        )


def _text_part(page: Page, rendered: Rendered) -> Iterator[Finding]:
    text = rendered.text
    if not text.strip():
        yield error("The text part is empty.")
        return
    there = {_address_key(found) for found in _IN_TEXT.findall(text)}
    there |= {_address_key(found.rstrip(".,;:!?)]>")) for found in _IN_TEXT.findall(text)}
    wanted = {
        _address_key(link.attributes["href"])
        for link in page.elements("a")
        if link.attributes.get("href", "").strip().lower().startswith(("http://", "https://"))
    }
    for address in sorted(wanted - there)[:5]:
        yield error(f"The text part lacks the link {address[:80]}.")
    if _MARKUP_IN_TEXT.search(text):
        yield error("The text part holds markup.")
    if max(map(len, text.encode("utf-8", "replace").split(b"\n"))) > 998:
        yield error("A line of the text part is longer than mail allows.")


def _address_key(address: str) -> str:
    parts = urlsplit(address.strip())
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path.rstrip('/')}{query}"
