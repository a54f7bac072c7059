"""Jobs in this process."""

from __future__ import annotations

import logging
import threading

import pytest

from newsletter.errors import DatabaseError
from newsletter.work import InProcess, Job


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
