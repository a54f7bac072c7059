"""Stories on disk."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.database.article_corrections import ArticleCorrections
from newsletter.database.articles import Articles
from newsletter.database.engine import Database
from newsletter.database.periods import drop_articles
from newsletter.database.related_stories import RelatedStories
from newsletter.database.stories import Stories
from newsletter.database.story_locks import StoryLocks
from newsletter.database.tables import story_locks
from newsletter.model import ArticleCorrection, Kind, LockKind, StoryLock, When
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


def test_articles_far_from_the_rest_are_remembered(shelf: Stories) -> None:
    """What looked out of place when grouping is known until the next grouping says otherwise."""
    shelf.save([replace(story("s1", "a1", "a2"), far=("a2",))], NOON)
    assert shelf.get(["s1"])["s1"].far == ("a2",)
    shelf.save([story("s1", "a1", "a2")], NOON)
    assert shelf.get(["s1"])["s1"].far == ()


def test_stories_are_found_by_their_articles_and_slugs(shelf: Stories) -> None:
    """Also a story whose articles went elsewhere keeps its id and slug for itself."""
    shelf.save([story("s1", "a1", "a2"), story("s2", "a3")], NOON)
    assert [one.id for one in shelf.holding(["a2", "a3", "none"])] == ["s1", "s2"]
    shelf.save([story("s1", "a1", "a2", "a3")], NOON)
    assert [one.id for one in shelf.holding(["a3"])] == ["s1"]
    assert shelf.slug_owners(["slug-s2", "free"]) == {"slug-s2": "s2"}
    gone = shelf.former("s2")
    assert gone is not None
    assert (gone.slug, gone.articles) == ("slug-s2", ())
    assert shelf.former("none") is None
    assert shelf.placed(NOON - timedelta(days=1)) == {"a1", "a2", "a3"}


def test_a_change_of_any_story_changes_the_stamp(shelf: Stories) -> None:
    """An index made before is known to be old."""
    empty = shelf.stamp()
    shelf.save([story("s1", "a1")], NOON)
    first = shelf.stamp()
    shelf.save([story("s1", "a1")], NOON)
    assert shelf.stamp() == first != empty
    shelf.save([story("s1", "a1", "a2")], NOON)
    assert shelf.stamp() != first


def test_locks_are_kept_with_who_and_when(database: Database) -> None:
    """A lock comes back as it was; one taken back holds no more but stays on record."""
    locks = StoryLocks(database)
    lock = StoryLock(
        kind=LockKind.MOVE,
        story="s1",
        other="s2",
        articles=("a1", "a2"),
        apart=("a3",),
        came=("a1",),
        title="Before",
        by="Ed",
        at=NOON,
    )
    empty = locks.stamp()
    stored = locks.add(lock)
    assert stored == replace(lock, id=stored.id)
    assert locks.active() == locks.of("s1") == locks.of("s2") == (stored,)
    assert locks.get(stored.id) == stored
    added = locks.stamp()
    locks.end([stored.id], by="Di", at=NOON)
    assert locks.active() == locks.of("s1") == ()
    assert locks.get(stored.id) is None
    assert len({empty, added, locks.stamp()}) == 3
    with database.reading() as connection:
        row = connection.execute(select(story_locks)).one()
    assert (row.by, row.ended_by, row.ended) == ("Ed", "Di", NOON)


def test_corrections_of_articles_are_apart_from_them(database: Database) -> None:
    """Each field is corrected and taken back by itself."""
    corrections = ArticleCorrections(database)
    corrections.set_kind("a1", Kind.OPINION, by="Ed", at=NOON)
    corrections.set_published("a1", NOON, by="Ed", at=NOON)
    corrections.set_kind("a1", Kind.ANALYSIS, by="Di", at=NOON)
    assert corrections.all() == {
        "a1": ArticleCorrection(article="a1", kind=Kind.ANALYSIS, published=NOON)
    }
    corrections.set_published("a1", None, by="Ed", at=NOON)
    assert corrections.all()["a1"].published is None
    corrections.set_kind("a1", None, by="Ed", at=NOON)
    assert corrections.all() == {}


def test_related_stories_are_read_from_both_ends(shelf: Stories, database: Database) -> None:
    """The earlier one knows the later and the other way; a story without articles is left out."""
    early = replace(story("early", "a1"), first_seen=NOON - timedelta(days=9))
    shelf.save([early, story("late", "a2"), story("other", "a3")], NOON)
    related = RelatedStories(database)
    about = {name: ("en", {"dam": 1.0}) for name in ("early", "late", "other")}
    related.save(about, [("late", "early", 0.5), ("other", "late", 0.4)])
    found = related.of(["early", "late"])
    assert [(one.story, one.when) for one in found["early"]] == [("late", When.LATER)]
    assert [(one.story, one.when) for one in found["late"]] == [
        ("early", When.EARLIER),
        ("other", When.LATER),
    ]
    assert found["late"][0].day == (NOON - timedelta(days=9)).date()
    assert set(related.terms_since(NOON - timedelta(days=1), 2)) == {"early", "late"}
    related.save({"late": about["late"]}, [])
    assert related.of(["early", "late"]) == {}
    related.save(about, [("late", "early", 0.5)])
    shelf.save([story("late", "a1", "a2")], NOON)
    assert related.of(["late"]) == {}


def test_a_story_whose_period_is_over_takes_its_relations_along(
    shelf: Stories, database: Database
) -> None:
    """What was kept to find its like does not keep an old story in the database."""
    old = replace(story("old", "a1"), updated=NOON - timedelta(days=99))
    shelf.save([old, story("new", "a2")], NOON)
    about = {name: ("en", {"dam": 1.0}) for name in ("old", "new")}
    RelatedStories(database).save(about, [("old", "new", 0.5)])
    drop_articles(database, NOON - timedelta(days=30))
    assert shelf.former("old") is None
    assert RelatedStories(database).of(["new"]) == {}
