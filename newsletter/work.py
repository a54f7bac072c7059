"""Where jobs run: for now, in this process, one after the other.

The scheduler and the web pages never run an arrow of the pipeline themselves; they hand it to
:class:`Work`. A job is a plain function with plain arguments, so that the same function can be
run by another process later.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Protocol

from newsletter.errors import NewsletterError

log = logging.getLogger(__name__)

Job = Callable[[], object]


class Work(Protocol):
    """Takes jobs and sees to it that they run."""

    def defer(self, name: str, job: Job) -> None:
        """Run a job soon; a job that is waiting already under the same name is not added again."""

    def close(self, seconds: float) -> bool:
        """Finish the job at hand and stop; False when it did not finish in time."""


class InProcess:
    """Runs jobs in one thread of this process, in the order they came.

    One thread, because the arrows share one database and each is quick; a job that fails is
    logged with its reason and the next one runs.
    """

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[str, Job] | None] = queue.Queue()
        self._names: set[str] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)
        self._thread.start()

    def defer(self, name: str, job: Job) -> None:
        """Put a job at the end of the line."""
        with self._lock:
            if name in self._names:
                return
            self._names.add(name)
        self._waiting.put((name, job))

    def close(self, seconds: float) -> bool:
        """Drop what has not begun, let the running job finish, and stop."""
        with self._lock:
            while not self._waiting.empty():
                self._waiting.get_nowait()
        self._waiting.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (entry := self._waiting.get()) is not None:
            name, job = entry
            with self._lock:
                self._names.discard(name)
            try:
                job()
            except NewsletterError as error:
                log.error("%s: %s%s", name, error, f" ({error.hint})" if error.hint else "")
            except Exception:
                log.exception("%s failed unexpectedly", name)
