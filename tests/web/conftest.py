"""A newsroom with three readers and an application around it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.audience.importing import read_rows
from newsletter.config import load
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.web.app import create_app
from tests.conftest import ROOT, StillClock
from tests.web.serving import Client, served


@pytest.fixture
def room(tmp_path: Path, clock: StillClock) -> Iterator[Newsroom]:
    """A place of its own with three readers and no issue."""
    shutil.copyfile(ROOT / "config.toml", tmp_path / "config.toml")
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    room = open_newsroom(load(tmp_path / "config.toml", ["collect.sources=[]"]), clock=clock)
    people = b"email,topics\nada@example.org,politics;world\nbo@example.org,\ncy@example.org,\n"
    room.readers.import_rows(
        read_rows(io.BytesIO(people)),
        source="people.csv",
        consent="paper form",
        editions=("daily",),
        now=clock(),
        token=room.token,
        refusals=tmp_path / "refused.csv",
    )
    yield room
    room.close()


@pytest.fixture
def client(room: Newsroom) -> Iterator[Client]:
    """Asks the application over a real connection."""
    with served(create_app(room)) as found:
        yield found
