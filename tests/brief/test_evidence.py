"""Which sentences may be quoted, and where they stand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.brief import evidence, excerpts, furniture
from newsletter.model import Kind, Side
from tests.brief.stand_ins import OUTLETS, article, roads
from tests.conftest import SHARED

BODY = "The council opened the new library on Monday. It has 40,000 books."


def texts(*articles_text: str) -> list[str]:
    """The spans of articles of one outlet, as strings."""
    made = [article(f"a{i}", text=text, title=f"T{i}") for i, text in enumerate(articles_text)]
    return [span.text for span in evidence.spans(made, OUTLETS)]


def test_offsets_are_exact() -> None:
    """A span's offsets give back its text, for sentences, passages and clauses alike."""
    made = roads()
    words = {a.id: a.words for a in made}
    found = evidence.spans(made, OUTLETS)
    for span in (*found, *excerpts.passages(found, made, 60), *excerpts.clauses(found, 14)):
        assert words[span.article][span.start : span.end] == span.text


@given(st.text(max_size=400))
def test_offsets_are_exact_for_any_text(text: str) -> None:
    """Whatever an article says, a span is a piece of it."""
    made = article("a", text=text)
    for span in evidence.spans([made], OUTLETS):
        assert made.words[span.start : span.end] == span.text


@pytest.mark.parametrize(
    "start",
    [
        "LINDEN CITY (AP) — ",
        "LINDEN CITY, Tamarack, March 3 (Reuters) - ",
        "Aug. 22 (UPI) -- ",
        "(Reuters) -",
        "COLOMBO - ",
        "Linden City, Tamarack — ",
    ],
)
def test_datelines_are_not_quoted(start: str) -> None:
    """A span begins after the dateline."""
    assert texts(start + BODY)[0] == "The council opened the new library on Monday."


@pytest.mark.parametrize(
    "line",
    [
        "Sign up for our newsletter to get the best of the week.",
        "This site is protected by reCAPTCHA and the privacy policy applies.",
        "Follow us on all channels and share this story with friends.",
        "By Ada Byron, Larkfield Post",
        "(Reporting by Ada Byron; Editing by Chen Li.)",
        "This article was produced by the wire desk and was not edited.",
        "All rights reserved by the publisher of this page.",
        "Menu Home Politics World Business Sports Opinion",
        "The council opened a library and then it...",
        "See the pictures here , and the plans here .",
        "The mayor spokeWednesdayThe council said it was glad.",
    ],
)
def test_site_furniture_is_left_out(line: str) -> None:
    """What a page says about itself, and what is no sentence, is never evidence."""
    assert line not in texts(f"{BODY}\n{line}\n{BODY.replace('library', 'museum')}")
    assert "The council opened the new library on Monday." in texts(f"{BODY}\n{line}")


def test_lines_that_come_back_are_furniture() -> None:
    """A sentence found in two different articles of one outlet belongs to the outlet's page."""
    tail = "The Wire brings the county together every morning."
    found = texts(
        f"{BODY}\nThe hall cost $3 million.\nThe doors open at nine on Friday.\n{tail}",
        f"A storm closed the harbor on Sunday.\nThe ferry stopped.\nBoats stayed in port.\n{tail}",
    )
    assert tail not in found
    assert "A storm closed the harbor on Sunday." in found


def test_revisions_of_one_article_are_not_furniture() -> None:
    """Two states of one article share nearly everything and still count as text."""
    first = f"{BODY}\nThe hall cost $3 million to build.\nThe doors open at nine on Friday."
    assert furniture.repeated_lines([article("a", text=first), article("b", text=first)]) == set()


def test_author_notes_end_the_article() -> None:
    """What follows "Author" at the end of a page is not the article."""
    body = "\n".join(f"The council met on day {n} and voted." for n in range(2, 9))
    note = "Author\nThe Civic Program studies how towns are run.\nExplore More\nThe next town."
    found = texts(f"{body}\n{note}")
    assert found[-1] == "The council met on day 8 and voted."
    bio = "Ada Byron is a senior fellow at the Institute and the author of two books."
    assert bio not in texts(f"{body}\n{bio}")


def test_the_reference_article_loses_its_note() -> None:
    """The sample article that ends in an author note and site links keeps none of them."""
    folder = SHARED / "seeds"
    if not folder.is_dir():
        pytest.skip("the seeds are not on this machine")
    text = next(folder.glob("003*")).read_text("utf-8")
    found = texts(text)
    assert found
    assert not [said for said in found if "Global Europe Program" in said]
    assert not [said for said in found if "Positive Neutrality" in said]


def test_side_and_kind_come_from_outlet_and_article() -> None:
    """A span knows the side and family of its outlet, and whether it is somebody's view."""
    made = article("a", "oak", text=BODY, kind=Kind.OPINION)
    (span, *_) = evidence.spans([made], OUTLETS)
    assert (span.side, span.family, span.opinion) == (Side.RIGHT, "oak", True)
    assert json.loads(json.dumps(span.as_evidence().text)) == span.text
