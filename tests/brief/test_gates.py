"""Each gate lets the good through and stops the bad."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsletter.brief import extract, gates
from newsletter.brief.blocks import without_failing
from newsletter.brief.sources import stands_in
from newsletter.config import BriefSettings
from newsletter.model import Brief, Bullet, Sentence, Side, SideBrief, SideStatus
from tests.brief.stand_ins import OUTLETS, count, roads, story

ARTICLES = roads()
GOOD = extract.write(story(ARTICLES), ARTICLES, OUTLETS, count(ARTICLES, OUTLETS), BriefSettings())


def found(brief: Brief) -> set[tuple[str, str]]:
    """Gate and block of every finding."""
    return {(f.gate, f.block) for f in gates.check(brief, ARTICLES, OUTLETS)}


def with_left(*bullets: Bullet) -> Brief:
    """The good brief with other bullets on the left."""
    return replace(GOOD, left=replace(GOOD.left, bullets=bullets))


def said(text: str, *citations: str, quotes: tuple[str, ...] = ()) -> Bullet:
    """A bullet."""
    return Bullet(text=text, quotes=quotes, citations=citations)


def test_an_extract_passes_every_gate() -> None:
    """What the extract writer makes of a plain story has no finding."""
    assert found(GOOD) == set()


@pytest.mark.parametrize(
    ("bullet", "gate"),
    [
        (said("“A child on that bus loses fifty minutes a day.”", "a-lark"), "quotes"),
        (said("Byron said the bus is late.", "a-lark", quotes=("The bus is late",)), "quotes"),
        (said("“Nine bridges in Linden City already carry weight”", "a-lark"), "quotes"),
        (
            said(
                "“A child on that bus loses forty minutes a day because the state would not spend "
                "the money,” said Senator Owen Radcliffe.",
                "a-lark",
            ),
            "quotes",
        ),
        (said("The bill costs 7.2 billion dollars.", "a-lark"), "numbers"),
        (said("The bill costs €6.2 billion.", "a-lark"), "numbers"),
        (said("The vote was on Friday.", "a-lark"), "numbers"),
        (said("The bill was praised by Governor Ada Lovelace.", "a-lark"), "names"),
        (said("Rural drivers pay for the bill.", "a-oak"), "side purity"),
        (said("Drivers go around the bridge.", "a-lark", "a-mid"), "side purity"),
        (said("Drivers go around the bridge.", "a-nobody"), "citations"),
        (said("Drivers go around the bridge."), "citations"),
        (said("Drivers can see https://example.org for the bridge.", "a-lark"), "markup"),
        (said("Drivers " * 36, "a-lark"), "lengths"),
        (
            said(
                "Bus drivers in Linden City have gone around the closed Carver Street bridge for "
                "two years. Transport unions said the work would employ 14,000 people over eight "
                "years.",
                "a-lark",
            ),
            "copying",
        ),
    ],
)
def test_a_bad_bullet_is_found(bullet: Bullet, gate: str) -> None:
    """Every kind of unsupported bullet is named by its gate."""
    assert (gate, "left 1") in found(with_left(bullet))


def test_a_paraphrase_with_a_true_quotation_passes() -> None:
    """A sentence of our own may stand around words that the cited article has."""
    bullet = said(
        "Lucia Ferrant said a child “loses forty minutes a day” on the way.",
        "a-lark",
        quotes=("loses forty minutes a day",),
    )
    assert not [f for f in found(with_left(bullet)) if f[1] == "left 1"]


def test_loaded_words_outside_quotation_marks_are_found() -> None:
    """A judging word fails in our own voice and passes inside a quotation with its outlet."""
    loud = "Senate slams roads bill"
    assert ("loaded words", "headline") in found(replace(GOOD, headline=loud))
    assert ("loaded words", "deck") in found(replace(GOOD, deck=loud))
    quoted = "“Farm groups asked the governor to veto the fuel levy.” (Oak County Herald)"
    assert found(replace(GOOD, deck=quoted)) == set()


def test_an_uncited_sentence_is_found() -> None:
    """A sentence of the overview must cite an article of the story."""
    bare = Sentence(text="The vote was close.", citations=())
    assert ("citations", "overview 1") in found(replace(GOOD, overview=(bare,)))


def test_lopsided_sides_are_found() -> None:
    """One bullet against three is not a fair page."""
    assert len(GOOD.right.bullets) == 3
    assert ("parallel", "sides") in found(with_left(GOOD.left.bullets[0]))


def test_dishonest_empty_sides_are_found() -> None:
    """A side with articles may not claim that there is no coverage, nor borrow a lead."""
    empty = SideBrief(status=SideStatus.NO_COVERAGE)
    assert ("empty sides", "left side") in found(replace(GOOD, left=empty))
    borrowed = replace(GOOD.left, lead="a-oak")
    assert ("empty sides", "left side") in found(replace(GOOD, left=borrowed))


def test_a_side_that_loses_all_bullets_is_withheld() -> None:
    """Words that did not pass leave the side marked withheld, not thin."""
    bad = with_left(said("The bill costs €6.2 billion.", "a-lark"))
    cut = without_failing(bad, gates.check(bad, ARTICLES, OUTLETS))
    assert cut.of(Side.LEFT).status is SideStatus.WITHHELD
    assert cut.of(Side.LEFT).bullets == ()
    assert cut.of(Side.RIGHT).bullets == GOOD.right.bullets


def test_a_failing_headline_withholds_the_story() -> None:
    """A story whose headline does not pass says so."""
    bad = replace(GOOD, headline="Governor Ada Lovelace signs roads bill")
    assert "headline" in without_failing(bad, gates.check(bad, ARTICLES, OUTLETS)).withheld


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ("the roads bill", True),
        ("The roads bill", True),
        ("Roads “bill”", False),
        ("road", False),
        ("the roads … on Tuesday", True),
        ("on Tuesday … the roads", False),
        ("", False),
    ],
)
def test_verbatim_means_whole_words_in_order(quote: str, *, stands: bool) -> None:
    """Kinds of marks and the first letter's case are free; words and their order are not."""
    assert stands_in(quote, "Byron praised the roads bill on Tuesday.") is stands
