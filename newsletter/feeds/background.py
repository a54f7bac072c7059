"""Run something asynchronous for a caller that is not: results come out as they are made.

The event loop lives on a thread of its own, so its clocks keep going while the caller deals with
what it got. What must run on the caller's thread (a database look-up) can be sent back there.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Result(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _Question:
    ask: Callable[[], Any]
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


class Way(Generic[T]):
    """The way out of the background: give results, and ask the caller's thread for something."""

    def __init__(self, room: int):
        self.events: queue.SimpleQueue[_Result[T] | _Question | _End] = queue.SimpleQueue()
        self.room = asyncio.Semaphore(room)

    async def give(self, value: T) -> None:
        """Hand one result to the caller; waits while the caller is too far behind."""
        await self.room.acquire()
        self.events.put(_Result(value))

    async def ask(self, question: Callable[[], R]) -> R:
        """What a function answers on the caller's thread, between two results."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self.events.put(_Question(question, future))
        return await future


def stream(produce: Callable[[Way[T]], Awaitable[None]], *, room: int) -> Generator[T, None, None]:
    """Yield what ``produce`` gives, in its order.

    :param room: how many results may wait for the caller; bounds memory.
    :raises BaseException: whatever ``produce``, or a question it asked, raised.
    """
    way: Way[T] = Way(room)
    ready: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = (
        queue.SimpleQueue()
    )

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is one
        ready.put((asyncio.get_running_loop(), task))
        await produce(way)

    def run() -> None:
        error: BaseException | None = None
        try:
            asyncio.run(main())
        except asyncio.CancelledError:
            pass
        except BaseException as raised:  # noqa: BLE001 - raised again on the caller's thread
            error = raised
        way.events.put(_End(error))

    thread = threading.Thread(target=run, name="collect", daemon=True)
    thread.start()
    loop, task = ready.get()
    try:
        while True:
            event = way.events.get()
            if isinstance(event, _End):
                if event.error is not None:
                    raise event.error
                return
            if isinstance(event, _Question):
                answer = event.ask()
                loop.call_soon_threadsafe(_settle, event.future, answer)
                continue
            yield event.value
            _on(loop, way.room.release)
    finally:
        _on(loop, task.cancel)
        thread.join()


def _on(loop: asyncio.AbstractEventLoop, act: Callable[[], object]) -> None:
    """Do something on the loop, unless it has ended."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(act)


def _settle(future: asyncio.Future[Any], answer: object) -> None:
    if not future.done():
        future.set_result(answer)
