"""Related: earlier and later stories are linked, not merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.stories.group import group
from newsletter.stories.related import LIKE, about, alike
from tests.stories.gold import gold
from tests.stories.make import DAM, SETTINGS, VOTE, article

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
