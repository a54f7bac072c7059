"""Signing up with a confirmation, choosing, pausing: what a person does by themselves.

Whoever types an address into a form may not own it. So a sign-up writes to it at most once a day
and three times in all until somebody confirms, and the caller gives the same answer whatever is
known about the address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from newsletter.database import clicks, knocks, standing, webhooks
from newsletter.database.bulk import new_ids, remember_id
from newsletter.database.choosing import DAILY
from newsletter.database.engine import Database
from newsletter.database.farewell_journal import RETURNED, FarewellJournal
from newsletter.database.farewells import log_line
from newsletter.database.reader_import import TOPIC, AddressHash
from newsletter.database.rows import insert_new
from newsletter.database.tables import consents, reader_tags, readers, subscriptions, suppressions
from newsletter.database.tables import knocks as knocks_table
from newsletter.model import ReaderState

BETWEEN_INVITATIONS = timedelta(hours=24)
MOST_INVITATIONS = 3
PENDING_FOR = timedelta(days=7)
ORIGIN_FOR = timedelta(days=30)
MAX_TOPICS = 50

_INVITED = "confirmation-sent"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a reader chose on their own page.

    ``editions`` are those they want to get, of the ``offered`` ones; with nothing offered the
    subscriptions stay as they are. ``send_at`` is a local time such as "07:30", or empty for the
    edition's own. ``tracking`` lets clicks be counted; opens never are.
    """

    topics: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    editions: tuple[str, ...] = ()
    frequency: str = DAILY
    format: str = "html"
    send_at: str = ""
    timezone: str = ""
    tracking: bool = False
    pause_until: datetime | None = None

    @property
    def in_words(self) -> str:
        """The choice as a line of the log."""
        parts = [", ".join(self.topics) or "all topics", self.frequency, self.format]
        if self.offered:
            parts.append("editions " + ", ".join(self.editions))
        if self.send_at:
            parts.append(f"at {self.send_at} {self.timezone}".strip())
        parts.append("clicks counted" if self.tracking else "clicks not counted")
        if self.pause_until is not None:
            parts.append(f"paused until {self.pause_until:%Y-%m-%d}")
        return "; ".join(parts)


class SignUps:
    """People on their way in, and what they change about themselves later."""

    def __init__(
        self,
        database: Database,
        *,
        address_hash: AddressHash,
        journal: FarewellJournal | None = None,
    ):
        self._database = database
        self._hash = address_hash
        self._journal = journal

    def sign_up(self, wish: Wish, *, now: datetime, token: Callable[[], str]) -> Invitation | None:
        """Note a sign-up; the confirmation to send, or None when nothing may be sent.

        Nothing is sent to people who get mail already, to suppressed addresses, and to addresses
        that had a confirmation in the last day or three without an answer.
        """
        hashed = self._hash(wish.key)
        fresh = token()
        with self._database.begin() as connection:
            knocks.lock(connection, f"sign-up {hashed}")
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
            if row is not None and row.state not in {
                ReaderState.PENDING,
                ReaderState.UNSUBSCRIBED,
            }:
                return None
            if not _may_invite(connection, hashed, now):
                return None
            if row is None:
                reader, email = self._begin(connection, wish, fresh, now), wish.email
            else:
                reader, email, fresh = row.id, row.email, row.token
                _ask_for(connection, reader, wish, now)
                if row.state == ReaderState.PENDING:
                    _set_topics(connection, reader, wish.topics)
            connection.execute(
                insert(knocks_table).values(lane=knocks.INVITATION, who=hashed, at=now)
            )
            line = log_line(
                connection,
                reader,
                _INVITED,
                now,
                source=wish.source,
                detail=wish.terms,
                origin=wish.origin,
            )
            facts = {"id": reader, "email": email, "editions": list(wish.editions)}
            webhooks.tell(connection, webhooks.SUBSCRIBED, facts, now)
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
                select(
                    readers.c.state, readers.c.token, readers.c.address_key, readers.c.email
                ).where(readers.c.id == reader)
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
            standing.restand(connection, [reader])
            hashed = self._hash(row.address_key)
            lifted = connection.execute(
                delete(suppressions).where(
                    suppressions.c.address_hash == hashed,
                    suppressions.c.reason.in_(_BY_OWN_ACT),
                )
            ).rowcount
            connection.execute(
                delete(knocks_table).where(
                    knocks_table.c.lane == knocks.INVITATION, knocks_table.c.who == hashed
                )
            )
            if self._journal is not None and (lifted or row.state == ReaderState.UNSUBSCRIBED):
                self._journal.add(connection, [hashed], RETURNED, now)
            log_line(
                connection,
                reader,
                "confirmed",
                now,
                source=sent.source,
                detail=sent.detail,
                origin=origin,
            )
            facts = {"id": reader, "email": row.email}
            webhooks.tell(connection, webhooks.CONFIRMED, facts, now)
        return Confirmed(token=token, fresh=True)

    def choose(self, token: str, choice: Choice, *, now: datetime, origin: str = "") -> bool:
        """Store a person's own choices, and pause their mail or let it go on.

        :returns: False when the word is nobody's, or belongs to somebody who gets no mail.
        """
        with self._database.begin() as connection:
            row = connection.execute(
                select(
                    readers.c.id, readers.c.state, readers.c.tracking, readers.c.last_click
                ).where(readers.c.token == token)
            ).one_or_none()
            if row is None or row.state not in {ReaderState.ACTIVE, ReaderState.PAUSED}:
                return False
            _set_topics(connection, row.id, choice.topics)
            for edition in choice.offered:
                _hold(connection, row.id, edition, now, wanted=edition in choice.editions)
            paused = choice.pause_until is not None
            # Counting begins now: who was never counted cannot have been silent until today.
            heard = row.last_click if row.tracking else now
            values: dict[str, object] = {
                "state": (ReaderState.PAUSED if paused else ReaderState.ACTIVE).value,
                "paused_until": choice.pause_until,
                "frequency": choice.frequency,
                "format": choice.format,
                "send_at": choice.send_at,
                "tracking": choice.tracking,
                # Who stops being counted takes what was counted along.
                "last_click": heard if choice.tracking else None,
                "asked": None,
            }
            if not choice.tracking:
                clicks.stop_counting(connection, row.id)
            if choice.timezone:
                values["timezone"] = choice.timezone
            connection.execute(update(readers).where(readers.c.id == row.id).values(**values))
            standing.restand(connection, [row.id])
            log_line(
                connection,
                row.id,
                "preferences",
                now,
                source="preferences page",
                detail=choice.in_words,
                origin=origin,
            )
        return True

    def stay(self, token: str, *, now: datetime, origin: str = "") -> bool:
        """Note that somebody who was asked wants to go on; False when the word is nobody's."""
        with self._database.begin() as connection:
            reader = connection.execute(
                select(readers.c.id).where(
                    readers.c.token == token, readers.c.state == ReaderState.ACTIVE.value
                )
            ).scalar()
            if reader is None:
                return False
            connection.execute(
                update(readers).where(readers.c.id == reader).values(last_click=now, asked=None)
            )
            log_line(connection, reader, "stays", now, source="asked page", origin=origin)
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
            knocks.tidy(connection, now)
            clicks.forget_before(connection, now - clicks.REMEMBERED)
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


def _may_invite(connection: Connection, hashed: str, now: datetime) -> bool:
    """One confirmation a day, three in all since the last one that was answered.

    Counted by the hash of the address, so that it holds also after a pending row expired.
    """
    own = (knocks_table.c.lane == knocks.INVITATION, knocks_table.c.who == hashed)
    row = connection.execute(
        select(func.count().label("sent"), func.max(knocks_table.c.at).label("last")).where(*own)
    ).one()
    if row.sent >= MOST_INVITATIONS:
        return False
    return row.last is None or now - row.last >= BETWEEN_INVITATIONS


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
    standing.reword(connection, [reader])


def _hold(
    connection: Connection, reader: int, edition: str, now: datetime, *, wanted: bool
) -> None:
    """Begin or end one subscription of a confirmed reader."""
    state = "active" if wanted else "unsubscribed"
    key = (subscriptions.c.reader == reader, subscriptions.c.edition == edition)
    row = {"reader": reader, "edition": edition, "state": state, "since": now}
    if wanted and insert_new(connection, subscriptions, [row]):
        return
    connection.execute(
        update(subscriptions)
        .where(*key, subscriptions.c.state != state)
        .values(state=state, since=now)
    )


def _wake(connection: Connection, now: datetime) -> int:
    """End the pauses that are over."""
    over = (
        readers.c.paused_until.is_not(None),
        readers.c.paused_until <= now,
        readers.c.state == ReaderState.PAUSED.value,
    )
    ids = list(connection.execute(select(readers.c.id).where(*over)).scalars())
    connection.execute(
        update(readers).where(*over).values(state=ReaderState.ACTIVE.value, paused_until=None)
    )
    standing.restand(connection, ids)
    for reader in ids:
        log_line(connection, reader, "resumed", now, source="the pause is over")
    return len(ids)
