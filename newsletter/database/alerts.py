"""What needs a person now, from its beginning to the notice that it is over.

A trouble is a row from the moment it is seen. Whoever sees it writes it here, the sender of alerts
reads it; so a trouble that two processes see is told once, and one that was told before a restart
is not told again after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update

from newsletter.database.engine import Database
from newsletter.database.rows import insert_new, reader_of
from newsletter.database.tables import alerts

KEPT = timedelta(days=2)
"""How long a trouble that is over waits for a way of telling that is itself broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that needs a person. ``key`` begins with its scope: ``disk:data``."""

    key: str
    sentence: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A trouble since a moment, and who has been told of its beginning and of its end."""

    key: str
    sentence: str
    hint: str
    since: datetime
    ended: datetime | None
    told: tuple[str, ...]
    told_end: tuple[str, ...]


_alert = reader_of(Alert)


class Alerts:
    """All troubles there are, and those whose end has not been told everywhere."""

    def __init__(self, database: Database):
        self._database = database

    def report(
        self,
        scope: str,
        found: Iterable[Trouble],
        *,
        now: datetime,
        only: Callable[[str], bool] = lambda _key: True,
    ) -> None:
        """Write down all troubles of a scope; those of it that are not named are over.

        :param scope: what the keys begin with, up to and with its colon: ``disk:``.
        :param only: says of a key whether the caller looked for it; others of the scope stay.
        """
        named = {one.key: one for one in found}
        assert all(key.startswith(scope) for key in named)  # noqa: S101 - a caller's slip
        with self._database.reading() as connection:
            rows = connection.execute(
                select(alerts.c.key, alerts.c.sentence, alerts.c.hint, alerts.c.ended).where(
                    alerts.c.key.startswith(scope, autoescape=True)
                )
            ).all()
        present = {row.key: row for row in rows if only(row.key)}
        gone = [key for key, row in present.items() if row.ended is None and key not in named]
        back = [
            one for key, one in named.items() if key in present and present[key].ended is not None
        ]
        new = [one for key, one in named.items() if key not in present]
        changed = [
            one
            for key, one in named.items()
            if key in present
            and present[key].ended is None
            and (present[key].sentence, present[key].hint) != (one.sentence, one.hint)
        ]
        if not (gone or back or new or changed):
            return  # the usual minute: nothing is written
        with self._database.begin() as connection:
            for key in gone:
                connection.execute(
                    update(alerts)
                    .where(alerts.c.key == key, alerts.c.ended.is_(None))
                    .values(ended=now)
                )
            fresh: dict[str, Any] = {"since": now, "ended": None, "told": [], "told_end": []}
            for one in (*back, *changed):
                words = {"sentence": one.sentence, "hint": one.hint}
                connection.execute(
                    update(alerts)
                    .where(alerts.c.key == one.key)
                    .values(**words, **(fresh if one in back else {}))
                )
            insert_new(
                connection,
                alerts,
                [
                    {"key": one.key, "sentence": one.sentence, "hint": one.hint, **fresh}
                    for one in new
                ],
            )

    def open(self) -> list[Alert]:
        """What needs a person now, the oldest first."""
        return [one for one in self.all() if one.ended is None]

    def all(self) -> list[Alert]:
        """Also what is over and not told everywhere."""
        with self._database.reading() as connection:
            rows = connection.execute(select(alerts).order_by(alerts.c.since, alerts.c.key)).all()
        return [_alert(row) for row in rows]

    def told(self, channel: str, found: Sequence[Alert]) -> None:
        """Write down that a way of telling took these, beginnings and ends as they are."""
        with self._database.begin() as connection:
            for one in found:
                column, names = (
                    ("told", one.told) if one.ended is None else ("told_end", one.told_end)
                )
                connection.execute(
                    update(alerts)
                    .where(alerts.c.key == one.key, alerts.c.since == one.since)
                    .values({column: [*names, channel]})
                )

    def sweep(self, channels: Sequence[str], *, now: datetime) -> None:
        """Take away what is over and was told wherever its beginning was."""
        over = [
            one.key
            for one in self.all()
            if one.ended is not None
            and (not (set(one.told) & set(channels)) - set(one.told_end) or one.ended < now - KEPT)
        ]
        if not over:
            return
        with self._database.begin() as connection:
            connection.execute(
                delete(alerts).where(alerts.c.key.in_(over), alerts.c.ended.is_not(None))
            )
