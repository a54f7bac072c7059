"""What a cell of an import file may hold."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience import cells


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("GB", "GB"),
        ("gb", "GB"),
        ("uk", "GB"),
        ("Ireland", "IE"),
        ("USA", "US"),
        ("", ""),
        (" de ", "DE"),
    ],
)
def test_countries_are_understood_by_letters_and_by_name(text: str, code: str) -> None:
    """Two letters in any case, English names and the usual short forms mean the country."""
    assert cells.country(text) == code


@pytest.mark.parametrize("text", ["Narnia", "ZZ", "G", "GBR1", "=1+1"])
def test_what_is_no_country_is_refused(text: str) -> None:
    """A country nobody knows is not stored as one."""
    with pytest.raises(cells.CellRefused):
        cells.country(text)


def test_zones_are_spelled_as_the_database_spells_them() -> None:
    """Letter case and spaces do not matter; an unknown zone is refused."""
    assert cells.timezone("europe/london") == "Europe/London"
    assert cells.timezone("America/new york") == "America/New_York"
    with pytest.raises(cells.CellRefused):
        cells.timezone("Mars/Olympus")


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("EN", "en"),
        ("pt_br", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("", ""),
    ],
)
def test_languages_get_their_usual_letter_case(text: str, tag: str) -> None:
    """Tags are stored in one spelling, so that segments can compare them."""
    assert cells.language(text) == tag


def test_a_language_written_out_is_refused() -> None:
    """A word that is no tag would never match a segment, so it is not taken."""
    with pytest.raises(cells.CellRefused):
        cells.language("English")


def test_topics_are_split_folded_and_kept_once() -> None:
    """Semicolon, bar and comma separate; case and repeats do not count; order is kept."""
    assert cells.tags("World; politics|WORLD , us  economy;;") == (
        "world",
        "politics",
        "us economy",
    )


def test_too_many_or_too_long_topics_are_refused() -> None:
    """A cell cannot fill the table of topics."""
    with pytest.raises(cells.CellRefused):
        cells.tags("x" * 65)
    with pytest.raises(cells.CellRefused):
        cells.tags(";".join(f"t{number}" for number in range(51)))


@given(st.text(max_size=150))
def test_a_name_is_one_clean_line(text: str) -> None:
    """Whatever is in the cell, a stored name has no control or direction character."""
    try:
        name = cells.name(text)
    except cells.CellRefused:
        assert len(text) > cells.MAX_NAME
        return
    assert name == name.strip()
    assert not any(unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} for char in name)
    assert not set(name) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
    assert cells.name(name) == name


def test_names_of_all_scripts_stay_as_they_are() -> None:
    """Accents, joiners and scripts are nobody's control characters."""
    for name in ("Zoë Lindgren", "Nguyễn Văn A", "علی‌رضا", "क्‍षमा", "李小龍", "O'Neil-Smith, Jr."):
        assert cells.name(name) == unicodedata.normalize("NFC", name)


@given(st.text(max_size=300))
def test_a_value_shown_is_safe_and_short(text: str) -> None:
    """What is printed about a refused cell cannot move the cursor or turn the text around."""
    shown = cells.visible(text)
    assert len(shown) <= 80
    assert not any(unicodedata.category(char)[0] == "C" for char in shown)
