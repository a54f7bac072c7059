"""How fast letters are joined, audiences frozen, issues sent and events taken.

The figure that matters is the send with its promise beside the same requests without any ledger,
both against the same stand-in for SendGrid (a process of its own) in the same run. It needs the
stand-in beside the project (../shared/referee); without it the other figures are still printed.

    python -m benchmarks.send              # about a minute
    python -m benchmarks.send 1000000      # readers, for the growth and the memory
"""

from __future__ import annotations

import itertools
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import insert, select

from newsletter.clock import system_clock
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import Database, open_database
from newsletter.database.tables import issues, readers, subscriptions
from newsletter.delivery.letter import IssueMail, prepare_issue
from newsletter.delivery.send import SendSettings, send_issue
from newsletter.delivery.transport.sendgrid import SendGridTransport
from newsletter.model import Delivery, Rendered

REFEREE = Path(__file__).resolve().parents[2] / "shared" / "referee" / "esp.py"
ISSUE = "daily-2026-05-04"
MOMENT = datetime(2026, 5, 4, 10, 30, tzinfo=UTC)
TAG = "Zq7mX2bV9cLk"
WORKERS = 4
RUNS = 5


def mail(size: int) -> IssueMail:
    """An issue of about so many bytes of HTML."""
    line = "<p>A street was closed and opened again; both sides were pleased – so far.</p>\n"
    rendered = Rendered(
        subject="Both sides, Monday",
        preheader="",
        html=line * (size // len(line))
        + f"<p>{TAG}_because_ {TAG}_unsubscribe_ {TAG}_preferences_</p>",
        text=f"Both sides\n{TAG}_because_\n{TAG}_unsubscribe_\n{TAG}_preferences_\n",
        tag=TAG,
    )
    return prepare_issue(
        ISSUE,
        [rendered],
        date=MOMENT,
        from_email="news@example.org",
        from_name="Both Sides Daily",
        reply_to="",
        base_url="https://news.example.org",
        edition="daily",
        edition_title="The daily issue",
    )


def deliveries(count: int) -> list[Delivery]:
    """Claimed rows of invented readers."""
    return [
        Delivery(
            id=number,
            key=f"bench{number:08x}",
            issue=ISSUE,
            reader=number,
            email=f"reader{number:07d}@example.com",
            name="",
            token=f"t{number:08d}",
            segment="all",
            joined=MOMENT,
        )
        for number in range(1, count + 1)
    ]


def people(database: Database, count: int) -> None:
    """An issue and its readers."""
    with database.begin() as connection:
        connection.execute(
            insert(issues).values(
                id=ISSUE,
                edition="daily",
                day=date(2026, 5, 4),
                state="approved",
                revision=1,
                created=MOMENT,
                approved_by="ed",
                approved_sha256="",
            )
        )
        for start in range(0, count, 20_000):
            numbers = range(start + 1, min(start + 20_000, count) + 1)
            connection.execute(
                insert(readers),
                [
                    {
                        "id": number,
                        "email": f"reader{number:07d}@example.com",
                        "address_key": f"reader{number:07d}@example.com",
                        "email_domain": "example.com",
                        "name": "",
                        "country": "",
                        "language": "",
                        "timezone": "",
                        "state": "active",
                        "token": f"t{number:08d}",
                        "joined": MOMENT,
                        "source": "bench",
                        "attributes": {},
                    }
                    for number in numbers
                ],
            )
            connection.execute(
                insert(subscriptions),
                [
                    {"reader": number, "edition": "daily", "state": "active", "since": MOMENT}
                    for number in numbers
                ],
            )


@contextmanager
def provider(folder: Path) -> Iterator[str]:
    """The stand-in, started fresh."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(REFEREE), "--port", str(port), "--light"]
    command += ["--journal", str(folder / f"{uuid4().hex}.jsonl")]
    running = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert running.stdout is not None
        running.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait()


def transport(url: str) -> SendGridTransport:
    """What both sides of the comparison send with."""
    return SendGridTransport(api_key="SG.bench", api_url=url, workers=WORKERS)


def bare(url: str, count: int, issue: IssueMail) -> tuple[float, float]:
    """Readers a second, and of computing, for the same requests with nothing written down."""
    rows = deliveries(count)
    sender = transport(url)

    def one(start: int) -> None:
        letters = issue.letters(rows[start : start + 1000])
        outcomes = sender.send(letters, issue.prepared("", f"bare-{start}"))
        assert all(outcome.state == "accepted" for outcome in outcomes)

    begun, computed = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, range(0, count, 1000)))
    return count / (time.perf_counter() - begun), count / (time.process_time() - computed)


def promised(url: str, database: Database, issue: IssueMail) -> tuple[float, float]:
    """Readers a second, and of computing, through the send with every step committed to disk."""
    ledger = DeliveryLedger(database)
    begun, computed = time.perf_counter(), time.process_time()
    report = send_issue(
        ISSUE,
        ledger=ledger,
        transport=transport(url),
        mail=issue,
        clock=system_clock,
        sleep=time.sleep,
        owner=uuid4().hex[:16],
        settings=SendSettings(claim_size=1000),
    )
    taken, used = time.perf_counter() - begun, time.process_time() - computed
    assert report.finished, report
    count = sum(report.states.values())
    return count / taken, count / used


def main() -> int:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        big = mail(100_000)
        letters = big.letters(deliveries(5000))
        prepared = big.prepared("", "b")
        rates = []
        for _ in range(RUNS):
            begun = time.perf_counter()
            size = sum(len(prepared.message(letter)) for letter in letters)
            rates.append(len(letters) / (time.perf_counter() - begun))
        kilobytes = size / len(letters) / 1000
        print(
            f"letters joined      {statistics.median(rates):>10,.0f} /s   {kilobytes:.0f} KB each"
        )
        plain, kept, frozen, memory = [], [], [], 0.0
        issue = mail(60_000)
        for number in itertools.count():
            database = open_database(f"sqlite:///{folder}/bench{number}.sqlite")
            people(database, count)
            begun = time.perf_counter()
            DeliveryLedger(database).freeze(
                ISSUE,
                select(subscriptions.c.reader, subscriptions.c.edition),
                random_word=lambda: uuid4().hex,
                now=system_clock(),
            )
            frozen.append(time.perf_counter() - begun)
            if REFEREE.exists():
                with provider(folder) as url:
                    kept.append(promised(url, database, issue))
                # What the comparison keeps of its readers is no part of the program.
                memory = memory or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                with provider(folder) as url:
                    plain.append(bare(url, count, issue))
            database.close()
            if number + 1 == (RUNS if count <= 100_000 else 1):
                break
        print(f"audience frozen     {statistics.median(frozen):>10.2f} s    {count:,} readers")
        if not kept:
            print("sent                no stand-in at ../shared/referee, so no figure")
        else:
            # The second pair holds on a busy machine, too: readers a second of our own computing.
            for kind, index in (("", 0), (" computing", 1)):
                without = statistics.median(one[index] for one in plain)
                with_promise = statistics.median(one[index] for one in kept)
                print(f"no ledger{kind:<11}{without:>10,.0f} /s   {WORKERS} requests at once")
                print(f"ledger{kind:<14}{with_promise:>10,.0f} /s   SQLite, synchronous=FULL")
                print(f"ratio{kind:<15}{with_promise / without:>10.2f}")
        print(f"memory, at most     {memory:>10,.0f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
