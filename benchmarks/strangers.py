"""What a stranger can do with the sign-up form: flood a mailbox, or find out who reads.

Prints how many mails 10,000 sign-ups for one victim cause, and whether the answers tell addresses
apart: the bodies byte by byte, the times by the Mann-Whitney test. A p-value over 0.01 means that
the times of two kinds of address cannot be told apart with this many questions.
``python -m benchmarks.strangers 400`` asks fewer times.
"""

from __future__ import annotations

import http.client
import random
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import uvicorn
from scipy.stats import mannwhitneyu

from newsletter.config import load, starter
from newsletter.database.signups import Wish
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.web import joining
from newsletter.web.app import create_app

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FLOOD = 10_000
KINDS = ("new", "active", "unsubscribed", "erased")


def main(questions: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = load(
            starter() / "config.toml",
            [
                "collect.sources=[]",
                f"database.url=sqlite:///{folder}/strangers.sqlite",
                f"paths.outbox={folder}/outbox",
                f"paths.templates={starter() / 'templates'}",
                "audience.form_seconds=0",
            ],
        )
        room = open_newsroom(config.model_copy(update={"root": Path(folder)}))
        flood(room)
        enumerate_(room, questions)
        room.close()


def flood(room: Newsroom) -> None:
    """Sign one address up again and again, from everywhere, over two hours."""
    wish = Wish(
        email="victim@example.org",
        key="victim@example.org",
        domain="example.org",
        editions=("daily",),
    )
    start, busy = time.perf_counter(), time.process_time()
    mails = sum(
        room.signups.sign_up(wish, now=NOW + timedelta(seconds=number * 0.7), token=room.token)
        is not None
        for number in range(FLOOD)
    )
    took, busy = time.perf_counter() - start, time.process_time() - busy
    print(
        f"flood      {FLOOD:,} sign-ups for one victim in {took:.1f} s "
        f"({busy:.1f} s of computing): {mails} mail",
        flush=True,
    )
    assert mails == 1


def enumerate_(room: Newsroom, questions: int) -> None:
    joining.FROM_ONE_PLACE = joining.FROM_EVERYWHERE = ()  # the limits would answer instead
    for kind in KINDS[1:]:
        for number in range(questions):
            _known(room, kind, f"{kind}{number}@example.org")
    order = [(kind, number) for kind in KINDS for number in range(questions)]
    random.Random(1).shuffle(order)
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    answers: set[tuple[int, bytes]] = set()
    with serving(room) as port:
        for kind, number in order:
            form = urlencode({"email": f"{kind}{number}@example.org"})
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            head = {"Content-Type": "application/x-www-form-urlencoded"}
            start = time.perf_counter()
            connection.request("POST", "/subscribe", form, head)
            answer = connection.getresponse()
            body = answer.read()
            times[kind].append(time.perf_counter() - start)
            connection.close()
            answers.add((answer.status, body))
            time.sleep(0.01)  # the work after an answer must not slow the next one down
    said = sorted({status for status, _ in answers})
    print(f"answers    {len(order):,} questions, {len(answers)} answer, status {said}")
    assert len(answers) == 1
    usual = times["active"]
    for kind in KINDS:
        middle = sorted(times[kind])[questions // 2] * 1000
        p = mannwhitneyu(times[kind], usual).pvalue if kind != "active" else 1.0
        print(f"timing     {kind:<13} median {middle:6.2f} ms  against active p = {p:.3f}")


def _known(room: Newsroom, kind: str, address: str) -> None:
    """Bring an address into the state its name says."""
    wish = Wish(email=address, key=address, domain="example.org", editions=("daily",))
    asked = room.signups.sign_up(wish, now=NOW - timedelta(days=9), token=room.token)
    assert asked
    done = room.signups.confirm(asked.reader, asked.consent, now=NOW - timedelta(days=8))
    assert done
    if kind == "unsubscribed":
        room.readers.unsubscribe(done.token, how="one-click", now=NOW - timedelta(days=7))
    elif kind == "erased":
        room.readers.forget(address, now=NOW - timedelta(days=7))


@contextmanager
def serving(room: Newsroom) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(room), log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    listener.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
