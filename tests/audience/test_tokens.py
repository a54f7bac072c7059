"""Words in links: random ones, and signed ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.tokens import Mark, Signer, is_short_word, same_word
from newsletter.newsroom import new_token

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=7)


def test_a_readers_word_is_recognised_by_its_shape() -> None:
    """What the newsroom makes is a word; other text is not even looked up."""
    assert is_short_word(new_token())
    for text in ("", "short", "x" * 33, "a" * 21 + "/", "a" * 21 + "é", "a" * 22 + "\n"):
        assert not is_short_word(text)


def test_an_unsubscribe_address_stays_short() -> None:
    """With an ordinary host name the address is under the 75 characters that get folded."""
    assert len(f"https://news.bothsidesdaily.example.org/u/{new_token()}") < 75


@given(st.dictionaries(st.sampled_from("abc"), st.integers() | st.text(max_size=20)))
def test_what_was_signed_is_read_back(contents: dict[str, object]) -> None:
    """A word gives back its contents until its end, and nothing after it."""
    signer = Signer(["key"], "confirm")
    word = signer.sign(contents, expires=LATER)
    assert signer.read(word, now=LATER) == contents
    assert signer.read(word, now=LATER + timedelta(seconds=1)) is None


def test_a_word_is_good_for_its_purpose_only() -> None:
    """A word made for one page is worthless on another."""
    word = Signer(["key"], "confirm").sign({"r": 1}, expires=LATER)
    assert Signer(["key"], "export").read(word, now=NOW) is None


def test_words_survive_a_new_key_and_die_with_their_own() -> None:
    """A key added at the end breaks no old word; taking the old key away does."""
    word = Signer(["old"], "confirm").sign({"r": 1}, expires=LATER)
    assert Signer(["old", "new"], "confirm").read(word, now=NOW) == {"r": 1}
    assert Signer(["new"], "confirm").read(word, now=NOW) is None
    newer = Signer(["old", "new"], "confirm").sign({"r": 2}, expires=LATER)
    assert Signer(["new"], "confirm").read(newer, now=NOW) == {"r": 2}


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_a_changed_letter_makes_a_word_worthless(place: int, letter: str) -> None:
    """Whatever letter is changed, the word reads as what was signed or as nothing."""
    signer = Signer(["key"], "confirm")
    word = signer.sign({"reader": 7}, expires=LATER)
    place %= len(word)
    forged = word[:place] + letter + word[place + 1 :]
    assert signer.read(forged, now=NOW) in ({"reader": 7}, None)
    if not forged.startswith(word[: word.index(".")]):
        assert signer.read(forged, now=NOW) is None


@given(st.text(max_size=1_200))
def test_no_text_breaks_the_reading(text: str) -> None:
    """Anything that was not signed reads as nothing."""
    assert Signer(["key"], "confirm").read(text, now=NOW) is None


def test_a_signer_without_keys_is_a_mistake() -> None:
    """Nobody signs with nothing."""
    with pytest.raises(ValueError, match="at least one key"):
        Signer([], "confirm")


def test_words_are_compared_whole() -> None:
    """Equal words are equal, also beyond ASCII."""
    assert same_word("é", "é")
    assert not same_word("a", "b")


WORDS = st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True)


@given(WORDS, st.sampled_from(["old", "new"]))
def test_a_marked_word_gives_back_its_text(text: str, key: str) -> None:
    """Also when it was marked with a key from before; the mark is short and safe in an address."""
    word = Mark([key], "click").sign(text)
    assert Mark(["old", "new"], "click").read(word) == text
    assert len(word) == len(text) + Mark.LENGTH
    assert is_short_word(("x" * 16 + word)[-32:])


@given(WORDS, st.text(max_size=60), st.integers(0, 43))
def test_nothing_else_is_a_marked_word(text: str, other: str, at: int) -> None:
    """A changed letter, another purpose, another key, and any other text are worth nothing."""
    mark = Mark(["key"], "click")
    word = mark.sign(text)
    place = at % len(word)
    changed = word[:place] + ("A" if word[place] != "A" else "B") + word[place + 1 :]
    assert mark.read(changed) is None
    assert Mark(["key"], "confirm").read(word) is None
    assert Mark(["other"], "click").read(word) is None
    assert mark.read(other) is None or other == word
    assert mark.read("") is None
    assert mark.read("x" * 2_000) is None


def test_a_mark_needs_a_key() -> None:
    """An empty list of keys is a fault of ours."""
    with pytest.raises(ValueError, match="at least one key"):
        Mark([], "click")
