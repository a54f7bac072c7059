"""Undeliverable mail that comes back: delivery status notifications (RFC 3464) read as facts.

Anybody can write such a message. What protects readers is the Message-ID of our letter that a
real one carries back: it is made with a key that nobody else has. The pipeline believes only what
fits one of our letters to that very address.

The codes are those of RFC 3463. Only what says that the mailbox is not there ends a reader's
mail; a full mailbox or a refused text is one letter's bad luck.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from email.utils import parsedate_to_datetime

from newsletter.delivery.headers import scrub

MAX_BYTES = 2_000_000
"""A larger message is no notification that we asked for."""
MAX_RECIPIENTS = 100

_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_GONE = re.compile(r"5\.(1\.([12346]|10)|2\.1|4\.4)")
"""No such mailbox or domain, or the mailbox is closed; 5.1.7 and 5.1.8 are about the sender."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a notification says of one recipient, in the words of our events.

    ``kind`` is ``bounce``, ``blocked``, ``deferred`` or ``delivered``.
    """

    recipient: str
    kind: str
    status: str
    detail: str
    message_id: str
    at: datetime


def read_notices(raw: bytes, *, now: datetime) -> list[Notice]:
    """Read a message; empty when it is no delivery status notification about a letter.

    :param now: the time of notices that do not say theirs, and the latest that is believed.
    """
    if len(raw) > MAX_BYTES:
        return []
    message = message_from_bytes(raw)
    status: Message | None = None
    original = ""
    for part in _parts(message):
        kind = part.get_content_type()
        if kind in {"message/delivery-status", "message/global-delivery-status"} and not status:
            status = part
        elif kind in {"message/rfc822", "message/global", "text/rfc822-headers"} and not original:
            original = _message_id(part)
    if status is None or not original:
        return []
    at = _moment(message, now)
    notices = []
    for fields in _recipients(status)[:MAX_RECIPIENTS]:
        notice = _notice(fields, original, at)
        if notice is not None:
            notices.append(notice)
    return notices


def _parts(message: Message) -> list[Message]:
    """The parts on the top level; what a returned letter holds is not looked into."""
    payload = message.get_payload()
    return [part for part in payload if isinstance(part, Message)] if _is_list(payload) else []


def _is_list(payload: object) -> bool:
    return isinstance(payload, list)


def _recipients(status: Message) -> list[Message]:
    """The groups of fields about one recipient each."""
    payload = status.get_payload()
    groups = [group for group in payload if isinstance(group, Message)] if _is_list(payload) else []
    return [group for group in groups if group.get("Final-Recipient") or group.get("Action")]


def _notice(fields: Message, original: str, at: datetime) -> Notice | None:
    recipient = ""
    for name in ("Original-Recipient", "Final-Recipient"):
        _, _, address = str(fields.get(name) or "").partition(";")
        recipient = "".join(filter(str.isprintable, address)).strip().strip("<>")[:254]
        if "@" in recipient:
            break
    if "@" not in recipient:
        return None
    action = str(fields.get("Action") or "").strip().lower()
    said = scrub(str(fields.get("Diagnostic-Code") or ""), limit=250)
    found = _STATUS.search(str(fields.get("Status") or ""))
    status = found.group() if found else ""
    if status in {"", "5.0.0"}:
        # The general code says nothing; the server's own words often hold a better one.
        better = _STATUS.search(said)
        status = better.group() if better else status
    if action == "failed":
        kind = "bounce" if _GONE.fullmatch(status) else "blocked"
    elif action == "delayed":
        kind = "deferred"
    elif action in {"delivered", "relayed", "expanded"}:
        kind = "delivered"
    else:
        return None
    return Notice(
        recipient=recipient,
        kind=kind,
        status=status,
        detail=said or f"status {status or 'not given'}",
        message_id=original,
        at=at,
    )


def _message_id(part: Message) -> str:
    """The Message-ID of a returned letter, or of its returned headers."""
    payload = part.get_payload()
    inner: Message | None = None
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        inner = payload[0]
    elif isinstance(payload, str):
        decoded = part.get_payload(decode=True)
        inner = message_from_bytes(decoded if isinstance(decoded, bytes) else payload.encode())
    return str(inner.get("Message-ID") or "").strip()[:300] if inner is not None else ""


def _moment(message: Message, now: datetime) -> datetime:
    try:
        at = parsedate_to_datetime(str(message.get("Date") or ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return now
    if at.tzinfo is None or at > now:
        return now
    return at.astimezone(now.tzinfo).replace(microsecond=0)
