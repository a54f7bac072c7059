"""An hour-old backup is put back in the middle of a send: nobody gets a second letter."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import select

from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.delivery_events import absorb
from newsletter.database.engine import Database, open_database
from newsletter.database.tables import deliveries
from newsletter.delivery.events import FAREWELLS, STATES
from newsletter.delivery.reconcile import reconcile
from newsletter.delivery.send import SendReport, SendSettings, send_issue
from newsletter.delivery.transport import RecordingTransport
from newsletter.model import DeliveryState, Event, Letter, Outcome
from tests.delivery.people import ISSUE, NOON, Watch, freeze, issue_mail, people, words

READERS = 300
owners = words("owner")


def copy(source: Path, target: Path) -> None:
    """Copy a database while it may be in use, as a backup does."""
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()


def send(
    database: Database,
    transport: RecordingTransport,
    *,
    batches: int = 10**6,
    on_unknown: Literal["hold", "resend"] = "hold",
) -> SendReport:
    """Send, at most so many batches."""
    watch, looks = Watch(), iter(range(batches))
    return send_issue(
        ISSUE,
        ledger=DeliveryLedger(database),
        transport=transport,
        mail=issue_mail(),
        clock=watch,
        sleep=watch.sleep,
        owner=owners(),
        settings=SendSettings(claim_size=50, on_unknown=on_unknown),
        stop=lambda: next(looks, None) is None,
    )


@pytest.mark.parametrize("size", [10, 100])
def test_nobody_twice(tmp_path: Path, size: int) -> None:
    """After the restore every open letter is in doubt, and events settle it without a second copy."""
    url, backup = f"sqlite:///{tmp_path}/news.sqlite", tmp_path / "backup.sqlite"
    database = open_database(url)
    people(database, READERS)
    freeze(DeliveryLedger(database))
    transport = RecordingTransport(batch_size=size)
    send(database, transport, batches=2)
    left_before = len(transport.letters)
    assert 0 < left_before < READERS
    copy(tmp_path / "news.sqlite", backup)
    send(database, transport)
    database.close()
    assert len(transport.letters) == READERS

    for name in ("news.sqlite-wal", "news.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    copy(backup, tmp_path / "news.sqlite")
    restored = open_database(url)
    ledger = DeliveryLedger(restored)
    doubtful = ledger.doubt(ISSUE, reason="a backup was put back", now=NOON)
    assert doubtful == READERS - left_before
    again = RecordingTransport(batch_size=size, settles_after=0)
    report = send(restored, again)
    assert again.letters == [], "absence proves nothing when nobody knows the batch"
    assert report.unknown == doubtful
    assert reconcile(ISSUE, ledger=ledger, transports=[again], clock=Watch()).queued == 0

    with restored.reading() as connection:
        keys = list(connection.scalars(select(deliveries.c.key)))
    reported = [Event(key=key, kind="processed", at=NOON) for key in keys]
    absorb(restored, reported, states=STATES, farewells=FAREWELLS, now=NOON)
    assert ledger.states(ISSUE) == {"accepted": READERS}
    assert set(Counter(one.to for one in transport.letters).values()) == {1}
    restored.close()


@pytest.mark.parametrize("policy", ["hold", "resend"])
def test_doubt_from_before_the_backup(tmp_path: Path, policy: Literal["hold", "resend"]) -> None:
    """What was in doubt at the backup and left after it in another batch is not sent once more."""
    url, backup = f"sqlite:///{tmp_path}/news.sqlite", tmp_path / "backup.sqlite"
    database = open_database(url)
    people(database, READERS)
    freeze(DeliveryLedger(database))

    def lost(letter: Letter) -> Outcome:
        return Outcome(key=letter.key, state=DeliveryState.UNKNOWN, reason="time-out")

    doubtful = RecordingTransport(lost, batch_size=100, keeps_unknown=False)
    assert send(database, doubtful, batches=1).settled["unknown"]
    copy(tmp_path / "news.sqlite", backup)
    transport = RecordingTransport(batch_size=100, settles_after=0)
    assert send(database, transport).finished
    assert len(transport.letters) == READERS
    database.close()

    for name in ("news.sqlite-wal", "news.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    copy(backup, tmp_path / "news.sqlite")
    restored = open_database(url)
    assert DeliveryLedger(restored).doubt(ISSUE, reason="put back", now=NOON) == READERS
    again = RecordingTransport(batch_size=100, settles_after=0)
    report = send(restored, again, on_unknown=policy)
    assert again.letters == [], "neither absence nor policy sends what a backup has forgotten"
    assert report.unknown == READERS
    restored.close()
