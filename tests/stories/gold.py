"""The gold set: a day sorted by an editor, in our own words (gold.toml)."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from newsletter.model import Article, Kind
from tests.stories.make import article

FILE = Path(__file__).with_name("gold.toml")


def gold() -> tuple[list[Article], dict[str, str]]:
    """The articles, and the name of the story each belongs to."""
    articles: list[Article] = []
    story_of: dict[str, str] = {}
    for story in tomllib.loads(FILE.read_text("utf-8"))["story"]:
        for number, (hours, kind, title, text) in enumerate(story["articles"], start=1):
            ident = f"{story['id']}-{number}"
            story_of[ident] = story["id"]
            articles.append(
                article(
                    ident,
                    title,
                    text,
                    # Eleven outlets, so that every outlet has several stories.
                    outlet=f"outlet-{len(articles) % 11}",
                    hours=hours,
                    kind=Kind(kind),
                    lang=story.get("lang", "en"),
                )
            )
    return articles, story_of


def bcubed(found: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[float, float]:
    """B-cubed precision and recall of a grouping: Bagga and Baldwin, 1998."""
    cell = Counter((found[a], wanted[a]) for a in wanted)
    sizes, golden = Counter(found[a] for a in wanted), Counter(wanted.values())
    precision = sum(n * n / sizes[f] for (f, _), n in cell.items()) / len(wanted)
    recall = sum(n * n / golden[w] for (_, w), n in cell.items()) / len(wanted)
    return precision, recall
