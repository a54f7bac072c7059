"""The switch that stops all sending, and why an issue paused itself: facts every process reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select

from newsletter.database.engine import Database
from newsletter.database.rows import upsert
from newsletter.database.tables import settings

ALL = "stopped_all"


class Switches:
    """Looked at before every batch of letters."""

    def __init__(self, database: Database):
        self._database = database

    def stop_all(self, reason: str) -> None:
        """Let no letter of any issue leave, in any process, until :meth:`start_again`."""
        self._set(ALL, reason or "by hand")

    def start_again(self) -> bool:
        """Let letters leave again; whether they had been stopped."""
        return self._clear(ALL)

    def stopped(self) -> str:
        """Why nothing may leave; empty when everything may."""
        return self._get(ALL)

    def note_pause(self, issue_id: str, reason: str) -> None:
        """Keep why an issue paused itself."""
        self._set(_pause_of(issue_id), reason)

    def pause_of(self, issue_id: str) -> str:
        """Why an issue paused itself; empty when it did not."""
        return self._get(_pause_of(issue_id))

    def forget_pause(self, issue_id: str) -> None:
        """A person looked at it."""
        self._clear(_pause_of(issue_id))

    def note_seen(self, issue_id: str, states: Mapping[str, int]) -> None:
        """Keep how the letters stood when a person let an issue go on that had paused itself."""
        self._set(_seen(issue_id), json.dumps(dict(states)))

    def seen(self, issue_id: str) -> dict[str, int]:
        """How letters stood when a person last let an issue go on; empty when nobody had to."""
        return dict(json.loads(self._get(_seen(issue_id)) or "{}"))

    def note_taken_up(self, issue_id: str, now: datetime) -> None:
        """A person asked for an issue to be sent."""
        self._set(_taken_up(issue_id), now.isoformat())

    def taken_up(self, issue_id: str) -> datetime | None:
        """When a person last asked for an issue to be sent; None when nobody did."""
        found = self._get(_taken_up(issue_id))
        return datetime.fromisoformat(found) if found else None

    def _get(self, name: str) -> str:
        with self._database.reading() as connection:
            found = connection.scalar(select(settings.c.value).where(settings.c.name == name))
        return str(found or "")

    def _set(self, name: str, value: str) -> None:
        with self._database.begin() as connection:
            upsert(connection, settings, [{"name": name, "value": value}])

    def _clear(self, name: str) -> bool:
        with self._database.begin() as connection:
            gone = connection.execute(delete(settings).where(settings.c.name == name))
            return bool(gone.rowcount)


def _pause_of(issue_id: str) -> str:
    return f"paused:{hashlib.sha256(issue_id.encode()).hexdigest()[:40]}"


def _seen(issue_id: str) -> str:
    return f"seen:{hashlib.sha256(issue_id.encode()).hexdigest()[:40]}"


def _taken_up(issue_id: str) -> str:
    return f"taken-up:{hashlib.sha256(issue_id.encode()).hexdigest()[:40]}"
