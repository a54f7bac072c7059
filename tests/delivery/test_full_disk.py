"""The disk is full at every single write in turn; afterwards everybody has one letter."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from newsletter.database import leases
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import Database, open_database
from newsletter.delivery.send import SendReport, SendSettings, send_issue
from newsletter.delivery.transport.recording import RecordingTransport
from newsletter.errors import DatabaseError
from tests.delivery.people import ISSUE, Watch, addresses, freeze, issue_mail, people, words

READERS = 12
OWNERS = words("disk")


class FullDisk(Database):
    """A database whose writes fail from the ``fails``-th on, before or after they are committed."""

    def __init__(self, database: Database, *, fails: int, after: bool):
        super().__init__(database.engine)
        self.fails = fails
        self.after = after
        self.writes = 0

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Let a write through, or not; or commit it and lose the good news."""
        self.writes += 1
        full = self.writes >= self.fails
        if full and not self.after:
            raise DatabaseError("news.sqlite", "the disk is full", again=True)
        with super().begin() as connection:
            yield connection
        if full:
            raise DatabaseError("news.sqlite", "the disk is full", again=True)


def send(database: Database, transport: RecordingTransport, *, born: str) -> SendReport:
    """Send as a process of its own would."""
    watch = Watch()
    place = leases.this_process()
    return send_issue(
        ISSUE,
        # Each send stands for another process; only the last one is still alive.
        ledger=DeliveryLedger(
            database, holder=leases.Holder(place=place.place, pid=place.pid, born=born)
        ),
        transport=transport,
        mail=issue_mail(),
        clock=watch,
        sleep=watch.sleep,
        owner=OWNERS(),
        settings=SendSettings(claim_size=8),
    )


@pytest.mark.parametrize("after", [False, True], ids=["not-written", "written-but-not-told"])
@pytest.mark.parametrize("proof", [0.0, None], ids=["absence-proves", "absence-proves-nothing"])
def test_every_write(tmp_path: Path, *, after: bool, proof: float | None) -> None:
    """Whichever write fails, the next send leaves nobody with two letters and nobody forgotten."""
    prepared = tmp_path / "prepared.sqlite"
    database = open_database(f"sqlite:///{prepared}")
    people(database, READERS)
    freeze(DeliveryLedger(database))
    database.close()
    fails = 0
    while True:
        fails += 1
        copy = tmp_path / f"n{fails}.sqlite"
        shutil.copy(prepared, copy)
        database = open_database(f"sqlite:///{copy}", upgrade=False)
        transport = RecordingTransport(batch_size=4, settles_after=proof)
        full = FullDisk(database, fails=fails, after=after)
        try:
            send(full, transport, born="a process that is gone")
        except DatabaseError:
            assert full.writes >= fails
        report = send(database, transport, born=leases.this_process().born)
        sent = addresses(transport.letters)
        assert len(sent) == len(set(sent)), f"doubled when write {fails} failed"
        assert len(sent) + report.unknown == READERS, f"lost when write {fails} failed"
        assert sum(report.states.values()) == READERS
        if proof is not None:
            assert report.finished, f"not finished when write {fails} failed"
        database.close()
        if full.writes < fails:
            break
    assert fails > 8
