"""Bringing many people in at once, without bringing anybody back who left.

A file of a million rows is stored in transactions of some thousand rows each, so other writers
wait no longer than one of those takes. Each transaction asks once which addresses are there
already, and then writes table by table with the driver's own executemany; SQLAlchemy's per-row
work would double the time (TRAPS of storage: bulk insert 2.35 times raw).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Row, Table, delete, select, update

from newsletter.database import standing
from newsletter.database.bulk import bulk_insert, matching, new_ids
from newsletter.database.rows import upsert
from newsletter.database.tables import (
    consents,
    reader_attributes,
    reader_tags,
    readers,
    subscriptions,
    suppressions,
)
from newsletter.model import ReaderState, Refusal
from newsletter.model import Row as Person

CHUNK = 20_000
"""Rows in a transaction. A million scattered addresses touch every page of an index in each of
them, so four times the size is a third less work; another writer waits for about a second."""
TOPIC, LIST = "topic", "list"

AddressHash = Callable[[str], str]


class Mode(StrEnum):
    """What an import does with people who are here, and with those who are not."""

    ADD = "add"
    """Only brings in who is not here; everybody else stays as they are."""
    UPDATE = "update"
    """Brings in who is not here, and brings up to date who is; an empty cell changes nothing."""
    SYNC = "sync-attributes"
    """Brings in nobody: sets name, country, language, zone and attributes of who is here. An empty
    attribute cell takes the attribute away. Subscriptions, topics and lists stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of every row of an import.

    ``kept_out`` are people who unsubscribed, or whose address must not be mailed: they stay
    as they are. ``not_here`` are people of a sync who are not in the database. ``file`` names
    every refused row; it is written only when there are any. After a dry run nothing has changed
    and the figures say what would have.
    """

    added: int
    updated: int
    unchanged: int
    refused: int
    kept_out: int
    not_here: int = 0
    dry: bool = False
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
    not_here: int = 0
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
        mode: Mode = Mode.UPDATE,
        dry: bool = False,
    ):
        self._mode = mode
        self._dry = dry
        self._would_add: set[int] = set()
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
            if (row is not None and row.id in self.tally.seen) or (
                self._dry and hash(key) in self._would_add
            ):
                refused.append(_again(person, "the same address is on an earlier line"))
            elif key in barred:
                self.tally.kept_out += 1
            elif row is None and self._mode is Mode.SYNC:
                self.tally.not_here += 1
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
        if self._dry:
            # Nothing is stored that a later row could be found by, so its hash is remembered.
            self._would_add.update(hash(person.address_key) for person in people)
            self.tally.added += len(people)
            return
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
                "topics",
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
                    standing.topic_word(person.topics),
                )
                for number, person in everybody
            ],
            constant={
                "state": ReaderState.ACTIVE.value,
                "joined": self._now,
                "source": self._source,
                "attributes": {},
                "receives": standing.word(self._editions),
            },
        )
        bulk_insert(
            connection,
            reader_tags,
            ("reader", "kind", "tag"),
            [(number, *tag) for number, person in everybody for tag in _tags(person)],
        )
        bulk_insert(
            connection,
            reader_attributes,
            ("reader", "name", "value"),
            [
                (number, name, value)
                for number, person in everybody
                for name, value in person.attributes
                if value
            ],
        )
        for edition in self._editions:
            self._subscribe(connection, edition, [number for number, _ in everybody])
        self._log(connection, [(number, person.since) for number, person in everybody])
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
        if self._mode is Mode.ADD:
            self.tally.unchanged += len(here)
            return
        if here:
            self._bring_up_to_date(connection, here)

    def _bring_up_to_date(
        self, connection: Connection, here: Sequence[tuple[Person, Row[*tuple[Any, ...]]]]
    ) -> None:
        ids = [row.id for _, row in here]
        sync = self._mode is Mode.SYNC
        tags = {} if sync else _by_reader(connection, reader_tags, ids, ("kind", "tag"))
        held = {} if sync else _by_reader(connection, subscriptions, ids, ("edition",))
        known = (
            _by_reader(connection, reader_attributes, ids, ("name", "value"))
            if any(person.attributes for person, _ in here)
            else {}
        )
        chose = set() if sync else _who_chose(connection, ids)
        new_tags: list[tuple[int, str, str]] = []
        new_subscriptions: dict[str, list[int]] = {}
        new_attributes: list[dict[str, object]] = []
        gone_attributes: list[tuple[int, str]] = []
        new_values: list[tuple[int, dict[str, str]]] = []
        changed: list[tuple[int, str]] = []
        for person, row in here:
            values = {
                name: value
                for name in ("name", "country", "language", "timezone")
                if (value := getattr(person, name)) and value != getattr(row, name)
            }
            own = dict(cast("set[tuple[str, str]]", known.get(row.id, set())))
            set_ = {n: v for n, v in person.attributes if v and own.get(n) != v}
            lost = [n for n, v in person.attributes if not v and n in own] if sync else []
            new_attributes += [{"reader": row.id, "name": n, "value": v} for n, v in set_.items()]
            gone_attributes += [(row.id, n) for n in lost]
            more: list[tuple[str, str]] = []
            missing: list[str] = []
            if not sync:
                if row.state == ReaderState.PENDING:
                    values["state"] = ReaderState.ACTIVE.value
                own_tags = tags.get(row.id, ())
                more = [
                    tag
                    for tag in _tags(person)
                    if tag not in own_tags and not (tag[0] == TOPIC and row.id in chose)
                ]
                missing = [one for one in self._editions if (one,) not in held.get(row.id, ())]
            new_tags += [(row.id, *tag) for tag in more]
            for edition in missing:
                new_subscriptions.setdefault(edition, []).append(row.id)
            if values:
                new_values.append((row.id, values))
            if values or more or missing or set_ or lost:
                changed.append((row.id, person.since))
        self.tally.updated += len(changed)
        self.tally.unchanged += len(here) - len(changed)
        if self._dry:
            return
        for number, values in new_values:
            if "state" in values:
                self._activate(connection, number)
            connection.execute(update(readers).where(readers.c.id == number).values(**values))
        bulk_insert(connection, reader_tags, ("reader", "kind", "tag"), new_tags)
        standing.reword(connection, sorted({row[0] for row in new_tags}))
        upsert(connection, reader_attributes, new_attributes)
        for number, name in gone_attributes:
            connection.execute(
                delete(reader_attributes).where(
                    reader_attributes.c.reader == number, reader_attributes.c.name == name
                )
            )
        for edition, some in new_subscriptions.items():
            self._subscribe(connection, edition, some)
        woken = [number for number, values in new_values if "state" in values]
        joined = {number for some in new_subscriptions.values() for number in some}
        standing.restand(connection, sorted({*woken, *joined}))
        self._log(connection, changed)

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

    def _log(self, connection: Connection, some: Sequence[tuple[int, str]]) -> None:
        """Write down where each consent came from, and since when, where the file says it."""
        bulk_insert(
            connection,
            consents,
            ("reader", "detail"),
            [
                (number, f"{self._consent}; there since {since}" if since else self._consent)
                for number, since in some
            ],
            constant={"action": "imported", "at": self._now, "source": self._source},
        )


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
