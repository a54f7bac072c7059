"""Tests of corrections: bound to words that stand there, made wherever a reader sees them."""

from __future__ import annotations

import re
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


def test_our_own_words_are_put_right_and_quotations_stay() -> None:
    """What a publisher said stays to the letter, though it has the same words."""
    entry = correction(
        TOLD, "It was the Senate.", before="Assembly", after="Senate", by="Ada", at=NOON
    )
    for writer in ("extract", "model"):
        told = replace(TOLD.brief, writer=writer)
        brief = put_right(told, [entry])
        assert "Senate" in brief.headline
        assert quoted(brief) == quoted(told)
        assert "Assembly" in quoted(brief)


def test_a_misquotation_is_put_right() -> None:
    """Words that stand in a quotation alone are replaced there; what is cited stays."""
    quote = TOLD.brief.left.bullets[0].quotes[0]
    entry = correction(TOLD, "Misquoted.", before=quote, after="Other words.", by="A", at=NOON)
    brief = put_right(TOLD.brief, [entry])
    assert brief.left.bullets[0].text == "“Other words.”"
    assert brief.left.bullets[0].quotes == ("Other words.",)
    assert brief.headline == TOLD.brief.headline
    assert [s.citations for s in brief.overview] == [s.citations for s in TOLD.brief.overview]
    assert brief.coverage == TOLD.brief.coverage


def quoted(brief: Brief) -> str:
    """All that a reader sees of a brief between quotation marks."""
    bullets = [bullet.text for side in Side for bullet in brief.of(side).bullets]
    text = " ".join([brief.deck, *(s.text for s in brief.overview), *bullets])
    return " ".join(re.findall(r"“[^”]*”", text))


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
