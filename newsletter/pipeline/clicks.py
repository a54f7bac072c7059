"""Clicks: the addresses in letters of readers who let us count, and what following one does.

An address is ``/l/WORD/NUMBER``. The word names the delivery and its issue, with a point between,
and is signed for this purpose alone; where it leads is looked up among the links that stand in that
issue. No address is ever read from a request, so this cannot be used to lead people elsewhere. The
issue is in the word because deliveries are taken away in time, and the links of an issue are not.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable

from newsletter.database.choosing import COUNTED
from newsletter.model import Delivery, Event
from newsletter.newsroom import Newsroom

CLICK = "click"
"""The purpose of the words, and the kind of a provider's event."""
_OURS = re.compile(r"/l/([A-Za-z0-9_.-]+)/([0-9]{1,4})$")


def click_addresses(room: Newsroom) -> Callable[[Delivery], str]:
    """What makes the beginning of a delivery's counted links; empty for who is not counted."""
    base, mark = room.config.site.base_url.rstrip("/"), room.mark(CLICK)

    def address(delivery: Delivery) -> str:
        if not delivery.variant.startswith(COUNTED):
            return ""
        return f"{base}/l/{mark.sign(f'{delivery.key}.{packed(delivery.issue)}')}/"

    return address


def packed(issue: str) -> str:
    """An issue's name as letters that are safe in an address, whatever its edition is called."""
    return urlsafe_b64encode(issue.encode()).rstrip(b"=").decode()


def read_click(room: Newsroom, word: str, number: str) -> tuple[str, str, int] | None:
    """Delivery, issue and link that a clicked address names; None when it is forged or broken."""
    read = room.mark(CLICK).read(word)
    if read is None or not (number.isascii() and number.isdigit() and len(number) <= 4):
        return None
    key, _, issue = read.partition(".")
    return key, urlsafe_b64decode(issue + "==").decode(), int(number)


def take_clicks(room: Newsroom, events: Iterable[Event]) -> int:
    """Count the clicks that a provider reports; how many were new.

    A provider may name the article's address or ours, whichever stood in the letter.
    """
    new = 0
    for one in events:
        if one.kind != CLICK:
            continue
        own = _OURS.search(one.detail)
        read = read_click(room, own[1], own[2]) if own else None
        link = read[2] if read and read[0] == one.key else one.detail
        new += room.clicks.note(one.key, link, at=one.at)
    return new
