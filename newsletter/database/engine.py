"""Opening the database: pragmas, locking, upgrade on start, and errors in plain words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from newsletter.clock import Clock
from newsletter.database.tables import HEAD
from newsletter.errors import DatabaseError

NOTICE_CUTS = {
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 4,
    "tcp_user_timeout": 60_000,
}
"""For PostgreSQL's driver: a server that is cut off is given up after a minute. The system's own
patience is a quarter of an hour, or two hours where nothing is under way."""

# Times come as UTC, whatever zone the server is in. And a machine that is cut off, or a process
# that is stopped, must not hold its locks for long: others wait for them.
_SESSION = """
    SET TIME ZONE 'UTC';
    SET tcp_keepalives_idle = 20;
    SET tcp_keepalives_interval = 10;
    SET tcp_keepalives_count = 4;
    SET tcp_user_timeout = '60s';
    SET idle_in_transaction_session_timeout = '5min';
"""


class Database:
    """One database, upgraded to this program's tables when it is opened.

    :meth:`begin` is the only door: every read and write happens in a transaction that takes its
    write lock at the start (BEGIN IMMEDIATE on SQLite), so two processes queue up instead of
    failing half-way. :meth:`reading` is for looking without blocking a writer.
    """

    def __init__(self, engine: Engine):
        self.engine = engine

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @property
    def url(self) -> str:
        """The address, with its password: for those who make connections of their own."""
        return self.engine.url.render_as_string(hide_password=False)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Give a connection inside a write transaction; commit at the end, roll back on error.

        :raises DatabaseError: when the database is locked for longer than ``busy_seconds``,
            full, read-only or gone.
        """
        with stated(self.engine), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self, *, still: bool = False) -> Iterator[Connection]:
        """Give a connection for reading only; on SQLite it takes no lock.

        :param still: True where several queries have to speak of one moment, whatever is written
            between them. On SQLite they always do.
        """
        with stated(self.engine):
            engine = self.engine.execution_options(newsletter_reading=True)
            if still and self.dialect == "postgresql":
                engine = engine.execution_options(isolation_level="REPEATABLE READ")
            with engine.connect() as connection:
                yield connection

    def ahead(self, clock: Clock) -> float:
        """Seconds by which a clock is ahead of the server's, without the way there and back.

        0 on SQLite, which has no machine of its own.
        """
        if self.dialect != "postgresql":
            return 0.0
        with self.reading() as connection:
            connection.execute(select(1))  # connected, so that the question itself is quick
            before = clock()
            there: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            after = clock()
        return (before - there + (after - before) / 2).total_seconds()

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


def open_database(url: str, *, busy_seconds: float = 10, upgrade: bool = True) -> Database:
    """Connect and, unless told otherwise, bring the tables up to date.

    SQLite runs in WAL with synchronous=FULL: a commit is on disk before the next byte leaves
    the house (0.11 ms a commit, measured), which is what delivery's promise rests on.

    :raises DatabaseError: when the address is wrong, the folder cannot be written, or the tables
        belong to a newer program.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(
            parsed,
            connect_args=_connect_arguments(url, busy_seconds),
            # The connection used last has what is needed next in its memory, and the others none.
            pool_use_lifo=True,
        )
    except (ArgumentError, NoSuchModuleError):
        raise DatabaseError(
            _shown(url),
            "is not a database address this program knows",
            hint='Use "sqlite:///data/newsletter.sqlite" or "postgresql://user@host/name".',
        ) from None
    except ModuleNotFoundError:
        raise DatabaseError(
            _shown(url),
            "needs the PostgreSQL driver, which is not installed",
            hint='Install the extra: pip install "both-sides-newsletter[postgres]".',
        ) from None
    if engine.dialect.name == "postgresql":
        _prepare_postgresql(engine)
        _want_unicode(engine)
    else:
        _prepare_sqlite(engine)
        # An address of SQLite's own ("file:...") says itself what is to be made.
        if parsed.database and not parsed.database.startswith((":memory:", "file:")):
            folder = Path(parsed.database).parent
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DatabaseError(
                    str(folder),
                    f"cannot be made: {error.strerror}",
                    hint="Choose a writable place with [database] url.",
                ) from None
            _make_private(Path(parsed.database))
    database = Database(engine)
    if upgrade:
        _upgrade(database)
    return database


@contextmanager
def stated(engine: Engine) -> Iterator[None]:
    """Turn the driver's errors into ours, with the file or server they are about."""
    try:
        yield
    except DBAPIError as error:
        raise _explained(engine, error) from error


def _connect_arguments(url: str, busy_seconds: float) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"timeout": busy_seconds}
    return {"connect_timeout": max(2, int(busy_seconds)), **NOTICE_CUTS}


def _make_private(file: Path) -> None:
    """Make a new database file for its owner's eyes alone: readers' addresses will be in it."""
    with suppress(OSError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _prepare_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.execute(_SESSION)
        connection.commit()


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        # The driver must not begin transactions by itself: we say BEGIN IMMEDIATE below.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.execute("PRAGMA cache_size=-32000")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        reading = connection.get_execution_options().get("newsletter_reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _want_unicode(engine: Engine) -> None:
    """Refuse a PostgreSQL database that cannot hold every letter, before anything asks it."""

    @event.listens_for(engine, "connect", insert=True)
    def connected(connection: Any, _record: object) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise DatabaseError(
                _shown(engine.url.render_as_string(hide_password=True)),
                f"was made with the encoding {encoding}, and news needs UTF8",
                hint="Make it anew: createdb --encoding=UTF8 --template=template0 NAME.",
            )


def _upgrade(database: Database, *, finish: bool = False) -> None:
    """Run the missing migrations, one process at a time.

    The usual case, nothing to do, is settled with one look: loading Alembic would cost a third of
    the time that a short command takes.
    """
    with database.reading() as connection:
        revision = _revision(connection)
    if revision == HEAD:
        return
    _keep_copy(database, revision)
    from newsletter.database.migrations import upgrade  # noqa: PLC0415 - see above

    with database.begin() as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(6120915)")
        if not upgrade(connection, finish=finish):
            raise DatabaseError(
                _shown(str(database.engine.url)),
                "was made by a newer version of this program",
                hint="Install that version, or restore the backup made before the upgrade.",
            )


def _keep_copy(database: Database, revision: str | None) -> None:
    """Copy an SQLite database of an older program before its tables change, once."""
    url = database.engine.url
    if revision is None or database.dialect != "sqlite" or url.database in {None, "", ":memory:"}:
        return
    from newsletter.database.copying import copy_sqlite  # noqa: PLC0415 - rarely needed

    file = Path(str(url.database))
    copy = file.with_name(f"{file.name}.before-{HEAD}-from-{revision}")
    if not copy.exists():
        copy_sqlite(file, copy)


def finish_upgrade(database: Database) -> None:
    """Make the changes that older programs cannot live with, once none of them is left.

    :raises DatabaseError: when a newer program made the database.
    """
    _upgrade(database, finish=True)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _shown(url: str) -> str:
    """An address without its password."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return "[database] url"
    if parsed.get_backend_name() == "sqlite":
        return str(parsed.database)
    return parsed.render_as_string(hide_password=True)


def _explained(engine: Engine, error: DBAPIError) -> DatabaseError:
    subject = _shown(engine.url.render_as_string(hide_password=True))
    text = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
    low = text.lower()
    for part, sentence, hint, again in _SENTENCES:
        if part in low:
            return DatabaseError(subject, sentence, hint=hint, again=again)
    return DatabaseError(
        subject,
        f"the database refused: {text}",
        hint='Run "newsletter check" to look at the database.',
        again=isinstance(error, OperationalError),
    )


_SENTENCES = (
    (
        "database is locked",
        "the database is locked by another process",
        "Wait for the other command to finish, or raise [database] busy_seconds.",
        True,
    ),
    (
        "readonly database",
        "the database cannot be written",
        "Check the permissions of the file and of its folder.",
        False,
    ),
    (
        "unable to open database",
        "the database file cannot be opened",
        "Check that the folder exists and can be written.",
        False,
    ),
    (
        "not a database",
        "the file is not a database",
        "Move it away and restore a backup.",
        False,
    ),
    ("disk is full", "the disk is full", "Free some space; nothing was half-written.", True),
    ("connection refused", "the database server does not answer", "Is PostgreSQL running?", True),
    (
        "closed the connection",
        "the database server ended the connection",
        "Was PostgreSQL restarted? Connections are made anew by themselves.",
        True,
    ),
    (
        "terminating connection",
        "the database server ended the connection",
        "Was PostgreSQL restarted? Connections are made anew by themselves.",
        True,
    ),
    (
        "the database system is",
        "the database server is starting or stopping",
        "Wait a few seconds.",
        True,
    ),
    ("connection failed", "the database server does not answer", "Is PostgreSQL running?", True),
    ("connection timeout", "the database server does not answer", "Is PostgreSQL running?", True),
)
