"""Run something asynchronous for a caller that is not: results come out as they are made.

The event loop lives on a thread of its own, so its clocks keep going while the caller deals with
what it got. What would hold the loop up (a look-up in a database) runs on a third thread, so that
neither the loop nor the caller waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
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
class _End:
    error: BaseException | None


class Way(Generic[T]):
    """The way out of the background: give results, and ask for what takes its time."""

    def __init__(self, room: int):
        self.events: queue.SimpleQueue[_Results[T] | _End] = queue.SimpleQueue()
        self.room = asyncio.Semaphore(room)
        # One thread: questions are answered one after another, as the caller would.
        self.asked = ThreadPoolExecutor(1, thread_name_prefix="collect-asked")
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
        """What a function answers on the thread for questions.

        Where it raises nothing is answered: the error is the caller's, and the run ends.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self.asked, question)
        except Exception as error:  # noqa: BLE001 - raised again on the caller's thread
            self.events.put(_End(error))
            raise asyncio.CancelledError from None


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
            yield from event.values
            _on(loop, partial(way.make_room, len(event.values)))
    finally:
        _on(loop, task.cancel)
        thread.join()
        way.asked.shutdown()


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
