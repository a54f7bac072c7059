"""Tests of corrections: bound to words that stand there, made wherever a reader sees them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import IssueError
from newsletter.issue.correct import correction, put_right
from newsletter.model import Brief, Side
from tests.issue.content import NOON, content

TOLD = next(story for story in content().stories if story.slug == "ferry-subsidy")


def test_the_same_words_make_the_same_correction() -> None:
    """Made twice, at other times and by others, it keeps its id, so it is stored once."""
    first = correction(TOLD, "The year was wrong.", by="Ada", at=NOON)
    again = correction(TOLD, "The  year was wrong. ", by="Bo", at=NOON + timedelta(days=1))
    other = correction(TOLD, "The month was wrong.", by="Ada", at=NOON)
    assert first.id == again.id != other.id
    assert (first.slug, first.section) == (TOLD.slug, TOLD.section)


def test_words_are_replaced_wherever_a_reader_sees_them() -> None:
    """Headline, bullets and overview change; what is cited does not."""
    entry = correction(
        TOLD, "It is one line.", before="ferries", after="ferry lines", by="Ada", at=NOON
    )
    brief = put_right(TOLD.brief, [entry])
    assert "ferry lines" in brief.headline
    assert "ferries" not in words_of(brief)
    assert [s.citations for s in brief.overview] == [s.citations for s in TOLD.brief.overview]
    assert brief.coverage == TOLD.brief.coverage


def words_of(brief: Brief) -> str:
    """All that a reader sees of a brief."""
    bullets = [bullet.text for side in Side for bullet in brief.of(side).bullets]
    return " ".join([brief.headline, brief.deck, *(s.text for s in brief.overview), *bullets])


def test_later_corrections_are_made_on_earlier_ones() -> None:
    """The order is that of time, whatever order they are given in."""
    one = correction(TOLD, "A.", before="Assembly", after="Senate", by="Ada", at=NOON)
    two = replace(one, id="2", before="Senate", after="Council", at=NOON + timedelta(hours=1))
    assert put_right(TOLD.brief, [two, one]).headline.startswith("Council")


@pytest.mark.parametrize(
    ("sentence", "before", "after", "by", "said"),
    [
        (" ", "", "", "Ada", "what was wrong"),
        ("Wrong.", "", "", " ", "nobody"),
        ("Wrong.", "Assembly", "", "Ada", "go together"),
        ("Wrong.", "", "Senate", "Ada", "go together"),
        ("Wrong.", "no such words", "Senate", "Ada", "does not say"),
        ("Wrong. " * 200, "", "", "Ada", "more than"),
    ],
)
def test_a_correction_that_says_nothing_is_refused(
    sentence: str, before: str, after: str, by: str, said: str
) -> None:
    """The error is one sentence about the story."""
    with pytest.raises(IssueError, match=said):
        correction(TOLD, sentence, before=before, after=after, by=by, at=NOON)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_words_either_correct_or_are_refused(before: str, after: str) -> None:
    """Nothing else happens, whatever is typed, and a story without the words stays as it is."""
    try:
        entry = correction(TOLD, "Wrong.", before=before, after=after, by="Ada", at=NOON)
    except IssueError:
        return
    changed = put_right(TOLD.brief, [entry])
    assert (changed != TOLD.brief) == bool(entry.before)
