"""What is new since a story was mailed."""

from __future__ import annotations

from datetime import timedelta

from newsletter.brief.update import update_note
from tests.brief.stand_ins import MORNING, OUTLETS, article, roads

MAILED = MORNING + timedelta(hours=12)
VETO = "Governor Marian Holt vetoed the roads bill on Wednesday and asked for a smaller levy."


def test_news_told_by_two_families_is_new() -> None:
    """A later event that two families report is said, quoted, with its outlet."""
    later = [
        article("b1", "lark", "Governor vetoes roads bill", VETO, hours=30),
        article("b2", "oak", "Holt vetoes roads bill", VETO.replace("asked", "called"), hours=31),
    ]
    note = update_note([*roads(), *later], OUTLETS, MAILED)
    assert note is not None
    assert note.text.startswith("“Governor Marian Holt vetoed the roads bill")
    assert note.citations[0] in {"b1", "b2"}


def test_repetition_is_not_new() -> None:
    """Later articles that tell the same again bring nothing back."""
    again = [
        article(f"c{i}", outlet, a.title, a.text, hours=30 + i)
        for i, (outlet, a) in enumerate(zip(("tide", "stone"), roads("lark", "oak"), strict=True))
    ]
    assert update_note([*roads(), *again], OUTLETS, MAILED) is None


def test_one_voice_is_not_enough() -> None:
    """A single outlet's claim does not bring a story back, nor does a copy of it."""
    later = article("b1", "lark", "Governor vetoes roads bill", VETO, hours=30)
    copy = article("b2", "oak", "Governor vetoes roads bill", VETO, hours=31, same_as="b1")
    assert update_note([*roads(), later, copy], OUTLETS, MAILED) is None


def test_nothing_later_is_nothing_new() -> None:
    """Without later or without earlier articles there is no update."""
    assert update_note(roads(), OUTLETS, MAILED) is None
    assert update_note(roads(), OUTLETS, MORNING - timedelta(days=1)) is None


def test_a_headline_tells_what_short_texts_do_not() -> None:
    """Where later articles have no quotable sentence, a headline that two families share is said."""
    later = [
        article("b1", "lark", "Governor Holt vetoes roads bill over levy", "Read on.", hours=30),
        article("b2", "oak", "Holt vetoes roads bill, rejecting levy", "Watch now.", hours=31),
    ]
    note = update_note([*roads(), *later], OUTLETS, MAILED)
    assert note is not None
    assert "vetoes roads bill" in note.text
    assert update_note([*roads(), later[0]], OUTLETS, MAILED) is None
