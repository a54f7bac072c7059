"""What may stand in front of a reader: text without tricks, links that are links.

Headlines and quotations come from strangers. This module takes out what could reorder, hide or
break them, and leaves the words alone. Escaping for a context (HTML, MJML, a header) happens
later and at one place, in :mod:`newsletter.issue.environment`.
"""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import quote, urlsplit

_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")

# Bidirectional controls reorder what is read (Trojan Source); the tag block hides whole sentences;
# the others are marks of broken decoding or have no width and no meaning in a sentence.
_UNWANTED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\uffff"
    "\u061c\u180e\ufdd0-\ufdef\ud800-\udfff\U000e0000-\U000e007f"
    + "".join(chr(plane << 16 | last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
# Most text needs nothing done: single spaces, no "&", only characters that are their own NFC.
_FINE = re.compile(
    "[!-%'-~\u00a1-\u00ac\u00ae-\u017f–—‘’“”…€]+(?: [!-%'-~\u00a1-\u00ac\u00ae-\u017f–—‘’“”…€]+)*"
)
_SPACE = re.compile(r"[\s\u0085\u2028\u2029\u2800]+")
_MARKS = re.compile(r"[{$*<%]")
_PLACEHOLDER = re.compile(r"%(?=%?[A-Za-z_][A-Za-z0-9_.:-]{1,40}%)")
_BRACES = re.compile(r"(?<=\{)(?=[{%])|(?<=\$)(?=\{)|(?<=\*)(?=\|)|(?<=<)(?=%)")
_HOST = re.compile(r"[^\W_](?:[\w.-]*[^\W_])?\.?|[0-9a-f:.]+", re.IGNORECASE)
_TAG_OPENING = re.compile(r"<(?=[/!?a-zA-Z])")
_ENCODED_WORD = re.compile(r"=\?")

# Everything RFC 3986 allows, and "%" because addresses arrive already encoded.
_ADDRESS_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"


def clean(text: str) -> str:
    """One line of plain text: NFC, no control, bidi or broken characters, single spaces.

    Character references that a feed encoded once too often are read (``&amp;amp;`` is "&").
    Does *not* escape: the result may hold ``<`` and ``&``.
    """
    if _FINE.fullmatch(text):
        return text
    for _ in range(2):
        if not _ENTITY.search(text):
            break
        text = html.unescape(text)
    text = _SPACE.sub(" ", text)
    text = _UNWANTED.sub("", text)
    return unicodedata.normalize("NFC", re.sub(" {2,}", " ", text)).strip()


def defuse(text: str) -> str:
    """Break the marks that mailing software would fill in (``{{x}}``, ``%X%``, ``*|X|*``).

    A story about templates is still a story; a provider that expands its words is not wanted.
    """
    if not _MARKS.search(text):
        return text
    return _BRACES.sub(" ", _PLACEHOLDER.sub("%\u2060", text))


def defuse_plain(text: str) -> str:
    """The same for text that is not escaped: nothing in it reads as a tag either."""
    return _TAG_OPENING.sub("< ", defuse(text))


def scrub_header(text: str) -> str:
    """Text for a Subject: one line that no header parser takes for an encoded word.

    Some Python versions decode ``=?utf-8?q?...?=`` inside a subject into fresh header lines
    (CVE-2024-6923), so the opening mark is broken.
    """
    return _ENCODED_WORD.sub("= ?", defuse_plain(clean(text)))


def safe_url(address: str) -> str:
    """The address when it is http or https with a host, with odd characters encoded; else "".

    An empty answer means: show the words without a link.
    """
    address = _UNWANTED.sub("", address).strip()
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme.lower() not in {"http", "https"} or not host or parts.username is not None:
        return ""
    if not _HOST.fullmatch(host):
        return ""
    return defuse(quote(address, safe=_ADDRESS_CHARACTERS))


def first_upper(text: str) -> str:
    """The first letter as a capital, the rest as it is."""
    return text[:1].upper() + text[1:]
