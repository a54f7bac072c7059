"""Stories in, briefs out, as JSON lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from newsletter.brief.lines import brief_lines
from newsletter.config import BriefSettings
from newsletter.errors import BriefError
from tests.brief.stand_ins import OUTLETS, count, roads


def line(**changes: Any) -> dict[str, Any]:
    """One story as a line of input."""
    articles = [
        {
            "id": a.id,
            "lean": OUTLETS[a.outlet].lean.value if a.outlet != "drift" else None,
            "source": OUTLETS[a.outlet].name,
            "title": a.title,
            "text": a.text,
            "url": a.url,
            "published": a.published.isoformat(),
        }
        for a in roads()
    ]
    return {"story_id": "roads", "articles": articles, **changes}


def test_a_line_becomes_a_brief() -> None:
    """The agreed keys are there, and the sides, coverage and highlights are those of the input."""
    (out,) = brief_lines([line()], count, BriefSettings())
    assert json.loads(json.dumps(out)) == out
    assert set(out) == {
        "story_id", "headline", "deck", "overview", "sides", "highlights", "coverage", "blindspot",
    }  # fmt: skip
    assert out["coverage"] == {"left": 2, "center": 1, "right": 2, "unrated": 1}
    assert set(out["highlights"]) == {a.id for a in roads()}
    assert out["sides"]["left"]["status"] == "ok"
    assert out["sides"]["left"]["bullets"][0]["citations"][0] in {"a-lark", "a-tide"}


def test_opinion_is_known_by_address_title_and_source() -> None:
    """Without a kind in the input, an opinion piece is told by what its page says of itself."""
    given = line()["articles"]
    given[0]["url"] = "https://example.org/opinion/roads"
    given[1]["title"] = "Opinion: " + given[1]["title"]
    given[2]["source"] += " (Opinion)"
    (out,) = brief_lines([line(articles=given[:3])], count, BriefSettings())
    assert "opinion" in out["withheld"]


@pytest.mark.parametrize(
    "bad",
    [
        {"articles": []},
        {"articles": "none"},
        {"articles": [1]},
        {"story_id": 7},
        {"story_id": ""},
        {"articles": [{"id": "a", "lean": "upward"}]},
        {"articles": [{"id": "a", "lean": ["left"]}]},
        {"articles": [{"id": "a", "published": "yesterday"}]},
        {"articles": [{"id": "a", "title": 5}]},
        {"articles": [{"id": "a"}, {"id": "a"}]},
    ],
)
def test_a_bad_line_is_named(bad: dict[str, Any]) -> None:
    """A line that cannot be read raises an error with its number, after the good ones."""
    briefs = brief_lines([line(), line(**bad)], count, BriefSettings())
    next(briefs)
    with pytest.raises(BriefError, match="line 2"):
        next(briefs)


def test_the_barest_line_is_enough() -> None:
    """Missing lean, date and text are absent, not errors."""
    (out,) = brief_lines(
        [{"story_id": "s", "articles": [{"id": "a", "title": "T"}]}], count, BriefSettings()
    )
    assert out["withheld"]
    assert out["headline"]
    assert out["coverage"]["unrated"] == 1
