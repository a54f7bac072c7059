"""Related: earlier and later stories are linked, not merged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.stories.group import group
from newsletter.stories.related import LIKE, LIKE_BY_NAME, About, about, alike
from tests.stories.gold import gold
from tests.stories.make import DAM, DAY_ONE, FISH, SETTINGS, VOTE, article

SEEDS = Path(__file__).resolve().parents[2].parent / "shared" / "seeds"


def test_follow_ups_are_linked() -> None:
    """The repair of the dam knows the crack, the sixth round the fifth; a whale knows nobody."""
    articles, story_of = gold()
    stories = group(articles, settings=SETTINGS)
    name = {story.id: story_of[story.articles[0]] for story in stories}
    told = about(stories, {a.id: a for a in articles})
    assert set(told) == {story.id for story in stories}
    found = {frozenset((name[pair.one], name[pair.other])) for pair in alike(told, {})}
    for pair in [("dam", "dam-later"), ("talks-five", "talks-six"), ("final-one", "final-two")]:
        assert frozenset(pair) in found
    assert not {pair for pair in found if {"whale", "rate-decision"} & pair}
    assert len(found) <= 6


def test_a_new_story_is_compared_with_the_archive() -> None:
    """What was kept of an old story is enough; two old ones are not compared again."""
    dam, vote = group([*DAM, *VOTE], settings=SETTINGS)
    known = about([dam, vote], {a.id: a for a in [*DAM, *VOTE]})
    later = article("later", "Harrow Dam spillway repaired", "Engineers closed the crack.")
    (story,) = group([later], settings=SETTINGS)
    fresh = about([story], {"later": later})
    (pair,) = alike(fresh, known)
    assert {pair.one, pair.other} == {story.id, dam.id}
    assert LIKE <= pair.likeness <= 1
    assert alike({}, known) == []


def test_languages_are_not_compared() -> None:
    """The same words in another language are another matter."""
    one = article("one", DAM[0].title, DAM[0].text)
    other = article("other", DAM[0].title, DAM[0].text, lang="de")
    stories = group([one, other], settings=SETTINGS)
    assert alike(about(stories, {"one": one, "other": other}), {}) == []


def test_a_story_that_says_nothing_is_about_nothing() -> None:
    """Stories without articles or words are left out."""
    empty = article("a", "The of and")
    (story,) = group([empty], settings=SETTINGS)
    assert about([story], {}) == {}
    assert about([story], {"a": empty}) == {}
    assert about([], {}) == {}


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the reference articles are not here")
def test_a_later_event_of_one_storyline_is_not_merged() -> None:
    """A summit on the same alliance is another story, even if it were the next day."""
    texts = (next(SEEDS.glob(f"{n}_*.txt")).read_text("utf-8").strip() for n in ("001", "003"))
    articles = [
        article(f"a{number}", text.split(".")[0], text, hours=24 * number)
        for number, text in enumerate(texts)
    ]
    assert len(group(articles, settings=SETTINGS)) == 2


def test_one_storyline_over_weeks_is_known_by_its_names() -> None:
    """A quarrel over fish two weeks later has other words and the same people and places."""
    told, early, late = _fishers()
    (pair,) = alike({late: told[late]}, {early: told[early]})
    assert {pair.one, pair.other} == {early, late}
    assert LIKE_BY_NAME <= pair.likeness < LIKE


def test_the_same_words_without_the_names_are_not_enough() -> None:
    """Likeness under the bar links nothing with two names, or with an old row without any."""
    told, early, late = _fishers()
    old = About.stored("en", told[early].terms)
    assert old.names == frozenset()
    assert alike({late: told[late]}, {early: old}) == []
    two = replace(told[early], names=frozenset(sorted(told[early].names)[:2]))
    assert alike({late: told[late]}, {early: two}) == []


def test_names_that_every_story_tells_tie_nothing_together() -> None:
    """Three names shared with half of the archive are the talk of the season."""
    told, early, late = _fishers()
    archive = {
        f"old-{number}": About(lang="en", terms={f"w{number}": 1.0}, names=told[early].names)
        for number in range(40)
    }
    assert alike({late: told[late]}, {early: told[early], **archive}) == []


def test_names_survive_storing() -> None:
    """What is stored of a story is read back whole."""
    told, early, _ = _fishers()
    assert told[early].names
    assert About.stored("en", told[early].to_store()) == told[early]


def _fishers() -> tuple[dict[str, About], str, str]:
    """Two events of one quarrel, and the ids of their stories."""
    one, other = FISH
    stories = group([one, other], settings=SETTINGS)
    assert len(stories) == 2
    ids = {story.articles[0]: story.id for story in stories}
    return about(stories, {"early": one, "late": other}), ids["early"], ids["late"]


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the reference articles are not here")
def test_the_later_event_of_the_reference_story_is_linked() -> None:
    """The article of March is a story of its own, linked with the event of February."""
    days = {"000": (2, 12), "001": (2, 12), "002": (2, 14), "003": (3, 2)}
    articles = {}
    for number, (month, day) in days.items():
        text = next(SEEDS.glob(f"{number}_*.txt")).read_text("utf-8").strip()
        title = text.split("\n")[0].split(".")[0]
        hours = (datetime(2025, month, day, 12, tzinfo=UTC) - DAY_ONE).total_seconds() / 3600
        articles[number] = article(number, title, text, hours=hours)
    stories = group(list(articles.values()), settings=SETTINGS)
    of = {number: story.id for story in stories for number in story.articles}
    assert of["003"] not in {of["000"], of["001"], of["002"]}
    pairs = {frozenset((pair.one, pair.other)) for pair in alike(about(stories, articles), {})}
    assert frozenset((of["001"], of["003"])) in pairs
