"""The invented day, collected, grouped, written and drafted once; each test works on a copy."""

from __future__ import annotations

import io
import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from newsletter import pipeline
from newsletter.audience.importing import read_rows
from newsletter.clock import Clock
from newsletter.config import Config, Source, load, starter
from newsletter.database.engine import open_database
from newsletter.model import Role
from newsletter.newsroom import Newsroom
from newsletter.sample.server import SampleServer
from tests.web.desk.person import employ

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PEOPLE = {
    Role.ADMIN: "Ada Moss",
    Role.PUBLISHER: "Pia Lund",
    Role.EDITOR: "Edda Ito",
    Role.OPERATOR: "Otto Bay",
}
SETTINGS = """[collect]
sources = []
[editions.daily]
zone = 'UTC'
[delivery]
transport = 'folder'
"""


def prepare(folder: Path) -> Config:
    """Make the day in a folder."""
    (folder / "config.toml").write_text(SETTINGS)
    shutil.copytree(starter() / "templates", folder / "templates", dirs_exist_ok=True)
    (folder / "subscribers").mkdir(exist_ok=True)
    config = load(folder / "config.toml")
    with SampleServer(NOON) as server:
        host = server.base_url.removeprefix("http://")
        config = config.model_copy(
            update={
                "collect": config.collect.model_copy(update={"allow_hosts": (host,)}),
                "sources": tuple(Source.model_validate(source) for source in server.sources),
            }
        )
        database = open_database(config.database_url)
        room = Newsroom(config=config, database=database, clock=lambda: NOON)
        for arrow in (pipeline.collect, pipeline.group, pipeline.write, pipeline.compose):
            arrow(room)
        for role, name in PEOPLE.items():
            employ(room, f"{role}@example.org", role, name)
        lines = "\n".join(f"reader{n}@example.org,,Europe/London" for n in range(12))
        room.readers.import_rows(
            read_rows(io.BytesIO(f"email,topics,timezone\n{lines}\n".encode())),
            source="people.csv",
            consent="paper form",
            editions=("daily",),
            now=NOON,
            token=room.token,
            refusals=folder / "refused.csv",
        )
        database.close()
    return config


def copy_of(
    folder: Path,
    config: Config,
    target: Path,
    clock: Clock,
    change: Callable[[Config], Config] = lambda config: config,
) -> Newsroom:
    """A newsroom of one's own over the day."""
    shutil.copytree(folder, target)
    config = config.model_copy(update={"root": target, "file": target / "config.toml"})
    config = change(config)
    database = open_database(config.database_url)
    return Newsroom(config=config, database=database, clock=clock, random=random.Random(1))
