"""The one door through which words enter a letter's headers.

Titles and names come from strangers. A carriage return in one of them starts a new header; an
encoded word such as ``=?utf-8?q?x=0D=0ABcc=3A...?=`` does the same one hop later, when somebody
decodes it (CVE-2024-6923); a right-to-left override makes one address read as another. So every
header of a letter is built here, and nowhere else: :func:`scrub` makes text harmless, and
:func:`text_header`, :func:`mailbox_header` and :func:`plain_header` write whole header lines.

Sources of the rules: RFC 5322 (lines, folding, mailboxes), RFC 2047 (encoded words), RFC 8058.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from email.errors import HeaderParseError
from email.header import decode_header
from functools import lru_cache

from newsletter.errors import DeliveryError

MAX_TEXT = 400
"""Longest subject or display name that leaves the house, in characters."""

# C0 and C1 controls, line and paragraph separators, bidi marks, embeddings, overrides and
# isolates, interlinear annotation, the byte order mark, and halves of surrogate pairs.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff]"
)
_SPACE = re.compile(r"\s+")
_ENCODED_WORD = re.compile(r"=\?[^?\s]{1,40}\?[bBqQ]\?[^?]*\?=")
_ATOM_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_SAFE_VALUE = re.compile(r"[!-~]+(?: [!-~]+)*")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(
    rf"(?=.{{3,254}}\Z)(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?=[^.]*[A-Za-z]){_LABEL}"
)


def scrub(text: str, *, limit: int = MAX_TEXT) -> str:
    """Make a stranger's text safe to stand in a header: one line, nothing hidden, nothing encoded.

    Encoded words are decoded (three layers deep at most), then controls and bidi marks go, white
    space becomes single spaces, and an opening ``=?`` that is left is broken up. Longer texts
    are cut at ``limit`` characters with an ellipsis.
    """
    for _ in range(3):
        if not _ENCODED_WORD.search(text):
            break
        text = _ENCODED_WORD.sub(lambda word: _decoded(word.group()), text)
    text = _UNSEEN.sub(" ", text)
    text = _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()
    text = text.replace("=?", "= ?")
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


@lru_cache(maxsize=8192)
def ascii_address(address: str) -> str:
    """The address in the form that travels (ASCII, domain as IDNA), or "" when it cannot travel.

    Local parts outside ASCII would need SMTPUTF8 at every hop, which no provider promises.
    """
    if _ADDRESS.fullmatch(address):
        return address
    local, at, domain = address.rpartition("@")
    if not at or domain.isascii():
        return ""
    try:
        whole = f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return ""
    return whole if _ADDRESS.fullmatch(whole) else ""


def text_header(name: str, text: str) -> bytes:
    """A header that holds free text, such as Subject, with its line end."""
    text = scrub(text)
    if text.isascii() and all(len(word) <= 60 for word in text.split(" ")):
        return _folded(name, text)
    return f"{name}: {_encoded(text, len(name) + 2)}\r\n".encode("ascii")


def mailbox_header(name: str, display: str, address: str) -> bytes:
    """A header that holds one mailbox, such as From or To, with its line end.

    :raises DeliveryError: when the address cannot stand in a header.
    """
    safe = ascii_address(address)
    if not safe:
        raise DeliveryError(
            repr(address)[1:-1],
            "is not an address that can be written into a letter",
            hint="An address looks like name@example.org.",
        )
    if not display:
        return f"{name}: {safe}\r\n".encode("ascii")
    display = scrub(display, limit=120)
    if not display:
        return f"{name}: {safe}\r\n".encode("ascii")
    if not display.isascii():
        phrase = _encoded(display, len(name) + 2)
    elif _ATOM_PHRASE.fullmatch(display):
        phrase = display
    else:
        phrase = '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'
    line = f"{name}: {phrase} <{safe}>"
    if len(line.rpartition("\n")[2]) > 76:
        line = f"{name}: {phrase}\r\n <{safe}>"
    return (line + "\r\n").encode("ascii")


def plain_header(name: str, value: str) -> bytes:
    """A header whose value is ours and is written as it stands, unfolded, with its line end.

    :raises DeliveryError: when the value holds anything but printable ASCII, or is too long for
        one line: mail programs do not read a List-Unsubscribe that is folded or encoded.
    """
    if not _SAFE_VALUE.fullmatch(value) or len(name) + len(value) + 2 > 990:
        raise DeliveryError(name, "cannot be written as one clean header line")
    return f"{name}: {value}\r\n".encode("ascii")


def _decoded(word: str) -> str:
    try:
        [(raw, charset)] = decode_header(word)
        return raw if isinstance(raw, str) else raw.decode(charset or "ascii", "replace")
    except (HeaderParseError, LookupError, ValueError):
        return word.replace("=?", "= ?")


def _folded(name: str, text: str) -> bytes:
    lines = [f"{name}:"]
    for word in text.split(" "):
        if len(lines[-1]) + 1 + len(word) > 76 and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += " " + word
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


def _encoded(text: str, used: int) -> str:
    """Text as encoded words, no line longer than 76; ``used`` counts what stands before them."""
    words: list[str] = []
    piece = b""
    for character in text:
        raw = character.encode("utf-8")
        # "=?utf-8?B??=" is 12 long and base64 makes 4 of 3.
        room = (76 - (used if not words else 1) - 12) // 4 * 3
        if len(piece) + len(raw) > room:
            words.append(_word(piece))
            piece = b""
        piece += raw
    words.append(_word(piece))
    return "\r\n ".join(words)


def _word(piece: bytes) -> str:
    return f"=?utf-8?B?{base64.b64encode(piece).decode('ascii')}?="
