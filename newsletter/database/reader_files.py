"""Files of readers: an import, and the export."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TextIO

from sqlalchemy import select

from newsletter.database.bulk import roomy
from newsletter.database.reader_import import (
    LIST,
    TOPIC,
    Import,
    ImportReport,
    Mode,
    pieces,
)
from newsletter.database.reader_part import ReaderPart, tags_of
from newsletter.database.refusals import RefusalFile, guarded
from newsletter.database.tables import readers
from newsletter.errors import AudienceError
from newsletter.model import Refusal
from newsletter.model import Row as Person

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


class ReaderFiles(ReaderPart):
    """Brings people in by the file and writes them out."""

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
                tags = tags_of(connection, [row.id for row in part])
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
