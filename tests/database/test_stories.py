"""Stories on disk."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from newsletter.database.articles import Articles
from newsletter.database.engine import Database
from newsletter.database.stories import Stories
from tests.database.words import NOON, article, feed, outlet, story


@pytest.fixture
def shelf(database: Database) -> Stories:
    """Stories over five stored articles."""
    articles = Articles(database)
    articles.sync_sources([outlet("left")], [feed("left")])
    articles.save_visits(
        [(feed("left"), [article(f"a{n}", "left", hours=9 - n) for n in range(1, 6)])]
    )
    return Stories(database)


def test_a_story_comes_back_with_its_articles_oldest_first(shelf: Stories) -> None:
    """Whatever order the articles were given in, they come back by time."""
    assert shelf.save([story("s1", "a2", "a1")], NOON) == 1
    assert shelf.get(["s1"])["s1"] == story("s1", "a1", "a2")
    assert shelf.by_slug("slug-s1") == story("s1", "a1", "a2")
    assert shelf.by_slug("nothing") is None


def test_saving_the_same_again_is_harmless(shelf: Stories) -> None:
    """The second time nothing is new and no version is added."""
    shelf.save([story("s1", "a1", "a2")], NOON)
    assert shelf.save([story("s1", "a1", "a2")], NOON) == 0
    assert [version[0] for version in shelf.versions("s1")] == [1]


def test_an_article_belongs_to_one_story(shelf: Stories) -> None:
    """A story that gains an article takes it from the one that had it; an emptied one is gone."""
    shelf.save([story("s1", "a1", "a2"), story("s2", "a3")], NOON)
    shelf.save([story("s1", "a1", "a2", "a3")], NOON)
    assert shelf.get(["s1", "s2"]) == {"s1": story("s1", "a1", "a2", "a3")}


def test_every_change_of_headline_or_articles_is_a_version(shelf: Stories) -> None:
    """How a story developed can be told afterwards."""
    shelf.save([story("s1", "a1")], NOON)
    shelf.save([story("s1", "a1", "a2")], NOON + timedelta(hours=1))
    shelf.save([replace(story("s1", "a1", "a2"), headline="New")], NOON + timedelta(hours=2))
    assert [(v[0], v[2], v[3]) for v in shelf.versions("s1")] == [
        (1, "Headline of s1", 1),
        (2, "Headline of s1", 2),
        (3, "New", 2),
    ]


def test_when_a_story_was_mailed_survives_regrouping(shelf: Stories) -> None:
    """Grouping again does not forget what readers were told."""
    shelf.save([story("s1", "a1")], NOON)
    shelf.mark_mailed(["s1"], NOON)
    shelf.save([story("s1", "a1", "a2")], NOON)
    assert shelf.get(["s1"])["s1"].mailed == NOON


def test_stories_are_found_by_when_they_changed(shelf: Stories) -> None:
    """Only stories that changed since a moment are loaded."""
    shelf.save(
        [story("s1", "a1"), replace(story("s2", "a2"), updated=NOON - timedelta(days=5))], NOON
    )
    assert [item.id for item in shelf.since(NOON - timedelta(days=1))] == ["s1"]
