"""How fast collecting is: cold, unchanged and one per cent changed, beside other readers.

    python benchmarks/collect.py                       1,000 feeds of 100 items, three rounds
    python benchmarks/collect.py --feeds 200 --rounds 1
    python benchmarks/collect.py --grow 100,1000,10000 how time grows with the number of feeds

Needs the stand-in of the news web beside the project (../shared/newsday). ``reader`` is measured
when it is installed. Every contender runs in a process of its own, against the same server on the
same cores; what is compared is the ratio. "newsletter" is the whole arrow with its database,
"visits" only the network and the reading. "bare" downloads the same bodies with aiohttp, unpacks
them and throws them away: nothing that asks over HTTP in this language can be faster by much.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FLEET = ROOT.parent / "shared" / "newsday" / "fleet.py"
PULLS = ("cold", "unchanged", "1 % changed")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--feeds", type=int, default=1_000)
    arguments.add_argument("--items", type=int, help="of each feed: 100, and 10 with --grow")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--contenders", default="newsletter,visits,reader,bare")
    arguments.add_argument("--grow", default="", help="numbers of feeds, with commas")
    arguments.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.run:
        print(json.dumps(CONTENDERS[given.run[0]](Path(given.run[1]))))
        return
    if not FLEET.exists():
        print(f"skipped: no stand-in of the news web at {FLEET.parent}")
        return
    if given.grow:
        grow([int(number) for number in given.grow.split(",")], given.items or 10)
        return
    items = given.items or 100
    table: dict[str, list[dict[str, float]]] = {}
    for round_ in range(given.rounds):
        for name in given.contenders.split(","):
            figures = measure(name, given.feeds, items)
            print(f"round {round_ + 1} {name:10} {tell(figures)}", flush=True)
            if "skipped" not in figures:
                table.setdefault(name, []).append(figures)
    print(f"\nmedians of {given.rounds}, {given.feeds} feeds of {items} items, seconds")
    middle = {
        name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for name, runs in table.items()
    }
    for name, figures in middle.items():
        print(f"{name:12} {tell(figures)}")
    for ours_name in ("newsletter", "visits"):
        ours = middle.get(ours_name)
        for name, figures in middle.items():
            if ours is None or name in {"newsletter", "visits"}:
                continue
            for kind in ("", "cpu "):
                ratios = (f"{p} {figures[kind + p] / ours[kind + p]:.2f}" for p in PULLS)
                print(f"{kind or 'time '}of {name} / {ours_name}: {', '.join(ratios)}")
    if ours and "bare" in middle:
        shares = (f"{pull} {100 * middle['bare'][pull] / ours[pull]:.0f} %" for pull in PULLS)
        print(f"the bare download takes of our time: {', '.join(shares)}")


def grow(numbers: list[int], items: int) -> None:
    """How time grows with the number of feeds; 1 is proportional."""
    told = []
    for feeds in numbers:
        figures = measure("newsletter", feeds, items)
        told.append(figures)
        print(f"{feeds:6} feeds of {items}: {tell(figures)}", flush=True)
    steps = math.log(numbers[-1] / numbers[0])
    for kind in ("", "cpu "):
        powers = (
            f"{pull} {math.log(told[-1][kind + pull] / told[0][kind + pull]) / steps:.2f}"
            for pull in PULLS
        )
        print(f"{kind or 'time '}grows as the number of feeds to the power: {', '.join(powers)}")


def tell(figures: dict[str, Any]) -> str:
    """Figures of one contender on a line."""
    if "skipped" in figures:
        return str(figures["skipped"])
    pulls = "  ".join(
        f"{pull} {figures[pull]:7.2f} (cpu {figures[f'cpu {pull}']:.2f})" for pull in PULLS
    )
    return f"{pulls}  items {figures['items']:.0f}  peak {figures['peak']:.0f} MB"


def measure(name: str, feeds: int, items: int) -> dict[str, Any]:
    """Run one contender against a fresh server."""
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder) / "sources.toml"
        words = [sys.executable, str(FLEET), "--feeds", str(feeds), "--items", str(items)]
        server = subprocess.Popen(
            [*words, "--port", "0", "--list", str(sources)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout
            base = ""
            while "http://" not in base:
                base = server.stdout.readline()
            (Path(folder) / "base").write_text(base[base.index("http://") :].split()[0])
            done = subprocess.run(
                [sys.executable, __file__, "--run", name, folder],
                check=False,
                capture_output=True,
                text=True,
                cwd=ROOT,
                env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            )
            if done.returncode:
                raise SystemExit(done.stderr)
            figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
            return figures
        finally:
            server.kill()
            server.wait()


def sources_of(folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """The server's address and its sources."""
    base = (folder / "base").read_text()
    return base, tomllib.loads((folder / "sources.toml").read_text())["source"]


def tick(base: str) -> None:
    """One feed in a hundred gets three new items."""
    urllib.request.urlopen(f"{base}/tick?feeds=0.01&items=3").read()


def cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    usages = (
        resource.getrusage(resource.RUSAGE_SELF),
        resource.getrusage(resource.RUSAGE_CHILDREN),
    )
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_mb() -> float:
    """This process alone.

    Our workers have some 30 MB each; the system's own figure for children counts the parent's
    memory at their start and cannot be used.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_newsletter(folder: Path) -> dict[str, Any]:
    """The whole arrow, as the command and the scheduler run it: ``pipeline.collect``.

    Sources are compared with the configuration, feeds are visited, articles are cleaned in two
    worker processes and stored in SQLite (WAL, synchronous=FULL), copies are looked for.
    """
    from newsletter import pipeline
    from newsletter.config import load
    from newsletter.newsroom import open_newsroom

    base, _ = sources_of(folder)
    (folder / "config.toml").write_text(
        '[collect]\nsources = ["sources.toml"]\n'
        f'allow_hosts = ["{base.removeprefix("http://")}"]\n'
        '[database]\nurl = "sqlite:///ours.sqlite"\n'
    )
    room = open_newsroom(load(folder / "config.toml"))
    figures: dict[str, Any] = {}
    for pull in PULLS:
        if pull == PULLS[2]:
            tick(base)
        started, spent = time.perf_counter(), cpu_seconds()
        report = pipeline.collect(room, force=True)
        figures[pull] = time.perf_counter() - started
        figures[f"cpu {pull}"] = cpu_seconds() - spent
        if report.problems:
            raise SystemExit("\n".join(map(str, report.problems)))
    items = room.articles.count()
    room.close()
    return {**figures, "items": items, "peak": peak_mb()}


def run_visits(folder: Path) -> dict[str, Any]:
    """Only the visits, their results dropped: what asking, reading and cleaning cost."""
    from newsletter.clock import system_clock
    from newsletter.config import Collect, Source
    from newsletter.feeds.visit import visit_feeds
    from newsletter.model import Feed

    base, listed = sources_of(folder)
    sources = [Source(**source) for source in listed]
    outlets = {source.id: source.outlet for source in sources}
    settings = Collect(allow_hosts=(base.removeprefix("http://"),))
    state = {url: Feed(url=url, outlet=source.id) for source in sources for url in source.addresses}
    figures: dict[str, Any] = {}
    held: dict[str, str] = {}
    for pull in PULLS:
        if pull == PULLS[2]:
            tick(base)
        started, spent = time.perf_counter(), cpu_seconds()
        for one in visit_feeds(
            list(state.values()),
            outlets,
            settings,
            clock=system_clock,
            random=Random(1),
            known=lambda _, __: held,
            force=True,
        ):
            if one.problem:
                raise SystemExit(f"{one.feed.url}: {one.problem}")
            state[one.feed.url] = one.feed
            held.update((article.id, article.title) for article in one.articles)
        figures[pull] = time.perf_counter() - started
        figures[f"cpu {pull}"] = cpu_seconds() - spent
    return {**figures, "items": len(held), "peak": peak_mb()}


def run_reader(folder: Path) -> dict[str, Any]:
    """The reader library as its documents recommend it for many feeds: ``workers``, SQLite in WAL.

    As many workers as we have requests at once; fewer make it neither faster nor slower, since its
    parsing holds the interpreter's lock. Its search index is off. It commits with SQLite's default
    synchronous=FULL, as we do, keeps more of each entry than we do, and looks for no copies.
    """
    try:
        from reader import make_reader
    except ImportError:
        return {"skipped": "skipped: reader is not installed"}
    # Its own copy of feedparser wants a module that ships under another name today.
    with contextlib.suppress(ImportError):
        sys.modules.setdefault("sgmllib", importlib.import_module("feedparser_sgmllib"))
    base, listed = sources_of(folder)
    made = make_reader(f"{folder}/reader.sqlite", search_enabled=False)
    for source in listed:
        made.add_feed(source["feed"])
    figures: dict[str, Any] = {}
    for pull in PULLS:
        if pull == PULLS[2]:
            tick(base)
        started, spent = time.perf_counter(), cpu_seconds()
        made.update_feeds(workers=32, scheduled=False)
        figures[pull] = time.perf_counter() - started
        figures[f"cpu {pull}"] = cpu_seconds() - spent
    items = made.get_entry_counts().total
    made.close()
    return {**figures, "items": items, "peak": peak_mb()}


def run_bare(folder: Path) -> dict[str, Any]:
    """Only aiohttp: ask with validators, unpack, forget."""
    import aiohttp

    base, listed = sources_of(folder)
    tags: dict[str, str] = {}

    async def pull_all() -> None:
        line = [source["feed"] for source in listed]

        async def runner(session: aiohttp.ClientSession) -> None:
            while line:
                url = line.pop()
                headers = {"If-None-Match": tags[url]} if url in tags else {}
                async with session.get(url, headers=headers) as response:
                    await response.read()
                    tags[url] = response.headers.get("ETag", "")

        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(32):
                group.create_task(runner(session))

    figures: dict[str, Any] = {}
    for pull in PULLS:
        if pull == PULLS[2]:
            tick(base)
        started, spent = time.perf_counter(), cpu_seconds()
        asyncio.run(pull_all())
        figures[pull] = time.perf_counter() - started
        figures[f"cpu {pull}"] = cpu_seconds() - spent
    return {**figures, "items": 0, "peak": peak_mb()}


CONTENDERS = {
    "newsletter": run_newsletter,
    "visits": run_visits,
    "reader": run_reader,
    "bare": run_bare,
}

if __name__ == "__main__":
    main()
