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


def test_questions_are_answered_while_the_caller_is_busy() -> None:
    """Neither the loop nor the caller's thread answers a question, and the caller need not wait."""
    answered = threading.Event()

    def question() -> threading.Thread:
        answered.set()
        return threading.current_thread()

    async def produce(way: Way[threading.Thread]) -> None:
        await way.give(threading.current_thread())
        way.flush()
        await way.give(await way.ask(question))

    results = stream(produce, room=2)
    loop = next(results)
    assert answered.wait(10)
    (third,) = results
    assert len({threading.current_thread(), loop, third}) == 3


def test_a_question_that_fails_ends_the_run_with_its_error() -> None:
    """What a question raised is the caller's trouble, not that of a result."""
    given: list[int] = []

    def question() -> int:
        raise LookupError("no database")

    async def produce(way: Way[int]) -> None:
        try:
            given.append(await way.ask(question))
        except Exception:  # noqa: BLE001 - as a visit does, whatever its feed raises
            given.append(0)

    with pytest.raises(LookupError, match="no database"):
        list(stream(produce, room=1))
    assert given == []


def test_the_producers_error_reaches_the_caller() -> None:
    """What went wrong in the background is raised in front."""

    async def produce(way: Way[int]) -> None:
        await way.give(1)
        raise LookupError("gone")

    results = stream(produce, room=1)
    assert next(results) == 1
    with pytest.raises(LookupError):
        next(results)
