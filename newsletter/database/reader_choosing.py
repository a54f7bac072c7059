"""Choosing among the readers: segments, their numbers, the audience of an edition."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from newsletter.config import Segment
from newsletter.database import choosing
from newsletter.database.choosing import ReaderColumns
from newsletter.database.reader_part import ReaderPart
from newsletter.errors import AudienceError
from newsletter.model import Reader


class ReaderChoosing(ReaderPart):
    """Counts and chooses by the rules of segments."""

    def count_segment(self, segment: Segment) -> int:
        """How many readers would get an edition if it went to this segment alone.

        :raises AudienceError: when no compiler for rules was given.
        """
        with self._database.reading() as connection:
            return choosing.count(connection, segment, self._condition)

    def members(self, segment: Segment, *, most: int = 1_000) -> list[Reader]:
        """The first readers of a segment, in order of address; for a look, or for a test send."""
        with self._database.reading() as connection:
            found = connection.execute(choosing.members(segment, self._condition).limit(most)).all()
        return [one for row in found if (one := self.by_token(row.token))]

    def audience(
        self,
        edition: str,
        segments: Mapping[str, Segment],
        *,
        day: date | None = None,
        digest_of: str = "",
        variants: tuple[str, ...] = (),
        sections: tuple[str, ...] = (),
        counted: bool = False,
    ) -> Select[Any]:
        """Who gets an edition: (reader id, segment name, variant), each reader once.

        See :func:`newsletter.database.choosing.query`. Without a day the chosen frequency of
        the readers is not looked at.
        """
        return choosing.query(
            edition,
            segments,
            self._condition,
            day=day,
            digest_of=digest_of,
            variants=variants,
            sections=sections,
            counted=counted,
        )

    def count_audience(
        self,
        edition: str,
        segments: Mapping[str, Segment],
        *,
        day: date | None = None,
        digest_of: str = "",
    ) -> dict[str, int]:
        """How many readers of each segment would get an edition now."""
        chosen = self.audience(edition, segments, day=day, digest_of=digest_of).subquery()
        query = (
            select(chosen.c.segment, func.count())
            .group_by(chosen.c.segment)
            .order_by(chosen.c.segment)
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def _condition(self, segment: Segment, columns: ReaderColumns) -> ColumnElement[bool]:
        if self._compile is None:
            raise AudienceError(
                segment.title or segment.edition, "segments need a compiler for their rules"
            )
        return self._compile(segment, columns, self._clock())
