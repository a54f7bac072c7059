"""Headlines: typical, plain, calm."""

from __future__ import annotations

import pytest

from newsletter.brief import evidence, headline
from newsletter.brief.weighing import Weights
from newsletter.model import Article, Kind
from tests.brief.stand_ins import OUTLETS, article, roads


def best(articles: list[Article]) -> str:
    """The first headline that would be tried, empty when there is none."""
    found = evidence.spans(articles, OUTLETS)
    tried = headline.candidates(articles, OUTLETS, found, Weights(found, articles), 12)
    return tried[0].text if tried else ""


@pytest.mark.parametrize(
    ("title", "clean"),
    [
        ("Senate passes roads bill - Midland Wire", "Senate passes roads bill"),
        ("Senate passes roads bill | Tamarack News Online", "Senate passes roads bill"),
        ("BREAKING: Senate passes roads bill", "Senate passes roads bill"),
        ("Live updates: Senate passes roads bill.", "Senate passes roads bill"),
        ("Senate passes roads bill - PM", "Senate passes roads bill - PM"),
        ("Senate   passes\nroads bill in the U.S.", "Senate passes roads bill in the U.S."),
    ],
)
def test_titles_are_cleaned(title: str, clean: str) -> None:
    """Outlet names, shouts and stray space go; nothing that belongs to the title does."""
    assert headline.cleaned(title, OUTLETS["mid"]) == clean


@pytest.mark.parametrize(
    "title",
    [
        "Senators slam shocking roads bill",
        "What the roads bill means for you",
        "Is the roads bill worth it?",
        "You won't believe what the Senate passed",
        "5 takeaways from the roads bill vote",
        "Roads bill passes!",
        "No, the Senate did not close the bridge",
    ],
)
def test_loud_titles_are_passed_over(title: str) -> None:
    """Loaded words, questions, lists and shouts never become the headline of a story."""
    plain = "Tamarack Senate approves roads bill"
    made = [
        article("a", "lark", title, "The Tamarack Senate passed the roads bill on Tuesday."),
        article("b", "oak", plain, "The Tamarack Senate approved the roads bill on Tuesday."),
    ]
    assert best(made) == plain
    assert best(made[:1]) != title


def test_the_typical_title_is_chosen() -> None:
    """Of several plain titles the one nearest to all others is taken, in any order."""
    made = roads()
    assert best(made) == "Tamarack Senate passes $6.2 billion roads and bridges bill"
    assert best(made[::-1]) == best(made)


def test_opinion_gives_no_headline() -> None:
    """A piece of opinion is not asked, even when it is the only article."""
    made = article("a", title="The Senate should pass the bill", kind=Kind.OPINION)
    assert best([made]) == ""


def test_long_titles_stop_at_their_main_clause() -> None:
    """A title over the limit is used up to the end of its main clause, never with words cut out."""
    long = (
        "Tamarack Senate passes roads bill, as drivers, farmers, unions and schools wait for the "
        "governor to sign it"
    )
    assert best([article("a", title=long, text="")]) == "Tamarack Senate passes roads bill"
