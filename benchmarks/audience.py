"""A million people: import, count segments, choose an audience; time and memory.

Budgets: import 60 s and 300 MB; a count 50 ms for indexed rules, 500 ms for three topics or'ed;
choosing 500,000 of them 10 s. ``python -m benchmarks.audience 100000`` does fewer.
"""

from __future__ import annotations

import itertools
import resource
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from newsletter.audience.importing import read_rows
from newsletter.audience.segments import condition
from newsletter.config import Segment
from newsletter.database.engine import Database, open_database
from newsletter.database.readers import Readers
from newsletter.model import Farewell, FarewellKind

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
COUNTRIES = ("GB", "US", "US", "US", "IE", "DE", "FR", "CA")
TOPICS = ("politics;world", "business", "politics;business;markets", "science", "", "sport;world")

SEGMENTS = {
    "uk-mornings": [
        {"field": "country", "in": ["GB", "IE"]},
        {"field": "topics", "any": ["politics", "world"]},
    ],
    "us-politics": [
        {"field": "country", "in": ["US"]},
        {"field": "topics", "any": ["politics"]},
    ],
    "business": [{"field": "topics", "any": ["business", "markets", "technology"]}],
    "one-country": [{"field": "country", "in": ["IE"]}],
    "two-countries": [{"field": "country", "in": ["GB", "IE"]}],
    "one-topic": [{"field": "topics", "any": ["politics"]}],
    "three-topics": [{"field": "topics", "any": ["politics", "business", "world"]}],
    "new": [{"field": "joined", "within_days": 30}],
    "everyone": [],
}


def main(people: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "people.csv"
        write(file, people)
        print(f"file       {people:,} rows, {file.stat().st_size / 1e6:.0f} MB")
        with timed("read", people), file.open("rb") as stream:
            assert sum(1 for _ in read_rows(stream)) == people
        database = open_database(f"sqlite:///{folder}/people.sqlite")
        readers = Readers(database, compile_segment=condition, clock=lambda: NOW)
        bring(readers, file, "import", people)
        bring(readers, file, "again", people)
        leave(readers, people)
        count(readers)
        choose(database, readers, people)
        with timed("export", people), (Path(folder) / "out.csv").open("w", newline="") as out:
            assert readers.export(out) == people
        database.close()
    print(f"memory     {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")


def write(file: Path, people: int) -> None:
    """Addresses in no particular order, as real lists come."""
    step = 7_368_787  # a prime: every number once, scattered
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write("email,name,country,timezone,topics,lists,language\n")
        for index in range(people):
            number = index * step % people if people % step else index
            out.write(
                f"reader{number:07}@mail{number % 97}.example.org,Person {number},"
                f"{COUNTRIES[number % 8]},Europe/London,{TOPICS[number % 6]},"
                f"{'staff' if number % 100 == 0 else ''},en\n"
            )


def bring(readers: Readers, file: Path, what: str, people: int) -> None:
    with timed(what, people), file.open("rb") as stream:
        report = readers.import_rows(
            read_rows(stream),
            source=file.name,
            consent="a benchmark",
            editions=("daily",),
            now=NOW,
            token=lambda: secrets.token_urlsafe(16),
            refusals=file.parent / "refused.csv",
        )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"           {report.added:,} added, {report.unchanged:,} unchanged, {memory:.0f} MB")
    assert report.added + report.unchanged == people


def leave(readers: Readers, people: int) -> None:
    """One in fifty leaves, as in a list that is some months old."""
    gone = (
        Farewell(kind=FarewellKind.UNSUBSCRIBE, at=NOW, reader=one) for one in range(1, people, 50)
    )
    with timed("farewells", people // 50):
        report = readers.note_farewells(gone, now=NOW)
    assert report.unsubscribed == len(range(1, people, 50))


def count(readers: Readers) -> None:
    for name, where in SEGMENTS.items():
        segment = Segment.model_validate({"where": where})
        times, busy = [], []
        for _ in itertools.repeat(None, 5):
            start, cpu = time.perf_counter(), time.process_time()
            number = readers.count_segment(segment)
            times.append(time.perf_counter() - start)
            busy.append(time.process_time() - cpu)
        print(
            f"count      {name:<13} {number:>9,}  {min(times) * 1000:6.0f} ms "
            f"({min(busy) * 1000:.0f} ms of computing)"
        )


def choose(database: Database, readers: Readers, people: int) -> None:
    segments = {name: Segment.model_validate({"where": where}) for name, where in SEGMENTS.items()}
    some = {name: segments[name] for name in ("uk-mornings", "us-politics", "business")}
    for what, chosen in (("with everyone", segments), ("three of them", some), ("none", {})):
        with database.reading() as connection, timed(f"audience, {what}", people):
            rows = connection.execution_options(yield_per=10_000).execute(
                readers.audience("daily", chosen)
            )
            found = Counter(row.segment for row in rows)
        print(f"           {sum(found.values()):,}: {dict(found)}")


@contextmanager
def timed(what: str, number: int) -> Iterator[None]:
    start, busy = time.perf_counter(), time.process_time()
    yield
    took, busy = time.perf_counter() - start, time.process_time() - busy
    print(f"{what:<10} {took:.1f} s ({busy:.1f} s of computing), {number / took:,.0f} a second")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
