"""Letting people go: by their own act, by a provider's word, or for good.

Two things keep a person away. The **state** of the reader ("unsubscribed", "suppressed") is what
the audience is chosen by. The **suppression list** holds a keyed hash of the address, which stays
after the person is erased, and which every import, sign-up and send looks at again. A journal
beside the database repeats both after an older backup is restored
(:mod:`newsletter.database.farewell_journal`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from newsletter.database import webhooks
from newsletter.database.bulk import remember_id
from newsletter.database.reader_import import AddressHash
from newsletter.database.rows import insert_new
from newsletter.database.tables import (
    consents,
    deliveries,
    events,
    mails,
    readers,
    reports,
    subscriptions,
    suppressions,
)
from newsletter.database.webhooks import tell
from newsletter.model import Farewell, FarewellKind, ReaderState

SOFT_LIMIT = 5
"""So many letters in a row that a mailbox did not take, and it is given up."""
SOFT_WITHIN = timedelta(days=30)
SOFT = "soft-bounced"
"""The line in a reader's history that a soft bounce leaves."""
SOFT_OVER = "soft-bounce-over"
"""What such a line becomes when the mailbox takes a letter again."""
UNSUBSCRIBED = "unsubscribed"
MAX_DETAIL = 500

_REASONS = {
    FarewellKind.HARD_BOUNCE: "bounce",
    FarewellKind.COMPLAINT: "complaint",
    FarewellKind.SOFT_BOUNCE: "soft-bounces",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FarewellReport:
    """What some farewells changed, in people."""

    suppressed: int = 0
    unsubscribed: int = 0
    soft: int = 0
    """Soft bounces that were noted and did not reach the limit."""
    unknown: int = 0
    """Farewells of people who are not here; their addresses are suppressed where one was given."""
    left: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The hashes of those who are gone now, by reason, for the journal."""


def note(
    connection: Connection,
    farewells: Iterable[Farewell],
    *,
    now: datetime,
    address_hash: AddressHash,
    key_of: Callable[[str], str],
    soft_limit: int = SOFT_LIMIT,
) -> FarewellReport:
    """Take farewells in; the same one a second time changes nothing."""
    counts = {"suppressed": 0, "unsubscribed": 0, "soft": 0, "unknown": 0}
    left: dict[str, list[str]] = {}
    for one in farewells:
        key = key_of(one.email) if one.email else ""
        row = _reader(connection, one.reader, key)
        if row is None:
            counts["unknown"] += 1
            if key and one.kind in {FarewellKind.HARD_BOUNCE, FarewellKind.COMPLAINT}:
                hashed = address_hash(key)
                bar(connection, hashed, _REASONS[one.kind], one.at)
                left.setdefault(_REASONS[one.kind], []).append(hashed)
            continue
        detail = one.detail[:MAX_DETAIL]
        if one.kind is FarewellKind.UNSUBSCRIBE:
            if row.state not in {ReaderState.UNSUBSCRIBED, ReaderState.SUPPRESSED}:
                unsubscribe(connection, row, how="provider", now=one.at, detail=detail)
                counts["unsubscribed"] += 1
                left.setdefault(UNSUBSCRIBED, []).append(address_hash(row.address_key))
            continue
        if one.kind is FarewellKind.SOFT_BOUNCE:
            if not _soft(connection, row, one, now, soft_limit):
                counts["soft"] += 1
                continue
            detail = f"{soft_limit} letters were not taken; the last answer: {detail}"
        if row.state != ReaderState.SUPPRESSED:
            counts["suppressed"] += 1
            left.setdefault(_REASONS[one.kind], []).append(address_hash(row.address_key))
        suppress(connection, row, _REASONS[one.kind], one.at, address_hash, detail=detail)
    return FarewellReport(**counts, left=left)


def note_taken(connection: Connection, ids: list[int], now: datetime) -> int:
    """Note that mailboxes took a letter, which ends a row of soft bounces; return how many."""
    since = select(consents.c.reader).where(
        consents.c.action == SOFT, consents.c.at > now - SOFT_WITHIN, consents.c.reader.in_(ids)
    )
    had = set(connection.execute(since).scalars())
    for reader in had:
        connection.execute(
            update(consents)
            .where(consents.c.reader == reader, consents.c.action == SOFT)
            .values(action=SOFT_OVER)
        )
    return len(had)


def unsubscribe(
    connection: Connection,
    row: Row[*tuple[Any, ...]],
    *,
    how: str,
    now: datetime,
    detail: str = "",
) -> bool:
    """Take a person off every edition; a suppressed address stays so, which is the stronger word.

    :param row: has ``id`` and ``state``.
    :returns: whether that changed anything.
    """
    if row.state not in {ReaderState.SUPPRESSED, ReaderState.UNSUBSCRIBED}:
        connection.execute(
            update(readers)
            .where(readers.c.id == row.id)
            .values(state=ReaderState.UNSUBSCRIBED.value, paused_until=None, receives="")
        )
    held = connection.execute(
        update(subscriptions)
        .where(subscriptions.c.reader == row.id, subscriptions.c.state != UNSUBSCRIBED)
        .values(state=UNSUBSCRIBED, since=now)
    ).rowcount
    changed = bool(held) or row.state not in {ReaderState.SUPPRESSED, ReaderState.UNSUBSCRIBED}
    if changed:
        log_line(connection, row.id, UNSUBSCRIBED, now, source=how, detail=detail)
        _tell(connection, row.id, how, now)
    return changed


def suppress(
    connection: Connection,
    row: Row[*tuple[Any, ...]],
    reason: str,
    now: datetime,
    address_hash: AddressHash,
    *,
    detail: str = "",
) -> None:
    """Never write to this person again. ``row`` has ``id``, ``state`` and ``address_key``."""
    bar(connection, address_hash(row.address_key), reason, now)
    if row.state == ReaderState.SUPPRESSED:
        return
    connection.execute(
        update(readers)
        .where(readers.c.id == row.id)
        .values(state=ReaderState.SUPPRESSED.value, paused_until=None, receives="")
    )
    log_line(connection, row.id, "suppressed", now, source=reason, detail=detail)
    _tell(connection, row.id, reason, now)


def _tell(connection: Connection, reader: int, reason: str, now: datetime) -> None:
    email = connection.execute(select(readers.c.email).where(readers.c.id == reader)).scalar()
    tell(connection, webhooks.UNSUBSCRIBED, {"id": reader, "email": email, "reason": reason}, now)


def bar(connection: Connection, hashed: str, reason: str, now: datetime) -> None:
    """Put an address on the suppression list; a graver reason replaces one of the own act."""
    new = {"address_hash": hashed, "reason": reason[:24], "at": now}
    if not insert_new(connection, suppressions, [new]) and reason not in {"erased", UNSUBSCRIBED}:
        connection.execute(
            update(suppressions)
            .where(
                suppressions.c.address_hash == hashed,
                suppressions.c.reason.in_(["erased", UNSUBSCRIBED]),
            )
            .values(reason=reason[:24], at=now)
        )


def barred(connection: Connection, hashed: str) -> dict[str, str] | None:
    """Why and since when an address is on the suppression list; None when it is not."""
    row = connection.execute(
        select(suppressions).where(suppressions.c.address_hash == hashed)
    ).one_or_none()
    return {"reason": row.reason, "since": row.at.isoformat()} if row else None


def erase(connection: Connection, reader: int, now: datetime) -> None:
    """Delete a person, what providers wrote about their letters, and what waits to go out.

    Programs that were told of the person are told that they are erased, so that they can erase
    them too; what is waiting to be posted from before is not told any more.
    """
    remember_id(connection)
    email = connection.execute(select(readers.c.email).where(readers.c.id == reader)).scalar_one()
    webhooks.forget(connection, reader)
    _tell(connection, reader, "erased", now)
    connection.execute(
        update(mails).where(mails.c.reader == reader, mails.c.to != "").values(to="", values={})
    )
    same = func.lower(reports.c.email) == email.lower()
    connection.execute(update(reports).where(same).values(email=""))
    own = select(deliveries.c.key).where(deliveries.c.reader == reader)
    connection.execute(update(events).where(events.c.delivery_key.in_(own)).values(detail=""))
    connection.execute(update(deliveries).where(deliveries.c.reader == reader).values(reason=""))
    connection.execute(delete(readers).where(readers.c.id == reader))


def log_line(
    connection: Connection,
    reader: int,
    action: str,
    at: datetime,
    *,
    source: str,
    detail: str = "",
    origin: str = "",
) -> int:
    """Write a line into a reader's history and return its number."""
    line = insert(consents).values(
        reader=reader, action=action, at=at, source=source, detail=detail, origin=origin[:64]
    )
    return int(connection.execute(line.returning(consents.c.id)).scalar_one())


def _reader(connection: Connection, number: int, key: str) -> Row[*tuple[Any, ...]] | None:
    if not number and not key:
        return None
    wanted = readers.c.id == number if number else readers.c.address_key == key
    query = select(readers.c.id, readers.c.state, readers.c.address_key).where(wanted)
    return connection.execute(query).one_or_none()


def _soft(
    connection: Connection, row: Row[*tuple[Any, ...]], one: Farewell, now: datetime, limit: int
) -> bool:
    """Note a soft bounce; whether it was one too many."""
    own = (consents.c.reader == row.id, consents.c.action == SOFT)
    # The same event may come again after a letter arrived, which had ended the row it stood in.
    known = (consents.c.reader == row.id, consents.c.action.in_([SOFT, SOFT_OVER]))
    same = select(consents.c.id).where(*known, consents.c.at == one.at).limit(1)
    if connection.execute(same).first() is None:
        log_line(
            connection, row.id, SOFT, one.at, source="provider", detail=one.detail[:MAX_DETAIL]
        )
    recent = select(func.count()).where(*own, consents.c.at > now - SOFT_WITHIN)
    return connection.execute(recent).scalar_one() >= limit
