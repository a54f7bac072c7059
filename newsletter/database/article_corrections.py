"""What editors corrected about articles, apart from the articles, so that no re-fetch undoes it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select

from newsletter.database.engine import Database
from newsletter.database.rows import upsert
from newsletter.database.tables import article_corrections
from newsletter.model import ArticleCorrection, Kind


class ArticleCorrections:
    """Editors' corrections, one of each field an article."""

    def __init__(self, database: Database):
        self._database = database

    def all(self) -> dict[str, ArticleCorrection]:
        """Every correction that holds, by article. There are few: each was made by hand."""
        with self._database.reading() as connection:
            rows = connection.execute(select(article_corrections)).all()
        said: dict[str, dict[str, str]] = {}
        for row in rows:
            said.setdefault(row.article, {})[row.field] = row.value
        return {
            article: ArticleCorrection(
                article=article,
                kind=Kind(fields["kind"]) if "kind" in fields else None,
                published=datetime.fromisoformat(fields["published"])
                if "published" in fields
                else None,
            )
            for article, fields in said.items()
        }

    def set_kind(self, article: str, kind: Kind | None, *, by: str, at: datetime) -> None:
        """Say what kind of text an article is; None takes the feed's word again."""
        self._set(article, "kind", kind.value if kind else None, by, at)

    def set_published(
        self, article: str, published: datetime | None, *, by: str, at: datetime
    ) -> None:
        """Say when an article was published; None takes the feed's word again."""
        self._set(article, "published", published.isoformat() if published else None, by, at)

    def _set(self, article: str, field: str, value: str | None, by: str, at: datetime) -> None:
        table = article_corrections
        with self._database.begin() as connection:
            if value is None:
                connection.execute(
                    delete(table).where(table.c.article == article, table.c.field == field)
                )
                return
            row = {"article": article, "field": field, "value": value, "by": by, "at": at}
            upsert(connection, table, [row])
