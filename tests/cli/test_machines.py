"""``worker``, ``migrate-to`` and ``upgrade`` as a person types them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import insert

from newsletter.clock import system_clock
from newsletter.database.engine import Database, open_database
from newsletter.database.leaders import Leaders
from newsletter.database.tables import testers
from newsletter.schedule import OFFICE
from newsletter.work import Job, OnProcrastinate, waiting_jobs
from tests.cli.conftest import run_newsletter
from tests.database.words import NOON


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A new place to work, on SQLite."""
    folder = tmp_path / "place"
    assert run_newsletter("init", "place", cwd=tmp_path).code == 0
    return folder


def address(database: Database) -> str:
    """The database's address as the configuration has it."""
    return database.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")


def test_a_worker_on_sqlite_is_refused_with_the_way_out(place: Path) -> None:
    """One sentence, and both things one can do instead."""
    done = run_newsletter("worker", cwd=place)
    assert done.code == 1
    assert "need PostgreSQL" in done.err
    assert "newsletter run" in done.err
    assert "migrate-to" in done.err


def test_an_unknown_queue_is_named(place: Path) -> None:
    """A slip of the pen does not start a worker that never gets anything."""
    done = run_newsletter("worker", "--queues", "send,sned", cwd=place)
    assert done.code == 1
    assert "sned" in done.err


def test_migrate_to_says_what_arrived(place: Path, postgres: Database) -> None:
    """Each table with its rows and fingerprint; the second run writes nothing."""
    url = address(postgres)
    first = run_newsletter("migrate-to", url, cwd=place)
    assert first.code == 0, first.err
    assert "Both databases are the same" in first.out
    again = run_newsletter("migrate-to", url, "--json", cwd=place)
    assert {table["written"] for table in again.json} == {0}


def test_migrate_to_leaves_a_database_at_work_alone(place: Path, postgres: Database) -> None:
    """After a process worked there, an old command line is refused; --overwrite is the way."""
    url = address(postgres)
    assert run_newsletter("migrate-to", url, cwd=place).code == 0
    work = ("--set", f'database.url="{url}"', "worker", "--until-empty")
    assert run_newsletter(*work, cwd=place).code == 0
    with postgres.begin() as connection:
        connection.execute(insert(testers).values(email="a@example.org", by="b", made=NOON))
    refused = run_newsletter("migrate-to", url, cwd=place)
    assert refused.code == 1
    assert "in use" in refused.err
    assert "--overwrite" in refused.err
    assert run_newsletter("migrate-to", url, "--overwrite", cwd=place).code == 0


@pytest.mark.parametrize(
    "work", [("editors", "add", "a@example.org", "--role", "admin"), ("today", "--sample")]
)
def test_migrate_to_leaves_what_a_command_did_there(
    place: Path, postgres: Database, work: tuple[str, ...]
) -> None:
    """A command that changes something there ends the moving in; one that looks does not."""
    url = address(postgres)
    there = ("--set", f'database.url="{url}"')
    assert run_newsletter("migrate-to", url, cwd=place).code == 0
    assert run_newsletter(*there, "status", cwd=place).code == 0
    assert run_newsletter("migrate-to", url, cwd=place).code == 0
    done = run_newsletter(*there, *work, cwd=place)
    assert done.code == 0, done.err
    refused = run_newsletter("migrate-to", url, cwd=place)
    assert refused.code == 1
    assert "in use" in refused.err


def test_migrate_to_says_that_the_program_is_at_work(place: Path, postgres: Database) -> None:
    """While a scheduler leads in the old database, the move was not the last one."""
    old = open_database(f"sqlite:///{place}/data/newsletter.sqlite")
    Leaders(old).lead(OFFICE, "me", now=system_clock(), seconds=600)
    old.close()
    done = run_newsletter("migrate-to", address(postgres), cwd=place)
    assert done.code == 0, done.err
    assert "at work in the old one" in done.out


def test_migrating_to_itself_is_refused(place: Path) -> None:
    """The database in use is not a place to move to."""
    own = f"sqlite:///{place}/data/newsletter.sqlite"
    done = run_newsletter("migrate-to", own, cwd=place)
    assert done.code == 1
    assert "in use" in done.err


def test_an_upgraded_database_has_nothing_to_finish(place: Path) -> None:
    """Said in a sentence, with and without --finish."""
    for words in ((), ("--finish",)):
        done = run_newsletter("upgrade", *words, cwd=place)
        assert (done.code, done.out.strip()) == (0, "The database is up to date.")


def test_a_worker_takes_jobs_and_stops_when_told(place: Path, postgres: Database) -> None:
    """A real process: it empties its queue, ends with status 0 at SIGTERM, and says so."""
    url = address(postgres)
    work = OnProcrastinate(url)
    work.defer(Job(name="tidy", queue="write"))
    work.defer(Job(name="mail", queue="mail"))
    work.close(1)
    worker = subprocess.Popen(
        [
            *(sys.executable, "-m", "newsletter", "--set", f'database.url="{url}"'),
            *("worker", "--queues", "write"),
        ],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        for _ in range(300):
            if waiting_jobs(url) == {"mail": 1} or worker.poll() is not None:
                break
            time.sleep(0.1)
        assert waiting_jobs(url) == {"mail": 1}
        worker.send_signal(signal.SIGTERM)
        output, errors = worker.communicate(timeout=30)
    finally:
        worker.kill()
        worker.wait()
    assert worker.returncode == 0, errors
    assert "worker" in output
    assert "Traceback" not in errors
