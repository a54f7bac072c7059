"""Clicks: the addresses in letters of readers who let us count, and what following one does.

An address is ``/l/WORD/NUMBER``. The word names the delivery and is signed for this purpose alone;
where it leads is looked up among the links that stand in that issue. No address is ever read from
a request, so this cannot be used to lead people elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from newsletter.database.choosing import COUNTED
from newsletter.model import Delivery, Event
from newsletter.newsroom import Newsroom

CLICK = "click"
"""The purpose of the words, and the kind of a provider's event."""
_OURS = re.compile(r"/l/([A-Za-z0-9_-]+)/([0-9]{1,4})$")


def click_addresses(room: Newsroom) -> Callable[[Delivery], str]:
    """What makes the beginning of a delivery's counted links; empty for who is not counted."""
    base, mark = room.config.site.base_url.rstrip("/"), room.mark(CLICK)

    def address(delivery: Delivery) -> str:
        if not delivery.variant.startswith(COUNTED):
            return ""
        return f"{base}/l/{mark.sign(delivery.key)}/"

    return address


def read_click(room: Newsroom, word: str, number: str) -> tuple[str, int] | None:
    """The delivery and the link a clicked address names; None when it is forged or broken."""
    key = room.mark(CLICK).read(word)
    if key is None or not (number.isascii() and number.isdigit() and len(number) <= 4):
        return None
    return key, int(number)


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
        link = read[1] if read and read[0] == one.key else one.detail
        new += room.clicks.note(one.key, link, at=one.at)
    return new
