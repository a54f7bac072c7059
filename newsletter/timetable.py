"""When the bells ring: moments from local dates and hours, without a clock or a database.

The moments are computed here and not by cron-like triggers, because those ring twice in the
repeated hour of autumn and late in the skipped hour of spring (see :func:`moment_of`). Everything
takes the present as an argument, so a test can live through five years in a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from newsletter.config import Config, EditionSettings

DRAFT = "draft"
REMIND = "remind"
SEND = "send"
COLLECT = "collect"
BELLS = (DRAFT, REMIND, SEND)

LOOK_BACK_DAYS = 7
"""How far back a scheduler looks for bells that nobody rang; older dates are over."""

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One bell of one edition's local date; ``at`` is UTC. Collecting has no edition."""

    at: datetime
    bell: str
    edition: str = ""
    day: date | None = None
    late: timedelta = timedelta(0)


def moment_of(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the one UTC moment at which a local date shows a local time.

    A time that comes twice (autumn) means its first coming; a time that is skipped (spring)
    means the first moment after the gap. A date that a zone left out altogether (Apia had no
    30 December 2011) means the first moment after it.
    """
    early = datetime.combine(day, at, tzinfo=zone).replace(fold=1).astimezone(UTC)
    late = datetime.combine(day, at, tzinfo=zone).replace(fold=0).astimezone(UTC)
    if early >= late:
        return late
    # In a gap fold=1 lies before the change and fold=0 after it: close in on the change itself.
    offset = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return (late + timedelta(microseconds=500_000)).replace(microsecond=0)


def local_date(settings: EditionSettings, now: datetime) -> date:
    """The date it is in an edition's zone."""
    return now.astimezone(ZoneInfo(settings.zone)).date()


def appears(settings: EditionSettings, day: date) -> bool:
    """Whether an edition has an issue on a date: one of its weekdays and no holiday."""
    if day.isoformat() in settings.holidays or f"{day:%m-%d}" in settings.holidays:
        return False
    return _WEEKDAYS[day.weekday()] in settings.days


def firings(settings: EditionSettings, edition: str, first: date, days: int) -> Iterator[Firing]:
    """All bells of an edition on the days it appears, from a local date on, in order."""
    for number in range(days):
        yield from _of_day(settings, edition, first + timedelta(days=number))


def send_moment(settings: EditionSettings, day: date) -> datetime:
    """When an issue of a date goes out: in reader's time, when the first of them get it."""
    return moment_of(day, settings.send_at, ZoneInfo(settings.zone))


def next_of(
    settings: EditionSettings, edition: str, bell: str, now: datetime, count: int = 1
) -> list[Firing]:
    """The next firings of one bell after a moment.

    Looked for within three years, so that an edition whose days are all holidays ends the search.
    """
    coming = (
        firing
        for firing in firings(settings, edition, local_date(settings, now), 3 * 366)
        if firing.bell == bell and firing.at > now
    )
    return list(islice(coming, count))


def next_firings(config: Config, now: datetime, each: int = 10) -> list[Firing]:
    """The next firings of every bell, soonest first."""
    found = [
        firing
        for edition, settings in config.editions.items()
        for bell in BELLS
        if bell != REMIND or settings.remind_minutes
        for firing in next_of(settings, edition, bell, now, each)
    ]
    every = timedelta(minutes=config.collect_minutes)
    found += [Firing(at=now + every * number, bell=COLLECT) for number in range(1, each + 1)]
    return sorted(found, key=lambda firing: (firing.at, firing.bell, firing.edition))


def due(
    settings: EditionSettings,
    edition: str,
    now: datetime,
    done: Mapping[date, set[str]],
    *,
    since: datetime | None = None,
) -> list[Firing]:
    """The bells of the last days and today whose moment has come and whose work is not done.

    :param done: the bells that were rung, by local date.
    :param since: a day whose send lay before this moment is nobody's fault: the edition was not
        there yet. A day whose send comes after it has all its bells.
    """
    first = local_date(settings, now) - timedelta(days=LOOK_BACK_DAYS)
    # Tomorrow's draft may be due this evening.
    return [
        Firing(
            at=firing.at,
            bell=firing.bell,
            edition=edition,
            day=firing.day,
            late=now - firing.at,
        )
        for firing in firings(settings, edition, first, LOOK_BACK_DAYS + 2)
        if firing.day
        and firing.at <= now
        and firing.bell not in done.get(firing.day, set())
        and (since is None or send_moment(settings, firing.day) >= since)
    ]


def past_sends(settings: EditionSettings, now: datetime) -> list[Firing]:
    """The send bells whose moment has come, of the days that are looked back at, in order."""
    first = local_date(settings, now) - timedelta(days=LOOK_BACK_DAYS)
    return [
        firing
        for firing in firings(settings, "", first, LOOK_BACK_DAYS + 1)
        if firing.bell == SEND and firing.at <= now
    ]


def last_send(settings: EditionSettings, now: datetime) -> Firing | None:
    """The newest send bell whose moment has come, within the days that are looked back at."""
    return next(reversed(past_sends(settings, now)), None)


def reader_moments(
    settings: EditionSettings, day: date, zones: Iterable[str]
) -> dict[str, datetime]:
    """When readers of each time zone get an issue, where they get it by their own clock.

    Nobody gets it before it goes out at all: who is further east than the edition gets it then.
    Zones that do not exist, and readers without one, go with the edition and are left out.
    """
    start = send_moment(settings, day)
    moments: dict[str, datetime] = {}
    for name in zones:
        try:
            there = moment_of(day, settings.send_at, ZoneInfo(name))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
        if there > start:
            moments[name] = there
    return moments


ReaderMoments = Callable[[Iterable[str]], Mapping[str, datetime]]
"""Time zones to the moments at which their readers may have the issue; missing means at once."""


def _of_day(settings: EditionSettings, edition: str, day: date) -> Iterator[Firing]:
    if not appears(settings, day):
        return
    zone = ZoneInfo(settings.zone)
    # A draft of ten in the evening is read for the next morning.
    evening_before = timedelta(days=settings.draft_at > settings.send_at)
    draft = moment_of(day - evening_before, settings.draft_at, zone)
    send = moment_of(day, settings.send_at, zone)
    found = [(draft, DRAFT), (send, SEND)]
    if settings.remind_minutes:
        # A reminder before there is a draft to look at would help nobody.
        reminder = send - timedelta(minutes=settings.remind_minutes)
        found.append((max(reminder, draft), REMIND))
    for at, bell in sorted(found, key=lambda one: (one[0], BELLS.index(one[1]))):
        yield Firing(at=at, bell=bell, edition=edition, day=day)
