"""What a feed says, before it is believed: raw entries, as a parser hands them on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item of a feed with the fields that are wanted, as they stand in the feed.

    ``dates`` holds the feed's own words, best first; ``date`` is what the parsing library made
    of them. ``title``, ``summary``, ``content`` and ``author`` may hold markup or entities.
    """

    guid: str = ""
    link: str = ""
    title: str = ""
    summary: str = ""
    content: str = ""
    author: str = ""
    dates: tuple[str, ...] = ()
    date: datetime | None = None
    categories: tuple[str, ...] = ()
    lang: str = ""
    credit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A feed as parsed: what it says of itself, and its entries in its own order."""

    title: str = ""
    lang: str = ""
    link: str = ""
    form: str = ""
    entries: tuple[Entry, ...] = ()
