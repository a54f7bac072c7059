"""Outlets, feeds and articles on disk."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from newsletter.database.articles import Articles
from newsletter.database.engine import Database
from newsletter.model import FeedState, Lean
from tests.database.words import NOON, article, feed, outlet


def filled(database: Database) -> Articles:
    """Two outlets with a feed each."""
    shelf = Articles(database)
    shelf.sync_sources([outlet("left"), outlet("right", Lean.RIGHT)], [feed("left"), feed("right")])
    return shelf


def test_what_goes_in_comes_back(database: Database) -> None:
    """Outlets, feeds and articles are the same objects after a trip to disk."""
    shelf = filled(database)
    items = [article("a1", "left", hours=2), article("a2", "right", hours=1)]
    assert shelf.save_visits([(feed("left"), items)]) == 2
    assert shelf.outlets()["right"] == outlet("right", Lean.RIGHT)
    assert shelf.feeds() == (feed("left"), feed("right"))
    assert list(shelf.get(["a1", "a2", "nobody"]).values()) == items


def test_an_article_is_stored_once(database: Database) -> None:
    """Collecting the same again adds nothing and changes nothing."""
    shelf = filled(database)
    first = article("a1", "left")
    assert shelf.save_visits([(feed("left"), [first])]) == 1
    assert shelf.save_visits([(feed("left"), [replace(first, title="Other")])]) == 0
    assert shelf.get(["a1"])["a1"].title == first.title
    assert shelf.known(["a1", "a2"]) == {"a1": ""}


def test_a_corrected_article_gets_new_words_and_keeps_all_else(database: Database) -> None:
    """Title, summary and text change; a much longer text, a page's, is kept.

    Under another date it is another article at the same link, and changes nothing.
    """
    shelf = filled(database)
    first, page = article("a1", "left"), replace(article("a2", "left"), text="Long. " * 90)
    shelf.save_visits([(feed("left"), [first, page])], {"a1": b"1111", "a2": b"2222"})
    assert shelf.known(["a1", "a3"], feed=first.feed) == {"a1": first.title}
    assert shelf.known(["a1"], feed="another") == {"a1": ""}
    again = [
        replace(
            one,
            title="Mended",
            summary="New.",
            text="A text about as long as the first.",
            url="x",
        )
        for one in (first, page)
    ]
    both = {"a1", "a2"}
    later = [replace(one, title="Another", published=NOON - timedelta(hours=1)) for one in again]
    shelf.save_visits([(feed("left"), later)], {"a1": b"4444", "a2": b"4444"}, corrected=both)
    assert shelf.get(["a1", "a2"]) == {"a1": first, "a2": page}
    new = shelf.save_visits([(feed("left"), again)], {"a1": b"3333"}, corrected=both)
    assert new == 0
    stored = shelf.get(["a1", "a2"])
    assert stored["a1"] == replace(
        first, title="Mended", summary="New.", text="A text about as long as the first."
    )
    assert stored["a2"] == replace(page, title="Mended", summary="New.")
    assert sorted(shelf.uncompared(NOON - timedelta(days=400))) == [
        ("a1", b"3333"),
        ("a2", b"2222"),
    ]


def test_configuration_changes_keep_what_was_learned(database: Database) -> None:
    """A feed that gets a section keeps its validators and failures."""
    shelf = filled(database)
    learned = replace(feed("left"), etag='"x"', failures=1, problem="is slow", last_visit=NOON)
    shelf.save_visits([(learned, [])])
    shelf.sync_sources([outlet("left")], [replace(feed("left"), section="politics")])
    assert shelf.feeds([feed("left").url]) == (replace(learned, section="politics"),)


def test_a_visit_does_not_undo_what_was_decided_meanwhile(database: Database) -> None:
    """A feed that was retired, woken or configured anew during its visit stays as it is."""
    shelf = filled(database)
    url = feed("left").url
    failed = replace(feed("left"), failures=1, problem="no", since=NOON)
    shelf.save_visits([(failed, [])])
    again = replace(failed, failures=2, state=FeedState.PARKED, last_visit=NOON)
    shelf.wake(url, now=NOON)
    shelf.save_visits([(again, [])])
    assert [(one.state, one.failures) for one in shelf.feeds([url])] == [(FeedState.ACTIVE, 0)]
    shelf.retire(url, by="Ada")
    well = replace(feed("left"), last_success=NOON, etag='"x"')
    assert shelf.save_visits([(well, [article("a1", "left")])]) == 1
    (kept,) = shelf.feeds([url])
    assert (kept.state, kept.problem) == (FeedState.RETIRED, "retired by Ada")
    shelf.wake(url, now=NOON)
    shelf.sync_sources([], [replace(feed("left"), section="politics", page_text=True)])
    shelf.save_visits([(well, [])])
    assert shelf.feeds([url]) == (replace(well, section="politics", page_text=True),)


def test_only_configured_feeds_whose_time_has_come_are_due(database: Database) -> None:
    """New feeds come first, later ones wait, retired ones are never asked."""
    shelf = filled(database)
    urls = [feed("left").url, feed("right").url]
    assert [f.outlet for f in shelf.due(NOON, urls)] == ["left", "right"]
    shelf.save_visits([(replace(feed("left"), next_visit=NOON + timedelta(minutes=5)), [])])
    assert [f.outlet for f in shelf.due(NOON, urls)] == ["right"]
    assert [f.outlet for f in shelf.due(NOON + timedelta(minutes=5), urls)] == ["right", "left"]
    shelf.save_visits([(replace(feed("right"), state=FeedState.RETIRED), [])])
    assert shelf.due(NOON, urls) == ()
    assert shelf.due(NOON, []) == ()


def test_the_window_is_by_time_and_by_configured_outlets(database: Database) -> None:
    """Older and later articles stay out, and so do those of outlets no longer configured."""
    shelf = filled(database)
    items = [
        article("old", "left", hours=80),
        article("in", "left", hours=3),
        article("other", "right", hours=2),
        article("later", "left", hours=-1),
    ]
    shelf.save_visits([(feed("left"), items)])
    found = shelf.window(NOON - timedelta(days=3), NOON, {"left"})
    assert [item.id for item in found] == ["in"]
    assert shelf.outlets_with_articles() == {"left", "right"}


def test_copies_are_linked(database: Database) -> None:
    """A wire copy remembers the first article."""
    shelf = filled(database)
    shelf.save_visits([(feed("left"), [article("a1", "left"), article("a2", "right")])])
    shelf.mark_copies({"a2": "a1"})
    shelf.mark_copies({})
    assert [item.same_as for item in shelf.get(["a1", "a2"]).values()] == ["", "a1"]


def test_thousands_of_ids_can_be_asked_for_at_once(database: Database) -> None:
    """A look-up has no limit on the number of ids."""
    shelf = filled(database)
    shelf.save_visits([(feed("left"), [article(f"a{n}", "left") for n in range(1500)])])
    assert len(shelf.known([f"a{n}" for n in range(40_000)])) == 1500
    assert shelf.count() == 1500


def test_a_feed_is_taken_by_one_machine(database: Database) -> None:
    """What one took is due for no other until it was visited, or until that machine must be dead."""
    articles = Articles(database)
    names = ["left", "right", "later"]
    articles.sync_sources([outlet(name) for name in names], [feed(name) for name in names])
    articles.save_visits([(replace(feed("later"), next_visit=NOON + timedelta(hours=1)), [])])
    urls = [feed(name).url for name in names]
    until = NOON + timedelta(minutes=15)
    first = articles.take_due(NOON, [feed("left").url], until)
    assert [one.url for one in first] == [feed("left").url]
    assert first[0].next_visit is None  # as it was, so that whoever took it finds it due
    assert [one.url for one in articles.take_due(NOON, urls, until)] == [feed("right").url]
    assert articles.take_due(NOON, urls, until) == ()
    visited = replace(first[0], next_visit=NOON + timedelta(hours=2))
    articles.save_visits([(visited, [])])
    again = articles.take_due(until, urls, until + timedelta(minutes=15))
    assert [one.url for one in again] == [feed("right").url]
    articles.give_back(first, until)
    assert [one.next_visit for one in articles.feeds(urls) if one.url == first[0].url] == [
        visited.next_visit
    ]
    articles.give_back(again, until + timedelta(minutes=15))
    assert [one.url for one in articles.due(until, urls)] == [feed("right").url]
