"""How good and how fast briefs are: support, balance, honesty, milliseconds a story.

    python -m benchmarks.brief                       60 of as21 and gn25, all, a part of neus
    python -m benchmarks.brief --sets as21 --limit 100

Needs the development stories and the scorer beside the project (../shared). Every story is written
twice, the second time with left and right exchanged. Time is processor time of this process, read
from parsed lines to finished lines, gates included, so that a busy machine does not count.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newsletter.brief.lines import brief_lines
from newsletter.config import load
from newsletter.model import Article, Coverage, Outlet
from newsletter.stories.coverage import coverage

ROOT = Path(__file__).resolve().parent.parent
SCORE = ROOT.parent / "shared" / "score"

SHARES = (
    ("quotes", "quotations verbatim in a cited article", 1.0),
    ("numbers", "numbers with their unit in a cited article", 1.0),
    ("names", "names in a cited article", 0.99),
    ("highlights", "highlights verbatim in their article", 1.0),
    ("purity", "bullets citing their own side only", 1.0),
    ("missing", "empty sides told honestly", 1.0),
    ("filled", "sides with articles that have bullets", None),
    ("attribution nearest", "bullets nearer to their own side's articles", 0.93),
    ("parallel", "left and right parallel", 0.95),
    ("copy", "texts without a long copy outside quotation marks", 1.0),
)
SWAPPED = ("overview the same", "headline and deck the same", "bullets exchanged")


def main() -> int:
    """Measure the default pair of samples, or the one asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", nargs="+")
    parser.add_argument("--limit", type=int, default=0)
    given = parser.parse_args()
    if not SCORE.is_dir():
        print("passed over: the development stories are not on this machine")
        return 0
    samples = (
        [(given.sets, given.limit)]
        if given.sets
        else [(["as21", "gn25"], 60), (["as21", "gn25"], 0), (["neus"], 540)]
    )
    for sets, limit in samples:
        measure(sets, limit)
    return 0


def measure(sets: list[str], limit: int) -> None:
    """Write the stories of some sets and print what the scorer says of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stories, turned = folder / "stories.jsonl", folder / "turned.jsonl"
        made = [SCORE / "make_stories.py", "--sets", *sets, "--to", stories]
        run([*made, *(["--limit", str(limit)] if limit else [])])
        run([SCORE / "brief.py", "--stories", stories, "--swap", turned])
        milliseconds = write(stories, folder / "briefs.jsonl")
        write(turned, folder / "turned.briefs.jsonl")
        said = run([
            SCORE / "brief.py", "--stories", stories, "--briefs", folder / "briefs.jsonl",
            "--swapped-briefs", folder / "turned.briefs.jsonl", "--json",
        ])  # fmt: skip
    report(" + ".join(sets), json.loads(said), milliseconds)


def write(source: Path, target: Path) -> float:
    """Write briefs for a file of stories; milliseconds of processor time a story."""
    stories = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    settings = load(ROOT / "config.toml")

    def counted(articles: Sequence[Article], outlets: Mapping[str, Outlet]) -> Coverage:
        return coverage(articles, outlets, settings.stories)

    started = time.process_time()
    briefs = [
        json.dumps(brief, ensure_ascii=False)
        for brief in brief_lines(stories, counted, settings.brief)
    ]
    took = time.process_time() - started
    target.write_text("\n".join(briefs) + "\n", "utf-8")
    return 1000 * took / len(stories)


def run(words: list[Any]) -> str:
    """Run a scorer and return what it prints."""
    done = subprocess.run(
        [sys.executable, *map(str, words)], check=False, capture_output=True, text=True
    )
    if done.returncode > 1:
        raise SystemExit(done.stderr.strip())
    return done.stdout


def report(name: str, figures: dict[str, Any], milliseconds: float) -> None:
    """Print one table."""
    print(f"{name}: {figures['stories']} stories")
    for key, label, goal in SHARES:
        share = figures["figures"][key]
        wanted = f"(goal {100 * goal:.0f} %)" if goal else ""
        if share["n"]:
            print(f"  {label:52s} {100 * share['share']:6.1f} %  of {share['n']:5d}  {wanted}")
    for key in SWAPPED:
        share = figures["swapped"][key]
        print(f"  sides exchanged: {key:35s} {100 * share['share']:6.1f} %  of {share['n']:5d}")
    if figures["overview_references"]:
        recall = figures["overview_rouge"]["rouge1_r"]
        print(f"  {'overview, ROUGE-1 recall':52s} {recall:8.3f}  (goal 0.47)")
    words = figures["sizes"]["overview"]
    print(f"  {'overview, words: mean and most':52s} {words['mean']:6.1f} / {words['max']}")
    loaded = figures["loaded_per_100"]
    print(f"  {'loaded words in 100, outside quotation marks':52s} {loaded:8.2f}  (goal 0.15)")
    print(f"  {'processor time a story, ms':52s} {milliseconds:6.1f}    (goal 20)")


if __name__ == "__main__":
    sys.exit(main())
