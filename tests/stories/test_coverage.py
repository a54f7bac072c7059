"""Coverage: families are counted, not feeds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Article, Lean, Side
from newsletter.stories.coverage import blindspot, coverage
from tests.stories.make import DAM, SETTINGS, article, outlet

OUTLETS = {
    o.id: o
    for o in [
        outlet("lantern", Lean.LEFT, "lantern-fund"),
        outlet("lantern-evening", Lean.LEAN_LEFT, "lantern-fund"),
        outlet("square", Lean.LEAN_LEFT),
        outlet("record", Lean.CENTER),
        outlet("wire", Lean.CENTER, "wire-service"),
        outlet("ledger", Lean.RIGHT),
        outlet("gazette"),
    ]
}


def by(ident: str, of: str, **more: object) -> Article:
    """An article of an outlet about the dam."""
    return article(ident, "Harrow Dam crack widens", DAM[0].text, outlet=of, **more)  # type: ignore[arg-type]  # keywords of article()


def test_a_family_counts_once() -> None:
    """Two titles of one owner are one voice; their articles are two."""
    found = coverage([by("a", "lantern"), by("b", "lantern-evening")], OUTLETS, SETTINGS)
    assert (found.left.articles, found.left.families, found.outlets) == (2, 1, 2)


def test_copies_add_articles_but_no_voice() -> None:
    """Three outlets that print one agency report are one family: the agency's."""
    some = [by("w", "wire"), by("a", "lantern", same_as="w"), by("b", "ledger", same_as="w")]
    found = coverage(some, OUTLETS, SETTINGS)
    assert (found.families, found.center.families, found.articles) == (1, 1, 3)
    assert (found.left.articles, found.left.families) == (1, 0)


def test_copies_of_something_absent_have_one_voice() -> None:
    """Where the original is not in the story the first copy speaks for it."""
    some = [by("a", "lantern", same_as="x"), by("b", "ledger", same_as="x", hours=1)]
    found = coverage(some, OUTLETS, SETTINGS)
    assert (found.families, found.left.families, found.right.families) == (1, 1, 0)


def test_unrated_and_unknown_outlets_are_shown() -> None:
    """An outlet without a lean counts, on no side."""
    found = coverage([by("a", "gazette"), by("b", "never-heard-of")], OUTLETS, SETTINGS)
    assert (found.unrated.families, found.rated_families, found.blindspot) == (2, 0, None)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(OUTLETS)), st.integers(-1, 6)), min_size=1, max_size=7
    ),
    st.sampled_from(sorted(OUTLETS)),
    st.integers(0, 6),
)
def test_a_copy_never_raises_a_family_count(
    plan: list[tuple[str, int]], printer: str, of: int
) -> None:
    """Adding a copy of an article in the story leaves the families as they were."""
    some = [
        by(f"a{n}", name, same_as=f"a{same}" if 0 <= same < n else "", hours=n)
        for n, (name, same) in enumerate(plan)
    ]
    copy = by("copy", printer, same_as=f"a{of % len(some)}", hours=0.5)
    before, after = (coverage(s, OUTLETS, SETTINGS) for s in (some, [*some, copy]))
    assert after.families == before.families
    assert after.articles == before.articles + 1
    assert all(after.of(s).families == before.of(s).families for s in (*Side, None))


def test_a_blindspot_needs_width_and_a_gap() -> None:
    """Enough rated families, one side wide, the other nearly silent."""
    assert blindspot({Side.LEFT: 5, Side.CENTER: 1}, SETTINGS) is Side.RIGHT
    assert blindspot({Side.RIGHT: 7, Side.LEFT: 1}, SETTINGS) is Side.LEFT
    assert blindspot({Side.RIGHT: 5, Side.LEFT: 1}, SETTINGS) is None
    assert blindspot({Side.LEFT: 4}, SETTINGS) is None
    assert blindspot({Side.LEFT: 1, Side.CENTER: 6}, SETTINGS) is None
    assert blindspot({Side.CENTER: 6, None: 9}, SETTINGS) is None
