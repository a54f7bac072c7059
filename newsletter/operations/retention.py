"""How long things are kept: one sweep a night, by the periods of ``[retention]``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from newsletter.database import periods
from newsletter.database.facts import SWEPT, fact, set_fact
from newsletter.newsroom import Newsroom
from newsletter.timetable import LOOK_BACK_DAYS

log = logging.getLogger(__name__)

SWEEP_HOUR = 2
"""Local hour of the first edition from which on the sweep of a night may begin."""


def sweep(room: Newsroom) -> dict[str, int]:
    """Take away whatever is older than its period; how much of each.

    A period of 0 keeps its kind for ever. Each kind is swept in short transactions, so nobody
    waits for it; an interrupted sweep goes on the next night.
    """
    config, now = room.config.retention, room.clock()
    kinds: Mapping[str, tuple[int, Callable[[datetime], int]]] = {
        "articles": (
            # Never younger than what grouping and a digest still look at.
            _at_least(config.articles_days, room.config.stories.window_days, _longest(room)),
            lambda moment: periods.drop_articles(room.database, moment),
        ),
        "answers": (
            config.answers_days,
            lambda moment: periods.drop_answers(room.database, moment),
        ),
        "events": (config.events_days, lambda moment: periods.drop_events(room.database, moment)),
        "deliveries": (
            # Never while somebody may still settle what is in doubt.
            _at_least(config.deliveries_days, LOOK_BACK_DAYS),
            lambda moment: periods.drop_deliveries(room.database, moment.date()),
        ),
        "reports": (
            config.reports_days,
            lambda moment: periods.drop_reports(room.database, moment),
        ),
        "audit": (config.audit_days, room.audit.drop_before),
        "former readers": (
            config.former_readers_days,
            lambda moment: _forget(room, moment, now),
        ),
        "logs": (config.logs_days, lambda moment: _drop_logs(room, moment)),
    }
    swept = {}
    for kind, (days, drop) in kinds.items():
        if days:
            gone = drop(now - timedelta(days=days))
            if gone:
                swept[kind] = gone
    return swept


def sweep_if_due(room: Newsroom) -> dict[str, int] | None:
    """Sweep once a local date, at night; None when it is not the time."""
    edition = next(iter(room.config.editions))
    local = room.clock().astimezone(room.config.zone(edition))
    if local.hour < SWEEP_HOUR or fact(room.database, SWEPT) == local.date().isoformat():
        return None
    swept = sweep(room)
    set_fact(room.database, SWEPT, local.date().isoformat())
    if swept:
        words = ", ".join(f"{number} {kind}" for kind, number in swept.items())
        log.info("swept: %s", words)
        room.audit.note("scheduler", "sweep", "periods", words)
    return swept


def _at_least(days: int, *others: float) -> int:
    return days and max(days, *(int(other) + 1 for other in others))


def _longest(room: Newsroom) -> int:
    return max(settings.covers_days for settings in room.config.editions.values())


def _forget(room: Newsroom, moment: datetime, now: datetime) -> int:
    return sum(
        room.readers.forget(email, now=now)
        for email in periods.former_readers(room.database, moment)
    )


def _drop_logs(room: Newsroom, moment: datetime) -> int:
    name = room.config.logging.file
    if not name:
        return 0
    file = room.config.path(name)
    gone = 0
    for old in _rotated(file):
        try:
            if old.stat().st_mtime < moment.timestamp():
                old.unlink()
                gone += 1
        except OSError as error:
            log.warning("%s cannot be removed: %s", old, error.strerror)
    return gone


def _rotated(file: Path) -> list[Path]:
    """Yesterday's log and older ones: the name of the file, a dot and a date."""
    try:
        return [one for one in file.parent.glob(f"{file.name}.????-??-??") if one.is_file()]
    except OSError:
        return []
