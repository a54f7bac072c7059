"""Workers: processes that read feeds, and do not survive what they should not."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from newsletter.feeds.articles import Context
from newsletter.feeds.workers import Reading, Workers

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CONTEXT = Context(url="https://example.org/f", feed="f", outlet="paper", first_seen=NOW)
GOOD = (
    b'<rss version="2.0"><channel><title>t</title><item><title>Roads</title>'
    b"<link>https://example.org/roads</link></item></channel></rss>"
)


def read(*bodies: bytes, seconds: float = 5, memory_mb: int = 512) -> list[Reading]:
    """Read bodies one after another in one worker."""

    async def run() -> list[Reading]:
        async with Workers(1, seconds=seconds, memory_mb=memory_mb) as workers:
            return [await workers.read(body, "", CONTEXT) for body in bodies]

    return asyncio.run(run())


def test_a_worker_reads_one_feed_after_another() -> None:
    """A body that is no feed does not cost the worker."""
    first, bad, second = read(GOOD, b"<html></html>", GOOD)
    assert first.articles == second.articles
    assert first.articles[0].title == "Roads"
    assert bad.problem == "the answer is a web page, not a feed"


def test_a_worker_that_takes_too_long_is_ended_and_replaced() -> None:
    """The clock over a worker's head is real, and the next body finds a new one."""
    many = b" ".join(b'a%d="%d"' % (n, n) for n in range(60_000))
    slow = b"<rss version='2.0'><channel><item><x " + many + b"></item></channel></rss>"
    hung, after = read(slow, GOOD, seconds=1)
    assert "to read" in hung.problem
    assert after.articles


def test_a_worker_that_needs_too_much_memory_is_ended_and_replaced() -> None:
    """The memory limit holds for the worker alone."""
    huge = b'<rss version="2.0"><channel><item><title>' + b"news " * 2_000_000
    starved, after = read(huge, GOOD, memory_mb=48, seconds=20)
    assert starved.problem
    assert after.articles


def test_a_worker_has_no_secrets() -> None:
    """The environment of a worker is bare."""
    import newsletter.feeds.workers as module

    assert not [name for name in module._KEPT_ENVIRONMENT if "KEY" in name or "TOKEN" in name]


def test_workers_start_when_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No body starts no process, a few bodies start one, and many start all that are allowed."""
    import newsletter.feeds.workers as module

    monkeypatch.setattr(module, "PATIENT_SECONDS", 600)

    async def started(bodies: int) -> int:
        async with Workers(3, seconds=20, memory_mb=512) as workers:
            await asyncio.gather(*(workers.read(GOOD, "", CONTEXT) for _ in range(bodies)))
            return len(workers._living)

    assert [asyncio.run(started(bodies)) for bodies in (0, 1, 4, 40)] == [0, 1, 1, 3]


def test_one_body_that_waits_long_gets_a_worker_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that holds up the only worker holds up the next one for a moment only."""
    import newsletter.feeds.workers as module

    monkeypatch.setattr(module, "PATIENT_SECONDS", 0)
    many = b" ".join(b'a%d="%d"' % (n, n) for n in range(60_000))
    slow = b"<rss version='2.0'><channel><item><x " + many + b"></item></channel></rss>"

    async def both() -> list[Reading]:
        async with Workers(2, seconds=8, memory_mb=512) as workers:
            held = asyncio.create_task(workers.read(slow, "", CONTEXT))
            await asyncio.sleep(0)
            read = await workers.read(GOOD, "", CONTEXT)
            assert not held.done()
            held.cancel()
            return [read]

    (read_meanwhile,) = asyncio.run(both())
    assert read_meanwhile.articles


def test_one_worker_is_started_at_a_time_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs side by side, each with a loop of its own, take turns: uvloop refuses to race."""
    spawn, under_way, most = Workers._spawn, [0], [0]

    async def counted(workers: Workers) -> asyncio.subprocess.Process:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        await asyncio.sleep(0.05)
        try:
            return await spawn(workers)
        finally:
            under_way[0] -= 1

    monkeypatch.setattr(Workers, "_spawn", counted)
    with ThreadPoolExecutor(3) as threads:
        readings = [one for some in threads.map(lambda _: read(GOOD), range(3)) for one in some]
    assert [len(one.articles) for one in readings] == [1, 1, 1]
    assert most == [1]
