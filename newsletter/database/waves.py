"""Readers who get an issue by their own clock: their letters wait for their morning.

A letter that waits is ``deferred`` with its moment, as one whose provider asked for time: the
claim, the deadline and the figures treat it so. The letters of an issue are laid out once, after
its audience is frozen and before the first is claimed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, false, func, literal, not_, or_, select, update

from newsletter.database.batches import any_under_way, stands
from newsletter.database.engine import Database
from newsletter.database.facts import fact, set_fact
from newsletter.database.tables import batches, deliveries, readers
from newsletter.database.tables import settings as facts
from newsletter.model import DeliveryState as D

WAITS = "waits for the reader's own morning"


def reader_zones(database: Database) -> list[str]:
    """The time zones that readers have."""
    with database.reading() as connection:
        return [zone for zone in connection.scalars(select(readers.c.timezone).distinct()) if zone]


def chosen_times(database: Database) -> list[tuple[str, str]]:
    """The (zone, local time) pairs that readers chose themselves; a zone may be empty."""
    with database.reading() as connection:
        query = select(readers.c.timezone, readers.c.send_at).where(readers.c.send_at != "")
        return [(row.timezone, row.send_at) for row in connection.execute(query.distinct())]


def lay_out(
    database: Database,
    issue: str,
    moments: Mapping[str, datetime],
    *,
    now: datetime,
    chosen: Mapping[tuple[str, str], datetime] | None = None,
) -> None:
    """Have the letters of some time zones wait for a moment each.

    Who chose a time of their own waits for that one instead (``chosen``, by zone and time).

    Done once for an issue; after a crash half-way it is done again, and changes only letters that
    nobody has touched.
    """
    name = waves_of(issue)
    if fact(database, name):
        return
    for at, who in _waves_after(now, moments, chosen or {}):
        there = select(readers.c.id).where(who)
        with database.begin() as connection:
            # Who takes a batch holds its row: such a take is waited for, later ones pass over the
            # batches held here, and the change below sees which letters are leaving.
            connection.execute(
                select(batches.c.id)
                .where(batches.c.issue == issue, batches.c.state == D.QUEUED.value)
                .order_by(batches.c.first)
                .with_for_update()
            )
            if connection.scalar(select(facts.c.value).where(facts.c.name == name)):
                return  # another process was faster, and letters may be leaving by now
            connection.execute(
                update(deliveries)
                .where(
                    deliveries.c.issue == issue,
                    stands(D.QUEUED),
                    deliveries.c.attempt == 0,
                    deliveries.c.reader.in_(there),
                )
                .values(state=D.DEFERRED.value, not_before=at, reason=WAITS)
            )
    set_fact(database, name, now.isoformat())


def _waves_after(
    moment: datetime,
    moments: Mapping[str, datetime],
    chosen: Mapping[tuple[str, str], datetime],
) -> list[tuple[datetime, ColumnElement[bool]]]:
    """Each later moment, and who gets their letter then."""
    zones: dict[datetime, list[str]] = {}
    for zone, at in moments.items():
        if at > moment:
            zones.setdefault(at, []).append(zone)
    waves = [
        (at, and_(readers.c.timezone.in_(names), readers.c.send_at == ""))
        for at, names in zones.items()
    ]
    return waves + [
        (at, and_(readers.c.timezone == zone, readers.c.send_at == time))
        for (zone, time), at in chosen.items()
        if at > moment
    ]


def any_due(
    database: Database,
    issue: str,
    moments: Mapping[str, datetime],
    chosen: Mapping[tuple[str, str], datetime],
    *,
    before: datetime,
) -> bool:
    """Whether a letter that was due before a moment has not left yet.

    Asked of the readers' time zones, because a letter that is tried again has another moment.
    """
    if only_later(database, issue, now=before):
        return False
    later = or_(false(), *(who for _, who in _waves_after(before, moments, chosen)))
    waiting = and_(deliveries.c.state == D.DEFERRED.value, deliveries.c.reason == WAITS)
    late = (
        select(literal(1))
        .select_from(deliveries.join(readers, readers.c.id == deliveries.c.reader))
        .where(
            deliveries.c.issue == issue,
            stands(D.QUEUED, D.CLAIMED, D.HANDED, D.DEFERRED),
            not_(and_(waiting, deliveries.c.not_before > before)),
            not_(later),
        )
        .limit(1)
    )
    with database.reading() as connection:
        return connection.scalar(late) is not None


def waves_of(issue: str) -> str:
    """The name of the fact that the letters of an issue are laid out."""
    return f"waves:{hashlib.sha256(issue.encode()).hexdigest()[:40]}"


def only_later(database: Database, issue: str, *, now: datetime) -> bool:
    """Whether all letters that are left wait for a later moment, so that nobody need stay up."""
    busy = or_(
        deliveries.c.state.in_([D.QUEUED.value, D.CLAIMED.value, D.HANDED.value]),
        and_(deliveries.c.state == D.DEFERRED.value, deliveries.c.reason != WAITS),
        and_(deliveries.c.state == D.DEFERRED.value, deliveries.c.not_before <= now),
    )
    with database.reading() as connection:
        # First what nearly always holds and costs one look: this is asked between any two batches,
        # and the other question reads all rows of the issue when nothing answers it.
        if any_under_way(connection, issue):
            return False
        if connection.scalar(select(literal(1)).where(deliveries.c.issue == issue, busy).limit(1)):
            return False
        return bool(
            connection.scalar(
                select(func.count()).where(
                    deliveries.c.issue == issue, deliveries.c.state == D.DEFERRED.value
                )
            )
        )
