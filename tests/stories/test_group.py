"""Group: properties that hold for any window."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Article, LockKind, StoryLock
from newsletter.stories.group import group
from tests.stories.make import DAM, DAY, DAY_ONE, SETTINGS, VOTE, WHALE, article, partition

WORDS = ["dam", "crack", "spillway", "senate", "bill", "lunch", "vote", "whale", "storm"]
texts = st.lists(st.sampled_from(WORDS), min_size=0, max_size=12).map(" ".join)


@st.composite
def windows(draw: st.DrawFn, hours: int = 140) -> list[Article]:
    """Some articles over six days, some of them copies, in up to three languages."""
    count = draw(st.integers(1, 14))
    return [
        article(
            f"a{n}",
            draw(texts),
            draw(texts),
            outlet=f"o{draw(st.integers(0, 4))}",
            hours=draw(st.integers(0, hours)),
            lang=draw(st.sampled_from(["en", "en", "de", "und"])),
            same_as=draw(st.sampled_from(["", "", "", "a0", "a1", "a2", "gone"])),
        )
        for n in range(count)
    ]


def test_one_event_is_one_story() -> None:
    """Reports of one event come together, others stay apart."""
    assert partition(group(DAY, settings=SETTINGS)) == {
        frozenset(a.id for a in DAM),
        frozenset(a.id for a in VOTE),
        frozenset({WHALE.id}),
    }


@settings(deadline=None, max_examples=60)
@given(windows())
def test_every_article_is_in_exactly_one_story(window: list[Article]) -> None:
    """The stories partition the window."""
    stories = group(window, settings=SETTINGS)
    counted = Counter(a for story in stories for a in story.articles)
    assert counted == Counter({a.id: 1 for a in window})
    assert len({story.id for story in stories}) == len(stories)
    assert len({story.slug for story in stories}) == len(stories)


@settings(deadline=None, max_examples=40)
@given(windows(), st.integers(0, 1000))
def test_the_order_of_arrival_does_not_matter(window: list[Article], seed: int) -> None:
    """The same articles give the same stories, ids and slugs in any order."""
    shuffled = list(window)
    random.Random(seed).shuffle(shuffled)
    assert group(shuffled, settings=SETTINGS) == group(window, settings=SETTINGS)


@settings(deadline=None, max_examples=40)
@given(windows(hours=71))
def test_grouping_again_changes_nothing(window: list[Article]) -> None:
    """A second run over the first run's stories gives the same stories, inside the window."""
    once = group(window, settings=SETTINGS)
    assert set(group(window, once, settings=SETTINGS)) == set(once)


@settings(deadline=None, max_examples=40)
@given(windows())
def test_a_copy_follows_its_original(window: list[Article]) -> None:
    """A near-identical copy is in the story of what it copies."""
    stories = group(window, settings=SETTINGS)
    where = {a: story.id for story in stories for a in story.articles}
    for one in window:
        if one.same_as in where:
            assert where[one.id] == where[one.same_as]


@settings(deadline=None, max_examples=40)
@given(windows())
def test_languages_do_not_mix(window: list[Article]) -> None:
    """A story has one language, copies apart."""
    langs = {a.id: a.lang for a in window}
    copies = {a.id for a in window if a.same_as}
    for story in group(window, settings=SETTINGS):
        assert len({langs[a] for a in story.articles if a not in copies}) <= 1


@settings(deadline=None, max_examples=60)
@given(windows(hours=71), st.data())
def test_locks_are_kept(window: list[Article], data: st.DataObject) -> None:
    """What an editor put together is in one story, what was put apart is in two."""
    plain = [replace(a, lang="en", same_as="") for a in window]
    ids = st.sampled_from([a.id for a in plain])
    together = data.draw(st.lists(ids, min_size=1, max_size=4, unique=True))
    apart = [a for a in data.draw(st.lists(ids, max_size=4, unique=True)) if a not in together]
    lock = StoryLock(
        kind=LockKind.SPLIT,
        story="",
        articles=tuple(together),
        apart=tuple(apart),
        by="",
        at=DAY_ONE,
    )
    stories = group(plain, settings=SETTINGS, locks=[lock])
    for _ in range(2):
        where = {a: story.id for story in stories for a in story.articles}
        assert len(where) == len(plain)
        assert len({where[a] for a in together}) == 1
        assert not {where[a] for a in together} & {where[a] for a in apart}
        stories = group(plain, stories, settings=SETTINGS, locks=[lock])


def test_nothing_gives_no_stories() -> None:
    """An empty window is no error."""
    assert group([], settings=SETTINGS) == ()


def test_articles_without_words_stand_alone() -> None:
    """Empty articles are grouped with nobody."""
    empty = [article("a", ""), article("b", ""), article("c", "The of and", "is")]
    assert len(group(empty, settings=SETTINGS)) == 3


def test_a_story_keeps_its_name_when_it_grows() -> None:
    """The id and slug come from the first headline and stay as articles arrive."""
    first = group(DAM[:1], settings=SETTINGS)
    later = group(DAM, first, settings=SETTINGS)
    assert len(later) == 1
    assert (later[0].id, later[0].slug) == (first[0].id, first[0].slug)
    assert later[0].slug == "engineers-order-harrow-dam-drained-after-crack-widens"
    assert later[0].articles == ("dam-1", "dam-2", "dam-3")
    assert later[0].updated > first[0].updated


def test_an_earlier_arrival_does_not_rename_a_story() -> None:
    """An article with an older date that comes late joins without renaming."""
    first = group(DAM[1:], settings=SETTINGS)
    later = group(DAM, first, settings=SETTINGS)
    assert later[0].id == first[0].id
    assert later[0].articles[0] == "dam-1"


def test_of_two_stories_that_become_one_the_older_wins_a_tie() -> None:
    """Where both share as many articles the older story's id stays."""
    one, two = group(DAM[:1], settings=SETTINGS), group(DAM[1:2], settings=SETTINGS)
    later = group(DAM[:2], (*two, *one), settings=SETTINGS)
    assert [story.id for story in later] == [one[0].id]


def test_old_articles_keep_their_story() -> None:
    """What is older than the window is not grouped again, whatever it says."""
    (old,) = group([replace(VOTE[0], id="old")], settings=SETTINGS)
    fixed = replace(old, articles=("older-still", "old"))
    now = [replace(a, published=a.published + timedelta(days=9)) for a in VOTE]
    stories = group([replace(VOTE[0], id="old"), *now], (fixed,), settings=SETTINGS)
    assert [s.articles for s in stories] == [("older-still", "old"), ("vote-1", "vote-2")]


def test_a_story_goes_on_over_the_edge_of_the_window() -> None:
    """A continued story keeps the articles that fell out of the window."""
    (first,) = group(DAM[:2], settings=SETTINGS)
    with_past = replace(first, articles=("long-ago", *first.articles))
    (later,) = group(DAM, (with_past,), settings=SETTINGS)
    assert later.articles == ("long-ago", "dam-1", "dam-2", "dam-3")


def test_stories_not_touched_are_not_returned() -> None:
    """A previous story with no article in the window is left to the archive."""
    (dam,) = group(DAM, settings=SETTINGS)
    assert {s.id for s in group(VOTE, (dam,), settings=SETTINGS)}.isdisjoint({dam.id})


def test_a_far_later_report_is_another_story() -> None:
    """The same words two weeks later are not the same event."""
    again = replace(DAM[0], id="again", published=DAM[0].published + timedelta(days=14))
    assert {"again"} in [set(s.articles) for s in group([*DAM, again], settings=SETTINGS)]


def test_the_headline_is_news_before_opinion() -> None:
    """The most typical article speaks for a story, but a column does not while there is news."""
    (story,) = group(DAM, settings=SETTINGS)
    assert story.headline in {a.title for a in DAM}


def test_a_copy_of_an_old_article_joins_its_story() -> None:
    """A reprint that comes after the window is still of the old story."""
    (old,) = group([VOTE[0]], settings=SETTINGS)
    copy = article("copy", "Tamarack House passes bill", hours=24 * 9, same_as="vote-1")
    (story,) = group([VOTE[0], copy], (old,), settings=SETTINGS)
    assert story.articles == ("vote-1", "copy")
    assert story.id == old.id
