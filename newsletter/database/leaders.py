"""One leader at a time, with an epoch that grows whenever leadership changes hands.

A process leads while its lease holds. When its holder is dead (seen at once on the same machine)
or has given no sign of life for the lease's length, another takes over with the next epoch. A
process that was only stopped for a while cannot know that; so whatever a leader does that must
not be done by two carries its epoch, and the database compares it in the same transaction
(:class:`Fence`). On PostgreSQL the row is locked while that transaction runs, on SQLite
there is one writer at a time: between the comparison and the change nobody can take over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, exists, select, update

from newsletter.database import leases
from newsletter.database.engine import Database
from newsletter.database.rows import insert_new
from newsletter.database.tables import leaders
from newsletter.errors import Deposed


@dataclass(frozen=True, slots=True)
class Fence:
    """An office and the epoch somebody holds it in."""

    office: str
    epoch: int

    def __call__(self, connection: Connection) -> None:
        """End a transaction of a leader that was replaced.

        :raises Deposed: when it was.
        """
        # Locked until the transaction ends: nobody can take over between this and the change.
        found = connection.scalar(
            select(leaders.c.epoch).where(leaders.c.name == self.office).with_for_update(read=True)
        )
        if found != self.epoch:
            raise Deposed(
                self.office,
                f"another process took over (epoch {found}, this one had {self.epoch})",
                hint="Nothing is lost: the other process goes on with the work.",
            )

    @property
    def holds(self) -> ColumnElement[bool]:
        """The same as a condition of a statement."""
        return exists().where(leaders.c.name == self.office, leaders.c.epoch == self.epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """Who leads, since which change of hands, and until when without a further sign of life."""

    epoch: int
    owner: str
    pid: int
    expires: datetime
    alive: bool


class Leaders:
    """The one row of an office, such as ``scheduler``."""

    def __init__(self, database: Database, *, holder: leases.Holder | None = None):
        self._database = database
        self._holder = holder or leases.this_process()

    def lead(self, office: str, owner: str, *, now: datetime, seconds: float) -> int | None:
        """Take or keep an office; its epoch, or None while another process holds it.

        :param owner: a word that only this candidate uses.
        :param seconds: how long the office is kept without a further call.
        """
        until = now + timedelta(seconds=seconds)
        mine = {
            "owner": owner,
            "place": self._holder.place,
            "pid": self._holder.pid,
            "born": self._holder.born,
            "expires": until,
        }
        with self._database.begin() as connection:
            insert_new(connection, leaders, [{"name": office, "epoch": 0, **mine, "owner": ""}])
            row = connection.execute(
                select(leaders).where(leaders.c.name == office).with_for_update()
            ).one()
            # A lease far in the future was written by a clock that has since been set back.
            holds = now < row.expires <= now + timedelta(seconds=4 * seconds)
            if row.owner == owner and holds:
                epoch = row.epoch
            elif row.owner and holds and self._lives(row.place, row.pid, row.born):
                return None
            else:
                epoch = row.epoch + 1
            connection.execute(
                update(leaders).where(leaders.c.name == office).values(epoch=epoch, **mine)
            )
        return int(epoch)

    def resign(self, office: str, owner: str, *, now: datetime) -> None:
        """Give an office back, so that another process need not wait; the epoch stays."""
        with self._database.begin() as connection:
            connection.execute(
                update(leaders)
                .where(leaders.c.name == office, leaders.c.owner == owner)
                .values(owner="", expires=now)
            )

    def current(self, office: str, *, now: datetime) -> Leader | None:
        """Who leads, as far as can be seen from here; None when nobody ever did."""
        with self._database.reading() as connection:
            row = connection.execute(select(leaders).where(leaders.c.name == office)).one_or_none()
        if row is None:
            return None
        alive = bool(row.owner) and row.expires > now and self._lives(row.place, row.pid, row.born)
        return Leader(
            epoch=row.epoch, owner=row.owner, pid=row.pid, expires=row.expires, alive=alive
        )

    def holds(self, fence: Fence) -> bool:
        """Whether an epoch is the present one."""
        with self._database.reading() as connection:
            return bool(connection.scalar(select(fence.holds)))

    def _lives(self, place: str, pid: int, born: str) -> bool:
        """Whether a holder may still be at work; True where it cannot be looked up."""
        return leases.may_live(leases.Holder(place=place, pid=pid, born=born))
