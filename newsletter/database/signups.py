"""Signing up with a confirmation, choosing, pausing: what a person does by themselves.

Whoever types an address into a form may not own it. So a sign-up writes to it at most once a day
and three times in all until somebody confirms, and the caller gives the same answer whatever is
known about the address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from newsletter.database.bulk import new_ids, remember_id
from newsletter.database.engine import Database
from newsletter.database.reader_import import TOPIC, AddressHash
from newsletter.database.rows import insert_new
from newsletter.database.tables import consents, reader_tags, readers, subscriptions, suppressions
from newsletter.model import ReaderState

BETWEEN_INVITATIONS = timedelta(hours=24)
MOST_INVITATIONS = 3
PENDING_FOR = timedelta(days=7)
ORIGIN_FOR = timedelta(days=30)
MAX_TOPICS = 50

_INVITED = "confirmation-sent"
_PAUSED_UNTIL = "paused_until"
_BY_OWN_ACT = frozenset({"erased", "unsubscribed"})
"""Suppressions that a person may lift again; a complaint or a dead mailbox is none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A confirmation that may be sent: to whom, and the line in the log it answers to."""

    reader: int
    email: str
    token: str
    consent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """Somebody whose address is confirmed. ``fresh`` is False when it was so before."""

    token: str
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a form asks for. ``terms`` names the version of the text that was agreed to."""

    email: str
    key: str
    domain: str
    editions: tuple[str, ...]
    topics: tuple[str, ...] = ()
    language: str = ""
    source: str = "sign-up form"
    terms: str = ""
    origin: str = ""


class SignUps:
    """People on their way in, and what they change about themselves later."""

    def __init__(self, database: Database, *, address_hash: AddressHash):
        self._database = database
        self._hash = address_hash

    def sign_up(self, wish: Wish, *, now: datetime, token: Callable[[], str]) -> Invitation | None:
        """Note a sign-up; the confirmation to send, or None when nothing may be sent.

        Nothing is sent to people who get mail already, to suppressed addresses, and to addresses
        that had a confirmation in the last day or three without an answer.
        """
        hashed = self._hash(wish.key)
        fresh = token()
        with self._database.begin() as connection:
            row = connection.execute(
                select(readers.c.id, readers.c.email, readers.c.state, readers.c.token).where(
                    readers.c.address_key == wish.key
                )
            ).one_or_none()
            reason = connection.execute(
                select(suppressions.c.reason).where(suppressions.c.address_hash == hashed)
            ).scalar()
            if reason is not None and reason not in _BY_OWN_ACT:
                return None
            if row is None:
                reader, email = self._begin(connection, wish, fresh, now), wish.email
            elif row.state not in {ReaderState.PENDING, ReaderState.UNSUBSCRIBED}:
                return None
            else:
                reader, email, fresh = row.id, row.email, row.token
                if not _may_invite(connection, reader, now):
                    return None
                _ask_for(connection, reader, wish, now)
                if row.state == ReaderState.PENDING:
                    _set_topics(connection, reader, wish.topics)
            line = _log(
                connection,
                reader,
                _INVITED,
                now,
                source=wish.source,
                detail=wish.terms,
                origin=wish.origin,
            )
        return Invitation(reader=reader, email=email, token=fresh, consent=line)

    def confirm(
        self, reader: int, consent: int, *, now: datetime, origin: str = ""
    ) -> Confirmed | None:
        """Make a person active who answers a confirmation; a second time changes nothing.

        :param consent: the line of the log that the confirmation was sent with. A confirmation
            from before a person unsubscribed does not bring them back.
        :returns: None when the confirmation is worth nothing.
        """
        with self._database.begin() as connection:
            row = connection.execute(
                select(readers.c.state, readers.c.token, readers.c.address_key).where(
                    readers.c.id == reader
                )
            ).one_or_none()
            sent = connection.execute(
                select(consents.c.source, consents.c.detail).where(
                    consents.c.id == consent,
                    consents.c.reader == reader,
                    consents.c.action == _INVITED,
                )
            ).one_or_none()
            if row is None or sent is None or row.state == ReaderState.SUPPRESSED:
                return None
            later = select(consents.c.action).where(
                consents.c.reader == reader, consents.c.id > consent
            )
            actions = set(connection.execute(later).scalars())
            if "unsubscribed" in actions:
                return None
            token = str(row.token)
            if row.state in {ReaderState.ACTIVE, ReaderState.PAUSED}:
                return Confirmed(token=token, fresh=False)
            connection.execute(
                update(readers)
                .where(readers.c.id == reader)
                .values(state=ReaderState.ACTIVE.value, joined=now)
            )
            connection.execute(
                update(subscriptions)
                .where(subscriptions.c.reader == reader, subscriptions.c.state == "pending")
                .values(state="active", since=now)
            )
            connection.execute(
                delete(suppressions).where(
                    suppressions.c.address_hash == self._hash(row.address_key),
                    suppressions.c.reason.in_(_BY_OWN_ACT),
                )
            )
            _log(
                connection,
                reader,
                "confirmed",
                now,
                source=sent.source,
                detail=sent.detail,
                origin=origin,
            )
        return Confirmed(token=token, fresh=True)

    def choose(
        self,
        token: str,
        *,
        topics: Sequence[str],
        pause_until: datetime | None,
        now: datetime,
        origin: str = "",
    ) -> bool:
        """Store a person's own choice of topics, and pause their mail or let it go on.

        :returns: False when the word is nobody's, or belongs to somebody who gets no mail.
        """
        with self._database.begin() as connection:
            row = connection.execute(
                select(readers.c.id, readers.c.state, readers.c.attributes).where(
                    readers.c.token == token
                )
            ).one_or_none()
            if row is None or row.state not in {ReaderState.ACTIVE, ReaderState.PAUSED}:
                return False
            _set_topics(connection, row.id, topics)
            attributes = {k: v for k, v in row.attributes.items() if k != _PAUSED_UNTIL}
            state = ReaderState.ACTIVE
            if pause_until is not None:
                state = ReaderState.PAUSED
                attributes[_PAUSED_UNTIL] = pause_until.isoformat()
            connection.execute(
                update(readers)
                .where(readers.c.id == row.id)
                .values(state=state.value, attributes=attributes)
            )
            detail = ", ".join(topics) or "all topics"
            if pause_until is not None:
                detail += f"; paused until {pause_until:%Y-%m-%d}"
            _log(
                connection,
                row.id,
                "preferences",
                now,
                source="preferences page",
                detail=detail,
                origin=origin,
            )
        return True

    def tidy(self, now: datetime) -> dict[str, int]:
        """What time does by itself: pauses end, unanswered sign-ups go, origins are forgotten.

        :returns: how many of each, for the log. Safe to run as often as wanted.
        """
        with self._database.begin() as connection:
            woken = _wake(connection, now)
            remember_id(connection)
            gone = connection.execute(
                delete(readers).where(
                    readers.c.state == ReaderState.PENDING.value,
                    readers.c.joined < now - PENDING_FOR,
                )
            ).rowcount
            forgotten = connection.execute(
                update(consents)
                .where(consents.c.origin != "", consents.c.at < now - ORIGIN_FOR)
                .values(origin="")
            ).rowcount
        return {"woken": woken, "expired": gone, "origins": forgotten}

    def _begin(self, connection: Connection, wish: Wish, token: str, now: datetime) -> int:
        [number] = new_ids(connection, 1)
        connection.execute(
            insert(readers).values(
                id=number,
                email=wish.email,
                address_key=wish.key,
                email_domain=wish.domain,
                name="",
                country="",
                language=wish.language,
                timezone="",
                state=ReaderState.PENDING.value,
                token=token,
                joined=now,
                source=wish.source,
                attributes={},
            )
        )
        _ask_for(connection, number, wish, now)
        _set_topics(connection, number, wish.topics)
        return number


def _may_invite(connection: Connection, reader: int, now: datetime) -> bool:
    """One confirmation a day, three in all since the last one that was answered."""
    lines = connection.execute(
        select(consents.c.action, consents.c.at)
        .where(consents.c.reader == reader, consents.c.action.in_([_INVITED, "confirmed"]))
        .order_by(consents.c.id)
    ).all()
    sent: list[datetime] = []
    for line in lines:
        if line.action == "confirmed":
            sent.clear()
        else:
            sent.append(line.at)
    if len(sent) >= MOST_INVITATIONS:
        return False
    return not sent or now - sent[-1] >= BETWEEN_INVITATIONS


def _ask_for(connection: Connection, reader: int, wish: Wish, now: datetime) -> None:
    """Subscribe, pending until confirmed."""
    for edition in wish.editions:
        key = (subscriptions.c.reader == reader, subscriptions.c.edition == edition)
        row = {"reader": reader, "edition": edition, "state": "pending", "since": now}
        if not insert_new(connection, subscriptions, [row]):
            connection.execute(update(subscriptions).where(*key).values(state="pending", since=now))


def _set_topics(connection: Connection, reader: int, topics: Sequence[str]) -> None:
    connection.execute(
        delete(reader_tags).where(reader_tags.c.reader == reader, reader_tags.c.kind == TOPIC)
    )
    wanted = list(dict.fromkeys(topics))[:MAX_TOPICS]
    if wanted:
        connection.execute(
            insert(reader_tags), [{"reader": reader, "kind": TOPIC, "tag": tag} for tag in wanted]
        )


def _wake(connection: Connection, now: datetime) -> int:
    query = select(readers.c.id, readers.c.attributes).where(
        readers.c.state == ReaderState.PAUSED.value
    )
    over = [row for row in connection.execute(query) if _is_over(row, now)]
    for row in over:
        rest = {k: v for k, v in row.attributes.items() if k != _PAUSED_UNTIL}
        connection.execute(
            update(readers)
            .where(readers.c.id == row.id)
            .values(state=ReaderState.ACTIVE.value, attributes=rest)
        )
    return len(over)


def _is_over(row: Row[*tuple[Any, ...]], now: datetime) -> bool:
    until = row.attributes.get(_PAUSED_UNTIL)
    return until is not None and datetime.fromisoformat(until) <= now


def _log(
    connection: Connection,
    reader: int,
    action: str,
    now: datetime,
    *,
    source: str,
    detail: str,
    origin: str,
) -> int:
    line = insert(consents).values(
        reader=reader, action=action, at=now, source=source, detail=detail, origin=origin[:64]
    )
    return int(connection.execute(line.returning(consents.c.id)).scalar_one())
