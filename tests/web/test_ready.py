"""A load balancer is told the truth about a database that takes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from newsletter.database.engine import Database, open_database
from newsletter.newsroom import Newsroom
from newsletter.web import health
from tests.conftest import StillClock
from tests.operations.rooms import room_on


def said(room: Newsroom) -> tuple[int, str]:
    """The answer and its word about the database."""
    pages = FastAPI()
    pages.include_router(health.router(room))
    answer = TestClient(pages).get("/readyz")
    return answer.status_code, answer.json()["database"]


def test_a_full_disk_is_not_ready(
    clock: StillClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no space left nobody can unsubscribe, so this process serves no readers."""
    url = f"sqlite:///{tmp_path}/news.sqlite"
    room = room_on(open_database(url), clock, tmp_path, zone="UTC")
    section = room.config.database.model_copy(update={"url": url})
    room = Newsroom(
        config=room.config.model_copy(update={"database": section}),
        database=room.database,
        clock=clock,
    )
    assert said(room)[1] == "ok"
    monkeypatch.setattr(health, "FULL_BYTES", 1 << 62)
    assert said(room) == (503, "read-only")


def test_a_standby_is_not_ready(postgres: Database, clock: StillClock, tmp_path: Path) -> None:
    """A server that only reads serves no readers either."""
    url = postgres.engine.url.render_as_string(hide_password=False)
    joint = "&" if "?" in url else "?"
    reads = f"{url}{joint}options=-c%20default_transaction_read_only%3Don"
    for address, word in ((url, "ok"), (reads, "read-only")):
        database = open_database(address, upgrade=False)
        room = room_on(database, clock, tmp_path, zone="UTC")
        section = room.config.database.model_copy(update={"url": address})
        config = room.config.model_copy(update={"database": section})
        assert said(Newsroom(config=config, database=database, clock=clock))[1] == word
        database.close()
