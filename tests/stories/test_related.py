"""Related: earlier and later stories are linked, not merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.stories.group import group
from newsletter.stories.related import When, related
from tests.stories.gold import gold
from tests.stories.make import SETTINGS, article

SEEDS = Path(__file__).resolve().parents[2].parent / "shared" / "seeds"


def test_follow_ups_are_linked_both_ways() -> None:
    """The repair of the dam knows the crack, the sixth round the fifth, and the other way."""
    articles, story_of = gold()
    stories = group(articles, settings=SETTINGS)
    name = {story.id: story_of[story.articles[0]] for story in stories}
    found = {
        (name[story], name[other.story], other.when)
        for story, others in related(stories, {a.id: a for a in articles}).items()
        for other in others
    }
    for early, late in [
        ("dam", "dam-later"),
        ("talks-five", "talks-six"),
        ("final-one", "final-two"),
    ]:
        assert (early, late, When.LATER) in found
        assert (late, early, When.EARLIER) in found
    assert not {pair for pair in found if {"whale", "rate-decision"} & set(pair)}
    assert len(found) <= 12


def test_every_story_has_an_entry() -> None:
    """A story without relations has an empty entry, also one whose articles are not given."""
    (story,) = group([article("a", "Whale swims free")], settings=SETTINGS)
    assert related([story], {}) == {story.id: ()}
    assert related([], {}) == {}


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the reference articles are not here")
def test_a_later_event_of_one_storyline_is_not_merged() -> None:
    """A summit on the same alliance is another story, even if it were the next day."""
    texts = (next(SEEDS.glob(f"{n}_*.txt")).read_text("utf-8").strip() for n in ("001", "003"))
    articles = [
        article(f"a{number}", text.split(".")[0], text, hours=24 * number)
        for number, text in enumerate(texts)
    ]
    assert len(group(articles, settings=SETTINGS)) == 2
