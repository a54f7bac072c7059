"""A newsroom over a fresh database, filled with articles as if they had been collected."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from newsletter.config import Config, load, starter
from newsletter.database.engine import Database
from newsletter.model import Article, Feed
from newsletter.newsroom import Newsroom
from tests.conftest import StillClock

LEANS = ("left", "center", "right", "unrated")


def config(folder: Path, outlets: Sequence[str], more: str = "") -> Config:
    """A place whose sources are these outlets, leaning left, center, right, unrated in turn."""
    tables = [
        f'[[source]]\nid = "{one}"\nname = "{one}"\nlean = "{LEANS[number % 4]}"\n'
        f'feed = "https://{one}.example/feed.xml"\n'
        for number, one in enumerate(outlets)
    ]
    file = folder / "config.toml"
    shutil.copytree(starter() / "templates", folder / "templates", dirs_exist_ok=True)
    file.write_text(f"{more}\n[collect]\nsources = []\n" + "".join(tables), "utf-8")
    return load(file)


def newsroom(
    folder: Path,
    database: Database,
    articles: Sequence[Article],
    clock: StillClock,
    *,
    more: str = "",
    outlets: Sequence[str] = (),
) -> Newsroom:
    """A newsroom in which these articles were collected."""
    names = sorted({article.outlet for article in articles} | set(outlets))
    room = Newsroom(config=config(folder, names, more), database=database, clock=clock)
    room.articles.sync_sources(room.outlets.values(), room.feeds)
    collect(room, articles)
    return room


def collect(room: Newsroom, articles: Sequence[Article]) -> None:
    """Store articles as a visit to their feeds would."""
    room.articles.save_visits(
        (Feed(url=f"https://{one.outlet}.example/feed.xml", outlet=one.outlet), [one])
        for one in articles
    )
