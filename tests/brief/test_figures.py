"""Numbers with their units, and names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.brief.figures import figures, known
from newsletter.brief.names import Known, names


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("two senators", "2 senators"),
        ("$5 million", "5 million dollars"),
        ("12%", "12 percent"),
        ("3.9 billion euros", "€3.9bn"),
        ("50 to 52 percent", "50%-52%"),
        ("on March 3", "on 3 March"),
        ("80,000 people", "80000 people"),
        ("twenty-one votes", "21 votes"),
        ("on Tuesday", "Tuesday night"),
    ],
)
def test_spelling_does_not_matter(said: str, source: str) -> None:
    """A number is backed by the same number written otherwise."""
    assert all(known([source]).intersection(f.readings) for f in figures(said)), figures(said)
    assert figures(said)


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("$5 million", "5 million euros"),
        ("80,000 people", "79,763 people"),
        ("12 percent", "12 people"),
        ("on March 4", "on March 3"),
        ("COVID-19", "COVID-18"),
        ("on Friday", "on Tuesday"),
        ("$6 million", "$6 billion"),
    ],
)
def test_units_do_matter(said: str, source: str) -> None:
    """Another currency, share, size, day or code does not back a number."""
    assert not all(known([source]).intersection(f.readings) for f in figures(said))


def test_the_day_of_publication_is_known() -> None:
    """An article of a Tuesday backs "Tuesday" and its date though it does not say so."""
    day = datetime(2026, 3, 3, tzinfo=UTC)
    for said in ("on Tuesday", "on March 3", "in 2026"):
        assert all(known([""], day).intersection(f.readings) for f in figures(said))


@given(st.text(max_size=60))
def test_a_text_backs_itself(text: str) -> None:
    """Every number of a text is among what the text is known to say."""
    backed = known([text])
    assert all(backed.intersection(figure.readings) for figure in figures(text))


def test_names_are_told_from_openings() -> None:
    """A capital at the start of a sentence or in a title is a name only if never written small."""
    source = Known(["The council met. Bridges are old, said Ada Byron of the Freehold Party."])
    assert names("Council members met Ada Byron.", source) == ["Ada Byron"]
    assert names("Bridges Close Over Weekend", Known(["bridges close over the weekend"])) == []
    assert source.has("Ada Byron")
    assert source.has("Freehold Party")
    assert not source.has("Ada Lovelace")


def test_initials_and_possessives_are_one_name() -> None:
    """U.S. and US, Byron's and Byron are the same name."""
    source = Known(["The U.S. sent Byron’s envoy."])
    assert source.has("US")
    assert source.has("Byron")
