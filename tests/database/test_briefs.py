"""Briefs on disk."""

from __future__ import annotations

from dataclasses import replace

from newsletter.database.articles import Articles
from newsletter.database.briefs import Briefs
from newsletter.database.engine import Database
from newsletter.database.stories import Stories
from tests.database.words import NOON, article, brief, feed, outlet, story


def test_briefs_are_kept_as_versions(database: Database) -> None:
    """Each brief is a new version, and the newest comes back whole with its sources' hash."""
    articles = Articles(database)
    articles.sync_sources([outlet("left")], [feed("left")])
    articles.save_visits([(feed("left"), [article(f"a{n}", "left", hours=n) for n in (1, 2)])])
    Stories(database).save([story("s1", "a1"), story("s2", "a2")], NOON)
    shelf = Briefs(database)
    shelf.save(brief("s1"), sources_sha256="one", made=NOON)
    second = shelf.save(replace(brief("s1"), deck="New"), sources_sha256="two", made=NOON)
    shelf.save(brief("s2", "a2"), sources_sha256="x", made=NOON)
    assert second is not None
    assert second.version == 2
    assert shelf.newest(["s1", "s2", "s3"]) == {
        "s1": (replace(brief("s1"), deck="New", version=2), "two"),
        "s2": (replace(brief("s2", "a2"), version=1), "x"),
    }
