"""Tests of the fixed words."""

from __future__ import annotations

import string
import tomllib
from datetime import date
from importlib import resources

import pytest

from newsletter.errors import IssueError
from newsletter.issue.catalogue import catalogue


def test_every_language_says_what_english_says_with_the_same_places() -> None:
    """No file has a sentence of its own or forgets a place; what one lacks is said in English."""
    english = strings("en")
    files = (resources.files("newsletter") / "issue" / "strings").iterdir()
    languages = {file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")}
    assert {"en", "es"} <= languages
    for language in languages:
        other = strings(language)
        assert set(other) <= set(english)
        assert len(other) >= 0.9 * len(english)
        for name, sentence in other.items():
            assert places(sentence) == places(english[name]), (language, name)


def strings(language: str) -> dict[str, str | dict[str, str]]:
    """The file of a language as it is, without what English would stand in for."""
    file = resources.files("newsletter") / "issue" / "strings" / f"{language}.toml"
    return tomllib.loads(file.read_text("utf-8"))


def places(entry: str | dict[str, str]) -> set[str]:
    """The names in braces of a sentence in all its plural forms."""
    forms = [entry] if isinstance(entry, str) else list(entry.values())
    return {name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name}


def test_numbers_choose_their_plural_and_are_written_as_the_language_does() -> None:
    """One story, 1,204 stories."""
    words = catalogue("en")
    assert words("stories", n=1) == "1 story"
    assert words("stories", n=1204) == "1,204 stories"


def test_a_language_without_a_file_is_english_in_its_own_direction() -> None:
    """Arabic without a catalogue has English words, Arabic dates and right-to-left pages."""
    words = catalogue("ar")
    assert words("unsubscribe") == "Unsubscribe"
    assert (words.direction, words.start, words.end) == ("rtl", "right", "left")
    assert words.day(date(2026, 3, 18)) != catalogue("en").day(date(2026, 3, 18))


def test_a_mistyped_language_is_an_error() -> None:
    """The error names the key of the configuration."""
    with pytest.raises(IssueError) as caught:
        catalogue("englisch!")
    assert "[site]" in caught.value.hint


def test_a_missing_sentence_or_value_is_an_error() -> None:
    """Templates cannot show a gap."""
    with pytest.raises(IssueError):
        catalogue()("no_such_sentence")
    with pytest.raises(IssueError):
        catalogue()("to_read")


@pytest.mark.parametrize(
    ("seconds", "shown"), [(4, "10 s"), (280, "4 min 40 s"), (299, "5 min"), (41, "40 s")]
)
def test_reading_time_is_told_to_ten_seconds(seconds: int, shown: str) -> None:
    """More precision would be a pretence."""
    assert catalogue().duration(seconds) == shown
