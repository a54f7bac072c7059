"""Look a whole letter over, as bytes on their way: headers, parts, line lengths.

The rendering may be sound and the letter not, so approval looks at one real letter of each
variant, addressed to nobody.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

from newsletter.issue.finding import Finding, error, warning

LONGEST_LINE = 998
"""Bytes of a line that mail may have (RFC 5322, 2.1.1)."""
SUBJECT_SHOWN = 78

_ONCE = ("from", "to", "subject", "date", "message-id", "mime-version")
_UNSUBSCRIBE = re.compile(r"<[^<>\s]+>(?:\s*,\s*<[^<>\s]+>)*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LEFTOVER = re.compile(r"\{\{|\{%|\*\|")


def lint_letter(raw: bytes, *, trial: bool = False) -> tuple[Finding, ...]:
    """Everything wrong with a letter as it would leave, errors first.

    :param raw: the whole message, headers and body, lines ending in CRLF.
    :param trial: letters stay in the house (a folder of files), so a way out that is not
        encrypted is only warned about.
    """
    head = raw.partition(b"\r\n\r\n")[0]
    unfolded = re.sub(rb"\r?\n[ \t]+", b" ", head).decode("utf-8", "surrogateescape")
    rows = [
        (name.strip().lower(), value.strip())
        for name, _, value in (line.partition(":") for line in unfolded.splitlines())
    ]
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what this policy makes
    found = [
        *_fields(rows),
        *_way_out(dict(rows), trial=trial),
        *_clean(rows),
        *_parts(message),
        *_lines(raw),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: finding.severity))


def _fields(rows: list[tuple[str, str]]) -> Iterator[Finding]:
    counts = Counter(name for name, _ in rows)
    for name in _ONCE:
        if counts[name] != 1:
            yield error(f"The letter has {counts[name]} headers {name.title()} instead of one.")
    if counts["list-id"] != 1:
        yield warning("The letter has no List-Id, which readers sort their mail by.")
    subject = dict(rows).get("subject", "")
    if len(subject) > SUBJECT_SHOWN and "=?" not in subject:
        yield warning(f"The subject line has {len(subject)} characters.")


def _way_out(value: dict[str, str], *, trial: bool) -> Iterator[Finding]:
    """One-click unsubscribing as RFC 8058 has it; large providers refuse mail without it."""
    line = value.get("list-unsubscribe", "")
    if not _UNSUBSCRIBE.fullmatch(line) or not line.isascii():
        yield error("The header List-Unsubscribe is missing or not tidy.")
    elif "<https://" not in line:
        say = warning if trial else error
        yield say("The header List-Unsubscribe has no https address; see [site] base_url.")
    elif value.get("list-unsubscribe-post", "") != "List-Unsubscribe=One-Click":
        yield error("The header List-Unsubscribe-Post for one click is missing.")


def _clean(rows: list[tuple[str, str]]) -> Iterator[Finding]:
    for name, value in rows:
        if _CONTROL.search(value) or not value.isascii():
            yield error(f"The header {name.title()} holds a control or raw 8-bit character.")
        if _LEFTOVER.search(value):
            yield error(f"Something of a template is left in the header {name.title()}.")


def _parts(message: EmailMessage) -> Iterator[Finding]:
    kinds = [
        part.get_content_type()
        for part in message.walk()
        if not part.is_multipart() and part.get_content_disposition() != "attachment"
    ]
    if kinds == ["text/plain"]:
        return  # readers may ask for letters without HTML
    if kinds[:2] != ["text/plain", "text/html"]:
        yield error("The letter is not text first and HTML second.")
    if message.get_content_type() != "multipart/alternative":
        yield error("Text and HTML are not offered as alternatives.")
    if any(part.get_content_disposition() == "attachment" for part in message.walk()):
        yield warning("The letter has an attachment.")


def _lines(raw: bytes) -> Iterator[Finding]:
    longest = max(map(len, raw.splitlines()), default=0)
    if longest > LONGEST_LINE:
        yield error(f"A line of the letter has {longest} bytes; mail allows {LONGEST_LINE}.")
