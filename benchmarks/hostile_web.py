"""A day of the news web with feeds that hurt: what it costs, and where connections go.

    python -m benchmarks.hostile_web

Needs the stand-in of the news web beside the project (../shared/newsday). The whole arrow collects
the day three times: with good feeds only, with hostile ones among them, and again under a watch
from outside, strace where there is one and the kernel's table of connections where there is not.
Every article of the good outlets must arrive, each hostile feed may cost only itself, the round
must end within its deadline, and no connection may leave this machine.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SERVER = ROOT.parent / "shared" / "newsday" / "serve.py"
DEADLINE = 120
"""Seconds that a round may take here; the slowest feed is given up after 30."""


def main() -> None:
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(collect_here(Path(sys.argv[2]))))
        return
    if not SERVER.exists():
        print(f"skipped: no stand-in of the news web at {SERVER.parent}")
        return
    for words, watched in (((), False), (("--hostile",), False), (("--hostile",), True)):
        with day(*words) as (folder, base):
            figures, seen = run(folder, watched=watched)
            print(tell(words, figures, truth(base, figures), seen), flush=True)


@contextlib.contextmanager
def day(*words: str) -> Iterator[tuple[Path, str]]:
    """A day being served, and a place that is to collect it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = folder / "sources.toml"
        command = [sys.executable, str(SERVER), "--set", "gn25", "--as-of", "now", *words]
        server = subprocess.Popen(
            [*command, "--port", "0", "--list", str(sources)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout
            base = ""
            while "http://" not in base:
                base = server.stdout.readline()
            base = base[base.index("http://") :].split()[0]
            (folder / "config.toml").write_text(
                '[collect]\nsources = ["sources.toml"]\n'
                f'allow_hosts = ["{base.removeprefix("http://")}"]\n'
                '[database]\nurl = "sqlite:///news.sqlite"\n'
            )
            yield folder, base
        finally:
            server.kill()
            server.wait()


def run(folder: Path, *, watched: bool) -> tuple[dict[str, Any], str]:
    """Collect in a process of its own, and what an onlooker saw of its connections."""
    command = [sys.executable, "-m", "benchmarks.hostile_web", "--run", str(folder)]
    trace = folder / "connections"
    strace = shutil.which("strace")
    if watched and strace:
        command = [strace, "-f", "-qq", "-e", "trace=connect,sendto", "-o", str(trace), *command]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ.get("PATH", "/usr/bin:/bin")}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )
    table = KernelTable() if watched and not strace else None
    said, _ = process.communicate(timeout=600)
    if process.returncode:
        raise SystemExit("the collect ended with an error")
    seen = ""
    if table:
        seen = told(table.stop(), "the kernel's table, ten looks a second")
    elif watched:
        seen = told(traced(trace.read_text("utf-8", "replace")), "strace of every process")
    return json.loads(said.splitlines()[-1]), seen


def collect_here(folder: Path) -> dict[str, Any]:
    """The whole arrow, as the command runs it."""
    from newsletter import pipeline
    from newsletter.config import load
    from newsletter.newsroom import open_newsroom

    room = open_newsroom(load(folder / "config.toml"))
    started = time.perf_counter()
    report = pipeline.collect(room)
    took = time.perf_counter() - started
    since = room.clock().replace(year=2000)
    articles = room.articles.window(since, room.clock(), room.outlets.keys())
    hostile = {feed.url: feed for feed in room.articles.feeds() if "hostile" in feed.outlet}
    room.close()
    return {
        "seconds": took,
        "outcomes": report.outcomes,
        "copies": report.copies,
        "urls": [one.url for one in articles if not one.outlet.startswith("hostile")],
        "hostile": len(hostile),
        "silent": [url for url, feed in hostile.items() if feed.last_visit is None],
        "unexplained": [url for url, feed in hostile.items() if feed.failures and not feed.problem],
        "blamed": [url for url, _ in report.problems if "hostile" not in url.rsplit("/", 2)[-2]],
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def truth(base: str, figures: dict[str, Any]) -> tuple[int, int]:
    """How many articles of good outlets there are, and how many of them arrived."""
    with urllib.request.urlopen(f"{base}/truth.jsonl") as answer:
        rows = [json.loads(line) for line in answer.read().splitlines()]
    wanted = {row["url"] for row in rows if not row["outlet"].startswith("hostile")}
    return len(wanted), len(wanted & set(figures["urls"]))


def tell(words: tuple[str, ...], figures: dict[str, Any], found: tuple[int, int], seen: str) -> str:
    """The figures of one round on a few lines."""
    name = "with hostile feeds" if words else "good feeds only"
    first = (
        f"{name}: {figures['seconds']:.1f} s of {DEADLINE}, {figures['outcomes']}, {found[1]} of "
        f"{found[0]} articles of good outlets, {figures['copies']} copies, peak "
        f"{figures['peak']:.0f} MB"
    )
    lines = [first]
    if words:
        second = (
            f"   {figures['hostile']} hostile feeds, never visited {len(figures['silent'])}, "
            f"failed without a reason {len(figures['unexplained'])}; good feeds that failed "
            f"{len(figures['blamed'])}"
        )
        lines.append(second)
    if seen:
        lines.append(f"   {seen}")
    return "\n".join(lines)


def traced(text: str) -> list[str]:
    """The addresses of all connections that strace wrote down."""
    return re.findall(r'inet_(?:addr|pton)\((?:AF_INET6?, )?"([^"]+)"', text)


class KernelTable:
    """Looks at the machine's own table of connections until it is told to stop.

    Connections that are younger than a tenth of a second can hide from it; those that were there
    before do not count.
    """

    def __init__(self) -> None:
        self._before = set(self._look())
        self._seen: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> list[str]:
        """The other ends of all connections that were seen."""
        self._over.set()
        self._thread.join()
        return self._seen

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self._seen += [peer for peer in self._look() if peer not in self._before]

    @staticmethod
    def _look() -> list[str]:
        peers = []
        for name in ("tcp", "tcp6"):
            for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
                number = line.split()[2].partition(":")[0]
                words = [bytes.fromhex(number[i : i + 8])[::-1] for i in range(0, len(number), 8)]
                peers.append(str(ipaddress.ip_address(b"".join(words))))
        return [peer for peer in peers if not ipaddress.ip_address(peer).is_unspecified]


def told(peers: list[str], how: str) -> str:
    """What an onlooker says."""
    outside = sorted({peer for peer in peers if not leads_home(peer)})
    return (
        f"watched by {how}: {len(peers)} connections, "
        f"{len(outside)} of them to other machines {outside or ''}".rstrip()
    )


def leads_home(peer: str) -> bool:
    """Whether an address is this machine's own."""
    address = ipaddress.ip_address(peer)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


if __name__ == "__main__":
    main()
