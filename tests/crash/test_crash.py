"""Kill -9 the sender again and again, then count: nobody twice, nobody forgotten.

The sender is a process of its own and the real code throughout; the provider is a small server
of ours that is never killed and whose memory says what really left. ``make crash`` runs the long
version against an independent stand-in.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import open_database
from tests.crash import sender
from tests.delivery.people import ISSUE, freeze, people
from tests.delivery.servers import Grid, GridHandler, GridServer

READERS = 400
KILLS = 20
EVERYBODY = {f"reader{number}@example.org" for number in range(1, READERS + 1)}

pytestmark = pytest.mark.crash


def slowly(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
    """Take time before and after a request counts, so that kills fall into both."""
    time.sleep(0.004)
    problems = grid.problems(request)
    assert not problems, problems
    identity = grid.take(request)
    time.sleep(0.004)
    handler.reply(202, None, X_Message_Id=identity)
    return True


def wait_for_moment(child: Any, grid: Grid, rng: random.Random) -> None:
    """Wait for a random moment of a sender's life: now and then its start, mostly its sending.

    Counted in requests and not in seconds, so that a slow machine kills at the same places.
    """
    if rng.random() < 0.2:
        child.join(rng.uniform(0, 0.2))
        return
    until = len(grid.requests) + rng.choice([1, 1, 2])
    end = time.monotonic() + 10
    while len(grid.requests) < until and child.exitcode is None and time.monotonic() < end:
        time.sleep(0.001)
    child.join(rng.uniform(0, 0.012))


def crash(
    folder: Path, *, policy: str, broken: bool = False
) -> tuple[Counter[str], dict[str, int]]:
    """Send to everybody through twenty kills; how many copies went to whom, and the ledger."""
    url = f"sqlite:///{folder}/news.sqlite"
    database = open_database(url)
    people(database, READERS)
    freeze(DeliveryLedger(database))
    # Children are forked from a server that has everything imported: they start in no time.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.sender"])
    rng = random.Random(20)
    with GridServer() as server:
        server.grid.behaviour = slowly
        arguments = (url, server.url, policy)
        kills = 0
        while kills < KILLS:
            child = context.Process(
                target=sender.run, daemon=True, args=arguments, kwargs={"broken": broken}
            )
            child.start()
            wait_for_moment(child, server.grid, rng)
            if child.exitcode is None:
                child.kill()
                child.join()
                kills += 1
            elif child.exitcode == 0:
                break
        for _ in range(10):
            child = context.Process(
                target=sender.run, daemon=True, args=arguments, kwargs={"broken": broken}
            )
            child.start()
            child.join(60)
            if child.exitcode == 0:
                break
            time.sleep(sender.ABSENCE)
        copies = Counter(server.grid.addresses())
    states = DeliveryLedger(database).states(ISSUE)
    database.close()
    assert kills >= KILLS // 2, "too few kills to say anything"
    return copies, states


def test_held(tmp_path: Path) -> None:
    """Through twenty kills everybody gets one letter, and every doubt is settled."""
    copies, states = crash(tmp_path, policy="hold")
    assert copies == Counter(EVERYBODY)
    assert states == {"accepted": READERS}


def test_sent_again(tmp_path: Path) -> None:
    """When doubt means sending again nobody is lost, and doubles stay within the batches killed."""
    copies, states = crash(tmp_path, policy="resend")
    assert set(copies) == EVERYBODY
    assert states == {"accepted": READERS}
    assert copies.total() - READERS <= sender.BATCH * KILLS


def test_the_driver_finds_a_broken_ledger(tmp_path: Path) -> None:
    """The same kills on a ledger that is told too late do double letters: the test can fail."""
    copies, _ = crash(tmp_path, policy="hold", broken=True)
    assert max(copies.values()) > 1
