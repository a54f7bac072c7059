"""Names: people, places and bodies of a story, by their capital letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.stories.names import FEW_STORIES, key, names, rare
from tests.stories.make import article


def _names(text: str, lang: str = "en") -> frozenset[str]:
    return names([article("a", "Every Word Is Capital Here", text)], lang)


def test_a_run_of_capitals_is_one_name() -> None:
    """First names and offices are not counted besides the surname; the title is not read."""
    found = _names("They heard Governor Mara Holt in Ansley. Later Holt left.")
    assert found == {"holt", "ansley"}


def test_a_body_and_its_letters_are_one_name() -> None:
    """What "of", "for" and brackets hold together counts once."""
    text = "It was the Office for Rivers and Harbours (ORH) that spoke; the ORH and Harbours agree."
    assert _names(text) == {"harbou"}


def test_a_country_and_its_people_are_one_name() -> None:
    """The first letters stand for the name."""
    assert key("ukraine") == key("ukrainian")
    assert key("nato") == "nato"


@pytest.mark.parametrize(
    "text",
    [
        "Winter is here. Snow fell. The end.",
        "He came in March with the Senate and the Governor of April.",
        "They like the Garden, but a garden is a garden.",
    ],
)
def test_capitals_that_name_nobody(text: str) -> None:
    """The begin of a sentence, a month, an office, a word mostly written small."""
    assert _names(text) == frozenset()


def test_a_name_in_few_of_many_articles_is_not_the_storys() -> None:
    """One of four articles may be quoting anybody."""
    texts = ["It was seen in Ansley.", "They met in Ansley.", "He left Ansley.", "She met Quell."]
    articles = [article(f"a{n}", "", text) for n, text in enumerate(texts)]
    assert names(articles, "en") == {"ansley"}


def test_no_names_where_capitals_say_little() -> None:
    """German writes every noun so; without a background nothing is rare."""
    assert _names("Sie sah den Hund in Ansley.", "de") == frozenset()


def test_rare_is_rare_here_and_in_the_language() -> None:
    """A name in many stories is common, and so is one that always was; few stories prove little."""
    assert rare([{"ansley"}, {"ansley"}], "en") == {"ansley"}
    many = [{"ansley"}] * FEW_STORIES + [{"quell"}]
    assert rare(many, "en") == {"quell"}
    assert rare([{"trump", "quell"}], "en") == {"quell"}


@given(st.text())
def test_any_text_has_names_or_none(text: str) -> None:
    """Nothing in a text stops the reading, and a key is never empty or long."""
    assert all(0 < len(name) <= 6 for name in _names(text))
