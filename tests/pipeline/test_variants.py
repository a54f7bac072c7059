"""Readers get the variant of the topics they chose, and what they chose is in the ledger."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

from sqlalchemy import select, update

from newsletter.database.rows import insert_new
from newsletter.database.tables import deliveries, reader_tags, readers
from newsletter.database.variants import chosen_topics
from newsletter.issue.variants import sections_of
from newsletter.newsroom import Newsroom
from newsletter.pipeline.issues import renderings
from tests.issue.content import content
from tests.pipeline.test_corrections import DAY, room, sent

__all__ = ["room"]


def choose(room: Newsroom, email: str, *topics: str) -> int:
    """Let a reader choose topics."""
    reader = room.readers.by_email(email)
    assert reader
    rows = [{"reader": reader.id, "kind": "topic", "tag": topic} for topic in topics]
    with room.database.begin() as connection:
        insert_new(connection, reader_tags, rows)
    return reader.id


def text_of(message: EmailMessage) -> str:
    """The text part of a letter."""
    part = message.get_body(("plain",))
    assert part
    return str(part.get_content())


def test_each_reader_gets_the_variant_of_their_topics(room: Newsroom) -> None:
    """One of two topics, one of a topic the issue has not, and one of text alone."""
    ada = choose(room, "ada@example.org", "politics", "health", "gardening")
    bo = choose(room, "bo@example.org", "gardening")
    cy = choose(room, "cy@example.org", "politics")
    with room.database.begin() as connection:
        connection.execute(update(readers).where(readers.c.id == cy).values(format="text"))
    told = replace(content(), day=DAY)
    sections = sections_of(told)
    assert chosen_topics(room.database, "daily", sections) == {
        frozenset({"politics", "health"}): 1,
        frozenset({"politics"}): 1,
        frozenset(): 1,
    }
    rendered = renderings(room, told, room.tag())
    assert [one.variant for one in rendered] == ["", "health+politics", "politics", "text"]
    issue = sent(room)
    query = select(deliveries.c.reader, deliveries.c.variant).where(deliveries.c.issue == issue.id)
    with room.database.reading() as connection:
        got = {row[0]: row[1] for row in connection.execute(query)}
    assert got == {ada: "health+politics", bo: "", cy: "text"}
    folder = room.config.path(room.config.paths.outbox) / issue.id
    letters = {
        str(message["To"]): message
        for file in folder.glob("*.eml")
        for message in [message_from_bytes(file.read_bytes(), policy=policy.default)]
    }
    kinds = {name: [p.get_content_type() for p in m.walk()][1:] for name, m in letters.items()}
    assert kinds["cy@example.org"] == ["text/plain"]
    assert kinds["ada@example.org"] == ["text/plain", "text/html"]
    other = "Auditor counts $48 million"  # politics
    body = {name: text_of(message) for name, message in letters.items()}
    assert all(other in text for text in body.values())
    assert "Freight rail union" in body["bo@example.org"]
    assert "Freight rail union" not in body["ada@example.org"]


def test_who_chose_after_the_draft_gets_the_whole_issue(room: Newsroom) -> None:
    """A choice that was not rendered any more costs nobody their letter."""
    told = replace(content(), day=DAY)
    assert [one.variant for one in renderings(room, told, room.tag())] == [""]
    ada = choose(room, "ada@example.org", "politics")
    variants = ("health+politics",)
    query = room.readers.audience("daily", {}, variants=variants, sections=sections_of(told))
    with room.database.reading() as connection:
        got = {row[0]: row[2] for row in connection.execute(query)}
    assert got[ada] == ""
    assert set(got.values()) == {""}
