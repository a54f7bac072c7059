"""What was written about the stories, version by version; nothing is ever changed or deleted.

The *shown* version of a story is its newest that was not merely offered. A version that is *held*
is a person's: what the writer makes afterwards is stored as *offered* until somebody takes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, select

from newsletter.database.engine import Database
from newsletter.database.rows import adapter, slices
from newsletter.database.tables import briefs, stories
from newsletter.model import Brief, BriefVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a story's text stands: what is shown, what it was written from, what waits.

    ``by`` is the person whose version it is, empty where the program made it. ``offered`` is the
    number of a newer version that the writer made while a person's was held and that nobody has
    taken or passed over yet, 0 for none. ``seen`` is the hash of the newest sources that anything
    was written from.
    """

    brief: Brief
    sources: str
    held: bool
    by: str
    offered: int
    seen: str


class Briefs:
    """Every version of every story's text."""

    def __init__(self, database: Database):
        self._database = database

    def save(
        self,
        brief: Brief,
        *,
        sources_sha256: str,
        made: datetime,
        model: str = "",
        prompt: str = "",
        by: str = "",
        note: str = "",
        base: int = 0,
        held: bool = False,
        offered: bool = False,
        expected: int | None = None,
    ) -> Brief | None:
        """Store a new version of a story's text; return it with its number.

        :param expected: the version that must be shown at this moment; when another one is,
            nothing is stored and the answer is None.
        """
        with self._database.begin() as connection:
            # One writer a story at a time, so that two can never both be the newest.
            connection.execute(
                select(stories.c.id).where(stories.c.id == brief.story).with_for_update()
            )
            rows = connection.execute(
                select(briefs.c.version, briefs.c.offered)
                .where(briefs.c.story == brief.story)
                .order_by(briefs.c.version)
            ).all()
            shown = max((row.version for row in rows if not row.offered), default=0)
            if expected is not None and expected != shown:
                return None
            version = max((row.version for row in rows), default=0) + 1
            numbered = replace(brief, version=version)
            connection.execute(
                briefs.insert().values(
                    story=brief.story,
                    version=version,
                    writer=brief.writer,
                    made=made,
                    sources_sha256=sources_sha256,
                    withheld=brief.withheld,
                    body=adapter(Brief).dump_python(numbered, mode="json"),
                    model=model,
                    prompt=prompt,
                    by=by,
                    note=note,
                    base=base,
                    held=held,
                    offered=offered,
                )
            )
        return numbered

    def newest(self, ids: Iterable[str]) -> dict[str, tuple[Brief, str]]:
        """The shown brief of each story with the hash of the sources it was written from."""
        return {
            story: (adapter(Brief).validate_python(row.body), row.sources_sha256)
            for story, row in self._shown(ids).items()
        }

    def standing(self, ids: Iterable[str]) -> dict[str, Standing]:
        """Where the text of each story stands; stories without any are left out."""
        wanted = list(ids)
        shown = self._shown(wanted)
        history: dict[str, list[Any]] = {story: [] for story in shown}
        columns = (
            briefs.c.story,
            briefs.c.version,
            briefs.c.held,
            briefs.c.offered,
            briefs.c.sources_sha256,
        )
        with self._database.reading() as connection:
            for piece in slices(shown):
                query = select(*columns).where(briefs.c.story.in_(piece))
                for row in connection.execute(query.order_by(briefs.c.version)):
                    history[row.story].append(row)
        return {story: _standing(row, history[story]) for story, row in shown.items()}

    def versions(self, story: str) -> list[BriefVersion]:
        """Every version of a story's text, the newest first."""
        query = select(briefs).where(briefs.c.story == story).order_by(briefs.c.version.desc())
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        shown = next((row.version for row in rows if not row.offered), 0)
        return [_version(row, shown) for row in rows]

    def _shown(self, ids: Iterable[str]) -> dict[str, Row[Any]]:
        found: dict[str, Row[Any]] = {}
        with self._database.reading() as connection:
            for piece in slices(ids):
                newest = (
                    select(briefs.c.story, func.max(briefs.c.version).label("version"))
                    .where(briefs.c.story.in_(piece), briefs.c.offered.is_(False))
                    .group_by(briefs.c.story)
                    .subquery()
                )
                query = select(briefs).join(
                    newest,
                    and_(newest.c.story == briefs.c.story, newest.c.version == briefs.c.version),
                )
                found.update({row.story: row for row in connection.execute(query)})
        return found


def _standing(row: Row[Any], history: list[Any]) -> Standing:
    # What the writer offered counts until a version of its own is shown again.
    freely = max((one.version for one in history if not one.held and not one.offered), default=0)
    waiting = [one for one in history if one.offered and one.version > freely]
    offer = waiting[-1] if row.held and waiting else None
    if offer is not None and offer.sources_sha256 == row.sources_sha256:
        offer = None
    return Standing(
        brief=adapter(Brief).validate_python(row.body),
        sources=row.sources_sha256,
        held=row.held,
        by=row.by,
        offered=offer.version if offer else 0,
        seen=offer.sources_sha256 if offer else row.sources_sha256,
    )


def _version(row: Row[Any], shown: int) -> BriefVersion:
    return BriefVersion(
        story=row.story,
        version=row.version,
        made=row.made,
        writer=row.writer,
        model=row.model,
        prompt=row.prompt,
        by=row.by,
        note=row.note,
        base=row.base,
        shown=row.version == shown,
        held=row.held,
        offered=row.offered,
        sources=row.sources_sha256,
        withheld=row.withheld,
        brief=adapter(Brief).validate_python(row.body),
    )
