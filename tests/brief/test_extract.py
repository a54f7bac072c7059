"""The default writer on invented stories."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.brief import extract, gates, wording
from newsletter.config import BriefSettings
from newsletter.model import Article, Brief, Kind, Lean, Outlet, Side, SideStatus
from tests.brief.stand_ins import OUTLETS, article, count, roads, story

SETTINGS = BriefSettings()


def written(articles: list[Article], outlets: dict[str, Outlet] | None = None) -> Brief:
    """The brief of some articles."""
    known = outlets or OUTLETS
    return extract.write(story(articles), articles, known, count(articles, known), SETTINGS)


def test_order_does_not_matter() -> None:
    """The same articles in any order give the same brief."""
    assert written(roads()[::-1]).overview == written(roads()).overview
    assert replace(written(roads()[::-1]), story="roads") == written(roads())


def test_left_and_right_change_places() -> None:
    """With the leans exchanged the bullets are exchanged and nothing neutral changes."""
    turned = {Lean.LEFT: Lean.RIGHT, Lean.RIGHT: Lean.LEFT, Lean.LEAN_LEFT: Lean.LEAN_RIGHT}
    turned |= {Lean.LEAN_RIGHT: Lean.LEAN_LEFT}
    swapped = {
        key: replace(outlet, lean=turned.get(outlet.lean, outlet.lean))
        for key, outlet in OUTLETS.items()
    }
    one, other = written(roads()), written(roads(), swapped)
    assert (one.headline, one.deck, one.overview) == (other.headline, other.deck, other.overview)
    assert (one.left, one.center, one.right) == (other.right, other.center, other.left)


def test_every_sentence_is_somebody_elses() -> None:
    """All words of deck, overview and bullets stand in quotation marks or name an outlet."""
    brief = written(roads())
    for sentence in brief.overview:
        outlet = OUTLETS[sentence.citations[0].removeprefix("a-")].name
        assert sentence.text.endswith(f"” ({outlet})")
        assert sentence.evidence[0].article == sentence.citations[0]
    for side in Side:
        for bullet in brief.of(side).bullets:
            assert bullet.text.count("“") == bullet.text.count("”") >= 1
            assert wording.words(wording.outside_quotes(bullet.text)) <= 8
    assert brief.writer == "extract"


def test_sides_are_parallel_and_their_own() -> None:
    """Left and right get the same room, and quote their own outlets only."""
    brief = written(roads())
    assert abs(len(brief.left.bullets) - len(brief.right.bullets)) <= 1
    for side, ids in ((Side.LEFT, {"a-lark", "a-tide"}), (Side.RIGHT, {"a-oak", "a-stone"})):
        for bullet in brief.of(side).bullets:
            assert set(bullet.citations) <= ids
        assert brief.of(side).lead in ids


def test_empty_sides_are_told_apart() -> None:
    """No article is no coverage; an article without a usable sentence is too thin."""
    alone = written(roads("lark", "mid"))
    assert alone.right.status is SideStatus.NO_COVERAGE
    assert alone.right.lead is None
    silent = article("a-oak", "oak", "Roads", "He said so. Read more.")
    thin = written([*roads("lark", "mid"), silent])
    assert thin.right.status is SideStatus.TOO_THIN
    assert thin.right.lead == "a-oak"


def test_opinion_stays_out_of_headline_and_overview() -> None:
    """An opinion piece may speak for its side and nowhere else."""
    view = article(
        "a-view",
        "oak",
        "The Senate should veto the roads bill",
        "The Tamarack Senate should never have passed the $6.2 billion roads bill on Tuesday.",
        kind=Kind.OPINION,
    )
    brief = written([*roads(), view])
    assert all("a-view" not in sentence.citations for sentence in brief.overview)
    assert "should" not in brief.headline
    assert brief.right.lead != "a-view"


def test_a_story_of_opinions_is_withheld() -> None:
    """Without a news text there is nothing neutral to say, and the desk learns why."""
    views = [replace(a, kind=Kind.OPINION) for a in roads()]
    brief = written(views)
    assert "opinion" in brief.withheld
    assert brief.overview == ()


def test_a_story_without_a_plain_title_is_withheld() -> None:
    """Where every title is loud and no sentence is short, the story waits for a person."""
    text = (
        "The Tamarack Senate passed the long awaited and much debated roads and bridges bill on "
        "Tuesday evening after ten hours of debate and thirty one amendments were read aloud."
    )
    loud = [
        article("a", "lark", "Senators slam shocking bill!", text),
        article("b", "oak", "Is this bill a disaster?", text.replace("much", "most")),
    ]
    brief = written(loud)
    assert brief.withheld
    assert brief.headline.startswith("“")


def test_highlights_are_verbatim_or_nothing() -> None:
    """Each article has one sentence of its own as highlight, or none."""
    made = [*roads(), article("a-none", "drift", "Roads", "He said so.")]
    brief = written(made)
    assert brief.highlights["a-none"] is None
    for one in made[:-1]:
        highlight = brief.highlights[one.id]
        assert highlight
        assert highlight in one.words


def test_numbers_that_differ_stand_side_by_side() -> None:
    """Two counts of the same thing by different families are shown with who gives which."""
    made = [
        article("a", "lark", "Storm kills 15", "The storm killed at least 15 people on Monday."),
        article("b", "oak", "Storm kills 20", "The storm killed 20 people in Oak County."),
        article("c", "mid", "Storm kills 20", "Some 20 people were killed by the storm."),
        article("d", "stone", "Storm", "A storm hit. In all 40 people have been killed since May."),
    ]
    (differ,) = written(made).differ
    assert differ.about == "killed"
    assert [(claim.value, claim.citations) for claim in differ.claims] == [
        ("at least 15", ("a",)),
        ("20", ("b", "c")),
    ]


def test_only_one_side_is_said_with_care() -> None:
    """A point is one side's own when two of its families have it and nobody else does."""
    base = "The Tamarack Senate passed the roads bill on Tuesday by 31 votes to 18."
    levy = "The fuel levy falls hardest on farmers in rural Oak County, growers said on Tuesday."
    made = [
        article("l1", "lark", text=base),
        article("l2", "tide", text=base.replace("passed", "approved")),
        article("r1", "oak", text=f"{base} {levy}"),
        article("r2", "stone", text=f"{base} {levy.replace('growers', 'farmers')}"),
    ]
    only = written(made).only
    assert Side.LEFT not in only
    assert "fuel levy" in only[Side.RIGHT]


def test_lengths_follow_the_settings() -> None:
    """Every block keeps the words that the settings allow."""
    small = BriefSettings(
        headline_words=10, deck_words=16, overview_words=40, bullet_words=18, bullets=2
    )
    made = roads()
    brief = extract.write(story(made), made, OUTLETS, count(made, OUTLETS), small)
    assert wording.words(brief.headline) <= 10
    assert wording.words(brief.deck) <= 16
    assert sum(wording.words(s.text) for s in brief.overview) <= 40
    for side in Side:
        assert len(brief.of(side).bullets) <= 2
        assert all(wording.words(b.text) <= 18 for b in brief.of(side).bullets)


def test_a_withheld_story_is_named_in_few_words() -> None:
    """Where no title is plain, a short one is quoted with its outlet, or one up to its clause."""
    long = "What you must know about the roads bill and why it matters to you and to all of us"
    short = "Why roads matter to you"
    said = (
        "Late on Tuesday and after nine hours of debate the Tamarack Senate passed the roads bill"
    )
    made = [
        article("a", "lark", long, f"{said} in Linden City.", hours=0),
        article("b", "oak", short, f"{said}.", hours=1),
    ]
    brief = written(made)
    assert brief.withheld
    assert brief.headline == f"“{short}” (Oak County Herald)"
    assert wording.words(brief.headline) <= SETTINGS.headline_words


SENTENCES = st.sampled_from(
    [sentence.strip() + "." for one in roads() for sentence in one.text.split(". ")]
    + ["Sign up for our newsletter.", "He left.", "Why?", "", "“Stop.", "A\u202eB said \x00 so."]
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(OUTLETS)), st.lists(SENTENCES, max_size=6)),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_comes_the_brief_passes_its_gates(drawn: list[tuple[str, list[str]]]) -> None:
    """Any mixture of sentences gives a brief without findings on what it shows."""
    made = [
        article(f"a{i}", outlet, lines[0] if lines else "Untitled", " ".join(lines))
        for i, (outlet, lines) in enumerate(drawn)
    ]
    brief = written(made)
    left = [
        f
        for f in gates.check(brief, made, OUTLETS)
        if f.block != "headline" and f.gate != "parallel" and not brief.withheld
    ]
    assert left == []
    for side in Side:
        has = any(OUTLETS[a.outlet].lean.side is side for a in made)
        assert (brief.of(side).status is SideStatus.NO_COVERAGE) is not has
