"""Letters a second over SMTP with the promise, beside a client in C that promises nothing.

Both talk to Postfix's test server ``smtp-sink`` over the same number of connections with letters
of the same size, in turns; the other client is Postfix's ``smtp-source``. Both programs come with
Debian's package postfix (which need not be running) and are looked for on the PATH.

    python -m benchmarks.smtp               # 2,000 letters of 100 KB
    python -m benchmarks.smtp 2000 5000     # letters, bytes
"""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select

from benchmarks.send import ISSUE, mail, people
from newsletter.clock import system_clock
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import open_database
from newsletter.database.tables import subscriptions
from newsletter.delivery.send import SendSettings, send_issue
from newsletter.delivery.transport.smtp import SmtpTransport

CONNECTIONS = 8
RUNS = 3


@contextmanager
def sink(program: str) -> Iterator[int]:
    """The server on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    running = subprocess.Popen([program, "-u", "root", f"127.0.0.1:{port}", "100"])
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        running.terminate()
        running.wait()


def promised(port: int, count: int, size: int, folder: Path) -> float:
    """Letters a second through the send, each committed before it leaves."""
    database = open_database(f"sqlite:///{folder}/{uuid4().hex}.sqlite")
    people(database, count)
    ledger = DeliveryLedger(database)
    everybody = select(subscriptions.c.reader, subscriptions.c.edition)
    ledger.freeze(ISSUE, everybody, random_word=lambda: uuid4().hex, now=system_clock())
    transport = SmtpTransport(
        host="127.0.0.1", port=port, connections=CONNECTIONS, letters_per_connection=10_000
    )
    begun = time.perf_counter()
    report = send_issue(
        ISSUE,
        ledger=ledger,
        transport=transport,
        mail=mail(size),
        clock=system_clock,
        sleep=time.sleep,
        owner=uuid4().hex[:16],
        settings=SendSettings(),
    )
    taken = time.perf_counter() - begun
    transport.close()
    database.close()
    assert report.finished, report
    return count / taken


def bare(program: str, port: int, count: int, size: int) -> float:
    """Letters a second of the client in C."""
    command = [program, "-s", str(CONNECTIONS), "-l", str(size), "-m", str(count), "-d"]
    command += ["-f", "news@example.org", "-t", "reader@example.com", f"127.0.0.1:{port}"]
    begun = time.perf_counter()
    subprocess.run(command, check=True)
    return count / (time.perf_counter() - begun)


def main() -> int:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    server, client = shutil.which("smtp-sink"), shutil.which("smtp-source")
    if server is None or client is None:
        print("passed over: smtp-sink and smtp-source are not on the PATH (package postfix)")
        return 0
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as name, sink(server) as port:
        for _ in range(RUNS):
            theirs.append(bare(client, port, count, size))
            ours.append(promised(port, count, size, Path(name)))
    with_promise, without = statistics.median(ours), statistics.median(theirs)
    print(f"smtp-source         {without:>10,.0f} /s   {CONNECTIONS} connections, {size:,} bytes")
    print(f"with the ledger     {with_promise:>10,.0f} /s   SQLite, synchronous=FULL")
    print(f"ratio               {with_promise / without:>10.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
