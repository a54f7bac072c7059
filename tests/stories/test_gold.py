"""The gold set: the cases that grouping gets wrong, told in our own words."""

from __future__ import annotations

from functools import cache

import pytest

from newsletter.stories.group import group
from tests.stories.gold import bcubed, gold
from tests.stories.make import SETTINGS


@cache
def found() -> dict[str, str]:
    """The story of each article as grouped."""
    articles, _ = gold()
    stories = group(articles, settings=SETTINGS)
    return {article: story.id for story in stories for article in story.articles}


def test_the_set_is_as_large_as_it_says() -> None:
    """Twenty-six stories, 120 articles, no title twice."""
    articles, story_of = gold()
    assert len(articles) == len({a.title for a in articles}) == 120
    assert len(set(story_of.values())) == 26


def test_the_day_is_sorted_nearly_as_an_editor_would() -> None:
    """Few articles are put wrong, in either way."""
    precision, recall = bcubed(found(), gold()[1])
    assert precision >= 0.97
    assert recall >= 0.97


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("market-attack", "station-attack"),
        ("halcyon-sues", "brightwater-sues"),
        ("final-one", "final-two"),
        ("talks-five", "talks-six"),
        ("dam", "dam-later"),
        ("dam", "german"),
        ("quake", "flood"),
        ("rate-decision", "retail-slump"),
        ("senate-race", "marsh-hearing"),
    ],
)
def test_look_alikes_stay_apart(one: str, other: str) -> None:
    """Two events with the same words are two stories."""
    _, story_of = gold()
    ones = {found()[a] for a, story in story_of.items() if story == one}
    others = {found()[a] for a, story in story_of.items() if story == other}
    assert not ones & others
