"""Leaving by mail: the address to write to, and the letters that come to it.

A mailto link carries the reader's own word in its subject. Who answers from a mail program that
drops subjects is found by the address they write from; that can be forged, but all a forger gains
is that somebody gets less mail, and that person can sign up again. Answers that machines write
(out of office, delivery failures) take nobody off.
"""

from __future__ import annotations

import email.header
import email.utils
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from typing import BinaryIO
from urllib.parse import quote

from newsletter.audience.tokens import SHORT_WORD

MAX_HEADERS = 65_536
"""Bytes of a letter that are looked at; what comes after its headers is passed over."""
_WORD = re.compile(rf"\bunsubscribe\s+({SHORT_WORD.pattern})(?![A-Za-z0-9_-])", re.IGNORECASE)
# A line of a letter that begins with "From " is told from this by the year at its end.
_BEGINS = re.compile(rb"From \S+ .*\b\d{4}\b")
_ASKS = re.compile(r"\b(?:un-?subscribe|opt.?out|remove me|stop)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A letter to the mailbox for leaving.

    ``word`` is the reader's own word, empty where the subject has none. ``sender`` is the address
    it comes from. ``refused`` says why it takes nobody off; empty for a request that is good.
    """

    number: int
    word: str = ""
    sender: str = ""
    refused: str = ""


def mailto(mailbox: str, word: str, *, quoted: bool = True) -> str:
    """The link of one reader: a mail with nothing to fill in (RFC 6068).

    :param quoted: False leaves the word as it is, for a place that is filled in later.
    """
    shown = quote(word, safe="") if quoted else word
    return f"mailto:{quote(mailbox, safe='@+')}?subject=unsubscribe%20{shown}"


def requests(stream: BinaryIO) -> Iterator[Request]:
    """Read a mailbox file (mbox), or a single letter, in bounded memory."""
    for number, headers in enumerate(_letters(stream), start=1):
        yield read_request(number, headers)


def read_request(number: int, headers: bytes) -> Request:
    """Read what one letter asks for, by its headers."""
    message = BytesHeaderParser().parsebytes(headers)
    subject = _decoded(message.get("Subject", ""))
    _, sender = email.utils.parseaddr(_decoded(message.get("From", "")))
    if str(message.get("Auto-Submitted", "no")).split(";")[0].strip().lower() != "no":
        return Request(number=number, sender=sender, refused="a machine wrote it")
    path = str(message.get("Return-Path", "")).strip()
    if path == "<>" or sender.lower().startswith(("mailer-daemon@", "postmaster@")):
        return Request(number=number, sender=sender, refused="it is a delivery report")
    if found := _WORD.search(subject):
        return Request(number=number, word=found[1], sender=sender)
    if not sender:
        return Request(number=number, refused="it names no sender")
    if subject.strip() and not _ASKS.search(subject):
        return Request(number=number, sender=sender, refused="it does not ask to unsubscribe")
    return Request(number=number, sender=sender)


def _letters(stream: BinaryIO) -> Iterator[bytes]:
    headers: list[bytes] = []
    size = 0
    inside, begun, blank = True, False, True
    # A line may be as long as it likes; no more than a part of it is kept.
    for line in iter(lambda: stream.readline(MAX_HEADERS), b""):
        if blank and line.startswith(b"From ") and (not begun or _BEGINS.match(line)):
            if begun:
                yield b"".join(headers)
            headers, size, inside, begun, blank = [], 0, True, True, False
            continue
        blank = not line.strip()
        begun = begun or bool(line.strip())
        if inside and begun:
            if not line.strip():
                inside = False
            elif size < MAX_HEADERS:
                headers.append(line)
                size += len(line)
    if begun:
        yield b"".join(headers)


def _decoded(value: object) -> str:
    """A header as text; one that cannot be decoded is taken as it is."""
    text = str(value)
    try:
        parts: Iterable[tuple[bytes | str, str | None]] = email.header.decode_header(text)
        return "".join(
            part.decode(charset or "ascii", "replace") if isinstance(part, bytes) else part
            for part, charset in parts
        )
    except (LookupError, ValueError, email.errors.HeaderParseError):
        return text
