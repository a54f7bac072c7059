"""Lines: the same grouping from JSON lines."""

from __future__ import annotations

import random
from typing import Any

import pytest

from newsletter.errors import StoryError
from newsletter.stories.group import group
from newsletter.stories.lines import group_lines
from tests.stories.make import DAY, SETTINGS


def line(**fields: Any) -> dict[str, Any]:
    """A line with an id and a title, and what a test adds."""
    return {"id": "a", "title": "A title"} | fields


def test_lines_give_the_same_stories_as_articles() -> None:
    """Grouping lines is grouping articles, in any order of arrival."""
    lines = [
        {
            "id": a.id,
            "url": a.url,
            "source": a.outlet,
            "lean": None,
            "published": a.published.isoformat(),
            "title": a.title,
            "text": a.text,
            "lang": a.lang,
        }
        for a in DAY
    ]
    random.Random(1).shuffle(lines)
    expected = [
        {"story_id": s.id, "headline": s.headline, "articles": list(s.articles)}
        for s in group(DAY, settings=SETTINGS)
    ]
    assert group_lines(lines) == expected


def test_optional_fields_may_be_missing() -> None:
    """An id and a title are enough."""
    found = group_lines([{"id": 7, "title": "Whale swims free"}, {"id": "b", "text": "Bridge"}])
    assert sorted(story["articles"] for story in found) == [["7"], ["b"]]


def test_a_missing_date_is_that_of_the_line_before() -> None:
    """Lines come in order of arrival, so the date before is the best guess."""
    dated = line(published="2031-03-03T06:00:00Z", title="Harrow Dam crack widens")
    undated = line(id="b", published=None, title="Harrow Dam crack widens overnight")
    assert len(group_lines([dated, undated])) == 1


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"title": "A"}, 'has no "id"'),
        ({"id": ""}, 'has no "id"'),
        ({"id": "a"}, "neither a title nor a text"),
        (line(title=3), '"title" that is not text'),
        (line(published="yesterday"), "no ISO time"),
        (line(published="0001-01-01T00:00:00+14:00"), "out of range"),
        (["a"], "is not an object"),
    ],
)
def test_a_bad_line_is_named(bad: Any, sentence: str) -> None:
    """The error says which line and what is wrong with it."""
    with pytest.raises(StoryError, match=sentence) as caught:
        group_lines([line(id="good"), bad])
    assert caught.value.subject == "line 2"


def test_an_id_given_twice_is_an_error() -> None:
    """Two lines with one id cannot both be in the output."""
    with pytest.raises(StoryError, match="line 1 too"):
        group_lines([line(), line(title="Another")])
