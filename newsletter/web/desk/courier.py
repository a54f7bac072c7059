"""Starts sends from the desk: one thread, one issue at a time, and never the same one twice.

The send itself is the pipeline's. It reads what is left from the ledger, so one that dies with
this process is taken up by the scheduler, or by the next click on "go on".
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from newsletter import pipeline
from newsletter.errors import NewsletterError
from newsletter.model import IssueState
from newsletter.newsroom import Newsroom

log = logging.getLogger(__name__)


class Courier:
    """Sends in the background; ``problems`` says why the last send of an issue ended badly."""

    def __init__(self, room: Newsroom):
        self._room = room
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._again: set[str] = set()
        self._pool: ThreadPoolExecutor | None = None
        self.problems: dict[str, str] = {}

    def send(self, issue: str) -> bool:
        """Send an issue soon; False when this process is sending it already.

        The send that is under way may be about to stop, because somebody pressed pause a moment
        ago. So it is looked at once more when it ends.
        """
        with self._lock:
            if issue in self._under_way:
                self._again.add(issue)
                return False
            self._under_way.add(issue)
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="courier")
            self._pool.submit(self._run, issue)
        return True

    def busy(self, issue: str) -> bool:
        """Whether this process is sending an issue, or is about to."""
        with self._lock:
            return issue in self._under_way

    def close(self) -> None:
        """Wait for the send at hand."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, issue: str) -> None:
        self.problems.pop(issue, None)
        try:
            pipeline.send(self._room, issue, by_hand=True)
        except NewsletterError as error:
            self.problems[issue] = f"{error}. {error.hint}".strip()
            log.error("sending %s: %s", issue, error)
        except Exception:
            self.problems[issue] = "Something unforeseen stopped the send; the log has it."
            log.exception("sending %s failed unexpectedly", issue)
        finally:
            with self._lock:
                self._under_way.discard(issue)
                asked = issue in self._again and self._pool is not None
                self._again.discard(issue)
            if asked and self._room.issues.find(issue).state is IssueState.SENDING:
                self.send(issue)
