"""OPML: lists come in unrated, go out whole, and can do no harm."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.config import Source
from newsletter.errors import FeedUnreadable
from newsletter.feeds.opml import read_opml, source_id, write_opml
from newsletter.model import Lean

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_what_is_written_is_read_again() -> None:
    """Ids, names, addresses, sections and leans survive the journey."""
    sources = (
        Source(id="paper", name="The Paper & Co", feed="https://example.org/f?a=1&b=2"),
        Source(id="post", name="Post", feed="https://example.net/f", lean=Lean.LEFT, section="us"),
    )
    body = write_opml(sources, title="Ours", now=NOW)
    read = {source.id: source for source in read_opml(body, "x.opml")}
    assert {id_: (one.name, one.feed, one.lean, one.section) for id_, one in read.items()} == {
        one.id: (one.name, one.feed, one.lean, one.section) for one in sources
    }


def test_other_lists_are_unrated_and_folders_are_sections() -> None:
    """A folder called Politics is a section; a lean is never guessed."""
    body = b"""<opml version="1.0"><body><outline text="Politics">
    <outline text="The Paper" xmlUrl="https://example.org/feed"/>
    <outline text="Again" xmlUrl="https://example.org/feed"/>
    <outline title="The Paper" xmlUrl="https://example.net/feed"/>
    <outline text="Bad" xmlUrl="javascript:alert(1)"/><outline text="None"/></outline>
    </body></opml>"""
    first, second = read_opml(body, "x.opml")
    assert (first.id, second.id) == ("the-paper", "the-paper-2")
    assert (first.section, first.lean) == ("politics", Lean.UNRATED)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<opml>",
        b"<rss/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><opml><body/></opml>',
        "<!DOCTYPE x><opml/>".encode("utf-16"),
    ],
)
def test_what_is_no_list_is_refused(body: bytes) -> None:
    """Other XML, broken XML and document types have their sentence."""
    with pytest.raises(FeedUnreadable):
        read_opml(body, "x.opml")


@given(st.text(max_size=40), st.lists(st.text(max_size=8), max_size=3))
def test_any_name_gives_an_id(name: str, taken: list[str]) -> None:
    """An id can always be made, and is never one that is taken."""
    made = source_id(name, taken)
    assert made not in taken
    assert Source(id=made, name="x", feed="https://example.org/").id == made


def test_a_long_list_takes_time_by_its_length() -> None:
    """Ids are made unlike the others without looking at all of them for each."""
    row = '<outline text="Paper {0}" xmlUrl="https://p{0}.example/feed"/>'
    body = f"<opml><body>{''.join(map(row.format, range(4_000)))}</body></opml>".encode()
    began = time.process_time()
    assert len({one.id for one in read_opml(body, "list.opml")}) == 4_000
    assert time.process_time() - began < 1.5
