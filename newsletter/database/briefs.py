"""What was written about the stories, version by version."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import and_, func, select

from newsletter.database.engine import Database
from newsletter.database.rows import slices
from newsletter.database.tables import briefs
from newsletter.model import Brief

_brief = TypeAdapter(Brief)


class Briefs:
    """Every version of every story's text."""

    def __init__(self, database: Database):
        self._database = database

    def save(self, brief: Brief, *, sources_sha256: str, made: datetime) -> Brief:
        """Store a new version of a story's text; return it with its number."""
        with self._database.begin() as connection:
            newest = connection.execute(
                select(func.max(briefs.c.version)).where(briefs.c.story == brief.story)
            ).scalar_one()
            version = (newest or 0) + 1
            body = _brief.dump_python(brief, mode="json") | {"version": version}
            connection.execute(
                briefs.insert().values(
                    story=brief.story,
                    version=version,
                    writer=brief.writer,
                    made=made,
                    sources_sha256=sources_sha256,
                    withheld=brief.withheld,
                    body=body,
                )
            )
        return _brief.validate_python(body)

    def newest(self, ids: Iterable[str]) -> dict[str, tuple[Brief, str]]:
        """The newest brief of each story with the hash of the sources it was written from."""
        found: dict[str, tuple[Brief, str]] = {}
        newest = (
            select(briefs.c.story, func.max(briefs.c.version).label("version"))
            .group_by(briefs.c.story)
            .subquery()
        )
        with self._database.reading() as connection:
            for piece in slices(ids):
                query = (
                    select(briefs.c.body, briefs.c.sources_sha256)
                    .join(
                        newest,
                        and_(
                            newest.c.story == briefs.c.story,
                            newest.c.version == briefs.c.version,
                        ),
                    )
                    .where(briefs.c.story.in_(piece))
                )
                for body, sources in connection.execute(query):
                    brief = _brief.validate_python(body)
                    found[brief.story] = (brief, sources)
        return found
