"""Sections: segments by topic mean something."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsletter.stories.sections import SECTIONS, feed_section, path_section, section_of
from tests.stories.make import WHALE, article


@pytest.mark.parametrize(
    ("section", "title", "text"),
    [
        ("politics", "Senate passes roads bill", "Lawmakers voted; the governor may veto it."),
        ("world", "Ceasefire holds as envoys meet", "The foreign minister and rebels signed."),
        ("business", "Profit falls at retailer", "Shares fell on inflation and tariff fears."),
        ("technology", "Chatbot maker opens its software", "The AI algorithm runs on one chip."),
        ("science", "Telescope finds planet", "Scientists published the study; NASA agreed."),
        ("health", "Measles outbreak fills hospitals", "Doctors urged a vaccine for patients."),
        ("sport", "Late goal wins the cup", "The coach praised his striker after the match."),
        ("culture", "Novel becomes a film", "The actor and the singer meet at the festival."),
    ],
)
def test_words_tell_the_section(section: str, title: str, text: str) -> None:
    """A report full of a section's words is of that section."""
    assert section_of([article("a", title, text)]) == section


def test_feeds_tell_the_section() -> None:
    """What the feeds say counts where words say little."""
    assert section_of([article("a", "A whale", section="Science & Environment")]) == "science"


def test_too_little_evidence_is_no_section() -> None:
    """A story that nothing speaks for has no section rather than a wrong one."""
    assert section_of([WHALE]) == ""
    assert section_of([]) == ""


def test_feed_labels() -> None:
    """Labels are read whole or word by word; unknown ones say nothing."""
    assert feed_section("US Politics") == "politics"
    assert feed_section("MONEY") == "business"
    assert feed_section("Top stories") == ""
    assert feed_section("") == ""
    assert {feed_section(name) for name in SECTIONS} == set(SECTIONS)


def test_addresses_tell_the_section() -> None:
    """The folders of an address are read, the innermost first; its last part is no folder."""
    assert path_section("https://a.example/news/us/politics/2031/03/dam") == "politics"
    assert path_section("https://a.example/world/business/dam") == "business"
    assert path_section("https://a.example/2031/politics") == ""
    assert path_section("not an address") == ""
    filed = replace(article("a", "A whale"), url="https://a.example/science/whale")
    assert section_of([filed]) == "science"


def test_places_abroad_are_the_world() -> None:
    """A story that names another country and little else is of the world."""
    assert section_of([article("a", "Famine declared in Gaza", "Israel denied it.")]) == "world"
