"""Copies: agency text printed twice is found; two reports of one event are not copies."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.copies import find_copies, marks_of
from newsletter.model import Article

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AGENCY = (
    "The council of Sampleton voted on Sunday to rebuild the bridge over the river, ending a "
    "dispute that had lasted for four years. Members of both parties said the vote had been "
    "close until the last hour. Work is to begin in May and will cost two million dollars. "
    "The mayor called it a good day, while residents of the east bank asked for a second look."
)
OTHER = (
    "After four years of argument Sampleton is to have its bridge. On Sunday evening a narrow "
    "majority of council members agreed to pay two million dollars for the work, which should "
    "start next May, although people living on the eastern bank want the plan to be reviewed."
)


def article(id_: str, text: str, minutes: int = 0, **fields: str) -> Article:
    """An article with a text."""
    return Article(
        id=id_,
        outlet=fields.get("outlet", id_),
        url=f"https://example.org/{id_}",
        title=fields.get("title", "Council votes for the bridge"),
        text=text,
        published=NOW + timedelta(minutes=minutes),
        first_seen=NOW,
        same_as=fields.get("same_as", ""),
    )


def copies(new: list[Article], window: list[Article]) -> dict[str, str]:
    """What is found among articles, from their marks as they are kept and their texts."""
    shelf = {one.id: one for one in [*window, *new]}
    marks = marks_of(shelf.values())
    order = sorted(new, key=lambda one: (one.published, one.id))
    return find_copies(
        [(one.id, marks[one.id]) for one in order],
        [(one.id, one.same_as or one.id, marks[one.id]) for one in window],
        lambda ids: {id_: (shelf[id_].outlet, shelf[id_].title, shelf[id_].words) for id_ in ids},
    )


def test_a_copy_with_small_edits_is_linked_to_the_first() -> None:
    """A dateline, a cut end and a credit line do not make another text."""
    first = article("a", AGENCY)
    dateline = article("b", f"SAMPLETON (Wire) - {AGENCY}", 5)
    cut = article("c", f"{AGENCY[:260]} This story was provided by a wire service.", 9)
    assert copies([cut, first, dateline], []) == {"b": "a", "c": "a"}


def test_an_excerpt_is_a_copy_of_the_full_text() -> None:
    """Two sentences of an agency text add no voice to it."""
    assert copies([article("b", AGENCY[:220])], [article("a", AGENCY)]) == {"b": "a"}


def test_two_reports_of_one_event_are_two_voices() -> None:
    """Own words are no copy."""
    assert copies([article("a", AGENCY), article("b", OTHER)], []) == {}


def test_a_copy_of_a_copy_is_linked_to_the_original() -> None:
    """The first original stands for all."""
    window = [article("a", AGENCY), article("b", AGENCY, 1, same_as="a")]
    assert copies([article("c", AGENCY, 2)], window) == {"c": "a"}
    assert copies([article("c", AGENCY, 2)], window[1:]) == {"c": "a"}


def test_short_texts_are_copies_only_when_all_is_the_same() -> None:
    """A line of text proves nothing unless title and line are both the same."""
    one = article("a", "The road is open.")
    assert copies([one, article("b", "The road is open.", 1)], []) == {"b": "a"}
    assert copies([one, article("b", "The road is open.", 1, title="Roads")], []) == {}
    assert copies([article("a", "", title="Weather"), article("b", "", title="Weather")], []) == {}


NOTICE = (
    "Subscribers can read the full story here. Support local journalism by becoming a member of "
    "the Gazette today and get unlimited access to all of our reporting for a dollar a month. "
)


def test_what_a_paper_says_instead_of_a_text_makes_no_copies() -> None:
    """One notice under three headlines is three stories, however long it is and in whose paper."""
    titles = ("Mayor resigns after audit", "Two killed in highway crash", "Board approves budget")
    for notice in (NOTICE, NOTICE + AGENCY):
        ours = [article(title, notice, title=title, outlet="gazette") for title in titles]
        assert copies(ours, []) == {}
    assert copies([article(title, NOTICE, title=title) for title in titles], []) == {}


def test_an_excerpt_under_another_headline_is_a_copy() -> None:
    """Outlets rewrite the headline of an agency's text, and say the same with it."""
    first = article("a", AGENCY[:300])
    again = article("b", AGENCY[:300], 1, title="Sampleton council narrowly approves new bridge")
    assert copies([first, again], []) == {"b": "a"}


def test_a_story_of_an_agency_in_two_hundred_papers_is_one_voice() -> None:
    """However many print it, each is linked to the first, also when they come in two rounds."""
    papers = [article(f"p{n:03}", f"TOWN {n} - {AGENCY} Paper {n}.", n) for n in range(200)]
    assert copies(papers, []) == {one.id: "p000" for one in papers[1:]}
    held = [papers[0], *(replace(one, same_as="p000") for one in papers[1:150])]
    assert copies(papers[150:], held) == {one.id: "p000" for one in papers[150:]}


def test_marks_are_few_and_the_same_in_every_process() -> None:
    """They are stored: a text has a mark for every third word or so, four bytes each."""
    found = marks_of([article("a", AGENCY), article("b", AGENCY.upper()), article("c", OTHER)])
    marks = found["a"]
    assert marks == found["b"]
    assert marks == marks_of([article("a", AGENCY)])["a"]
    assert not set(memoryview(marks).cast("I")) & set(memoryview(found["c"]).cast("I"))
    assert len(marks) % 4 == 0
    assert 4 * 10 <= len(marks) <= 4 * 40
    assert int.from_bytes(marks[:4], sys.byteorder) == 124948044
    assert marks_of([article("a", "", title="Weather")]) == {"a": b""}


@given(st.lists(st.text("aé’_ \u0130ßабв\n-", max_size=90), min_size=1, max_size=8))
def test_marks_of_many_texts_are_those_of_each_alone(texts: list[str]) -> None:
    """Whether many are marked at once or one by one makes no difference, whatever they hold."""
    articles = [article(str(n), f"{AGENCY[n:]} {text}") for n, text in enumerate(texts)]
    alone = {id_: found for one in articles for id_, found in marks_of([one]).items()}
    assert alone == marks_of(articles)
    assert alone == marks_of(articles, many=0)


def test_boilerplate_makes_no_copies() -> None:
    """A paragraph that everybody prints does not join different texts."""
    notice = " Sign up for the newsletter of this paper and get the best of it every morning."
    texts = [f"Item {n} tells of village {n} and its fair number {n}, which {n * 7} people saw on "
             f"day {n} of a year that had {n + 3} storms and {n * 11} visitors from town {n}."
             for n in range(60)]  # fmt: skip
    articles = [
        article(f"n{n}", text + notice, n, title=f"Fair {n}") for n, text in enumerate(texts)
    ]
    assert copies(articles, []) == {}


@given(st.permutations(range(6)))
def test_the_order_of_arrival_within_a_run_does_not_matter(order: list[int]) -> None:
    """The earliest published is the original whoever is read first."""
    articles = [article(f"n{n}", AGENCY, n) for n in range(6)]
    found = copies([articles[n] for n in order], [])
    assert found == {f"n{n}": "n0" for n in range(1, 6)}
