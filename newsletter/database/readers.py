"""The people who read: bringing them in, finding them, letting them go, choosing an audience."""

from __future__ import annotations

import csv
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import idna
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    Table,
    and_,
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

from newsletter.config import Segment
from newsletter.database.bulk import matching, remember_id, roomy
from newsletter.database.engine import Database
from newsletter.database.keys import SUPPRESSION, kept
from newsletter.database.reader_import import (
    LIST,
    TOPIC,
    AddressHash,
    Import,
    ImportReport,
    RefusalFile,
    guarded,
    pieces,
)
from newsletter.database.rows import insert_new
from newsletter.database.tables import (
    consents,
    deliveries,
    events,
    reader_tags,
    readers,
    subscriptions,
    suppressions,
)
from newsletter.errors import AudienceError
from newsletter.model import Reader, ReaderState, Refusal
from newsletter.model import Row as Person

__all__ = ["CompileSegment", "ImportReport", "ReaderColumns", "Readers", "address_key"]

_EXPORTED = (
    "email",
    "name",
    "country",
    "timezone",
    "topics",
    "lists",
    "language",
    "state",
    "joined",
    "source",
)
_ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class ReaderColumns:
    """Where a segment's rules look: the columns of a reader, and the table of topics and lists.

    ``tags`` has the columns ``reader``, ``kind`` ("topic" or "list") and ``tag``.
    """

    id: Column[Any]
    country: Column[Any]
    language: Column[Any]
    timezone: Column[Any]
    source: Column[Any]
    email_domain: Column[Any]
    tags: Table


COLUMNS = ReaderColumns(
    id=readers.c.id,
    country=readers.c.country,
    language=readers.c.language,
    timezone=readers.c.timezone,
    source=readers.c.source,
    email_domain=readers.c.email_domain,
    tags=reader_tags,
)

CompileSegment = Callable[[Segment, ReaderColumns], ColumnElement[bool]]
"""Turns a segment's rules into an SQL condition; ``newsletter.audience.segments.condition``."""


def address_key(email: str) -> str:
    """An address as it is compared: case folded, domain in its ASCII form."""
    local, _, domain = email.strip().rpartition("@")
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        ascii_domain = domain.lower()
    return f"{local.casefold()}@{ascii_domain}"


class Readers:
    """Everybody who subscribes, ever subscribed, or must not be written to.

    :param compile_segment: how a segment's rules become SQL; needed by :meth:`audience` and
        :meth:`count_segment` where segments have rules.
    :param secret: makes the key of this installation's suppression hashes, once.
    """

    def __init__(
        self,
        database: Database,
        *,
        compile_segment: CompileSegment | None = None,
        secret: Callable[[], str] = secrets.token_hex,
    ):
        self._database = database
        self._compile = compile_segment
        self._secret = secret

    # -- in and out

    def import_rows(
        self,
        rows: Iterable[Person | Refusal],
        *,
        source: str,
        consent: str,
        editions: Sequence[str],
        now: datetime,
        token: Callable[[], str],
        refusals: Path,
        on_progress: Callable[[int], None] | None = None,
    ) -> ImportReport:
        """Add people, or bring them up to date; nobody who left is brought back.

        New people become active and subscribe to the editions. For people who are there, cells
        that are not empty replace what is known, and topics and lists are added. Each changed
        person gets a line in the log of consents. Rows are stored in transactions of some
        thousand; after a crash half-way the same import again completes the work.

        :param consent: where their consent came from, in words; kept as proof.
        :param token: makes the short random word of a reader's links.
        :param refusals: where refused rows are listed, if there are any.
        :param on_progress: is told the number of rows read so far.
        :raises AudienceError: when the refusals cannot be written.
        :raises DatabaseError: when the database cannot.
        """
        work = Import(
            source=source,
            consent=consent,
            editions=editions,
            now=now,
            token=token,
            address_hash=self.address_hash,
        )
        read = 0
        try:
            with RefusalFile(refusals) as refused:
                for people, bad in pieces(rows):
                    read += len(people) + len(bad)
                    again: list[Refusal] = []
                    if people:
                        with self._database.begin() as connection, roomy(connection):
                            again = work.chunk(connection, people)
                    for refusal in sorted([*bad, *again], key=lambda one: one.line):
                        refused.write(refusal)
                    if on_progress:
                        on_progress(read)
        except OSError as error:
            raise AudienceError(
                str(refusals), f"the refused rows cannot be written: {error.strerror}"
            ) from None
        tally = work.tally
        return ImportReport(
            added=tally.added,
            updated=tally.updated,
            unchanged=tally.unchanged,
            refused=refused.count,
            kept_out=tally.kept_out,
            examples=tuple(refused.examples),
            file=refused.path,
        )

    def export(self, stream: TextIO) -> int:
        """Write everybody as CSV that is safe to open in a spreadsheet; return how many."""
        writer = csv.writer(stream)
        writer.writerow(_EXPORTED)
        count = 0
        last = 0
        with self._database.reading() as connection:
            while part := connection.execute(
                select(readers).where(readers.c.id > last).order_by(readers.c.id).limit(5_000)
            ).all():
                tags = _tags(connection, [row.id for row in part])
                for row in part:
                    own = tags.get(row.id, {})
                    cells = (
                        row.email,
                        row.name,
                        row.country,
                        row.timezone,
                        ";".join(own.get(TOPIC, ())),
                        ";".join(own.get(LIST, ())),
                        row.language,
                        row.state,
                        row.joined.isoformat(),
                        row.source,
                    )
                    writer.writerow([guarded(cell) for cell in cells])
                count += len(part)
                last = part[-1].id
        return count

    # -- looking

    def count(self) -> int:
        """How many people there are, in any state."""
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(readers)).scalar_one()

    def states(self) -> dict[str, int]:
        """How many people are in each state, for those states that occur."""
        number = func.count().label("number")
        query = select(readers.c.state, number).group_by(readers.c.state)
        with self._database.reading() as connection:
            found = {row.state: row.number for row in connection.execute(query)}
        return {state.value: found[state] for state in ReaderState if state in found}

    def by_token(self, token: str) -> Reader | None:
        """The person whose links carry this word."""
        return self._one(readers.c.token == token)

    def by_email(self, email: str) -> Reader | None:
        """The person with this address, in any letter case."""
        return self._one(readers.c.address_key == address_key(email))

    def show(self, email: str) -> dict[str, Any] | None:
        """Everything that is kept about a person; None when there is nobody of this address."""
        found = self.by_email(email)
        if found is None:
            return None
        with self._database.reading() as connection:
            held = connection.execute(
                select(subscriptions)
                .where(subscriptions.c.reader == found.id)
                .order_by(subscriptions.c.edition)
            ).all()
            agreed = connection.execute(
                select(consents).where(consents.c.reader == found.id).order_by(consents.c.id)
            ).all()
            letters = connection.execute(
                select(deliveries).where(deliveries.c.reader == found.id).order_by(deliveries.c.id)
            ).all()
        return {
            "email": found.email,
            "state": found.state.value,
            "name": found.name,
            "country": found.country,
            "language": found.language,
            "timezone": found.timezone,
            "topics": list(found.topics),
            "lists": list(found.lists),
            "joined": found.joined.isoformat(),
            "source": found.source,
            "subscriptions": [
                {"edition": row.edition, "state": row.state, "since": row.since.isoformat()}
                for row in held
            ],
            "consents": [
                {
                    "action": row.action,
                    "at": row.at.isoformat(),
                    "source": row.source,
                    "detail": row.detail,
                }
                for row in agreed
            ],
            "deliveries": [
                {
                    "issue": row.issue,
                    "state": row.state,
                    "segment": row.segment,
                    "reason": row.reason,
                    "changed": row.changed.isoformat(),
                }
                for row in letters
            ],
        }

    # -- letting go

    def unsubscribe(self, token: str, *, how: str, now: datetime) -> bool:
        """Take a person off every edition, for ever; a second time changes nothing.

        :param how: what they did, such as "one-click" or "page"; kept in the log of consents.
        :returns: whether the word belongs to somebody.
        """
        with self._database.begin() as connection:
            row = connection.execute(
                select(readers.c.id, readers.c.state).where(readers.c.token == token)
            ).one_or_none()
            if row is None:
                return False
            if row.state != ReaderState.UNSUBSCRIBED:
                _unsubscribe(connection, row, how, now)
        return True

    def suppress(self, reader: int, *, reason: str, now: datetime) -> bool:
        """Never write to a person again: their mailbox is gone, or they complained.

        :param reason: "bounce", "complaint" or another short word; kept with the hash of the
            address, also after the person is erased.
        :returns: whether there is such a reader.
        """
        hashed = self.address_hash
        with self._database.begin() as connection:
            row = connection.execute(
                select(readers.c.address_key, readers.c.state).where(readers.c.id == reader)
            ).one_or_none()
            if row is None:
                return False
            barred = {"address_hash": hashed(row.address_key), "reason": reason[:24], "at": now}
            insert_new(connection, suppressions, [barred])
            if row.state != ReaderState.SUPPRESSED:
                connection.execute(
                    update(readers)
                    .where(readers.c.id == reader)
                    .values(state=ReaderState.SUPPRESSED.value)
                )
                connection.execute(
                    insert(consents).values(
                        reader=reader, action="suppressed", at=now, source=reason, detail=""
                    )
                )
        return True

    def forget(self, email: str, *, now: datetime) -> bool:
        """Erase a person; only a keyed hash stays, so that no import brings them back.

        Gone are the address, everything they told us, what they agreed to, and what providers
        wrote about their letters. That so many letters of an issue went out stays, without
        saying to whom. A person may sign up again by their own act.

        :returns: whether there was somebody of this address.
        """
        key = address_key(email)
        hashed = self.address_hash(key)
        with self._database.begin() as connection:
            number = connection.execute(
                select(readers.c.id).where(readers.c.address_key == key)
            ).scalar()
            if number is None:
                return False
            row = {"address_hash": hashed, "reason": "erased", "at": now}
            insert_new(connection, suppressions, [row])
            remember_id(connection)
            own = select(deliveries.c.key).where(deliveries.c.reader == number)
            connection.execute(
                update(events).where(events.c.delivery_key.in_(own)).values(detail="")
            )
            connection.execute(
                update(deliveries).where(deliveries.c.reader == number).values(reason="")
            )
            connection.execute(delete(readers).where(readers.c.id == number))
        return True

    @property
    def address_hash(self) -> AddressHash:
        """What turns an address (:func:`address_key`) into what the suppression list keeps of it.

        HMAC-SHA256 with a key of this installation, so that the list survives the erasure of a
        person without saying who they were, and cannot be compared with another installation's.
        The key is made when it is first asked for, so ask outside of any transaction.
        """
        key = self._hash_key

        def hashed(address: str) -> str:
            return hmac.digest(key, address.encode(), "sha256").hex()

        return hashed

    # -- choosing

    def count_segment(self, segment: Segment) -> int:
        """How many readers would get an edition if it went to this segment alone.

        :raises AudienceError: when no compiler for rules was given.
        """
        query = (
            select(func.count())
            .select_from(readers)
            .join(subscriptions, subscriptions.c.reader == readers.c.id)
            .where(_receives(segment.edition), self._condition(segment))
        )
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one()

    def audience(self, edition: str, segments: Mapping[str, Segment]) -> Select[tuple[int, str]]:
        """Who gets an edition: (reader id, segment name), each reader once.

        A reader who fits several segments comes under the first in the order given; one CASE
        expression decides that in a single pass. Where the edition has no segment, everybody who
        subscribes comes under "". Segments of other editions are passed over.
        """
        own = {name: segment for name, segment in segments.items() if segment.edition == edition}
        whens: list[tuple[ColumnElement[bool], ColumnElement[str]]] = []
        everyone: str | None = None if own else ""
        for name, segment in own.items():
            if not segment.where and not segment.exclude:
                # Nobody is left for the segments after one without a condition.
                everyone = name
                break
            whens.append((self._condition(segment), literal(name, String)))
        column: ColumnElement[str]
        if everyone is None:
            column = case(*whens)
            fits: ColumnElement[bool] = or_(*(condition for condition, _ in whens))
        else:
            rest = literal(everyone, String)
            column = case(*whens, else_=rest) if whens else rest
            fits = true()
        return (
            select(readers.c.id, column.label("segment"))
            .join(subscriptions, subscriptions.c.reader == readers.c.id)
            .where(_receives(edition), fits)
        )

    def count_audience(self, edition: str, segments: Mapping[str, Segment]) -> dict[str, int]:
        """How many readers of each segment would get an edition now."""
        chosen = self.audience(edition, segments).subquery()
        query = (
            select(chosen.c.segment, func.count())
            .group_by(chosen.c.segment)
            .order_by(chosen.c.segment)
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    # -- within

    def _condition(self, segment: Segment) -> ColumnElement[bool]:
        if not segment.where and not segment.exclude:
            return true()
        if self._compile is None:
            raise AudienceError(
                segment.title or segment.edition, "segments need a compiler for their rules"
            )
        return self._compile(segment, COLUMNS)

    @cached_property
    def _hash_key(self) -> bytes:
        return kept(self._database, SUPPRESSION, self._secret).encode()

    def _one(self, condition: ColumnElement[bool]) -> Reader | None:
        with self._database.reading() as connection:
            row = connection.execute(select(readers).where(condition)).one_or_none()
            if row is None:
                return None
            own = _tags(connection, [row.id]).get(row.id, {})
        return Reader(
            id=row.id,
            email=row.email,
            state=ReaderState(row.state),
            token=row.token,
            name=row.name,
            country=row.country,
            language=row.language,
            timezone=row.timezone,
            topics=tuple(own.get(TOPIC, ())),
            lists=tuple(own.get(LIST, ())),
            joined=row.joined,
            source=row.source,
        )


def _receives(edition: str) -> ColumnElement[bool]:
    return and_(
        readers.c.state == ReaderState.ACTIVE,
        subscriptions.c.edition == edition,
        subscriptions.c.state == _ACTIVE,
    )


def _unsubscribe(
    connection: Connection, row: Row[*tuple[Any, ...]], how: str, now: datetime
) -> None:
    # A suppressed address stays suppressed: that is the stronger word.
    if row.state != ReaderState.SUPPRESSED:
        connection.execute(
            update(readers)
            .where(readers.c.id == row.id)
            .values(state=ReaderState.UNSUBSCRIBED.value)
        )
    left = connection.execute(
        update(subscriptions)
        .where(subscriptions.c.reader == row.id, subscriptions.c.state != "unsubscribed")
        .values(state="unsubscribed", since=now)
    ).rowcount
    if left or row.state != ReaderState.SUPPRESSED:
        connection.execute(
            insert(consents).values(
                reader=row.id, action="unsubscribed", at=now, source=how, detail=""
            )
        )


def _tags(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, list[str]]]:
    query = (
        select(reader_tags.c.reader, reader_tags.c.kind, reader_tags.c.tag)
        .where(matching(connection, reader_tags.c.reader, ids))
        .order_by(reader_tags.c.reader, reader_tags.c.kind, reader_tags.c.tag)
    )
    found: dict[int, dict[str, list[str]]] = {}
    for reader, kind, tag in connection.execute(query):
        found.setdefault(reader, {}).setdefault(kind, []).append(tag)
    return found
