"""The doctor on this machine: permissions, clock, disk, database, backups, who rings the bells."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from newsletter.database.copying import verify_sqlite
from newsletter.database.tables import HEAD
from newsletter.errors import ConfigError
from newsletter.newsroom import Newsroom
from newsletter.operations import backup, status
from newsletter.operations.findings import Finding, ok
from newsletter.operations.looks import NO_WORKER, unattended_jobs
from newsletter.work import workers_at_work

CLOCK_SECONDS = 5
"""A clock that is further off than this signs, expires and sends at the wrong moment."""


SET_CLOCK = "Set the clock; run time synchronisation (systemd-timesyncd or chrony)."


def refuse_a_wrong_clock(room: Newsroom) -> None:
    """Refuse to work beside others with a clock of one's own.

    A machine whose clock is ahead takes senders that are at work for dead, and asks their provider
    about letters that are still on their way.

    :raises ConfigError: when the database's clock is another.
    """
    if abs(ahead := room.database.ahead(room.clock)) > CLOCK_SECONDS:
        raise ConfigError("the clock", clock_is_off(ahead), hint=SET_CLOCK)


def clock_is_off(ahead: float) -> str:
    """What to say about a clock that is not the database's."""
    way = "ahead of" if ahead > 0 else "behind"
    return f"is {abs(ahead):.0f} s {way} the database's"


def permissions(room: Newsroom) -> Iterator[Finding]:
    """Folders that must be writable, and files that others must not read."""
    config = room.config
    database = backup.sqlite_file(config)
    places = {config.path("data"), backup.folder(config), config.path(config.paths.previews)}
    if database is not None:
        places.add(database.parent)
    if config.delivery.transport == "folder":
        places.add(config.path(config.paths.outbox))
    bad = [place for place in places if not os.access(_nearest(place), os.W_OK | os.X_OK)]
    for place in sorted(bad):
        yield Finding(
            name="permissions",
            state="fail",
            says=f"{place} cannot be written",
            hint=f"Give it to the user that runs the service (here: {_user()}).",
        )
    if database is not None and database.exists():
        mode = stat.S_IMODE(database.stat().st_mode)
        if mode & 0o004:
            yield Finding(
                name="permissions",
                state="warn",
                says=f"{database.name} can be read by everybody on this machine (mode {mode:03o})",
                hint=f"chmod 600 {database}; it holds your readers' addresses.",
            )
    if not bad:
        yield ok("permissions", f"all folders can be written by {_user()}")


def clock(room: Newsroom) -> Iterator[Finding]:
    """Whether the clock is set, as far as this machine itself can tell."""
    now = room.clock()
    newest = max(
        (entry.at for entry in room.audit.entries(limit=1)), default=now - timedelta(seconds=1)
    )
    if newest > now + timedelta(seconds=CLOCK_SECONDS):
        yield Finding(
            name="clock",
            state="fail",
            says=f"it is {now:%Y-%m-%d %H:%M} UTC here, before something already written down",
            hint=SET_CLOCK,
        )
        return
    if abs(ahead := room.database.ahead(room.clock)) > CLOCK_SECONDS:
        yield Finding(name="clock", state="fail", says=clock_is_off(ahead), hint=SET_CLOCK)
        return
    if room.database.dialect != "postgresql" and _synchronised() == "no":
        yield Finding(
            name="clock",
            state="warn",
            says=f"{now:%Y-%m-%d %H:%M:%S} UTC, and nothing keeps it right",
            hint=SET_CLOCK,
        )
        return
    zones = ", ".join(sorted({edition.zone for edition in room.config.editions.values()}))
    yield ok("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC; editions in {zones}")


def disk(room: Newsroom) -> Iterator[Finding]:
    """Free space beside the data."""
    free = status.disk_free(room) // 1_000_000
    limit = room.config.alerts.disk_free_mb
    if free < limit:
        yield Finding(
            name="disk",
            state="fail",
            says=f"{free:,} MB are free, {limit:,} MB are wanted",
            hint="Free some space, or shorten [retention].",
        )
    else:
        yield ok("disk", f"{free / 1000:,.1f} GB free")


def database(room: Newsroom) -> Iterator[Finding]:
    """Integrity and version of the tables."""
    file = backup.sqlite_file(room.config)
    with room.database.reading() as connection:
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        server = (
            connection.execute(text("SHOW server_version")).scalar()
            if room.database.dialect == "postgresql"
            else None
        )
    if file is not None:
        started = time.monotonic()
        verify_sqlite(file)
        took = time.monotonic() - started
        size = file.stat().st_size / 1e6
        yield ok("database", f"{file.name}, {size:,.1f} MB, read through in {took:.1f} s")
    else:
        yield ok("database", f"PostgreSQL {server}")
    if revision != HEAD:
        yield Finding(
            name="database",
            state="warn",
            says=f"its tables are {revision}, this program's are {HEAD}",
            hint="When no older program is left: newsletter upgrade --finish.",
        )


def backups(room: Newsroom) -> Iterator[Finding]:
    """The newest backup: its age, and whether it can be read."""
    copies = backup.copies(room.config)
    now = room.clock()
    if not copies:
        yield Finding(
            name="backup",
            state="warn",
            says="there is none yet",
            hint="newsletter backup makes one; newsletter run makes one a day.",
        )
        return
    newest = copies[0]
    if newest.file.suffix == ".sqlite":
        verify_sqlite(newest.file)
    age = now - newest.made
    limit = room.config.alerts.backup_hours
    says = f"{newest.file.name}, {age // timedelta(hours=1)} h old, {len(copies)} in all"
    if limit and age > timedelta(hours=limit):
        yield Finding(name="backup", state="fail", says=says, hint="newsletter backup")
    else:
        yield ok("backup", says)
    data = backup.sqlite_file(room.config)
    if data is not None and newest.file.stat().st_dev == data.stat().st_dev:
        yield Finding(
            name="backup",
            state="warn",
            says="backups lie on the same disk as the database",
            hint="Copy [backup] folder to another machine every day.",
        )


def scheduler(room: Newsroom) -> Iterator[Finding]:
    """Whether somebody rings the bells."""
    leader = room.leaders.current(status.OFFICE, now=room.clock())
    if leader is not None and leader.alive:
        yield ok("scheduler", f"at work, process {leader.pid}")
    else:
        yield Finding(
            name="scheduler",
            state="warn",
            says="none is running",
            hint="systemctl status newsletter; or newsletter run.",
        )


def workers(room: Newsroom) -> Iterator[Finding]:
    """Whether somebody takes the jobs that machines share out among themselves."""
    if room.database.dialect != "postgresql":
        yield ok("workers", "none needed: newsletter run does all work itself")
        return
    number = workers_at_work(room.database.url)
    if unattended_jobs(room, room.clock()):
        yield Finding(
            name="workers",
            state="fail",
            says="jobs wait, and no worker is there to do them",
            hint=NO_WORKER,
        )
    else:
        yield ok("workers", f"{number} at work" if number else "none, and no job waits for one")


def troubles(room: Newsroom) -> Iterator[Finding]:
    """What the alerts know of."""
    found = room.alerts.open()
    for one in found:
        yield Finding(name="troubles", state="fail", says=one.sentence, hint=one.hint)
    if not found:
        yield ok("troubles", "nothing needs you")


def _synchronised() -> str:
    """What the system says of its clock: yes, no, or nothing where it does not know."""
    try:
        done = subprocess.run(
            ["timedatectl", "show", "-p", "NTPSynchronized", "--value"],  # noqa: S607 - where the system has it
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def _nearest(path: Path) -> Path:
    return next(one for one in (path, *path.parents) if one.exists())


def _user() -> str:
    import getpass  # noqa: PLC0415 - only here

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "this user"
