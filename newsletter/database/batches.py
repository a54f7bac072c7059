"""Batches: how letters that are handed over together stand, written down once for all of them.

::

    cut (with the audience)   take              settle
      └─> queued ──────────> handed ─────────> accepted
             └──claim──┐        ├──recover──┐
                       v        v           v
                  gone: its deliveries have states of their own

A batch is a range of ids of one issue. A delivery in it whose state is :data:`FOLLOWS` has none of
its own: it stands as the batch does. So to hand a thousand letters over is to write one row, and
to settle them another. A delivery is written only where it deviates: skipped, rejected, deferred,
in doubt, delivered, bounced. From then on the batch says nothing about it.

Everything that asks how a delivery stands asks :func:`standing` or :func:`stands`; everything that
counts asks :func:`count`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)

from newsletter.database.tables import batches, deliveries
from newsletter.model import DeliveryState

D = DeliveryState

FOLLOWS = ""
"""The state of a delivery that has none of its own, but that of its batch."""

SIZE = 1000
"""Readers in a batch as it is cut: what a provider takes in one request."""

_SHARED = frozenset({D.QUEUED, D.HANDED, D.ACCEPTED})
"""The states that a batch can be in."""

_ALL = true()

_NAMED = {"name": "batch"}
"""Columns of a batch that have another name in a delivery."""

Batch = Row[Any]


def standing(column: str) -> ColumnElement[Any]:
    """How a delivery stands: its own ``state``, ``changed``, ``attempt`` ..., or its batch's."""
    own = deliveries.c[_NAMED.get(column, column)]
    return case((deliveries.c.state == FOLLOWS, _of_batch(column)), else_=own).label(column)


def stands(*states: DeliveryState) -> ColumnElement[bool]:
    """Whether a delivery is in one of some states, be it its own or its batch's."""
    own = deliveries.c.state.in_([one.value for one in states])
    shared = [one.value for one in states if one in _SHARED]
    if not shared:
        return own
    return or_(own, and_(deliveries.c.state == FOLLOWS, _of_batch("state").in_(shared)))


def _of_batch(column: str) -> ColumnElement[Any]:
    # Ranges do not overlap, so the last one that begins before a delivery is the one it lies in.
    return (
        select(batches.c[column])
        .where(batches.c.issue == deliveries.c.issue, batches.c.first <= deliveries.c.id)
        .order_by(batches.c.first.desc())
        .limit(1)
        .correlate(deliveries)
        .scalar_subquery()
    )


def followers(batch: Batch) -> ColumnElement[bool]:
    """The deliveries of a batch that have no state of their own."""
    return and_(
        deliveries.c.issue == batch.issue,
        deliveries.c.state == FOLLOWS,
        deliveries.c.id.between(batch.first, batch.last),
    )


_IN_BATCH = and_(
    deliveries.c.issue == batches.c.issue,
    deliveries.c.state == FOLLOWS,
    deliveries.c.id.between(batches.c.first, batches.c.last),
)
# Asked of each batch, by the index of (issue, state, id). As a join PostgreSQL may compare every
# delivery of the issue with every batch: it cannot know that the ranges do not overlap.
_NUMBER = (
    select(func.count())
    .select_from(deliveries)
    .where(_IN_BATCH)
    .correlate(batches)
    .scalar_subquery()
)
_LEFT = (
    select(func.count())
    .select_from(deliveries)
    .where(
        deliveries.c.issue == batches.c.issue,
        deliveries.c.state.in_(
            [
                FOLLOWS,
                *(one.value for one in (D.DELIVERED, D.BOUNCED, D.UNSUBSCRIBED, D.COMPLAINED)),
            ]
        ),
        deliveries.c.id.between(batches.c.first, batches.c.last),
    )
    .correlate(batches)
    .scalar_subquery()
)
_ANY = (
    select(literal(1))
    .select_from(deliveries)
    .where(_IN_BATCH)
    .limit(1)
    .correlate(batches)
    .scalar_subquery()
)


def count(connection: Connection, issue: str) -> dict[str, int]:
    """How many deliveries of an issue are in each state; states without any are left out.

    Several queries, which have to be of one moment: give a connection that reads ``still``.
    """
    query = (
        select(deliveries.c.state, func.count())
        .where(deliveries.c.issue == issue)
        .group_by(deliveries.c.state)
    )
    found = Counter({row[0]: row[1] for row in connection.execute(query)})
    following = found.pop(FOLLOWS, 0)
    if not following:
        return dict(found)
    # Most of those that follow stand alike (queued at first, accepted at last): the index of the
    # others is walked, and the rest is arithmetic.
    query = (
        select(batches.c.state, func.count())
        .where(batches.c.issue == issue)
        .group_by(batches.c.state)
    )
    kinds = {row[0]: row[1] for row in connection.execute(query)}
    most = max(kinds, key=lambda state: kinds[state], default=D.QUEUED.value)
    if len(kinds) > 1:
        query = (
            select(batches.c.state, func.sum(_NUMBER))
            .where(batches.c.issue == issue, batches.c.state != most)
            .group_by(batches.c.state)
        )
        for state, number in connection.execute(query):
            found[state] += int(number)
            following -= int(number)
    found[most] += following
    return dict(+found)


def left_since(connection: Connection, issue: str, moment: datetime) -> tuple[int, datetime | None]:
    """How many letters were answered for since a moment, and when the first of them was.

    Events that came later are no letters that leave: who was in a batch counts by when that was
    accepted, whatever became of the letter since.
    """
    found = [
        connection.execute(
            select(func.count(), func.min(deliveries.c.changed)).where(
                deliveries.c.issue == issue,
                deliveries.c.state.in_([D.ACCEPTED.value, D.REJECTED.value]),
                deliveries.c.changed >= moment,
            )
        ).one(),
        connection.execute(
            select(func.coalesce(func.sum(_LEFT), 0), func.min(batches.c.changed)).where(
                batches.c.issue == issue,
                batches.c.state == D.ACCEPTED.value,
                batches.c.changed >= moment,
            )
        ).one(),
    ]
    return sum(int(row[0]) for row in found), min((row[1] for row in found if row[1]), default=None)


def any_under_way(connection: Connection, issue: str) -> bool:
    """Whether any delivery follows a batch that is not settled."""
    return any_following(connection, issue, (D.QUEUED, D.HANDED))


def any_following(connection: Connection, issue: str, states: Iterable[DeliveryState]) -> bool:
    """Whether any delivery follows a batch that is in one of some states."""
    query = (
        select(literal(1))
        .select_from(batches)
        .where(
            batches.c.issue == issue,
            batches.c.state.in_([one.value for one in states]),
            _ANY.isnot(None),
        )
        .limit(1)
    )
    return connection.scalar(query) is not None


def last_of(connection: Connection, issue: str) -> int:
    """The highest id in a batch of an issue; 0 without any."""
    query = select(func.max(batches.c.last)).where(batches.c.issue == issue)
    return connection.scalar(query) or 0


def cut(connection: Connection, issue: str, *, after: int, now: datetime) -> None:
    """Make batches of the deliveries that were written with ids after one."""
    place = func.row_number().over(order_by=deliveries.c.id) - 1
    numbered = (
        select(deliveries.c.id, (place // SIZE).label("number"))
        .where(
            deliveries.c.issue == issue,
            deliveries.c.state == FOLLOWS,
            deliveries.c.id > after,
        )
        .subquery()
    )
    constant: dict[str, Any] = {
        "issue": issue,
        "state": D.QUEUED.value,
        "name": "",
        "attempt": 0,
        "owner": "",
        "transport": "",
        "provider_id": "",
        "changed": now,
    }
    query = select(
        func.min(numbered.c.id),
        func.max(numbered.c.id),
        *(literal(value, batches.c[name].type) for name, value in constant.items()),
    ).group_by(numbered.c.number)
    connection.execute(insert(batches).from_select(["first", "last", *constant], query))


NEXT_QUEUED = (
    select(batches)
    .where(batches.c.issue == bindparam("its_issue"), batches.c.state == D.QUEUED.value)
    .order_by(batches.c.first)
    .limit(1)
    .with_for_update(skip_locked=True)
)
"""The first batch that nobody has taken or is about to take."""

# These, too, are part of every batch: putting a statement together costs more than it does.
_HAND = (
    update(batches)
    .where(batches.c.id == bindparam("its_id"))
    .values(
        state=D.HANDED.value,
        attempt=1,
        name=bindparam("its_name"),
        owner=bindparam("its_owner"),
        transport=bindparam("its_transport"),
        changed=bindparam("its_time", type_=batches.c.changed.type),
    )
)
_HANDED = (
    select(batches)
    .where(batches.c.name == bindparam("its_name"), batches.c.state == D.HANDED.value)
    .with_for_update()
)
_ACCEPT = (
    update(batches)
    .where(batches.c.id == bindparam("its_id"))
    .values(
        state=D.ACCEPTED.value,
        owner="",
        provider_id=bindparam("its_provider_id"),
        changed=bindparam("its_time", type_=batches.c.changed.type),
    )
)


def shorten(connection: Connection, batch: Batch, last: int) -> None:
    """Take the deliveries up to an id off the front of a queued batch."""
    if last >= batch.last:
        drop(connection, batch)
    else:
        connection.execute(update(batches).where(batches.c.id == batch.id).values(first=last + 1))


def hand(
    connection: Connection,
    batch: Batch,
    last: int,
    *,
    name: str,
    owner: str,
    transport: str,
    now: datetime,
) -> None:
    """Write down that the deliveries of a queued batch up to an id are about to leave."""
    id_ = batch.id
    if last < batch.last:
        shorten(connection, batch, last)
        front = dict(batch._mapping) | {"last": last}
        del front["id"]
        made = insert(batches).values(**front).returning(batches.c.id)
        id_ = connection.execute(made).scalar_one()
    given = {
        "its_id": id_,
        "its_name": name,
        "its_owner": owner,
        "its_transport": transport,
        "its_time": now,
    }
    connection.execute(_HAND, given)


def handed(connection: Connection, name: str) -> Batch | None:
    """The batch that was handed over under a name and is not settled, locked; None without one."""
    return connection.execute(_HANDED, {"its_name": name}).one_or_none()


def accept(connection: Connection, batch: Batch, *, provider_id: str, now: datetime) -> None:
    """Settle a batch that was handed over: all who follow it are accepted."""
    given = {"its_id": batch.id, "its_provider_id": provider_id, "its_time": now}
    connection.execute(_ACCEPT, given)


def part(
    connection: Connection,
    whole: Batch,
    state: DeliveryState,
    *,
    reason: str,
    now: datetime,
    which: ColumnElement[bool] = _ALL,
    **more: Any,
) -> int:
    """Give a batch's followers, or some of them, a state of their own; how many."""
    own = {
        "state": state.value,
        "reason": reason,
        "changed": now,
        "batch": whole.name,
        "transport": whole.transport,
        "attempt": whole.attempt,
    }
    result = connection.execute(
        update(deliveries).where(followers(whole), which).values(**own | more)
    )
    return int(result.rowcount)


def drop(connection: Connection, batch: Batch) -> None:
    """Forget a batch that nobody follows any more."""
    connection.execute(delete(batches).where(batches.c.id == batch.id))
