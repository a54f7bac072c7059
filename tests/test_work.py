"""Jobs in this process."""

from __future__ import annotations

import asyncio
import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from procrastinate.schema import SchemaManager
from sqlalchemy import text

from newsletter import work as work_module
from newsletter.database.engine import Database
from newsletter.errors import DatabaseError
from newsletter.work import (
    InProcess,
    Job,
    OnProcrastinate,
    run_worker,
    waiting_jobs,
    workers_at_work,
)


def address(database: Database) -> str:
    """The database's address, with everything that is in it."""
    return database.engine.url.render_as_string(hide_password=False)


def test_jobs_run_in_the_order_they_came() -> None:
    """One after the other, first come first served."""
    done: list[int] = []
    finished = threading.Event()

    def note(number: int) -> None:
        done.append(number)

    work = InProcess({"note": note, "end": finished.set})
    for number in range(20):
        work.defer(Job(name="note", arguments={"number": number}))
    work.defer(Job(name="end"))
    assert finished.wait(5)
    assert done == list(range(20))
    assert work.close(5)


def test_a_job_that_waits_already_is_not_added_again() -> None:
    """A bell that rings while its work waits adds nothing; other arguments are another job."""
    begun, go, finished = threading.Event(), threading.Event(), threading.Event()
    runs: list[str] = []

    def hold() -> None:
        begun.set()
        go.wait(5)

    def collect(feed: str) -> None:
        runs.append(feed)

    work = InProcess({"hold": hold, "collect": collect, "end": finished.set})
    work.defer(Job(name="hold"))
    assert begun.wait(5)
    for _ in range(5):
        work.defer(Job(name="collect", arguments={"feed": "a"}))
    work.defer(Job(name="collect", arguments={"feed": "b"}))
    work.defer(Job(name="end"))
    go.set()
    assert finished.wait(5)
    assert runs == ["a", "b"]
    assert work.close(5)


def test_a_failing_job_is_logged_and_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    """A failure is said with its hint and stops nobody else."""

    def fail() -> None:
        raise DatabaseError("news.sqlite", "is locked", hint="Wait a little.")

    finished = threading.Event()
    work = InProcess({"fail": fail, "next": finished.set})
    with caplog.at_level(logging.ERROR):
        work.defer(Job(name="fail"))
        work.defer(Job(name="nobody knows this"))
        work.defer(Job(name="next"))
        assert finished.wait(5)
    assert "news.sqlite: is locked (Wait a little.)" in caplog.text
    assert "nobody knows this" in caplog.text
    assert work.close(5)


def test_jobs_travel_through_postgresql(postgres: Database) -> None:
    """A worker runs what another process queued, each key once, and the queue is empty then."""
    url = postgres.engine.url.render_as_string(hide_password=False)
    work = OnProcrastinate(url)
    for number in (1, 2, 2, 3):
        work.defer(Job(name="note", queue="send", arguments={"number": number, "words": ["a"]}))
    work.defer(Job(name="elsewhere", queue="collect"))
    assert work.shared
    assert work.close(1)
    assert waiting_jobs(url) == {"collect": 1, "send": 3}
    seen: list[tuple[int, list[str]]] = []

    def note(number: int, words: list[str]) -> None:
        seen.append((number, words))

    run_worker(url, {"note": note}, queues=["send"], concurrency=2, until_empty=True)
    assert sorted(seen) == [(1, ["a"]), (2, ["a"]), (3, ["a"])]
    assert waiting_jobs(url) == {"collect": 1}


def test_a_passing_failure_is_tried_again_and_a_lasting_one_is_said(
    postgres: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """What says "again" waits for its next turn; what does not is logged with its hint and gone."""
    url = postgres.engine.url.render_as_string(hide_password=False)
    work = OnProcrastinate(url)
    for name in ("busy", "wrong", "broken", "of a newer program"):
        work.defer(Job(name=name))
    work.close(1)

    def busy() -> None:
        raise DatabaseError("news", "is locked", again=True)

    def wrong() -> None:
        raise DatabaseError("news", "is not a database", hint="Restore a backup.")

    def broken() -> None:
        raise ZeroDivisionError

    functions = {"busy": busy, "wrong": wrong, "broken": broken}
    with caplog.at_level(logging.ERROR):
        run_worker(url, functions, queues=["write"], concurrency=1, until_empty=True)
    assert "news: is not a database (Restore a backup.)" in caplog.text
    assert "broken failed unexpectedly" in caplog.text
    assert waiting_jobs(url) == {"write": 2}


def test_the_same_jobs_in_one_lock_never_run_side_by_side(postgres: Database) -> None:
    """Two workers' threads, one lock: the second waits until the first is done."""
    url = postgres.engine.url.render_as_string(hide_password=False)
    work = OnProcrastinate(url)
    for number in range(6):
        work.defer(Job(name="alone", arguments={"number": number}, lock="group"))
    work.close(1)
    inside = threading.Lock()
    order: list[int] = []

    def alone(number: int) -> None:
        assert inside.acquire(blocking=False), "two jobs of one lock at the same time"
        order.append(number)
        inside.release()

    while waiting_jobs(url):
        run_worker(url, {"alone": alone}, queues=["write"], concurrency=4, until_empty=True)
    assert order == list(range(6))


def test_a_job_of_a_worker_that_is_gone_gives_way_to_its_waiting_twin(postgres: Database) -> None:
    """A killed worker's job holds its lock no longer than until the next worker looks."""
    url = postgres.engine.url.render_as_string(hide_password=False)
    work = OnProcrastinate(url)
    twin = Job(name="note", key="events", lock="events")
    alone = Job(name="note", key="alone", lock="alone")
    for job in (twin, alone):
        work.defer(job)
    with postgres.begin() as connection:
        # So a worker leaves them that was killed and forgotten.
        connection.exec_driver_sql("SET LOCAL search_path TO jobs")
        connection.exec_driver_sql("UPDATE procrastinate_jobs SET status = 'doing'")
    work.defer(twin)
    work.close(1)
    runs: list[int] = []

    def note() -> None:
        runs.append(1)

    run_worker(url, {"note": note}, queues=["write"], concurrency=1, until_empty=True)
    assert len(runs) == 2
    assert waiting_jobs(url) == {}
    assert _kept(postgres) == 0


def test_a_passing_failure_gives_way_to_a_waiting_twin(postgres: Database) -> None:
    """A job that fails while the same job waits for its lock lets go of it, and that one runs."""
    url = postgres.engine.url.render_as_string(hide_password=False)
    work = OnProcrastinate(url)
    twin = Job(name="once", key="letters", lock="letters")
    work.defer(twin)
    runs: list[int] = []

    def once() -> None:
        runs.append(1)
        if len(runs) == 1:
            work.defer(twin)
            raise DatabaseError("news", "is locked", again=True)

    for _ in range(2):
        run_worker(url, {"once": once}, queues=["write"], concurrency=1, until_empty=True)
    work.close(1)
    assert len(runs) == 2
    assert _kept(postgres) == 0


def _kept(database: Database) -> int:
    """How many jobs stand in the queue, waiting or held."""
    with database.reading() as connection:
        query = text("SELECT count(*) FROM jobs.procrastinate_jobs")
        return int(connection.execute(query).scalar_one())


def test_a_database_that_is_away_is_said_in_a_sentence() -> None:
    """No traceback: what is wrong, and what to look at."""
    with pytest.raises(DatabaseError, match="the queue of jobs") as caught:
        OnProcrastinate("postgresql://nobody@127.0.0.1:1/nothing")
    assert caught.value.again


def test_a_worker_that_was_taken_for_dead_says_that_it_lives(
    postgres: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Its row comes back with its next sign of life; a database that is away costs one sign."""
    url = address(postgres)
    OnProcrastinate(url).close(1)

    async def live() -> None:
        app = work_module._app(url, {})
        async with app.open_async():
            number = await app.job_manager.register_worker()
            for _ in range(2):
                await app.job_manager.update_heartbeat(number)
            assert workers_at_work(url) == 1
            with postgres.begin() as connection:
                connection.exec_driver_sql("DELETE FROM jobs.procrastinate_workers")
            assert workers_at_work(url) == 0
            await app.job_manager.update_heartbeat(number)
            assert workers_at_work(url) == 1
            with postgres.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE jobs.procrastinate_workers RENAME TO away")
            await app.job_manager.update_heartbeat(number)
            assert "no sign of life" in caplog.text

    asyncio.run(live())


WORKER = """
import sys
from newsletter.work import run_worker
run_worker(
    sys.argv[1], {"note": lambda: print("ran", flush=True)}, queues=["write"], concurrency=1
)
"""


def test_a_worker_listens_again_after_a_restart(postgres: Database) -> None:
    """A worker whose connections were all cut hears of the next job, and goes on."""
    url = address(postgres)
    office = OnProcrastinate(url)

    def asked(statement: str) -> set[int]:
        with postgres.begin() as connection:
            return {row[0] for row in connection.exec_driver_sql(statement)}

    def ears() -> set[int]:
        return asked("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%%'")

    def until(found: Callable[[], object]) -> bool:
        for _ in range(600):
            if found():
                return True
            time.sleep(0.05)
        return False

    with subprocess.Popen([sys.executable, "-c", WORKER, url], stdout=subprocess.PIPE) as worker:
        try:
            assert until(ears)
            before = ears()
            asked(
                "SELECT pg_terminate_backend(pid)::int FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            assert until(lambda: ears() - before)
            office.defer(Job(name="note"))
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"ran\n"
            assert worker.poll() is None
        finally:
            worker.terminate()
    office.close(1)


LONG_WORKER = """
import sys, time
from newsletter.work import run_worker
def long():
    print("begun", flush=True)
    time.sleep(600)
run_worker(sys.argv[1], {"long": long}, queues=["write"], concurrency=2, grace_seconds=0.2)
"""


def test_a_worker_ends_though_a_job_does_not(postgres: Database) -> None:
    """Told to stop, it leaves a job that takes too long, and another worker begins it again."""
    url = address(postgres)
    office = OnProcrastinate(url)
    office.defer(Job(name="long", lock="group"))
    command = [sys.executable, "-c", LONG_WORKER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"begun\n"
        worker.terminate()
        try:
            assert worker.wait(60) == 0
        finally:
            worker.kill()
    office.close(1)
    with postgres.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE jobs.procrastinate_workers SET last_heartbeat = now() - interval '2 minutes'"
        )
    runs: list[int] = []
    run_worker(
        url, {"long": lambda: runs.append(1)}, queues=["write"], concurrency=1, until_empty=True
    )
    assert runs == [1]


def test_what_is_urgent_goes_first(postgres: Database) -> None:
    """A free worker takes the highest priority, and of one priority what came first."""
    url = address(postgres)
    office = OnProcrastinate(url)
    for number, priority in ((1, -2), (2, -3), (3, -2), (4, 0)):
        office.defer(Job(name="note", arguments={"number": number}, priority=priority))
    office.close(1)
    order: list[int] = []

    def note(number: int) -> None:
        order.append(number)

    run_worker(url, {"note": note}, queues=["write"], concurrency=1, until_empty=True)
    assert order == [4, 1, 3, 2]


def test_the_end_of_a_job_is_written_down_once_the_database_is_back(
    postgres: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A job that ends while the database is away gives its lock back when that has returned."""
    monkeypatch.setattr(work_module, "LISTEN_AGAIN_SECONDS", 0.05)
    url = address(postgres)
    office = OnProcrastinate(url)
    office.defer(Job(name="note", lock="group"))
    office.close(1)

    def cut_off() -> None:
        with postgres.begin() as connection:
            # A server that gives up at once, as one that is going down does.
            connection.exec_driver_sql("SET LOCAL search_path TO jobs")
            connection.exec_driver_sql(BROKEN_AT_FIRST)

    run_worker(url, {"note": cut_off}, queues=["write"], concurrency=1, until_empty=True)
    assert "what became of a job could not be written down" in caplog.text
    assert _kept(postgres) == 0


BROKEN_AT_FIRST = """
CREATE SEQUENCE tries;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('jobs.tries') = 1 THEN
        RAISE EXCEPTION 'going down' USING ERRCODE = 'admin_shutdown';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER refuse BEFORE DELETE ON procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION refuse();
"""


def test_tables_of_an_older_procrastinate_are_brought_up(
    postgres: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps of a newer library are made once, in order; what older ones made stays."""
    url = address(postgres)
    office = OnProcrastinate(url)
    office.defer(Job(name="note"))
    office.close(1)
    with postgres.begin() as connection:
        # As every place has it that was made before the comment was written.
        connection.exec_driver_sql("COMMENT ON SCHEMA jobs IS NULL")
    steps = tmp_path / "migrations"
    shutil.copytree(SchemaManager.get_migrations_path(), steps)
    for name, words in (
        ("02_pre_second", "ALTER TABLE one ADD b int"),
        ("01_pre_first", "CREATE TABLE one (a int)"),
    ):
        (steps / f"98.00.00_{name}.sql").write_text(words, "utf-8")
    monkeypatch.setattr(SchemaManager, "get_migrations_path", lambda: str(steps))
    for _ in range(2):
        OnProcrastinate(url).close(1)
    with postgres.reading() as connection:
        assert connection.exec_driver_sql("SELECT a, b FROM jobs.one").all() == []
    assert waiting_jobs(url) == {"write": 1}
