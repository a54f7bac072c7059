"""Identity: names that stay."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.stories import identity


def test_a_slug_reads_like_its_headline() -> None:
    """Accents are folded, quotes vanish, everything else becomes a hyphen."""
    assert identity.slug("Café’s “bill” — 61 to 47!") == "cafes-bill-61-to-47"


def test_a_headline_without_latin_letters_still_has_a_slug() -> None:
    """A headline in another script is called story."""
    assert identity.slug("東京都知事") == "story"
    assert identity.slug("", {"story"}) == "story-2"


def test_a_long_headline_is_cut_at_a_word() -> None:
    """A slug has no half words and at most 80 characters."""
    made = identity.slug("several words " * 20)
    assert len(made) <= 80
    assert set(made.split("-")) == {"several", "words"}


@settings(deadline=None)
@given(st.text(max_size=200), st.integers(0, 12))
def test_slugs_are_unique_and_safe(headline: str, times: int) -> None:
    """However often a headline comes back, each slug is new, short and of safe characters."""
    taken: set[str] = set()
    for _ in range(times + 1):
        made = identity.slug(headline, taken)
        assert made not in taken
        assert 0 < len(made) <= 80
        assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        taken.add(made)


def test_an_id_already_taken_is_not_given_again() -> None:
    """The same first headline and article give another id once theirs is in use."""
    first = identity.story_id("Title", "a")
    assert first == identity.story_id("Title", "a")
    assert identity.story_id("Title", "a", {first}) != first
    assert len(first) == 14
