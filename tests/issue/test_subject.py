"""Tests of the two lines an inbox shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.issue.catalogue import catalogue
from newsletter.issue.subject import fit_preheader, fit_subject

WORDS = catalogue()


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=200))
def test_every_headline_becomes_a_subject_that_is_shown_whole(headline: str) -> None:
    """No subject is longer than 60 characters or empty."""
    subject = fit_subject(headline, WORDS, site="Both Sides Daily", more=3)
    assert 0 < len(subject) <= 60


@pytest.mark.parametrize(
    ("headline", "subject"),
    [
        (
            "Court lets the quarry ruling stand",
            "Court lets the quarry ruling stand",
        ),
        ("Court rules", "Court rules, and 8 more stories"),
        (
            "Judges send the dam permit back to the agency; the company says it will appeal",
            "Judges send the dam permit back to the agency",
        ),
        (
            "Lawmakers approve seventeen amendments concerning agricultural water",
            "Lawmakers approve seventeen amendments concerning…",
        ),
    ],
)
def test_a_subject_ends_where_a_sentence_can(headline: str, subject: str) -> None:
    """Short ones say how much more there is; long ones end at a clause or a word."""
    assert fit_subject(headline, WORDS, site="Both Sides Daily", more=8) == subject


def test_the_preheader_takes_whole_headlines_only() -> None:
    """The second headline, and the third when both fit."""
    heads = ["First", "Second headline of the day", "Third one", "x" * 100]
    line = fit_preheader(heads, "Deck.", WORDS, time="4 min")
    assert line == "Also: Second headline of the day; Third one."


def test_an_issue_of_one_story_shows_its_deck() -> None:
    """Without other headlines the preheader tells more of the first story."""
    deck = "A deck of some words that go on for a while and then end."
    assert fit_preheader(["First"], deck, WORDS, time="1 min") == deck
