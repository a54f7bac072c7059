"""Background: results come out in order, questions come back, errors are not lost."""

from __future__ import annotations

import threading

import pytest

from newsletter.feeds.background import Way, stream


def test_results_come_in_order_and_memory_is_bounded() -> None:
    """The producer waits when the caller is behind."""
    made: list[int] = []

    async def produce(way: Way[int]) -> None:
        for number in range(20):
            made.append(number)
            await way.give(number)

    taken = []
    for number in stream(produce, room=3):
        taken.append(number)
        assert len(made) <= len(taken) + 4
    assert taken == list(range(20))


def test_questions_are_answered_on_the_callers_thread() -> None:
    """A question waits until the caller asks for the next result."""

    async def produce(way: Way[threading.Thread]) -> None:
        await way.give(await way.ask(threading.current_thread))

    assert list(stream(produce, room=1)) == [threading.current_thread()]


def test_the_producers_error_reaches_the_caller() -> None:
    """What went wrong in the background is raised in front."""

    async def produce(way: Way[int]) -> None:
        await way.give(1)
        raise LookupError("gone")

    results = stream(produce, room=1)
    assert next(results) == 1
    with pytest.raises(LookupError):
        next(results)
