"""Jobs in this process."""

from __future__ import annotations

import logging
import threading

import pytest

from newsletter.errors import DatabaseError
from newsletter.work import InProcess


def test_jobs_run_in_the_order_they_came() -> None:
    """One after the other, first come first served."""
    work = InProcess()
    done: list[int] = []
    for number in range(20):
        work.defer(str(number), lambda number=number: done.append(number))  # type: ignore[misc]  # binds the loop's value
    finished = threading.Event()
    work.defer("last", finished.set)
    assert finished.wait(5)
    assert done == list(range(20))
    assert work.close(5)


def test_a_job_that_waits_already_is_not_added_again() -> None:
    """A bell that rings while its work waits adds nothing."""
    work = InProcess()
    begun, go = threading.Event(), threading.Event()
    runs: list[str] = []

    def hold() -> None:
        begun.set()
        go.wait(5)

    work.defer("hold", hold)
    assert begun.wait(5)
    for _ in range(5):
        work.defer("collect", lambda: runs.append("collect"))
    finished = threading.Event()
    work.defer("last", finished.set)
    go.set()
    assert finished.wait(5)
    assert runs == ["collect"]
    assert work.close(5)


def test_a_failing_job_is_logged_and_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    """A failure is said with its hint and stops nobody else."""
    work = InProcess()

    def fail() -> None:
        raise DatabaseError("news.sqlite", "is locked", hint="Wait a little.")

    finished = threading.Event()
    with caplog.at_level(logging.ERROR):
        work.defer("fail", fail)
        work.defer("next", finished.set)
        assert finished.wait(5)
    assert "news.sqlite: is locked (Wait a little.)" in caplog.text
    assert work.close(5)
