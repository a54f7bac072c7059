"""Counting a segment from words gives the number of readers whom sending would choose."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from newsletter.config import Segment
from newsletter.database import choosing, standing
from newsletter.database.engine import Database
from newsletter.database.migrations.versions.m0014_before_clicks import wording
from newsletter.database.signups import Choice, SignUps
from newsletter.database.tables import reader_tags
from newsletter.database.tables import readers as table
from tests.database.test_readers import NOW, Office

TOPICS = ("politics", "world", "business", "press freedom", "wahl*", "ünïcode")
LONG = ";".join(f"topic-{number:02}-{'x' * 40}" for number in range(15))


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    """Two hundred readers of two editions, who chose, left, paused and changed their minds."""
    office = Office(database, tmp_path)
    dice = random.Random(7)
    rows = [
        f"r{number}@example.org,{dice.choice(('GB', 'IE', 'US', ''))},"
        + (LONG if number % 40 == 0 else ";".join(dice.sample(TOPICS, dice.randrange(5))))
        + f",{'staff' if number % 9 == 0 else ''}"
        for number in range(200)
    ]
    head = "email,country,topics,lists\n"
    office.bring(head + "\n".join(rows[:150]), editions=("daily", "weekly"))
    office.bring(head + "\n".join(rows[150:]), now=NOW - timedelta(days=90))
    # The same people again, with more topics for some.
    more = [f"r{number}@example.org,,{dice.choice(TOPICS)}," for number in range(0, 200, 7)]
    office.bring(head + "\n".join(more))
    signups = SignUps(database, address_hash=office.readers.address_hash)
    for number in range(0, 200, 11):
        reader = office.readers.by_email(f"r{number}@example.org")
        assert reader
        paused = NOW + timedelta(days=7) if number % 2 else None
        topics = tuple(dice.sample(TOPICS[:4], 2))
        assert signups.choose(reader.token, Choice(topics=topics, pause_until=paused), now=NOW)
    for number in range(0, 200, 13):
        office.readers.unsubscribe(
            office.token_of(f"r{number}@example.org"), how="one-click", now=NOW
        )
    for number in range(0, 200, 17):
        reader = office.readers.by_email(f"r{number}@example.org")
        assert reader
        assert office.readers.change(
            reader.id, values={"country": "IE"}, topics=["world"], now=NOW, source="api"
        )
    return office


def rules(dice: random.Random) -> list[dict[str, object]]:
    """Some conditions, nested now and then."""

    def one(depth: int) -> dict[str, object]:
        if depth and dice.random() < 0.4:
            return {dice.choice(("any", "all", "none")): [one(depth - 1) for _ in range(2)]}
        field = dice.choice(("topics", "topics", "topics", "country", "lists", "joined"))
        if field == "joined":
            return {"field": field, "within_days": dice.choice((10, 100))}
        values = {
            "topics": [*TOPICS, f"topic-03-{'x' * 40}", "nobody's"],
            "country": ["GB", "IE", "US"],
            "lists": ["staff"],
        }[field]
        how = dice.choice(("any", "all", "none") if field == "topics" else ("any", "none"))
        return {"field": field, how: dice.sample(values, min(len(values), dice.randrange(1, 4)))}

    return [one(2) for _ in range(dice.randrange(1, 3))]


def test_a_count_is_the_number_of_those_who_would_get_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For rules of any nesting, with few words of topics and with more than are asked for."""
    dice = random.Random(3)
    found = set()
    for turn in range(80):
        monkeypatch.setattr(choosing, "MOST_WORDS", 3 if turn % 4 == 0 else 2_000)
        edition = dice.choice(("daily", "weekly"))
        where: list[dict[str, object]] = rules(dice) if dice.random() < 0.95 else []
        exclude = ["staff"] if dice.random() < 0.3 else []
        segment = Segment.model_validate({"edition": edition, "where": where, "exclude": exclude})
        number = office.readers.count_segment(segment)
        assert number == len(office.audience({"it": segment}, edition)), segment
        found.add(number)
    assert len(found) > 10


def words(office: Office) -> dict[int, str]:
    """The word of topics of each reader."""
    with office.database.reading() as connection:
        query = select(table.c.id, table.c.topics)
        return {row[0]: row[1] for row in connection.execute(query)}


def test_the_words_say_what_the_tags_say(office: Office) -> None:
    """After every kind of change, and by the migration; what makes no word is looked up."""
    with office.database.reading() as connection:
        tags: dict[int, list[str]] = {}
        query = select(reader_tags.c.reader, reader_tags.c.tag).where(reader_tags.c.kind == "topic")
        for number, tag in connection.execute(query):
            tags.setdefault(number, []).append(tag)
    kept = words(office)
    assert {n: standing.topic_word(tuple(tags.get(n, ()))) for n in kept} == kept
    assert standing.LOOK in kept.values()
    assert "politics|world" in kept.values()
    with office.database.begin() as connection:
        connection.execute(update(table).values(topics="?"))
        for statement in wording(office.database.dialect):
            connection.exec_driver_sql(statement.replace("%", "%%"))
    assert words(office) == kept


def test_a_reader_of_an_older_program_is_counted(office: Office) -> None:
    """A program that knows no words leaves a star, and the tags answer."""
    politics = Segment.model_validate({"where": [{"field": "topics", "any": ["politics"]}]})
    before = office.readers.count_segment(politics)
    with office.database.begin() as connection:
        connection.execute(update(table).where(table.c.id % 2 == 0).values(topics=standing.LOOK))
    assert office.readers.count_segment(politics) == before > 10
