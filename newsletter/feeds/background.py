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
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


GIVEN_TOGETHER = 32
GIVEN_AFTER = 0.02
"""Results cross to the other thread so many at once, or after so many seconds at the latest: each
crossing makes both threads stop for one another."""


@dataclass(frozen=True, slots=True)
class _Results(Generic[T]):
    values: list[T]


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
        self.events: queue.SimpleQueue[_Results[T] | _Question | _End] = queue.SimpleQueue()
        self.room = asyncio.Semaphore(room)
        self._held: list[T] = []

    async def give(self, value: T) -> None:
        """Hand one result to the caller, soon; waits while the caller is too far behind."""
        await self.room.acquire()
        self._held.append(value)
        if len(self._held) >= GIVEN_TOGETHER or self.room.locked():
            self.flush()
        elif len(self._held) == 1:
            asyncio.get_running_loop().call_later(GIVEN_AFTER, self.flush)

    def flush(self) -> None:
        """Hand over what is held back."""
        if self._held:
            self.events.put(_Results(self._held))
            self._held = []

    def make_room(self, count: int) -> None:
        """The caller is done with so many results."""
        for _ in range(count):
            self.room.release()

    async def ask(self, question: Callable[[], R]) -> R:
        """What a function answers on the caller's thread, between two results."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self.flush()
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
        way.flush()

    def run() -> None:
        error: BaseException | None = None
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(main())
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
            yield from event.values
            _on(loop, partial(way.make_room, len(event.values)))
    finally:
        _on(loop, task.cancel)
        thread.join()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """A loop that takes a fifth less for a round of unchanged feeds, where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - there is none for Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


def _on(loop: asyncio.AbstractEventLoop, act: Callable[[], object]) -> None:
    """Do something on the loop, unless it has ended."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(act)


def _settle(future: asyncio.Future[Any], answer: object) -> None:
    if not future.done():
        future.set_result(answer)
