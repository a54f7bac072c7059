"""A few processes that read feeds, each with a clock over its head, replaced when they die.

Workers are plain subprocesses and not :mod:`multiprocessing`: they start the same from a script,
a test, a thread or a REPL, inherit neither secrets nor sockets, and speak JSON, which cannot run
code on its way back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
from binascii import a2b_base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from newsletter.feeds.articles import Context
from newsletter.feeds.page import Page
from newsletter.model import Article, Dated, Kind, Paywall

JOBS_A_LIFE = 2_000
"""A worker is replaced after so many jobs, so that what its parsers leak stays small."""
START_SECONDS = 60
PATIENCE = 6
PATIENT_SECONDS = 0.5
"""Another worker is started when so many bodies wait, or one of them waits for so long."""
LONGEST_ANSWER = 64 * 1024 * 1024
SPAWN_AGAIN_SECONDS = 0.005
_spawning = threading.Lock()
"""Of several runs in one process (a worker takes some shares of feeds at once) one starts a reader
at a time: uvloop refuses to start processes from two loops in the same moment."""
_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from newsletter.feeds.worker import main; main(int(sys.argv[2]), float(sys.argv[3]))"
)
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "TZDIR", "PYTHONTZPATH", "SYSTEMROOT")

# Looking a word up takes a tenth of the time that making a member of it does.
_DATED = {str(one): one for one in Dated}
_KINDS = {str(one): one for one in Kind}

T = TypeVar("T")

Held = Callable[[Sequence[str]], Awaitable[Sequence[str | None]]]
"""Given ids, answers for each None where it is new, else the stored title, or "" where the title
is not to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What became of one body: articles, or a problem in one sentence.

    ``marks`` finds copies, by article id, of the articles that are to be compared. ``corrected``
    are the ids of those that were held already, under another title.
    """

    articles: tuple[Article, ...] = ()
    entries: int = 0
    title: str = ""
    problem: str = ""
    marks: Mapping[str, bytes] = field(default_factory=dict)
    corrected: frozenset[str] = frozenset()


class Workers:
    """The processes. Use as an async context manager; they start when first needed.

    :param count: how many read at once.
    :param seconds: after how long a worker that is reading one body is ended.
    :param memory_mb: address space of one worker.
    """

    def __init__(self, count: int, *, seconds: float, memory_mb: int):
        self._seconds = seconds
        self._memory_mb = memory_mb
        # None is a leave to start one. All but the first are held back until they are needed.
        self._free: asyncio.LifoQueue[_Worker | None] = asyncio.LifoQueue()
        self._free.put_nowait(None)
        self._held_back = count - 1
        self._waiting = 0
        self._living: set[_Worker] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A run that is being cancelled still ends its processes, and waits until they are gone.
        ending = asyncio.ensure_future(self._end_all())
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await ending
            raise

    async def read(
        self, body: bytes, content_type: str, context: Context, held: Held | None = None
    ) -> Reading:
        """Read one body. Never raises for it: whatever it does to a worker is a problem told."""

        def converse(worker: _Worker) -> Awaitable[Reading]:
            return worker.read(body, content_type, context, held, self._seconds)

        try:
            return await self._with_worker(converse)
        except _Failed as failed:
            return Reading(problem=f"the feed {failed}")

    async def read_page(self, body: bytes, url: str, limit: int = 262_144) -> Page | None:
        """Read one article's page; None where that fails for whatever reason."""

        def converse(worker: _Worker) -> Awaitable[Page]:
            return worker.read_page(body, url, limit, self._seconds)

        try:
            return await self._with_worker(converse)
        except _Failed:
            return None

    async def _with_worker(self, converse: Callable[[_Worker], Awaitable[T]]) -> T:
        """Talk with a worker that is free, and see to it that there is one after.

        :raises _Failed: when the worker had to be ended.
        """
        worker = await self._next()
        try:
            # One that died while it waited is no fault of this body.
            if worker is not None and worker.process.returncode is not None:
                await self._end(worker)
                worker = None
            if worker is None:
                worker = await self._start()
            result = await converse(worker)
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            if worker:
                await self._end(worker)
            self._free.put_nowait(None)
            raise _Failed(
                f"takes more than {self._seconds:g} s to read"
                if isinstance(error, TimeoutError)
                else "ended the process that read it"
            ) from None
        except BaseException:
            # Cancelled, or the caller's own error: the worker may be in the middle of a job.
            if worker:
                with contextlib.suppress(ProcessLookupError):
                    worker.process.kill()
            self._free.put_nowait(None)
            raise
        if worker.jobs >= JOBS_A_LIFE:
            await self._end(worker)
            worker = None
        self._free.put_nowait(worker)
        return result

    async def _next(self) -> _Worker | None:
        """A worker that is free, or leave to start one, by and by.

        Starting one takes as long as reading a dozen feeds, so that a few feeds are left to the
        first, unless it takes long.
        """
        self._waiting += 1
        if self._waiting > PATIENCE:
            self._need_more()
        elif self._held_back:
            asyncio.get_running_loop().call_later(PATIENT_SECONDS, self._need_more)
        try:
            return await self._free.get()
        finally:
            self._waiting -= 1

    def _need_more(self) -> None:
        if self._held_back and self._waiting and self._free.empty():
            self._held_back -= 1
            self._free.put_nowait(None)

    async def _start(self) -> _Worker:
        while not _spawning.acquire(blocking=False):  # noqa: ASYNC110 - of other loops
            await asyncio.sleep(SPAWN_AGAIN_SECONDS)
        try:
            process = await self._spawn()
        finally:
            _spawning.release()
        worker = _Worker(process)
        self._living.add(worker)
        # Loading Python is not the feed's fault either.
        async with asyncio.timeout(START_SECONDS):
            await worker.answer()
        return worker

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-c",
            _BOOT,
            json.dumps([entry for entry in sys.path if entry] or [os.getcwd()]),  # noqa: PTH109 - text wanted
            str(self._memory_mb),
            str(self._seconds),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={
                **{name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ},
                # numpy would take memory for as many threads as there are cores.
                "OPENBLAS_NUM_THREADS": "1",
            },
            limit=LONGEST_ANSWER,
        )

    async def _end_all(self) -> None:
        for worker in list(self._living):
            await self._end(worker)

    async def _end(self, worker: _Worker) -> None:
        with contextlib.suppress(ProcessLookupError):
            worker.process.kill()
        # Reads what is left, closes the pipes and waits.
        with contextlib.suppress(OSError, ValueError):
            await worker.process.communicate()
        self._living.discard(worker)


class _Failed(Exception):
    """A worker was ended, with what the body did as words that follow "the feed"."""


class _Worker:
    def __init__(self, process: asyncio.subprocess.Process):
        self.process = process
        self.jobs = 0

    async def read(
        self, body: bytes, content_type: str, context: Context, held: Held | None, seconds: float
    ) -> Reading:
        self.jobs += 1
        job = {
            "bytes": len(body),
            "content_type": content_type,
            "ask": held is not None,
            "context": {name: getattr(context, name) for name in Context.__dataclass_fields__},
        }
        head = json.dumps(job, default=datetime.isoformat).encode() + b"\n"
        async with asyncio.timeout(seconds):
            await self._send(head + body)
            answer = await self.answer()
        known: set[str] = set()
        if held is not None and "ids" in answer:
            # The caller's own time to look ids up is not the feed's fault.
            ids: list[str] = answer["ids"]
            titles = await held(ids)
            known = {id_ for id_, title in zip(ids, titles, strict=True) if title}
            async with asyncio.timeout(seconds):
                await self._send(json.dumps(titles).encode() + b"\n")
                answer = await self.answer()
        if answer.get("last"):
            self.jobs = JOBS_A_LIFE
        if "problem" in answer:
            return Reading(problem=str(answer["problem"]))
        return Reading(
            articles=tuple([_article(row, context) for row in answer["articles"]]),
            corrected=frozenset(known.intersection([row[0] for row in answer["articles"]])),
            marks={id_: a2b_base64(marks) for id_, marks in answer["marks"].items()},
            entries=answer["entries"],
            title=answer["title"],
        )

    async def read_page(self, body: bytes, url: str, limit: int, seconds: float) -> Page:
        self.jobs += 1
        job = {"bytes": len(body), "page": url, "limit": limit}
        async with asyncio.timeout(seconds):
            await self._send(json.dumps(job).encode() + b"\n" + body)
            answer = await self.answer()
        if answer.get("last"):
            self.jobs = JOBS_A_LIFE
        if "problem" in answer:
            return Page()
        return Page(
            text=str(answer["text"]),
            canonical=str(answer["canonical"]),
            paywall=Paywall(answer["paywall"]),
        )

    async def _send(self, data: bytes) -> None:
        assert self.process.stdin is not None  # noqa: S101 - opened as a pipe above
        self.process.stdin.write(data)
        await self.process.stdin.drain()

    async def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None  # noqa: S101 - opened as a pipe above
        said = await self.process.stdout.readline()
        if not said.endswith(b"\n"):
            raise EOFError
        answer: dict[str, Any] = json.loads(said)
        return answer


def _article(row: list[str], context: Context) -> Article:
    id_, url, title, summary, text, author, published, dated, lang, kind, section = row
    return Article(
        id=id_,
        outlet=context.outlet,
        url=url,
        title=title,
        summary=summary,
        text=text,
        author=author,
        published=datetime.fromisoformat(published),
        dated=_DATED[dated],
        first_seen=context.first_seen,
        lang=lang,
        kind=_KINDS[kind],
        section=section,
        feed=context.feed,
    )
