"""Backups: made while the program runs, verified, rotated; and the way back from one.

A database that was put back knows less than happened. Letters may have left after the backup was
made, of issues it shows as waiting. So a restored database sends nothing: what was open is in
doubt, what was approved has to be approved again, and sending begins again when a person has said
that it may (:func:`release`).
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import make_url

from newsletter.config import Config
from newsletter.database.copying import copy_sqlite, seal_sqlite, sync, verify_sqlite
from newsletter.database.facts import RELEASED, RESTORED, fact, set_fact
from newsletter.database.leaders import Leaders
from newsletter.database.tables import HEAD
from newsletter.errors import DatabaseError
from newsletter.issue.approve import withdraw
from newsletter.model import IssueState
from newsletter.newsroom import Newsroom, open_newsroom

log = logging.getLogger(__name__)

_NAME = re.compile(r"newsletter-(\d{8}T\d{6})Z\.(sqlite|dump)")
OPEN = (IssueState.SENDING, IssueState.PAUSED, IssueState.PARTLY_SENT)
"""States of issues that may have letters of which nobody knows."""
_READ_DUMP = ("pg_restore", f"--file={os.devnull}")
"""Makes the whole script and throws it away; "--list" would read the first pages only."""
READ_THROUGH = {
    ".sqlite": "It was read through and is whole.",
    ".dump": "pg_restore read all of it without an error.",
}
"""What reading a backup shows, by the form of its file."""
OFFICE = "scheduler"
DOUBT = "the database was restored from a backup; this letter may have left after it was made"
DOUBT_MAIL = "the database was restored from a backup; this mail may have left after it was made"
DOUBT_APPROVED = "the database was restored from a backup; it may have been sent since"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One backup: where it lies, the moment it shows, and its size in bytes."""

    file: Path
    made: datetime
    size: int


def folder(config: Config) -> Path:
    """Where backups are kept."""
    return config.path(config.backup.folder)


def copies(config: Config) -> list[Copy]:
    """The backups there are, newest first."""
    found = []
    try:
        entries = list(folder(config).iterdir())
    except OSError:
        return []
    for entry in entries:
        match = _NAME.fullmatch(entry.name)
        if match:
            made = datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
            with suppress(OSError):
                found.append(Copy(file=entry, made=made, size=entry.stat().st_size))
    return sorted(found, key=lambda copy: copy.made, reverse=True)


def make(config: Config, now: datetime) -> Copy:
    """Make a backup, verify it, and take away what the rotation no longer keeps.

    :raises DatabaseError: when it cannot be made; older backups are then left alone.
    """
    stamp = f"{now:%Y%m%dT%H%M%S}Z"
    sqlite = sqlite_file(config)
    if sqlite is not None:
        target = folder(config) / f"newsletter-{stamp}.sqlite"
        copy_sqlite(sqlite, target)
    else:
        target = folder(config) / f"newsletter-{stamp}.dump"
        _dump_postgres(config, target)
    made = Copy(file=target, made=now, size=target.stat().st_size)
    settings = config.backup
    for old in surplus(copies(config), settings.keep_daily, settings.keep_weekly):
        with suppress(OSError):
            old.file.unlink()
    return made


def make_if_due(room: Newsroom) -> Copy | None:
    """Make a backup when the last one is older than ``every_hours``; None when it is not."""
    settings, now = room.config.backup, room.clock()
    if not settings.enabled or (sqlite_file(room.config) is None and not shutil.which("pg_dump")):
        return None
    found = copies(room.config)
    # A backup from the future was made before the clock was set right: it says nothing.
    age = now - found[0].made if found else None
    if age is not None and timedelta(0) <= age < timedelta(hours=settings.every_hours):
        return None
    made = make(room.config, now)
    log.info("backup %s, %s bytes, verified", made.file.name, made.size)
    room.audit.note("scheduler", "backup", made.file.name, f"{made.size} bytes, verified")
    return made


def surplus(found: Sequence[Copy], keep_daily: int, keep_weekly: int) -> list[Copy]:
    """The backups that the rotation no longer keeps.

    Kept are the newest of each of the last days and weeks that have one, and always the newest.
    """
    kept: set[Path] = set()
    newest_first = sorted(found, key=lambda copy: copy.made, reverse=True)
    for form, count in (("%Y-%m-%d", keep_daily), ("%G-%V", keep_weekly)):
        spans: list[str] = []
        for copy in newest_first:
            span = copy.made.strftime(form)
            if span not in spans and len(spans) < count:
                spans.append(span)
                kept.add(copy.file)
    if newest_first:
        kept.add(newest_first[0].file)
    return [copy for copy in newest_first if copy.file not in kept]


def verify(copy: Copy) -> str:
    """Read all of a backup; what that showed, as a sentence.

    :raises DatabaseError: when it is damaged.
    """
    if copy.file.suffix == ".sqlite":
        verify_sqlite(copy.file)
        return READ_THROUGH[".sqlite"]
    try:
        subprocess.run(  # noqa: S603 - no shell; a file of our own
            [*_READ_DUMP, str(copy.file)], check=True, capture_output=True, timeout=3600
        )
    except FileNotFoundError:
        raise DatabaseError(
            "pg_restore",
            "is not installed here, and a PostgreSQL backup is read with it",
            hint="Install PostgreSQL's client programs.",
        ) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise DatabaseError(
            str(copy.file),
            f"is damaged: {_said(error) or 'pg_restore failed'}",
            hint='Use an older one ("newsletter backup --list"), and make a new one.',
        ) from None
    return READ_THROUGH[".dump"]


def sqlite_file(config: Config) -> Path | None:
    """The database's file; None when it is a server."""
    url = make_url(config.database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    return Path(url.database)


def restore(config: Config, source: Path, now: datetime) -> Path | None:
    """Put a backup in the place of the database; where the database that was there lies now.

    :raises DatabaseError: when the backup is damaged or newer than this program, or when the
        program is running.
    """
    target = sqlite_file(config)
    if target is None:
        raise DatabaseError(
            config.database.url.split("@")[-1],
            "is a PostgreSQL database, which pg_restore puts back",
            hint='Follow docs/operating.md, then run "newsletter restore --after-pg-restore".',
        )
    revision = verify_sqlite(source)
    if revision > HEAD:
        raise DatabaseError(
            str(source),
            f"was made by a newer version of this program (tables {revision}, known is {HEAD})",
            hint="Install that version first.",
        )
    _refuse_while_running(config, now)
    fresh = target.with_name(f".{target.name}.restoring")
    beside = config.database.model_copy(update={"url": f"sqlite:///{fresh}"})
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear(fresh)
        shutil.copyfile(source, fresh)
        fresh.chmod(0o600)
        # Upgraded and marked where nobody looks for it: a restore that dies leaves either the old
        # database in its place or a new one that sends nothing.
        room = open_newsroom(config.model_copy(update={"database": beside}), clock=lambda: now)
        try:
            doubt_everything(room, source.name)
        finally:
            room.close()
        seal_sqlite(fresh)
        aside = _swap(fresh, target, now)
    except (OSError, sqlite3.Error) as error:
        raise DatabaseError(
            str(target),
            f"the backup cannot be put there: {getattr(error, 'strerror', '') or error}",
            hint="Free some space or mend the permissions; the old database is still there.",
        ) from None
    finally:
        _clear(fresh)
    return aside


def _swap(fresh: Path, target: Path, now: datetime) -> Path | None:
    """Put a database in the place of another; where that one lies now.

    The old one goes first and its log with it: a log that stayed would be played into the new one.
    """
    aside: Path | None = None
    if target.exists():
        aside = target.with_name(f"{target.name}.before-{now:%Y%m%dT%H%M%S}Z")
        target.replace(aside)
    for suffix in ("-wal", "-shm"):
        beside = target.with_name(target.name + suffix)
        if beside.exists():
            beside.replace(target.with_name(f"{(aside or target).name}{suffix}"))
    fresh.replace(target)
    sync(target.parent)
    return aside


def _clear(fresh: Path) -> None:
    """Take away what a restore left: also one that died, whose log would spoil the next."""
    with suppress(OSError):
        for left in fresh.parent.glob(f"{fresh.name}*"):
            left.unlink()


def doubt_everything(room: Newsroom, source: str) -> int:
    """Forbid sending and put every letter and mail that had not ended in doubt; how many.

    For a database that was put back from a backup, by :func:`restore` or by PostgreSQL's own way.
    """
    from newsletter.pipeline.letters import recipients_of  # noqa: PLC0415 - what status need not load

    now = room.clock()
    set_fact(room.database, RESTORED, f"{now.isoformat()} {source}")
    doubtful = 0
    for issue in room.issues.in_states([*OPEN, IssueState.APPROVED]):
        if issue.state in OPEN:
            # A backup that was made while an audience was being written down has only a part of
            # it; the others may have their letter all the same.
            if not room.ledger.is_frozen(issue.id):
                readers = recipients_of(room, issue)
                room.ledger.freeze(issue.id, readers, random_word=room.tag, now=now)
            doubtful += room.ledger.doubt(issue.id, reason=DOUBT, now=now)
        else:
            room.issues.change(issue, withdraw(issue))
            room.audit.note("cli:restore", "withdraw approval", issue.id, DOUBT_APPROVED)
    doubtful += room.mails.doubt(reason=DOUBT_MAIL, now=now)
    # The epoch of the backup is past for every process that still runs with a later one.
    Leaders(room.database).lead(OFFICE, "restore", now=now, seconds=1)
    Leaders(room.database).resign(OFFICE, "restore", now=now)
    room.audit.note("cli:restore", "restore", source, f"{doubtful} letters and mails in doubt")
    return doubtful


def release(room: Newsroom, by: str) -> None:
    """Let a restored database send again: a person looked at what had been sent since."""
    if fact(room.database, RESTORED):
        set_fact(room.database, RELEASED, room.clock().isoformat())
        set_fact(room.database, RESTORED, "")
        room.audit.note(by, "release", "restored database", "sending may go on")


def _refuse_while_running(config: Config, now: datetime) -> None:
    target = sqlite_file(config)
    if target is None or not target.exists():
        return
    try:
        room = open_newsroom(config)
    except DatabaseError:
        return  # What is there cannot even be opened: that is why somebody restores.
    try:
        leader = room.leaders.current(OFFICE, now=now)
    except DatabaseError:
        return
    finally:
        room.close()
    if leader is not None and leader.alive:
        raise DatabaseError(
            str(target),
            f"is in use by a running program (process {leader.pid})",
            hint='Stop it first: "systemctl stop newsletter", or Ctrl-C where it runs.',
        )


def _dump_postgres(config: Config, target: Path) -> None:
    """Have pg_dump write its own compressed form, and pg_restore read all of it."""
    url = make_url(config.database_url).set(drivername="postgresql")
    part = target.with_name(f".{target.name}.part")
    environment = {**os.environ, "PGPASSWORD": str(url.password)} if url.password else None
    address = url.set(password=None).render_as_string(hide_password=False)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        for words in (
            ["pg_dump", "--format=custom", f"--file={part}", f"--dbname={address}"],
            [*_READ_DUMP, str(part)],
        ):
            subprocess.run(  # noqa: S603 - no shell; the address is the operator's own
                words, check=True, capture_output=True, env=environment, timeout=3600
            )
        sync(part)
        part.replace(target)
        sync(target.parent)
    except FileNotFoundError:
        raise DatabaseError(
            "pg_dump",
            "is not installed here, and a PostgreSQL database is backed up with it",
            hint="Install PostgreSQL's client programs, or back up where the server runs.",
        ) from None
    except (OSError, subprocess.SubprocessError) as error:
        with suppress(OSError):
            part.unlink()
        raise DatabaseError(
            str(target),
            f"the backup cannot be made: {_said(error) or 'pg_dump failed'}",
            hint="pg_dump must not be older than the server.",
            again=True,
        ) from None


def _said(error: Exception) -> str:
    """The first line of what a program said when it failed."""
    said = getattr(error, "stderr", None) or str(error).encode()
    return next(iter(said.decode("utf-8", "replace").strip().splitlines()), "")
