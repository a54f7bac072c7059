"""Bringing many people in at once, without bringing anybody back who left.

A file of a million rows is stored in transactions of some thousand rows each, so other writers
wait no longer than one of those takes. Each transaction asks once which addresses are there
already, and then writes table by table with the driver's own executemany; SQLAlchemy's per-row
work would double the time (TRAPS of storage: bulk insert 2.35 times raw).
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, Row, Table, select, update

from newsletter.database.bulk import bulk_insert, matching, new_ids
from newsletter.database.tables import consents, reader_tags, readers, subscriptions, suppressions
from newsletter.model import ReaderState, Refusal
from newsletter.model import Row as Person

CHUNK = 20_000
"""Rows in a transaction. A million scattered addresses touch every page of an index in each of
them, so four times the size is a third less work; another writer waits for about a second."""
TOPIC, LIST = "topic", "list"
EXAMPLES = 10

AddressHash = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of every row of an import.

    ``kept_out`` are people who unsubscribed, or whose address must not be mailed: they stay
    as they are. ``file`` names every refused row; it is written only when there are any.
    """

    added: int
    updated: int
    unchanged: int
    refused: int
    kept_out: int
    examples: tuple[Refusal, ...]
    file: Path | None


class _Bits:
    """A set of row numbers at one bit each: a million people in 125 KB."""

    _PAGE = 16

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def add(self, number: int) -> None:
        page = self._pages.get(number >> self._PAGE)
        if page is None:
            page = self._pages[number >> self._PAGE] = bytearray(1 << (self._PAGE - 3))
        place = number & ((1 << self._PAGE) - 1)
        page[place >> 3] |= 1 << (place & 7)

    def __contains__(self, number: int) -> bool:
        page = self._pages.get(number >> self._PAGE)
        place = number & ((1 << self._PAGE) - 1)
        return page is not None and bool(page[place >> 3] & (1 << (place & 7)))


@dataclass
class _Tally:
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    kept_out: int = 0
    seen: _Bits = field(default_factory=_Bits)


class Import:
    """One import on its way; :meth:`chunk` stores a part of it in one transaction."""

    def __init__(
        self,
        *,
        source: str,
        consent: str,
        editions: Sequence[str],
        now: datetime,
        token: Callable[[], str],
        address_hash: AddressHash,
    ):
        self._source = source
        self._consent = consent
        self._editions = tuple(dict.fromkeys(editions))
        self._now = now
        self._token = token
        self._hash = address_hash
        self.tally = _Tally()

    def chunk(self, connection: Connection, people: Sequence[Person]) -> list[Refusal]:
        """Store some rows; give back those that name an address a second time."""
        refused: list[Refusal] = []
        wanted: dict[str, Person] = {}
        for person in people:
            if person.address_key in wanted:
                first = wanted[person.address_key]
                refused.append(_again(person, f"the same address is on line {first.line:,}"))
            else:
                wanted[person.address_key] = person
        there = _existing(connection, list(wanted))
        barred = self._barred(connection, wanted)
        new: list[Person] = []
        known: list[tuple[Person, Row[*tuple[Any, ...]]]] = []
        for key, person in wanted.items():
            row = there.get(key)
            if row is not None and row.id in self.tally.seen:
                refused.append(_again(person, "the same address is on an earlier line"))
            elif key in barred:
                self.tally.kept_out += 1
            elif row is None:
                new.append(person)
            else:
                self.tally.seen.add(row.id)
                known.append((person, row))
        self._add(connection, new)
        self._refresh(connection, known)
        return refused

    def _barred(self, connection: Connection, wanted: dict[str, Person]) -> set[str]:
        """The addresses among these that are on the suppression list."""
        if connection.execute(select(suppressions.c.reason).limit(1)).first() is None:
            return set()
        hashes = {self._hash(key): key for key in wanted}
        column = suppressions.c.address_hash
        query = select(column).where(matching(connection, column, list(hashes)))
        return {hashes[found] for found in connection.execute(query).scalars()}

    def _add(self, connection: Connection, people: Sequence[Person]) -> None:
        if not people:
            return
        # The unique indexes of addresses and words are what an import of a million waits for:
        # in order of address, and with words that begin alike, a transaction touches few pages.
        ids = new_ids(connection, len(people))
        in_order = sorted(people, key=lambda person: person.address_key)
        everybody = list(zip(ids, in_order, strict=True))
        shared, token = self._token()[:4], self._token
        bulk_insert(
            connection,
            readers,
            (
                "id",
                "email",
                "address_key",
                "email_domain",
                "name",
                "country",
                "language",
                "timezone",
                "token",
            ),
            [
                (
                    number,
                    person.email,
                    person.address_key,
                    person.email_domain,
                    person.name,
                    person.country,
                    person.language,
                    person.timezone,
                    shared + token()[4:],
                )
                for number, person in everybody
            ],
            constant={
                "state": ReaderState.ACTIVE.value,
                "joined": self._now,
                "source": self._source,
                "attributes": {},
            },
        )
        bulk_insert(
            connection,
            reader_tags,
            ("reader", "kind", "tag"),
            [(number, *tag) for number, person in everybody for tag in _tags(person)],
        )
        for edition in self._editions:
            self._subscribe(connection, edition, [number for number, _ in everybody])
        self._log(connection, [number for number, _ in everybody])
        for number in ids:
            self.tally.seen.add(number)
        self.tally.added += len(people)

    def _refresh(
        self, connection: Connection, known: Sequence[tuple[Person, Row[*tuple[Any, ...]]]]
    ) -> None:
        """Bring people up to date who are there already; what the file leaves empty stays."""
        here = []
        for person, row in known:
            if row.state in {ReaderState.UNSUBSCRIBED, ReaderState.SUPPRESSED}:
                self.tally.kept_out += 1
            else:
                here.append((person, row))
        if not here:
            return
        ids = [row.id for _, row in here]
        tags = _by_reader(connection, reader_tags, ids, ("kind", "tag"))
        held = _by_reader(connection, subscriptions, ids, ("edition",))
        chose = _who_chose(connection, ids)
        new_tags: list[tuple[object, ...]] = []
        new_subscriptions: dict[str, list[int]] = {}
        changed: list[int] = []
        for person, row in here:
            values = {
                name: value
                for name in ("name", "country", "language", "timezone")
                if (value := getattr(person, name)) and value != getattr(row, name)
            }
            if row.state == ReaderState.PENDING:
                values["state"] = ReaderState.ACTIVE.value
                self._activate(connection, row.id)
            if values:
                connection.execute(update(readers).where(readers.c.id == row.id).values(**values))
            more = [
                tag
                for tag in _tags(person)
                if tag not in tags.get(row.id, ()) and not (tag[0] == TOPIC and row.id in chose)
            ]
            new_tags += [(row.id, *tag) for tag in more]
            missing = [
                edition for edition in self._editions if (edition,) not in held.get(row.id, ())
            ]
            for edition in missing:
                new_subscriptions.setdefault(edition, []).append(row.id)
            if values or more or missing:
                changed.append(row.id)
        bulk_insert(connection, reader_tags, ("reader", "kind", "tag"), new_tags)
        for edition, some in new_subscriptions.items():
            self._subscribe(connection, edition, some)
        self._log(connection, changed)
        self.tally.updated += len(changed)
        self.tally.unchanged += len(here) - len(changed)

    def _subscribe(self, connection: Connection, edition: str, ids: Sequence[int]) -> None:
        bulk_insert(
            connection,
            subscriptions,
            ("reader",),
            [(number,) for number in ids],
            constant={"edition": edition, "state": "active", "since": self._now},
        )

    def _activate(self, connection: Connection, reader: int) -> None:
        connection.execute(
            update(subscriptions)
            .where(
                subscriptions.c.reader == reader,
                subscriptions.c.state == "pending",
                subscriptions.c.edition.in_(self._editions),
            )
            .values(state="active", since=self._now)
        )

    def _log(self, connection: Connection, ids: Sequence[int]) -> None:
        bulk_insert(
            connection,
            consents,
            ("reader",),
            [(number,) for number in ids],
            constant={
                "action": "imported",
                "at": self._now,
                "source": self._source,
                "detail": self._consent,
            },
        )


class RefusalFile:
    """The file of all refused rows, made when the first one comes; for its owner's eyes."""

    def __init__(self, path: Path):
        self._path = path
        self._stream: TextIO | None = None
        self.count = 0
        self.examples: list[Refusal] = []

    def __enter__(self) -> RefusalFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream:
            self._stream.close()

    @property
    def path(self) -> Path | None:
        """Where the rows are; None when there are none."""
        return self._path if self.count else None

    def write(self, refusal: Refusal) -> None:
        """Add a row.

        :raises OSError: when the file cannot be written.
        """
        if self._stream is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            self._stream = self._path.open("w", encoding="utf-8", newline="")
            csv.writer(self._stream).writerow(("line", "column", "value", "reason"))
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(refusal)
        csv.writer(self._stream).writerow(
            (refusal.line, guarded(refusal.column), guarded(refusal.value), refusal.reason)
        )


def guarded(cell: str) -> str:
    """A cell that no spreadsheet computes: an apostrophe before anything that looks like a formula.

    The apostrophe is what OWASP recommends against CSV injection; an import takes it off again.
    Full-width forms count too, because some programs fold them.
    """
    if cell and unicodedata.normalize("NFKC", cell[0])[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return "'" + cell
    return cell


def pieces(
    rows: Iterable[Person | Refusal], size: int = CHUNK
) -> Iterator[tuple[list[Person], list[Refusal]]]:
    """Cut a stream into parts of so many lines, each as people and refusals."""
    iterator = iter(rows)
    while part := list(islice(iterator, size)):
        people: list[Person] = []
        refusals: list[Refusal] = []
        for row in part:
            if isinstance(row, Refusal):
                refusals.append(row)
            else:
                people.append(row)
        yield people, refusals


def _tags(person: Person) -> list[tuple[str, str]]:
    return [(TOPIC, tag) for tag in person.topics] + [(LIST, tag) for tag in person.lists]


def _again(person: Person, reason: str) -> Refusal:
    return Refusal(line=person.line, column="email", value=person.email, reason=reason)


def _existing(connection: Connection, keys: Sequence[str]) -> dict[str, Row[*tuple[Any, ...]]]:
    columns = readers.c
    query = select(
        columns.address_key,
        columns.id,
        columns.state,
        columns.name,
        columns.country,
        columns.language,
        columns.timezone,
    ).where(matching(connection, columns.address_key, keys))
    return {row.address_key: row for row in connection.execute(query)}


def _who_chose(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those who chose their topics themselves; a file does not add to that."""
    query = select(consents.c.reader).where(
        consents.c.action == "preferences", matching(connection, consents.c.reader, ids)
    )
    return set(connection.execute(query).scalars())


def _by_reader(
    connection: Connection, table: Table, ids: Sequence[int], names: Sequence[str]
) -> dict[int, set[tuple[str, ...]]]:
    query = select(table.c.reader, *(table.c[name] for name in names)).where(
        matching(connection, table.c.reader, ids)
    )
    found: dict[int, set[tuple[str, ...]]] = {}
    for reader, *values in connection.execute(query):
        found.setdefault(reader, set()).add(tuple(values))
    return found
