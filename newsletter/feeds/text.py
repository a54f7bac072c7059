"""Words from the open web made plain: no markup, no entities, nothing invisible.

Every function takes and returns strings and never raises for any input. What comes out may be
shown anywhere after ordinary escaping: it holds no control, bidirectional, zero-width or tag
characters and nothing that reads as a tag.
"""

from __future__ import annotations

import html
import re
import unicodedata

import nh3

TITLE_CHARACTERS = 300
AUTHOR_CHARACTERS = 120

# Characters that change how their neighbours are shown without being seen themselves. Soft
# hyphens and byte order marks are harmless but break word matching, so they go as well.
_INVISIBLE = (
    *range(0x09), *range(0x0E, 0x20), *range(0x7F, 0xA0), 0xAD,
    0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x200B, 0x200E, 0x200F,
    *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x3164, *range(0xD800, 0xE000), 0xFEFF, 0xFFA0,
    *range(0xFFF0, 0xFFFC), 0xFFFE, 0xFFFF, *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000),
)  # fmt: skip
_TABLE: dict[int, str | None] = dict.fromkeys(_INVISIBLE)
_TABLE.update({0x0B: "\n", 0x0C: "\n", 0x0D: "\n", 0x2028: "\n", 0x2029: "\n"})
# A control character of this block in a headline is a typographic quote or dash of Windows that
# was called ISO-8859-1 on its way (https://encoding.spec.whatwg.org/#windows-1252 does the same).
_TABLE.update(
    (number, bytes([number]).decode("windows-1252"))
    for number in range(0x80, 0xA0)
    if number not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
)
_HARMLESS = bytes((0x09, 0x0A, *range(0x20, 0x7F)))
_SUSPECT = re.compile(r"[^\t\n\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u20a0-\u20bf]")
# A joiner is needed between letters of some scripts and inside emoji, and hides words elsewhere.
_LONELY_JOINER = re.compile(r"(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])")
_STACKED_MARKS = re.compile(
    r"([\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff]{3})[\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff]+"
)

_TWICE_ENCODED = re.compile(
    "[\u00c2-\u00f0][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc"
    "\u2013-\u203a\u20ac\u2122]"
)

_TAG = re.compile(r"<[a-zA-Z/!?]")
_MARKUP = re.compile(
    r"</?(?:p|br|div|a|b|i|u|em|strong|span|img|ul|ol|li|h[1-6]|blockquote|script|style|iframe|"
    r"svg|table|font|figure|form|object|embed|link|meta)\b[^<>]{0,2000}>",
    re.IGNORECASE,
)
_DROPPED_WHOLE = frozenset(
    {"script", "style", "noscript", "template", "iframe", "object", "svg", "math", "form",
     "select", "textarea", "title", "head", "audio", "video", "canvas", "button"}
)  # fmt: skip
_BLOCKS = frozenset(
    {"p", "br", "div", "li", "tr", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
     "section", "article", "pre", "dt", "dd", "figcaption", "ul", "ol", "table"}
)  # fmt: skip
_BLOCK_TAG = re.compile(r"</?[a-z][a-z0-9]*>")
# Most summaries are a few of these tags and no others; they need no HTML parser. Possessive, so
# that no text can make the match go back and forth.
_SIMPLE = re.compile(
    r"(?:[^<]++|</?(?:p|br|b|i|u|em|strong|span|ul|ol|li|blockquote|h[1-6]|div|a)\s*+/?>"
    r"|<(?:p|a|span|div|br|img)(?:\s++[a-zA-Z-]++=\"[^\"<>]*+\")++\s*+/?>)*+",
    re.IGNORECASE,
)
_ANY_TAG = re.compile(r"</?([a-zA-Z0-9]+)[^<>]*>")
_INLINE = nh3.Cleaner(
    tags=set(), clean_content_tags=set(_DROPPED_WHOLE - {"title"}), attributes={}, link_rel=None
)
_PARAGRAPHS = nh3.Cleaner(
    tags=set(_BLOCKS), clean_content_tags=set(_DROPPED_WHOLE), attributes={}, link_rel=None
)
# What publishing systems add under an excerpt; it would otherwise be quoted as news.
_FOOTER_CHARACTERS = 600
_FOOTER_SIGNS = (
    "first on", "first appeared on", "ontinue reading", "ead more", "ead the full", "lick here",
)  # fmt: skip
_CUT_OFF = ("…", "...", "…]", "...]")
_FOOTER = re.compile(
    r"(?:\n|^|(?<=[.!?…\]”\"]) ?)(?:"
    r"The post .{1,300}? (?:appeared first on|first appeared on) .{1,120}?\.?"
    r"|(?:Continue reading|Read more|Read the full (?:story|article)|Click here to read)\b.{0,160}?"
    r"|\[?(?:…|\.\.\.)\]?"
    r")$",
    re.IGNORECASE,
)


def visible(text: str) -> str:
    """The text in Unicode's composed form (NFC), without characters that cannot be seen."""
    # What is beyond plain ASCII, taken out in a tenth of the time of a look at each character.
    rest = text.encode("utf-8", "surrogatepass").translate(None, _HARMLESS)
    if not rest:
        return text
    beyond = rest.decode("utf-8", "surrogatepass")
    twice = _TWICE_ENCODED.search(beyond) and _TWICE_ENCODED.search(text)
    if not twice and not _SUSPECT.search(beyond):
        return text
    if twice:
        text = _decoded_again(text)
    text = text.translate(_TABLE)
    if "\u200c" in text or "\u200d" in text:
        text = _LONELY_JOINER.sub("", text)
    return unicodedata.normalize("NFC", _STACKED_MARKS.sub(r"\1", text))


def _decoded_again(text: str) -> str:
    """Undo UTF-8 that was read as Windows-1252 and written as UTF-8 again ("Itâ€™s")."""
    try:
        raw = b"".join(
            bytes([ord(sign)]) if ord(sign) < 256 else sign.encode("windows-1252") for sign in text
        )
        return raw.decode("utf-8")
    except UnicodeError:
        return text


def line(raw: str, limit: int = TITLE_CHARACTERS) -> str:
    """A title, a name or a label as one line of plain text of at most ``limit`` characters.

    Publishing systems escape titles once, twice or not at all, so entities are undone until
    nothing changes (three rounds at most) and tags are taken out after each round.
    """
    text = raw[: limit * 20]
    for _ in range(3):
        before = text
        if "&" in text:
            text = html.unescape(text)
        if "<" in text and _TAG.search(text):
            text = html.unescape(_INLINE.clean(text))
        if text == before:
            break
    return shorten(_spaced(_no_tags(visible(text))), limit)


def paragraphs(raw: str, limit: int) -> str:
    """A summary or a body as plain text, one paragraph a line; reads ``limit`` bytes of UTF-8."""
    text = raw
    if len(raw) > limit // 4:  # no letter has more than four
        text = raw[:limit].encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")
    if "<" in text or "&" in text:
        text = _flat(text)
        # A body that was escaped twice shows its own tags once the first layer is off.
        if "<" in text and _MARKUP.search(text):
            text = _flat(text)
        if "&" in text:
            text = html.unescape(text)
    text = _no_tags(visible(text))
    if "\n" in text:
        text = "\n".join(filter(None, map(_spaced, text.split("\n"))))
    else:
        text = _spaced(text)
    return _without_footer(text)


def shorten(text: str, limit: int) -> str:
    """The text, cut at a word's end with an ellipsis where it is longer than ``limit``."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    head, space, _ = cut.rpartition(" ")
    if space and len(head) > limit // 2:
        cut = head
    return cut.rstrip(" ,;:–—-") + "…"


def excerpt(text: str, limit: int = 400) -> str:
    """The first sentences of a text that fit into ``limit`` characters."""
    flat = " ".join(text[: limit * 3].split())
    if len(flat) <= limit:
        return flat
    end = max(flat.rfind(mark, 0, limit) for mark in (". ", "! ", "? ", ".” ", '." '))
    return flat[: end + 2].strip() if end > limit // 4 else shorten(flat, limit)


def _spaced(text: str) -> str:
    """The text with one space wherever there is white space, and none at its ends."""
    # All white space but the space itself is not printable.
    if "  " not in text and text.isprintable():
        return text.strip()
    return " ".join(text.split())


def _without_footer(text: str) -> str:
    tail = text[-_FOOTER_CHARACTERS:]
    # Looked for one by one: an expression with these alternatives takes thirty times as long.
    if not tail.endswith(_CUT_OFF):
        for sign in _FOOTER_SIGNS:
            if sign in tail:
                break
        else:
            return text
    return (text[: len(text) - len(tail)] + _FOOTER.sub("", tail)).strip()


def _flat(text: str) -> str:
    """Markup as text with line breaks where a block begins or ends."""
    if "<" not in text:
        return html.unescape(text)
    if text.count("<") == 2 and text.startswith("<p>") and text.endswith("</p>"):
        # What half of all feeds write round their summaries.
        return html.unescape(text[3:-4])
    if _SIMPLE.fullmatch(text):
        return html.unescape(_ANY_TAG.sub(_break, text))
    return html.unescape(_BLOCK_TAG.sub("\n", _PARAGRAPHS.clean(text)))


def _break(tag: re.Match[str]) -> str:
    return "\n" if tag[1].lower() in _BLOCKS else ""


def _no_tags(text: str) -> str:
    """Put a space after any "<" that would still begin a tag, so that none is left."""
    return _TAG.sub(lambda found: f"< {found[0][1]}", text) if "<" in text else text
