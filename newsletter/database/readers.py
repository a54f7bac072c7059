"""The people who read: bringing them in, finding them, letting them go, choosing an audience."""

from __future__ import annotations

import csv
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import idna
from sqlalchemy import ColumnElement, Connection, Select, func, select

from newsletter.clock import Clock, system_clock
from newsletter.config import Segment
from newsletter.database import choosing, farewells, reader_changes, reader_history
from newsletter.database.bulk import matching, roomy
from newsletter.database.choosing import CompileSegment, ReaderColumns
from newsletter.database.engine import Database
from newsletter.database.farewell_journal import FarewellJournal
from newsletter.database.farewells import SOFT_LIMIT, FarewellReport
from newsletter.database.keys import SUPPRESSION, kept
from newsletter.database.reader_import import (
    LIST,
    TOPIC,
    AddressHash,
    Import,
    ImportReport,
    Mode,
    RefusalFile,
    guarded,
    pieces,
)
from newsletter.database.tables import reader_tags, readers
from newsletter.errors import AudienceError
from newsletter.model import Farewell, Reader, ReaderState, Refusal
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
    :param clock: what "in the last 30 days" in a segment's rule is counted from.
    :param journal: where those who leave are written down beside the database.
    """

    def __init__(
        self,
        database: Database,
        *,
        compile_segment: CompileSegment | None = None,
        secret: Callable[[], str] = secrets.token_hex,
        clock: Clock = system_clock,
        journal: FarewellJournal | None = None,
        soft_limit: int = SOFT_LIMIT,
    ):
        self._database = database
        self._compile = compile_segment
        self._secret = secret
        self._clock = clock
        self.journal = journal
        self._soft_limit = soft_limit

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
        mode: Mode = Mode.UPDATE,
        dry: bool = False,
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
        :param mode: what happens to people who are here, and to those who are not.
        :param dry: change nothing and say what would become of every row.
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
            mode=mode,
            dry=dry,
        )
        read = 0
        try:
            with RefusalFile(refusals) as refused:
                for people, bad in pieces(rows):
                    read += len(people) + len(bad)
                    again: list[Refusal] = []
                    if people and dry:
                        with self._database.reading() as connection:
                            again = work.chunk(connection, people)
                    elif people:
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
            not_here=tally.not_here,
            dry=dry,
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
            return reader_history.facts(connection, found)

    def proof(self, email: str) -> dict[str, Any] | None:
        """What a person agreed to and when, as it can be shown to whoever asks for proof.

        Of somebody who was erased or never here, only whether the address is on the list of those
        who must not be written to, and since when: that is all there is.
        """
        key = address_key(email)
        found = self.by_email(email)
        hashed = self.address_hash(key)
        with self._database.reading() as connection:
            barred = farewells.barred(connection, hashed)
            if found is None and barred is None:
                return None
            agreed = (
                reader_history.lines(connection, found.id, reader_history.AGREEMENTS)
                if found
                else []
            )
            reason = reader_history.why(connection, found) if found else ""
        return {
            "email": found.email if found else email,
            "state": found.state.value if found else "erased",
            "why": reason,
            "suppressed": barred,
            "consents": agreed,
        }

    # -- letting go

    def unsubscribe(self, token: str, *, how: str, now: datetime) -> bool:
        """Take a person off every edition, for ever; a second time changes nothing.

        :param how: what they did, such as "one-click" or "page"; kept in the log of consents.
        :returns: whether the word belongs to somebody.
        """
        return self._unsubscribe(readers.c.token == token, how, now)

    def unsubscribe_address(self, email: str, *, how: str, now: datetime) -> bool:
        """Take the person of an address off every edition, for ever.

        :returns: whether there is such a person.
        """
        return self._unsubscribe(readers.c.address_key == address_key(email), how, now)

    def suppress(self, reader: int, *, reason: str, now: datetime, detail: str = "") -> bool:
        """Never write to a person again: their mailbox is gone, or they complained.

        :param reason: "bounce", "complaint" or another short word; kept with the hash of the
            address, also after the person is erased.
        :returns: whether there is such a reader.
        """
        hashed = self.address_hash
        with self._database.begin() as connection:
            row = connection.execute(
                select(readers.c.id, readers.c.address_key, readers.c.state).where(
                    readers.c.id == reader
                )
            ).one_or_none()
            if row is None:
                return False
            farewells.suppress(connection, row, reason, now, hashed, detail=detail)
            self._write_down(connection, [hashed(row.address_key)], reason, now)
        return True

    def note_farewells(
        self, reported: Iterable[Farewell], *, now: datetime, soft_limit: int | None = None
    ) -> FarewellReport:
        """Take in what a transport or a mailbox says about people; repeats change nothing.

        A hard bounce and a complaint suppress the address for ever, an unsubscribe takes the
        person off every edition, soft bounces are counted and suppress after ``soft_limit`` of
        them in 30 days. The person's history says which it was, when, and in whose words.
        """
        hashed = self.address_hash
        with self._database.begin() as connection:
            report = farewells.note(
                connection,
                reported,
                now=now,
                address_hash=hashed,
                key_of=address_key,
                soft_limit=soft_limit or self._soft_limit,
            )
            for reason, hashes in report.left.items():
                self._write_down(connection, hashes, reason, now)
        return report

    def note_taken(self, ids: Sequence[int], *, now: datetime) -> int:
        """Note readers whose mailboxes took a letter: their soft bounces are over.

        :returns: of how many that was worth noting.
        """
        with self._database.begin() as connection:
            return farewells.note_taken(connection, list(ids), now)

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
            farewells.bar(connection, hashed, "erased", now)
            farewells.erase(connection, number, now)
            self._write_down(connection, [hashed], "erased", now)
        return True

    def change(
        self,
        reader: int,
        *,
        values: Mapping[str, str],
        topics: Sequence[str] | None = None,
        lists: Sequence[str] | None = None,
        attributes: Mapping[str, str] | None = None,
        now: datetime,
        source: str,
    ) -> bool:
        """Set what is known about a reader; see :func:`newsletter.database.reader_changes.change`.

        :param values: of name, country, language and timezone.
        """
        with self._database.begin() as connection:
            return reader_changes.change(
                connection,
                reader,
                values=values,
                topics=topics,
                lists=lists,
                attributes=attributes,
                now=now,
                source=source,
            )

    def take_in_journal(self) -> int:
        """Let those leave again who left after a backup was made; return how many did."""
        if self.journal is None:
            return 0
        return self.journal.take_in(
            self._database, address_hash=self.address_hash, now=self._clock()
        )

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
        with self._database.reading() as connection:
            return choosing.count(connection, segment, self._condition)

    def members(self, segment: Segment, *, most: int = 1_000) -> list[Reader]:
        """The first readers of a segment, in order of address; for a look, or for a test send."""
        with self._database.reading() as connection:
            found = connection.execute(choosing.members(segment, self._condition).limit(most)).all()
        return [one for row in found if (one := self.by_token(row.token))]

    def audience(
        self,
        edition: str,
        segments: Mapping[str, Segment],
        *,
        day: date | None = None,
        digest_of: str = "",
        variants: tuple[str, ...] = (),
        sections: tuple[str, ...] = (),
        counted: bool = False,
    ) -> Select[Any]:
        """Who gets an edition: (reader id, segment name, variant), each reader once.

        See :func:`newsletter.database.choosing.query`. Without a day the chosen frequency of
        the readers is not looked at.
        """
        return choosing.query(
            edition,
            segments,
            self._condition,
            day=day,
            digest_of=digest_of,
            variants=variants,
            sections=sections,
            counted=counted,
        )

    def count_audience(
        self,
        edition: str,
        segments: Mapping[str, Segment],
        *,
        day: date | None = None,
        digest_of: str = "",
    ) -> dict[str, int]:
        """How many readers of each segment would get an edition now."""
        chosen = self.audience(edition, segments, day=day, digest_of=digest_of).subquery()
        query = (
            select(chosen.c.segment, func.count())
            .group_by(chosen.c.segment)
            .order_by(chosen.c.segment)
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    # -- within

    def _condition(self, segment: Segment, columns: ReaderColumns) -> ColumnElement[bool]:
        if self._compile is None:
            raise AudienceError(
                segment.title or segment.edition, "segments need a compiler for their rules"
            )
        return self._compile(segment, columns, self._clock())

    def _unsubscribe(self, who: ColumnElement[bool], how: str, now: datetime) -> bool:
        hashed = self.address_hash
        with self._database.begin() as connection:
            row = connection.execute(
                select(readers.c.id, readers.c.state, readers.c.address_key).where(who)
            ).one_or_none()
            if row is None:
                return False
            if farewells.unsubscribe(connection, row, how=how, now=now):
                self._write_down(connection, [hashed(row.address_key)], "unsubscribed", now)
        return True

    def _write_down(
        self, connection: Connection, hashes: Sequence[str], reason: str, now: datetime
    ) -> None:
        if self.journal is not None:
            self.journal.add(connection, hashes, reason, now)

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
