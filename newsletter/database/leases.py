"""Who is sending: a lease per process, and how to tell that its holder is gone.

A claim on deliveries must end when the process that made it ends, at once where that can be
known and after a while where it cannot:

- On the same machine a process is looked up by its number and its time of birth (a number alone
  may belong to a newcomer). Dead means free at once: a send that was killed and started again a
  moment later goes on without waiting.
- From another machine, another container, or after a reboot nothing can be looked up. There a
  lease that was not renewed in time is over. The holder renews it with every batch.

"The same machine" is a boot and a process namespace, so two containers on one host do not
mistake each other's process numbers for their own. Where /proc does not exist, only time counts.
A holder that wakes up after its lease ran out finds its claims gone, because every step of a
delivery is conditional on being its owner.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from newsletter.database.tables import leases

LONGEST = timedelta(hours=6)
"""Longer than anybody takes a lease for at once."""
BATCHES = 1
"""The kind of batches that this program understands (:mod:`newsletter.database.batches`)."""

# Said once, because it is part of every batch: putting a statement together costs more than it.
_RENEW = (
    update(leases)
    .where(leases.c.owner == bindparam("its_owner"))
    .values(expires=bindparam("its_expires", type_=leases.c.expires.type))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process: where it runs, its number, and when it was born (kernel clock ticks)."""

    place: str
    pid: int
    born: str


def this_process() -> Holder:
    """The holder that this process is."""
    pid = os.getpid()
    return Holder(place=_place(), pid=pid, born=_born(pid))


def take(connection: Connection, owner: str, holder: Holder, *, expires: datetime) -> None:
    """Write a new lease."""
    connection.execute(
        insert(leases).values(
            owner=owner,
            place=holder.place,
            pid=holder.pid,
            born=holder.born,
            expires=expires,
            batches=BATCHES,
        )
    )


def renew(connection: Connection, owner: str, holder: Holder, *, expires: datetime) -> None:
    """Push a lease's end into the future; one that was ended meanwhile is written anew.

    What its owner held is lost to it by then. What it takes from now on is its own again, and
    must not look as if nobody were at work on it.
    """
    given = {"its_owner": owner, "its_expires": expires}
    if not connection.execute(_RENEW, given).rowcount:
        take(connection, owner, holder, expires=expires)


def end(connection: Connection, owner: str) -> None:
    """Give a lease back."""
    connection.execute(delete(leases).where(leases.c.owner == owner))


def alive(connection: Connection, owner: str, *, now: datetime) -> bool:
    """Whether the holder of a lease may still be at work.

    The lease is locked: a holder that renews it at this moment is waited for, and one that comes
    later finds what was decided.
    """
    query = select(leases).where(leases.c.owner == owner).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None or row.expires <= now:
        return False
    if row.expires > now + LONGEST and row.place != (_place() or "nowhere"):
        return False  # Written by a clock that has since been set back: it proves nothing.
    return may_live(Holder(place=row.place, pid=row.pid, born=row.born))


def may_live(holder: Holder) -> bool:
    """Whether a process may still be there; True where it cannot be looked up from here."""
    here = _place()
    if not here or holder.place != here:
        return True
    return bool(holder.born) and _born(holder.pid) == holder.born


def _place() -> str:
    """This boot and this process namespace; "" where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _born(pid: int) -> str:
    """When a process was born; "" when there is no such process, or it is only a corpse."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    # The name in parentheses may hold anything; the fields after it are plain.
    fields = stat.rpartition(")")[2].split()
    return "" if len(fields) < 20 or fields[0] in {"Z", "X"} else fields[19]
