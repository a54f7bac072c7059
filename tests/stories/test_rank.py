"""Rank: what matters most comes first, and little is left out of shame."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from newsletter import config
from newsletter.model import Article, Lean, Story
from newsletter.stories.coverage import coverage
from newsletter.stories.rank import rank, spread
from tests.stories.make import DAY_ONE, SETTINGS, article, outlet

LEANS = [Lean.LEFT, Lean.CENTER, Lean.RIGHT]
OUTLETS = {f"o{n}": outlet(f"o{n}", LEANS[n % 3]) for n in range(12)}
NOW = DAY_ONE + timedelta(hours=24)


def story(ident: str, outlets: list[int], *, hours: float = 20, section: str = "") -> Story:
    """A story covered by the outlets with these numbers."""
    ids = tuple(f"{ident}-{n}" for n in outlets)
    for n, made in zip(outlets, ids, strict=True):
        ARTICLES[made] = article(made, ident, outlet=f"o{n}", hours=hours)
    return Story(
        id=ident,
        slug=ident,
        headline=ident,
        articles=ids,
        section=section,
        first_seen=DAY_ONE,
        updated=DAY_ONE,
    )


ARTICLES: dict[str, Article] = {}
WIDE = story("wide", [0, 1, 2, 3, 4, 5])
NARROW = story("narrow", [0, 1])
ONE_SIDED = story("one-sided", [0, 3, 6, 9])
SPREAD = story("spread", [0, 1, 2, 3])
OLD = story("old", [0, 1, 2, 3, 4, 5], hours=-60)
LONE = story("lone", [0], section="sport")


def order(
    *stories: Story, settings: config.Stories = SETTINGS, pins: Sequence[str] = ()
) -> list[str]:
    """The ids of ranked stories."""
    found = rank(stories, ARTICLES, OUTLETS, NOW, settings, pins=pins)
    return [one.story.id for one in found]


def weighed(sport: float) -> config.Stories:
    """Settings in which sport has a weight."""
    return config.Stories(section_weights=config.SectionWeights(sport=sport))


def test_more_families_weigh_more() -> None:
    """A story many cover comes before one that two cover."""
    assert order(NARROW, WIDE) == ["wide", "narrow"]


def test_spread_over_sides_weighs() -> None:
    """Of two stories with as many families, the one all sides cover comes first."""
    assert order(ONE_SIDED, SPREAD) == ["spread", "one-sided"]


def test_silence_makes_a_story_lighter() -> None:
    """Yesterday's big story falls behind today's small one."""
    assert order(OLD, NARROW, settings=config.Stories(floor_score=0)) == ["narrow", "old"]


def test_the_floor_leaves_a_story_out() -> None:
    """One family is no story for an issue, unless an editor pins it."""
    assert order(LONE, WIDE) == ["wide"]
    assert order(LONE, WIDE, pins=["lone"]) == ["lone", "wide"]


def test_a_slow_day_is_shorter() -> None:
    """What few families told a while ago is not told again to fill an issue, unless pinned."""
    stale = story("stale", [0, 3], hours=2)
    assert order(stale, WIDE) == ["wide"]
    assert order(stale, WIDE, settings=config.Stories(floor_score=0)) == ["wide", "stale"]
    assert order(stale, pins=["stale"]) == ["stale"]


def test_sections_weigh() -> None:
    """An edition can favour a section, and shut one out."""
    sport = story("sport", [0, 1, 2], section="sport")
    assert order(sport, NARROW) == ["sport", "narrow"]
    assert order(sport, NARROW, settings=weighed(0.4)) == ["narrow", "sport"]
    assert order(sport, NARROW, settings=weighed(0)) == ["narrow"]


def test_the_order_of_the_input_does_not_matter() -> None:
    """Ties are settled by the story, not by its place in the list."""
    assert order(WIDE, NARROW, SPREAD, OLD) == order(OLD, SPREAD, NARROW, WIDE)


def test_spread_is_one_when_even_and_zero_when_one_sided() -> None:
    """The measure of spread runs from one side to a third each."""
    even = [ARTICLES[a] for a in ("wide-0", "wide-1", "wide-2")]
    assert spread(coverage(even, OUTLETS, SETTINGS)) > 0.999
    assert spread(coverage(even[:1], OUTLETS, SETTINGS)) == 0
    assert spread(coverage([], OUTLETS, SETTINGS)) == 0
