"""Copies of a database, made while it is in use, and looked through before they are trusted."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from newsletter.errors import DatabaseError


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy an SQLite database as of one moment, verify the copy, and put it in place.

    The copy is read in one transaction, which in WAL mode no writer waits for. It is one file, on
    disk before it gets its name, and for its owner's eyes only.

    :raises DatabaseError: when it cannot be read or written, or the copy is damaged.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            part.unlink()
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with (
            closing(sqlite3.connect(f"file:{_quoted(source)}?mode=ro", uri=True)) as original,
            closing(sqlite3.connect(part)) as copy,
        ):
            original.backup(copy, pages=-1)
        seal_sqlite(part)
        part.replace(target)
        sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            part.unlink()
        raise DatabaseError(
            str(target),
            f"the backup cannot be made: {_words(error)}",
            hint="Free some space, or choose another [backup] folder.",
            again=True,
        ) from None


def seal_sqlite(file: Path) -> None:
    """Make a database that nobody uses one file, without a log beside it, whole and on disk.

    :raises DatabaseError: when it is damaged.
    :raises sqlite3.Error: when its log cannot be taken in.
    """
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    verify_sqlite(file)
    sync(file)


def verify_sqlite(file: Path) -> str:
    """Read a database through; the revision of its tables.

    :raises DatabaseError: when it is not there, is damaged, or is not one of ours.
    """
    try:
        with closing(sqlite3.connect(f"file:{_quoted(file)}?mode=ro", uri=True)) as connection:
            damage = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            if damage != ["ok"]:
                raise DatabaseError(
                    str(file), f"is damaged: {damage[0]}", hint="Take an older backup."
                )
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise DatabaseError(
            str(file),
            f"is not a database of this program: {_words(error)}",
            hint='Backups are listed by "newsletter backup --list".',
        ) from None
    return str(found[0]) if found else ""


def sync(path: Path) -> None:
    """See to it that a file or folder is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _quoted(file: Path) -> str:
    return str(file).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _words(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
