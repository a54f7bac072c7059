"""What a language model answered, by a key of everything the answer depends on."""

from __future__ import annotations

from sqlalchemy import select

from newsletter.clock import Clock
from newsletter.database.engine import Database
from newsletter.database.rows import insert_new
from newsletter.database.tables import model_answers


class Answers:
    """A cache of answers; what is taken from it is checked again like a new answer."""

    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    def get(self, key: str) -> str | None:
        """The kept answer, None when there is none."""
        query = select(model_answers.c.answer).where(model_answers.c.key == key)
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

    def put(self, key: str, answer: str) -> None:
        """Keep an answer; one that is there already stays."""
        row = {"key": key, "answer": answer, "made": self._clock()}
        with self._database.begin() as connection:
            insert_new(connection, model_answers, [row])
