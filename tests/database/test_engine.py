"""Opening databases, and saying what is wrong with them."""

from __future__ import annotations

import sqlite3
import stat
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select

from newsletter.clock import system_clock
from newsletter.database import migrations
from newsletter.database.engine import Database, open_database
from newsletter.database.tables import HEAD, metadata, outlets
from newsletter.errors import DatabaseError


def test_migrations_make_exactly_the_tables(database: Database) -> None:
    """After the upgrade there is no difference between the database and tables.py."""
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_migration_is_the_one_the_tables_name() -> None:
    """A start that finds the version of tables.py does not look for migrations at all."""
    assert migrations.head() == HEAD


def test_opening_twice_is_harmless(tmp_path: Path) -> None:
    """A second start finds the tables up to date."""
    url = f"sqlite:///{tmp_path}/a.sqlite"
    open_database(url).close()
    database = open_database(url)
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(outlets)).scalar() == 0
    database.close()


def test_several_processes_may_start_at_once(tmp_path: Path) -> None:
    """Two starts on an empty place do not trip over each other's upgrade."""
    url = f"sqlite:///{tmp_path}/a.sqlite"
    problems: list[Exception] = []

    def start() -> None:
        try:
            open_database(url).close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            problems.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_sqlite_writes_are_on_disk_before_a_commit_returns(sqlite: Database) -> None:
    """SQLite runs in WAL with synchronous=FULL and foreign keys on."""
    names = ("journal_mode", "synchronous", "foreign_keys")
    with sqlite.reading() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
    assert found == ["wal", 2, 1]


def test_a_locked_database_is_said_in_a_sentence(tmp_path: Path) -> None:
    """When another process holds the lock for too long, the error says so and may be retried."""
    file = tmp_path / "a.sqlite"
    database = open_database(f"sqlite:///{file}", busy_seconds=0.1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with (
        pytest.raises(DatabaseError, match="locked by another process") as caught,
        database.begin(),
    ):
        pass
    assert caught.value.again
    assert str(file) in caught.value.subject
    other.close()
    database.close()


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    """Looking goes on while another process writes."""
    file = tmp_path / "a.sqlite"
    database = open_database(f"sqlite:///{file}", busy_seconds=0.1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(outlets)).scalar() == 0
    other.close()
    database.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A text file in the database's place is left alone and named."""
    file = tmp_path / "a.sqlite"
    file.write_text("this is a shopping list, not a database at all\n" * 50)
    with pytest.raises(DatabaseError, match="not a database"):
        open_database(f"sqlite:///{file}")
    assert file.read_text().startswith("this is a shopping list")


def test_an_unwritable_folder_is_said(tmp_path: Path) -> None:
    """A database below a file cannot be made, and the error names the folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError) as caught:
        open_database(f"sqlite:///{tmp_path}/file/data/a.sqlite")
    assert "file" in caught.value.subject


def test_a_newer_database_is_not_touched(tmp_path: Path) -> None:
    """Tables of a later version stop an older program with a hint."""
    file = tmp_path / "a.sqlite"
    open_database(f"sqlite:///{file}").close()
    raw = sqlite3.connect(file)
    raw.execute("UPDATE alembic_version SET version_num='9999'")
    raw.execute("UPDATE settings SET value='9999' WHERE name='oldest_program'")
    raw.commit()
    raw.close()
    with pytest.raises(DatabaseError, match="newer version"):
        open_database(f"sqlite:///{file}")


@pytest.mark.parametrize("url", ["", "mysql+nothing://x/y", "no address"])
def test_an_unknown_address_is_refused_with_the_known_forms(url: str) -> None:
    """A wrong address gets a hint with both forms."""
    with pytest.raises(DatabaseError) as caught:
        open_database(url)
    assert "sqlite:///" in caught.value.hint


def test_an_absent_server_is_said_and_the_password_is_not() -> None:
    """A PostgreSQL that does not answer is named without its password."""
    pytest.importorskip("psycopg", reason="the postgres extra is not installed")
    with pytest.raises(DatabaseError, match="does not answer") as caught:
        open_database("postgresql://someone:secret-word@127.0.0.1:1/nothing", busy_seconds=2)
    assert "secret-word" not in str(caught.value)
    assert caught.value.again


def test_a_database_that_cannot_hold_every_letter_is_refused(postgres: Database) -> None:
    """One made without a locale keeps bytes instead of text: said before anything is asked of it."""
    with postgres.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS bytes")
        connection.exec_driver_sql(
            "CREATE DATABASE bytes ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    url = postgres.engine.url.set(database="bytes").render_as_string(hide_password=False)
    with pytest.raises(DatabaseError, match="SQL_ASCII") as refused:
        open_database(url)
    assert "--encoding=UTF8" in refused.value.hint


def test_a_read_only_file_is_said(tmp_path: Path) -> None:
    """A database file without write permission is named as such (root may write anyway)."""
    file = tmp_path / "a.sqlite"
    open_database(f"sqlite:///{file}").close()
    file.chmod(stat.S_IRUSR)
    raw = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    raw.close()
    database = open_database(f"sqlite:///file:{file}?mode=ro&uri=true", upgrade=False)
    with (
        pytest.raises(DatabaseError, match=r"cannot be written|cannot be opened"),
        database.begin() as connection,
    ):
        connection.execute(outlets.delete())
    database.close()
    file.chmod(stat.S_IRUSR | stat.S_IWUSR)


def test_a_machine_that_is_cut_off_holds_no_lock_for_long(postgres: Database) -> None:
    """Every session gives up who is not heard of, and times are UTC whatever the server's zone."""
    with postgres.engine.connect() as connection:
        ask = connection.exec_driver_sql
        assert ask("SHOW TimeZone").scalar_one() == "UTC"
        assert ask("SHOW idle_in_transaction_session_timeout").scalar_one() == "5min"
        driver: Any = connection.connection.driver_connection
        assert "tcp_user_timeout=60000" in driver.info.dsn
        if not driver.info.host.startswith("/"):  # a socket in the file system has no network
            assert ask("SHOW tcp_user_timeout").scalar_one() == "1min"


def test_a_clock_is_compared_with_the_database(postgres: Database, sqlite: Database) -> None:
    """What counts is the server's clock; a file has none."""
    assert abs(postgres.ahead(system_clock)) < 2
    assert 298 < postgres.ahead(lambda: system_clock() + timedelta(minutes=5)) < 302
    assert sqlite.ahead(lambda: system_clock() + timedelta(minutes=5)) == 0
