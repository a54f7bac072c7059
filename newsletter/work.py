"""Where jobs run: in this process one after the other, or on many machines by Procrastinate.

The scheduler and the web pages never run an arrow of the pipeline themselves; they hand a
:class:`Job` to :class:`Work`. A job is the name of a function and plain arguments, so that it can
travel through a database and be run by a process that was not there when it was made. What may be
called by name is a table (``newsletter.schedule.jobs``) that every process makes for itself.

Jobs decide nothing. Each looks into the database at what is to be done, so one that runs twice,
late or never does no harm: the next look finds what is left.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from newsletter.errors import NewsletterError

log = logging.getLogger(__name__)

Argument = str | int | list[str]
Functions = Mapping[str, Callable[..., object]]

QUEUES = ("collect", "write", "send", "events", "mail")
"""The kinds of work that machines can share out among themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of work: a function's name, plain arguments, and the queue it waits in.

    ``key`` is what it waits under: a job is not added while another of the same key waits.
    ``lock`` is what it holds while it runs: two jobs with one lock never run side by side.
    """

    name: str
    queue: str = "write"
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    key: str = ""
    lock: str = ""

    @property
    def waits_as(self) -> str:
        """The key, or the name and the arguments when none is given."""
        return self.key or " ".join([self.name, *map(str, self.arguments.values())])


class Work(Protocol):
    """Takes jobs and sees to it that they run."""

    def defer(self, job: Job) -> None:
        """Run a job soon; a job that is waiting already under the same key is not added again."""

    def close(self, seconds: float) -> bool:
        """Finish the job at hand and stop; False when it did not finish in time."""


class InProcess:
    """Runs jobs in one thread of this process, in the order they came.

    One thread, because the arrows share one database and each is quick; a job that fails is
    logged with its reason and the next one runs.
    """

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._waiting: queue.Queue[Job | None] = queue.Queue()
        self._keys: set[str] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)
        self._thread.start()

    def defer(self, job: Job) -> None:
        """Put a job at the end of the line."""
        with self._lock:
            if job.waits_as in self._keys:
                return
            self._keys.add(job.waits_as)
        self._waiting.put(job)

    def drop(self) -> None:
        """Take nothing more after the job that runs."""
        with self._lock:
            while not self._waiting.empty():
                self._waiting.get_nowait()
        self._waiting.put(None)

    def close(self, seconds: float) -> bool:
        """Drop what has not begun, let the running job finish, and stop."""
        self.drop()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._waiting.get()) is not None:
            with self._lock:
                self._keys.discard(job.waits_as)
            run_job(self._functions, job.name, job.arguments)


class Lanes:
    """Two threads of this process: letters leave in one, everything else runs in the other.

    A send may take hours at a provider's pace; the next draft must not wait for it.
    """

    def __init__(self, functions: Functions) -> None:
        self._letters = InProcess(functions)
        self._rest = InProcess(functions)
        self._lanes = (self._letters, self._rest)

    def defer(self, job: Job) -> None:
        """Put a job at the end of its lane."""
        (self._letters if job.queue == "send" else self._rest).defer(job)

    def close(self, seconds: float) -> bool:
        """Drop what has not begun, let what runs finish within so many seconds in all."""
        until = time.monotonic() + seconds
        for lane in self._lanes:
            lane.drop()
        ended = [lane.close(max(0.0, until - time.monotonic())) for lane in self._lanes]
        return all(ended)


def run_job(functions: Functions, name: str, arguments: Mapping[str, Argument]) -> bool:
    """Run a job here and now; log why it failed instead of raising. Whether it succeeded."""
    try:
        functions[name](**arguments)
    except NewsletterError as error:
        log.error("%s: %s%s", name, error, f" ({error.hint})" if error.hint else "")
    except Exception:
        log.exception("%s failed unexpectedly", name)
    else:
        return True
    return False
