"""``group --from`` and the database give the same stories of the same articles."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter import pipeline
from newsletter.database.engine import Database, open_database
from newsletter.model import Article
from newsletter.stories.lines import read_articles
from tests.cli.conftest import run_newsletter, sample_place
from tests.conftest import StillClock
from tests.pipeline.rooms import newsroom
from tests.stories.gold import gold

__all__ = ["sample_place"]  # a fixture of the command line tests

Told = set[tuple[str, str, tuple[str, ...]]]


def line(article: Article) -> dict[str, Any]:
    """An article as a JSON line that says all that grouping reads of it."""
    return {
        "id": article.id,
        "url": article.url,
        "source": article.outlet,
        "published": article.published.isoformat(),
        "title": article.title,
        "summary": article.summary,
        "text": article.text,
        "lang": article.lang,
        "kind": article.kind.value,
        "section": article.section,
        "same_as": article.same_as,
    }


def by_file(folder: Path, articles: Sequence[Article], config: str) -> Told:
    """The stories that ``newsletter group --from`` writes: id, headline, articles."""
    (folder / "config.toml").write_text(config, "utf-8")
    lines = "".join(json.dumps(line(one)) + "\n" for one in articles)
    (folder / "a.jsonl").write_text(lines, "utf-8")
    said = run_newsletter("group", "--from", "a.jsonl", "--to", "s.jsonl", cwd=folder)
    assert said.code == 0, said.err
    written = (folder / "s.jsonl").read_text("utf-8").splitlines()
    stories = [json.loads(one) for one in written]
    return {(one["story_id"], one["headline"], tuple(one["articles"])) for one in stories}


def by_database(folder: Path, database: Database, articles: Sequence[Article], config: str) -> Told:
    """The stories that are in the database after ``newsletter group``."""
    clock = StillClock(max(one.published for one in articles))
    room = newsroom(folder, database, articles, clock, more=config)
    pipeline.group(room)
    found = room.stories.holding(one.id for one in articles)
    return {(one.id, one.headline, one.articles) for one in found}


def test_both_paths_agree_on_the_gold_set(tmp_path: Path, database: Database) -> None:
    """Ids, headlines and articles are the same, whatever order the articles are given in."""
    articles, _ = gold()
    shuffled = list(articles)
    random.Random(7).shuffle(shuffled)
    config = "[stories]\nwindow_days = 30\n"
    (tmp_path / "file").mkdir()
    told = by_file(tmp_path / "file", shuffled, config)
    assert told == by_database(tmp_path, database, articles, config)
    assert sum(len(one[2]) for one in told) == len(articles)


def test_both_paths_agree_on_the_sample_day(sample_place: Path, tmp_path: Path) -> None:
    """The stories drafted from the invented day are those of its articles as JSON lines."""
    database = open_database(f"sqlite:///{sample_place}/data/newsletter.sqlite")
    from newsletter.database.articles import Articles
    from newsletter.database.stories import Stories

    since = datetime(2000, 1, 1, tzinfo=UTC)
    stored = Stories(database).since(since)
    ids = [article for story in stored for article in story.articles]
    articles = list(Articles(database).get(ids).values())
    database.close()
    assert len(articles) > 80
    told = by_file(tmp_path, articles, "[collect]\nsources = []\n")
    assert told == {(one.id, one.headline, one.articles) for one in stored}


@pytest.mark.parametrize("name", ["gn25"])
def test_both_paths_agree_on_a_day_of_real_size(
    tmp_path: Path, sqlite: Database, shared: Path, name: str
) -> None:
    """Some 850 full texts of one day, by several hundred outlets, become the same stories."""
    file = shared / "data" / "grouping" / f"{name}.dev.jsonl"
    if not file.is_file():
        pytest.skip("the labelled sets are not beside the project")
    rows = [json.loads(one) for one in file.read_text("utf-8").splitlines()]
    for row in rows:
        # Outlets of a configuration have short plain ids.
        kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in row["source"].lower())
        row["source"] = f"o-{kept}"[:60]
    articles = read_articles(rows)
    (tmp_path / "file").mkdir()
    told = by_file(tmp_path / "file", articles, "")
    assert told == by_database(tmp_path, sqlite, articles, "")
    assert len(articles) > 800
