"""How well and how fast articles are grouped, beside two ways that anybody can take from a shelf.

``python -m benchmarks.group`` needs the labelled sets beside the project (../shared/data/grouping)
and, for the comparison, scikit-learn, which the program itself does not use. ``--speed`` leaves
the first table out, ``--large`` adds 100,000 articles: some minutes and 3 GB.
``--embedding NAME`` measures ours with and without a second opinion, "words" or the folder of a
sentence model, and nothing else.
"""

from __future__ import annotations

import importlib.util
import json
import lzma
import math
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np

from newsletter import config
from newsletter.model import Article
from newsletter.stories import embedding
from newsletter.stories.embedding import embedding_of
from newsletter.stories.group import group
from newsletter.stories.lines import group_lines, read_articles
from newsletter.stories.live import LiveGrouper

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
SETS = ("gn25", "ogn26", "as21", "as21-week", "as16-20", "basil")
ORDERS = 8
DENSE = 4_000
"""A set larger than this is not given to the shelf's methods: they hold every pair."""

Rows = list[dict[str, Any]]
Grouping = Mapping[str, object]


def main(arguments: list[str]) -> int:
    """Print both tables; 0 also where there is nothing to measure with."""
    folder, scorer = SHARED / "data" / "grouping", _scorer()
    if scorer is None or not folder.is_dir():
        print("skipped: the labelled sets are not beside the project (../shared)")
        return 0
    if "--embedding" in arguments:
        _embedded(folder, scorer, arguments[arguments.index("--embedding") + 1])
        return 0
    if "--window" in arguments:
        _window(folder)
        return 0
    if "--speed" not in arguments:
        _quality(folder, scorer)
    _speed(folder, large="--large" in arguments)
    return 0


def _scorer() -> ModuleType | None:
    file = SHARED / "score" / "grouping.py"
    if not file.is_file():
        return None
    spec = importlib.util.spec_from_file_location("grouping_score", file)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _rows(folder: Path, name: str) -> Rows:
    plain = folder / f"{name}.dev.jsonl"
    if plain.is_file():
        return [json.loads(line) for line in plain.read_text("utf-8").splitlines()]
    with lzma.open(f"{plain}.xz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _shuffled(rows: Rows, seed: int) -> Rows:
    """The articles of each day in another order, without their labels."""
    rng = random.Random(seed)
    keyed = [(row["published"][:10], rng.random(), row) for row in rows]
    return [
        {key: value for key, value in row.items() if key != "story_id"}
        for _, _, row in sorted(keyed, key=lambda item: item[:2])
    ]


# --------------------------------------------------------------------------- quality


def _ours(rows: Rows) -> Grouping:
    stories = group_lines(rows)
    return {article: story["story_id"] for story in stories for article in story["articles"]}


def _embedded(folder: Path, scorer: ModuleType, name: str) -> None:
    """What an embedding adds, at several weights; no order is shuffled, for none matters."""
    chosen = embedding_of(name, Path.cwd())
    assert chosen is not None
    print(f"B-cubed F1 with the embedding {name}; seconds of it for 1,000 articles")
    print("weight".ljust(10) + "".join(label.rjust(11) for label in SETS) + "mean".rjust(9))
    for weight in (0.0, 0.05, 0.1, 0.2):
        values = []
        for label in SETS:
            rows = _rows(folder, label)
            with mock.patch.object(embedding, "BLEND", weight):
                stories = group_lines(rows, embedding=chosen if weight else None)
            found = {
                article: story["story_id"] for story in stories for article in story["articles"]
            }
            values.append(scorer.measure(rows, found)["b3_f1"])
        cells = "".join(f"{value:11.3f}" for value in values)
        print(f"{weight:<10}" + cells + f"{statistics.fmean(values):9.3f}", flush=True)
    texts = [f"{row['title']}. {row['text'][:500]}" for row in _rows(folder, "gn25")]
    fresh = embedding_of(name, Path.cwd())
    assert fresh is not None
    started = time.process_time()
    fresh.vectors(texts)
    seconds = time.process_time() - started
    print(f"  {1000 * seconds / len(texts):.2f} s of one core per 1,000 articles")


def _quality(folder: Path, scorer: ModuleType) -> None:
    methods: dict[str, Callable[[Rows], Grouping]] = {"ours": _ours}
    methods |= _shelf()
    print(f"B-cubed F1, mean of {ORDERS} arrival orders (standard deviation)")
    print("method".ljust(34) + "".join(name.rjust(15) for name in SETS) + "mean".rjust(9))
    for title, method in methods.items():
        cells, means = [], []
        for name in SETS:
            rows = _rows(folder, name)
            if title != "ours" and len(rows) > DENSE:
                cells.append("-")
                continue
            # The shelf's methods see all articles at once; their order changes ties only.
            orders = ORDERS if title == "ours" else 1
            values = [
                scorer.measure(rows, method(_shuffled(rows, seed)))["b3_f1"]
                for seed in range(orders)
            ]
            means.append(statistics.fmean(values))
            cells.append(f"{means[-1]:.3f} ({statistics.pstdev(values):.3f})")
        line = title.ljust(34) + "".join(cell.rjust(15) for cell in cells)
        print(line + f"{statistics.fmean(means):.3f}".rjust(9), flush=True)


def _shelf() -> dict[str, Callable[[Rows], Grouping]]:
    """TF-IDF with agglomerative clustering and with HDBSCAN, at several settings each."""
    try:
        from sklearn.cluster import HDBSCAN, AgglomerativeClustering
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.metrics.pairwise import cosine_distances
    except ImportError:
        print("scikit-learn is not installed: no comparison (pip install scikit-learn)")
        return {}

    def distances(rows: Rows) -> Any:
        texts = [f"{row['title']} {row['text']}" for row in rows]
        words = TfidfVectorizer(stop_words="english", sublinear_tf=True, max_df=0.2)
        distance = cosine_distances(words.fit_transform(texts))
        # The same help that ours has: what lies more than two days apart is not alike at all.
        days = np.array([datetime.fromisoformat(row["published"][:10]).toordinal() for row in rows])
        distance[np.abs(days[:, None] - days[None, :]) > 2] = 1.0
        return distance

    def labelled(rows: Rows, labels: Iterable[int]) -> Grouping:
        # HDBSCAN calls what it does not place noise, -1: each such article stands alone.
        return {
            row["id"]: int(label) if label >= 0 else f"alone {row['id']}"
            for row, label in zip(rows, labels, strict=True)
        }

    def agglomerative(threshold: float) -> Callable[[Rows], Grouping]:
        def method(rows: Rows) -> Grouping:
            model = AgglomerativeClustering(
                n_clusters=None,
                metric="precomputed",
                linkage="average",
                distance_threshold=threshold,
            )
            return labelled(rows, model.fit_predict(distances(rows)))

        return method

    def hdbscan(selection: str) -> Callable[[Rows], Grouping]:
        def method(rows: Rows) -> Grouping:
            model = HDBSCAN(
                min_cluster_size=2,
                metric="precomputed",
                cluster_selection_method=selection,
                copy=True,
            )
            return labelled(rows, model.fit_predict(distances(rows)))

        return method

    return {
        **{
            f"TF-IDF, average linkage, {threshold}": agglomerative(threshold)
            for threshold in (0.80, 0.85, 0.88, 0.90)
        },
        **{f"TF-IDF, HDBSCAN, {selection}": hdbscan(selection) for selection in ("eom", "leaf")},
    }


# --------------------------------------------------------------------------- speed


def _speed(folder: Path, *, large: bool) -> None:
    rows = _rows(folder, "as16-20")
    group_lines(rows[:50])
    print("\nfull-text articles on real dates, CPU seconds from JSON objects to stories")
    _growth([(size, rows[:size]) for size in (1000, 2500, 5000, len(rows))])
    if large:
        _growth([(size, _replicated(rows, size)) for size in (10_000, 30_000, 100_000)])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.group", "--window"],
        check=False,
        capture_output=True,
        text=True,
    )
    print(done.stdout or done.stderr, end="")


def _growth(sizes: Sequence[tuple[int, Rows]]) -> None:
    points = []
    for size, rows in sizes:
        started = time.process_time()
        group_lines(rows)
        seconds = time.process_time() - started
        points.append((math.log(size), math.log(seconds)))
        print(f"  {size:>7} articles {seconds:7.2f} s  {1000 * seconds / size:.2f} s per 1,000")
    slope = statistics.linear_regression(*zip(*points, strict=True)).slope
    print(f"  growth exponent {slope:.2f}", flush=True)


def _replicated(rows: Rows, size: int) -> Rows:
    """The articles again and again, every copy with words exchanged and two years later."""
    rng = random.Random(size)
    made: Rows = []
    for turn in range(math.ceil(size / len(rows))):
        for row in rows[: size - len(made)]:
            words = row["text"].split()[:400]
            for at in range(0, len(words), 7):
                words[at] = rng.choice(words)
            published = datetime.fromisoformat(row["published"]) + timedelta(days=1000 * turn)
            made.append(
                row
                | {
                    "id": f"{row['id']}-{turn}",
                    "text": " ".join(words),
                    "published": published.isoformat(),
                }
            )
    return made


def _window(folder: Path) -> None:
    """10,000 articles within two days, and articles arriving in such a window."""
    settings = config.Stories()
    begin = datetime(2031, 3, 3, tzinfo=UTC)
    all_articles = read_articles(_rows(folder, "as16-20"))
    articles: list[Article] = [
        replace(article, published=begin + timedelta(seconds=17.28 * number))
        for number, article in enumerate(all_articles[:10_200])
    ]
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    stories = group(articles[:10_000], settings=settings)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"  10,000 articles in one two-day window {seconds:.1f} s, peak {peak // 1024} MB "
        f"(of it {base // 1024} MB the articles)"
    )
    live = LiveGrouper(articles[:10_000], stories, settings=settings)
    times = []
    for article in articles[10_000:]:
        started = time.process_time()
        live.arrive(article)
        times.append(1000 * (time.process_time() - started))
    print(f"  one arriving article {statistics.fmean(times):.1f} ms, at most {max(times):.1f} ms")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
