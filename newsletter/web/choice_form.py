"""The form of a reader's choices, as it comes back: everything optional, nothing believed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from newsletter.audience import cells
from newsletter.config import Config
from newsletter.database.choosing import DAILY, FORMATS, FREQUENCIES, WEEKLY
from newsletter.database.signups import Choice

TOPICS = ("politics", "world", "business", "technology", "science", "health", "culture", "local")
"""What anybody can choose; a reader sees their own topics beside these."""
PAUSES = (7, 14, 30, 90)
"""Days."""
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")

Fields = Mapping[str, Sequence[str]]


def read_choice(
    fields: Fields, config: Config, *, now: datetime, paused_until: datetime | None
) -> Choice | str:
    """What a reader chose; the name of a sentence of the catalogue where it cannot be.

    A value that was never offered counts as the default, because no page of ours sends it. Only a
    zone that does not exist and no edition at all are worth a word: those a person may mean.

    :param paused_until: the end of a pause that is under way, which ``pause=keep`` leaves alone.
    """
    offered = offered_editions(config) if len(offered_editions(config)) > 1 else ()
    editions = tuple(name for name in offered if name in fields.get("edition", ()))
    if offered and not editions:
        return "preferences_no_edition"
    try:
        zone = cells.timezone(first(fields, "timezone"))
    except cells.CellRefused:
        return "preferences_bad_zone"
    at = first(fields, "send_at").strip()[:5]
    frequency = first(fields, "frequency")
    format_ = first(fields, "format")
    return Choice(
        topics=topics(fields.get("topics", ())),
        offered=offered,
        editions=editions,
        frequency=frequency if frequency in FREQUENCIES else DAILY,
        format=format_ if format_ in FORMATS else FORMATS[0],
        send_at=at if _TIME.fullmatch(at) else "",
        timezone=zone,
        tracking=first(fields, "tracking") == "on",
        pause_until=_pause(first(fields, "pause"), now, paused_until),
    )


def offered_editions(config: Config) -> tuple[str, ...]:
    """The editions a reader can choose; a weekly digest is chosen by frequency instead."""
    return tuple(name for name, settings in config.editions.items() if not digest_of(settings))


def frequencies(config: Config, chosen: str = DAILY) -> tuple[str, ...]:
    """How often a letter may come: once a week only where some edition is such a digest."""
    weekly = chosen == WEEKLY or any(digest_of(one) for one in config.editions.values())
    return tuple(name for name in FREQUENCIES if name != WEEKLY or weekly)


def digest_of(settings: object) -> str:
    """The edition whose weekly digest this edition is; empty for an ordinary one."""
    return str(getattr(settings, "digest_of", ""))


def first(fields: Fields, name: str) -> str:
    """The first value of a field; empty where there is none."""
    return next(iter(fields.get(name, ())), "")


def topics(asked: Sequence[str]) -> tuple[str, ...]:
    """Topics as an import would store them; none where they cannot be read."""
    try:
        return cells.tags(";".join(asked))
    except cells.CellRefused:
        return ()


def _pause(asked: str, now: datetime, until: datetime | None) -> datetime | None:
    if asked == "keep":
        return until
    days = next((days for days in PAUSES if asked == str(days)), 0)
    return now + timedelta(days=days) if days else None
