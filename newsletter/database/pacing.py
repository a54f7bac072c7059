"""The pace of sending, shared by all processes: limits, a warm-up plan, and what has left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from newsletter.database.ledger_part import LedgerPart
from newsletter.database.rows import upsert
from newsletter.database.tables import pace, pace_counts, pace_limits

HOUR, DAY = "hour", "day"
TURN = 60.0
"""Most seconds that one turn takes a lane for; a slower pace cuts shorter turns."""
IN_LINE = 60
"""Most turns that can be in line for a lane: each sender waits for its own before the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most letters a second, an hour, a day (UTC); 0 is no limit. A plan is letters a day."""

    per_second: float = 0
    per_hour: int = 0
    per_day: int = 0
    plan: tuple[int, ...] = ()
    plan_begins: date | None = None

    def on(self, day: date) -> int:
        """The most letters on one day: the plan's number while it runs, then the daily limit."""
        if self.plan_begins is not None:
            number = (day - self.plan_begins).days
            if 0 <= number < len(self.plan):
                return int(_stricter(self.plan[number], self.per_day))
        return self.per_day

    def and_(self, per_second: float, per_hour: int, per_day: int) -> Limits:
        """Both these limits and others: of two the stricter counts."""
        return Limits(
            per_second=_stricter(self.per_second, per_second),
            per_hour=_stricter(self.per_hour, per_hour),
            per_day=_stricter(self.per_day, per_day),
            plan=self.plan,
            plan_begins=self.plan_begins,
        )


class Pacing(LedgerPart):
    """The lanes on which letters leave, one for each transport and one for single mails."""

    def reserve(
        self, lane: str, *, seconds: float, now: datetime, within: float | None = None
    ) -> datetime:
        """Reserve time on a lane that all processes share; when the reservation begins.

        The lane is then taken for ``seconds`` from that moment; not, when that moment is more than
        ``within`` seconds away.
        """
        with self.database.begin() as connection:
            begin = self._free_at(connection, lane, seconds, now)
            if within is None or (begin - now).total_seconds() <= within:
                self._hold(connection, lane, begin + timedelta(seconds=seconds))
            return begin

    def take_place(
        self, lane: str, *, places: int, seconds: float, now: datetime
    ) -> tuple[str, datetime] | None:
        """Take one of a lane's places for some seconds; its name and until when, or None.

        A place is a row of its own whose time is when it is free again, so that of a process
        that died is free after its seconds. One that is taken for much longer than anybody takes
        a place was taken while a clock was wrong.
        """
        until = now + timedelta(seconds=seconds)
        with self.database.begin() as connection:
            for number in range(places):
                name = f"{lane}#{number}"
                mine = self._insert()(pace).values(lane=name, free_at=until)
                free = mine.on_conflict_do_update(
                    index_elements=["lane"],
                    set_={"free_at": until},
                    where=or_(
                        pace.c.free_at <= now,
                        pace.c.free_at > now + timedelta(seconds=4 * seconds),
                    ),
                )
                if connection.execute(free.returning(pace.c.lane)).first() is not None:
                    return name, until
        return None

    def leave_place(self, place: tuple[str, datetime], *, now: datetime) -> None:
        """Give a place back; one whose time is over, and that somebody else may have, stays."""
        name, until = place
        with self.database.begin() as connection:
            connection.execute(
                update(pace)
                .where(pace.c.lane == name, pace.c.free_at == until, pace.c.free_at > now)
                .values(free_at=now)
            )

    def take_turn(
        self,
        lane: str,
        *,
        letters: int,
        per_second: float,
        per_hour: int,
        per_day: int,
        now: datetime,
    ) -> tuple[int, datetime]:
        """How many letters may leave, and when: never more than asked for, 0 when none may.

        The limits given are those of the configuration; those kept in the database hold as well.
        With 0 the moment is when to ask again. What is granted counts as sent from then on.
        """
        limits = self.limits(lane).and_(per_second, per_hour, per_day)
        most_today = limits.on(now.date())
        if not limits.per_second and not limits.per_hour and not most_today:
            return letters, now
        with self.database.begin() as connection:
            granted = letters
            if limits.per_second:
                granted = min(granted, max(1, int(TURN * limits.per_second)))
            # The lane's row is the lock under which the windows are counted.
            seconds = granted / limits.per_second if limits.per_second else 0
            begin = self._free_at(connection, lane, seconds, now)
            for span, most in ((HOUR, limits.per_hour), (DAY, most_today)):
                if most:
                    left = max(most - _used(connection, lane, span, now), 0)
                    if not left:
                        return 0, _window(span, now) + _length(span)
                    granted = min(granted, left)
            if limits.per_second:
                taken = timedelta(seconds=granted / limits.per_second)
                self._hold(connection, lane, begin + taken)
            for span in (HOUR, DAY):
                _count(connection, self._insert(), lane, span, granted, now)
            return granted, begin

    def limits(self, lane: str) -> Limits:
        """The limits of a lane that are kept in the database."""
        with self.database.reading() as connection:
            row = connection.execute(select(pace_limits).where(pace_limits.c.lane == lane)).first()
        if row is None:
            return Limits()
        return Limits(
            per_second=row.per_second,
            per_hour=row.per_hour,
            per_day=row.per_day,
            plan=tuple(row.plan),
            plan_begins=row.plan_begins,
        )

    def set_limits(self, lane: str, limits: Limits) -> None:
        """Keep the limits of a lane; all processes obey from their next batch on."""
        row = {
            "lane": lane,
            "per_second": limits.per_second,
            "per_hour": limits.per_hour,
            "per_day": limits.per_day,
            "plan": list(limits.plan),
            "plan_begins": limits.plan_begins,
        }
        with self.database.begin() as connection:
            upsert(connection, pace_limits, [row])

    def sent_in(self, lane: str, *, now: datetime) -> dict[str, int]:
        """How many letters left on a lane in this hour and day, while it had limits."""
        with self.database.reading() as connection:
            return {span: _used(connection, lane, span, now) for span in (HOUR, DAY)}

    def give_back(
        self, lane: str, *, letters: int, per_second: float, taken: datetime, now: datetime
    ) -> None:
        """Give back letters of a turn that did not leave: others may have them.

        :param per_second: the limit of the configuration, as in :meth:`take_turn`.
        :param taken: when the turn was taken: the hour and day that it was counted in.
        """
        pace_now = self.limits(lane).and_(per_second, 0, 0).per_second
        with self.database.begin() as connection:
            if pace_now:
                # As of now: seen from an old turn, who is in line would be a wrong clock.
                free_at = self._free_at(connection, lane, 0, now)
                unused = timedelta(seconds=letters / pace_now)
                self._hold(connection, lane, max(free_at - unused, now))
            for span in (HOUR, DAY):
                connection.execute(
                    update(pace_counts)
                    .where(
                        pace_counts.c.lane == lane,
                        pace_counts.c.span == span,
                        pace_counts.c.begins == _window(span, taken),
                        pace_counts.c.letters >= letters,
                    )
                    .values(letters=pace_counts.c.letters - letters)
                )

    def _free_at(
        self, connection: Connection, lane: str, seconds: float, now: datetime
    ) -> datetime:
        """When a lane is free for a turn of so many seconds; it is locked until the commit.

        A moment further away than all who may wait before us was written by a wrong clock.
        """
        connection.execute(
            self._insert()(pace).values(lane=lane, free_at=now).on_conflict_do_nothing()
        )
        free_at: datetime = connection.execute(
            select(pace.c.free_at).where(pace.c.lane == lane).with_for_update()
        ).scalar_one()
        longest = IN_LINE * timedelta(seconds=max(TURN, seconds))
        return now if free_at > now + longest else max(free_at, now)

    def _hold(self, connection: Connection, lane: str, until: datetime) -> None:
        connection.execute(update(pace).where(pace.c.lane == lane).values(free_at=until))

    def _insert(self) -> Any:
        return postgresql.insert if self.database.dialect == "postgresql" else sqlite.insert


def _window(span: str, now: datetime) -> datetime:
    """When the hour or day of a moment began."""
    whole = now.replace(minute=0, second=0, microsecond=0)
    return whole if span == HOUR else whole.replace(hour=0)


def _length(span: str) -> timedelta:
    return timedelta(hours=1) if span == HOUR else timedelta(days=1)


def _used(connection: Connection, lane: str, span: str, now: datetime) -> int:
    found = connection.execute(
        select(pace_counts.c.letters).where(
            pace_counts.c.lane == lane,
            pace_counts.c.span == span,
            pace_counts.c.begins == _window(span, now),
        )
    ).scalar()
    return found or 0


def _count(  # noqa: PLR0917 - one row, named in the order of its columns
    connection: Connection, insert: Any, lane: str, span: str, letters: int, now: datetime
) -> None:
    begins = _window(span, now)
    statement = insert(pace_counts).values(lane=lane, span=span, begins=begins, letters=letters)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["lane", "span", "begins"],
            set_={"letters": pace_counts.c.letters + letters},
        )
    )
    connection.execute(
        delete(pace_counts).where(
            pace_counts.c.lane == lane,
            pace_counts.c.span == span,
            pace_counts.c.begins < begins - 7 * _length(span),
        )
    )


def _stricter(one: Any, other: Any) -> Any:
    """The smaller of two limits, where 0 is none."""
    return min(one, other) if one and other else one or other
