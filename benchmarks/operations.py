"""The house at rest: start to ready, memory, processor, a graceful stop, and one look at a million.

python -m benchmarks.operations
python -m benchmarks.operations --readers 100000 --idle 20
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from newsletter.config import load
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.operations import status
from tests.operations.rooms import make_issue, sent

ROOT = Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Print the table; how many figures miss their aim."""
    asked = argparse.ArgumentParser(description="Figures of the service at rest.")
    asked.add_argument("--readers", type=int, default=1_000_000)
    asked.add_argument("--idle", type=float, default=60)
    asked.add_argument("--starts", type=int, default=5)
    options = asked.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory(prefix="newsletter-operations-") as name:
        place = Path(name) / "place"
        newsletter("init", str(place))
        starts = [start_and_stop(place) for _ in range(options.starts)]
        missed += row("start to ready", statistics.median(s[0] for s in starts), 2.0, "s")
        print(f"{'':<26} {statistics.median(s[2] for s in starts):>8.2f} s of processor time")
        print(f"{'':<26} {os.getloadavg()[0]:>8.1f} processes waited for {os.cpu_count()} cores")
        missed += row("stop when idle", max(s[1] for s in starts), 10.0, "s")
        memory, busy = idle(place, options.idle)
        missed += row("memory when idle", memory, 120, "MB")
        missed += row("processor when idle", busy, 1.0, "%")
        room = open_newsroom(load(place / "config.toml", ["collect.sources=[]"]))
        fill(room, options.readers)
        looks, worked = [], []
        for _ in range(7):
            started, before = time.perf_counter(), time.process_time()
            status.look(room)
            looks.append((time.perf_counter() - started) * 1000)
            worked.append((time.process_time() - before) * 1000)
        room.close()
        print(f"{options.readers:,} readers, as many letters of the newest issue:")
        missed += row("status: the look", statistics.median(looks), 300, "ms")
        print(f"{'':<26} {statistics.median(worked):>8.2f} ms of processor time")
        whole = []
        for _ in range(5):
            started = time.perf_counter()
            newsletter("--config", str(place / "config.toml"), "status")
            whole.append((time.perf_counter() - started) * 1000)
        print(f"{'status: the whole command':<26} {statistics.median(whole):>8.0f} ms")
    return missed


def row(name: str, value: float, aim: float, unit: str) -> int:
    """One line; 1 when the aim is missed."""
    good = value <= aim
    mark = "" if good else "  MISSED"
    print(f"{name:<26} {value:>8.2f} {unit:<3} (at most {aim:g}){mark}")
    return int(not good)


def newsletter(*words: str) -> None:
    """Run a command to its end."""
    subprocess.run(
        [sys.executable, "-m", "newsletter", *words],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def start(place: Path) -> tuple[subprocess.Popen[bytes], float]:
    """Start the service and wait until it is ready; how long that took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "newsletter", "--set", "collect.sources=[]",
         "run", "--port", str(port)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return process, time.perf_counter() - began
        except OSError:
            if process.poll() is not None or time.perf_counter() - began > 240:
                raise RuntimeError("the service did not start") from None
            time.sleep(0.01)


def start_and_stop(place: Path) -> tuple[float, float, float]:
    """Seconds until ready, seconds until gone, processor seconds until ready."""
    process, ready = start(place)
    used = processor(process.pid)
    began = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    return ready, time.perf_counter() - began, used


def idle(place: Path, seconds: float) -> tuple[float, float]:
    """Memory in MB and share of one processor in percent, of a service with nothing to do."""
    process, _ = start(place)
    time.sleep(8)
    before, began = processor(process.pid), time.perf_counter()
    time.sleep(seconds)
    used = processor(process.pid) - before
    passed = time.perf_counter() - began
    memory = resident(process.pid)
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    return memory, 100 * used / passed


def processor(pid: int) -> float:
    """Processor seconds a process and its children used."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return sum(int(fields[index]) for index in (11, 12, 13, 14)) / TICKS


def resident(pid: int) -> float:
    """Memory in MB."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    return 0.0


def fill(room: Newsroom, count: int) -> None:
    """Many readers, and an issue that went to all of them."""
    now = datetime.now(UTC)
    issue = sent(room, make_issue(room, "daily", now.date()))
    at = now.strftime("%Y-%m-%d %H:%M:%S.%f")
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    mail = "'r' || i || '@example.org'"
    states = "CASE i % 5 WHEN 0 THEN 'accepted' WHEN 1 THEN 'bounced' WHEN 2 THEN 'unknown'"
    with room.database.begin() as connection:
        person = f"i, {mail}, {mail}, 'example.org', '', 'US', 'en', '', 'active', 't' || i"
        letter = f"'k' || i, '{issue.id}', i, '', '', {states} ELSE 'delivered' END, ''"
        people_columns = (
            "id, email, address_key, email_domain, name, country, language, timezone, state, "
            "token, joined, source, attributes"
        )
        letter_columns = (
            "key, issue, reader, segment, variant, state, reason, attempt, batch, owner, "
            "transport, provider_id, changed"
        )
        for table, columns, values in (
            ("readers", people_columns, f"{person}, '{at}', 'bench', '{{}}'"),
            ("subscriptions", "reader, edition, state, since", f"i, 'daily', 'active', '{at}'"),
            ("deliveries", letter_columns, f"{letter}, 1, 'b', '', 'folder', '', '{at}'"),
        ):
            statement = f"INSERT INTO {table} ({columns}) {numbers} SELECT {values} FROM n"
            connection.exec_driver_sql(statement)


if __name__ == "__main__":
    raise SystemExit(main())
