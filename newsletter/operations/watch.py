"""Looks for trouble every minute and sees to it that a person hears of it once, and of its end.

What is wrong is found by :mod:`.looks`, kept in the database by
:mod:`newsletter.database.alerts`, and told by :mod:`.tell`. When the database itself is the
trouble, nothing can be kept: then this process remembers by itself what it told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from newsletter.database.alerts import Alert, Trouble
from newsletter.errors import DatabaseError, NewsletterError
from newsletter.newsroom import Newsroom
from newsletter.operations.looks import LOOKS, Look
from newsletter.operations.tell import Notice, Way, tell, ways

log = logging.getLogger(__name__)

STRIKES = 2
"""A database that is only busy is a trouble when it still is at the next look."""


class Watch:
    """What one process knows of alerts between two looks.

    :param make_ways: gives the ways of telling; a test gives its own.
    """

    def __init__(self, make_ways: Callable[[Newsroom], Sequence[Way]] = ways):
        self._make_ways = make_ways
        self._strikes = 0
        self._down: Notice | None = None
        self._told_down: set[str] = set()
        self._jump: Trouble | None = None
        self._jumped_at: datetime | None = None
        self.trouble: DatabaseError | None = None
        """Why this process could not hold the office of scheduler, set by the scheduler."""

    @property
    def alone(self) -> bool:
        """Whether this process has something to tell that the database does not know of."""
        return self.trouble is not None or self._down is not None

    def clock_was_set(self, room: Newsroom, seconds: float) -> None:
        """Hear that the clock on the wall jumped; told until an hour after the last jump."""
        self._jumped_at = room.clock()
        way = "forward" if seconds > 0 else "back"
        self._jump = Trouble(
            key="clock:jump",
            sentence=f"The clock of this machine was set {way} by {_span(abs(seconds))}",
            hint="See to it that time synchronisation runs; each issue still goes out once.",
        )

    def look(self, room: Newsroom) -> list[Notice]:
        """Look, keep, tell; what was told now."""
        now = room.clock()
        try:
            if self.trouble is not None:
                raise self.trouble
            for scope, find in LOOKS.items():
                found = _found(find, room, now)
                if found is not None:
                    room.alerts.report(scope, found, now=now)
            room.alerts.report("clock:", self._clock(now), now=now)
            told = self._tell_kept(room, now)
        except DatabaseError as error:
            return self._database_down(room, error)
        return told + self._database_up(room)

    def _clock(self, now: datetime) -> list[Trouble]:
        if self._jump is None or self._jumped_at is None:
            return []
        if abs(now - self._jumped_at) > timedelta(hours=1):
            self._jump = None
            return []
        return [self._jump]

    def _tell_kept(self, room: Newsroom, now: datetime) -> list[Notice]:
        means = self._make_ways(room)
        told: list[Notice] = []
        kept = room.alerts.all()
        for way in means:
            news = [one for one in kept if _is_news(one, way.name)]
            notices = [_notice(one) for one in news]
            if notices and tell(room, way, notices):
                room.alerts.told(way.name, news)
                told += [notice for notice in notices if notice not in told]
        for one in kept:
            if not means and one.ended is None and not one.told:
                log.warning("trouble: %s. %s", one.sentence, one.hint)
                room.alerts.told("log", [one])
        room.alerts.sweep([way.name for way in means], now=now)
        for notice in told:
            log.warning("%s: %s", "over" if notice.over else "trouble", notice.sentence)
        return told

    def _database_down(self, room: Newsroom, error: DatabaseError) -> list[Notice]:
        self._strikes += 1
        if error.again and self._strikes < STRIKES:
            return []
        if self._down is None:
            log.error("trouble: %s. %s", error, error.hint)
            self._down = Notice(
                key="database:down",
                sentence=f"The database cannot be used: {error}",
                hint=f"{error.hint} Nothing is drafted or sent until then.".strip(),
                since=room.clock(),
            )
        return self._tell_directly(room, self._down)

    def _database_up(self, room: Newsroom) -> list[Notice]:
        self._strikes = 0
        if self._down is None:
            return []
        over = Notice(
            key=self._down.key,
            sentence=self._down.sentence,
            hint="",
            since=self._down.since,
            over=True,
        )
        told = self._told_down
        means = [way for way in self._make_ways(room) if way.name in told]
        self._down, self._told_down = None, set()
        took = [tell(room, way, [over]) for way in means]
        return [over] if any(took) else []

    def _tell_directly(self, room: Newsroom, notice: Notice) -> list[Notice]:
        told = []
        for way in self._make_ways(room):
            if way.name not in self._told_down and tell(room, way, [notice]):
                self._told_down.add(way.name)
                told.append(notice)
        return told[:1]


def _found(find: Look, room: Newsroom, now: datetime) -> Iterable[Trouble] | None:
    """What one look finds; None when it fails for another reason than the database.

    Then nothing is known: what it found before is not over.
    """
    try:
        return find(room, now)
    except DatabaseError:
        raise
    except (NewsletterError, OSError) as error:
        log.warning("a look for trouble failed: %s", error)
    except Exception:
        log.exception("a look for trouble failed")
    return None


def _is_news(one: Alert, way: str) -> bool:
    """Whether a way has yet to tell a beginning, or the end of what it told."""
    if one.ended is None:
        return way not in one.told
    return way in one.told and way not in one.told_end


def _notice(one: Alert) -> Notice:
    return Notice(
        key=one.key,
        sentence=one.sentence,
        hint=one.hint,
        since=one.since,
        over=one.ended is not None,
    )


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{seconds / 3600:.1f} hours"
