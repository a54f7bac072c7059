"""Two versions of the program on one database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, select

from newsletter.database import engine, migrations
from newsletter.database.engine import Database, finish_upgrade, open_database
from newsletter.database.tables import HEAD, readers
from newsletter.errors import DatabaseError

FILE = """
import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = "{before}"


def upgrade():
    {change}
"""


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Be the next version of the program, which adds a table and later takes another away."""
    ours = migrations._config()
    folder = Path(ours.get_main_option("script_location") or "")
    more = tmp_path / "more"
    more.mkdir()
    add = 'op.create_table("tomorrow", sa.Column("id", sa.Integer, primary_key=True))'
    (more / "m9001_before_tomorrow.py").write_text(
        FILE.format(number="9001", before=HEAD, change=add)
    )
    (more / "m9002_after_tomorrow.py").write_text(
        FILE.format(number="9002", before="9001", change='op.drop_table("model_answers")')
    )

    def config() -> Config:
        made = Config()
        made.set_main_option("script_location", str(folder))
        made.set_main_option("path_separator", "newline")
        made.set_main_option("version_locations", f"{folder / 'versions'}\n{more}")
        return made

    here = migrations._config

    def switch(version: str) -> None:
        monkeypatch.setattr(migrations, "_config", config if version == "next" else here)
        monkeypatch.setattr(engine, "HEAD", "9002" if version == "next" else HEAD)

    return switch


def _tables(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(inspect(connection).get_table_names())


def test_a_new_program_only_adds_and_old_ones_go_on(
    tmp_path: Path, next_version: Callable[[str], None]
) -> None:
    """While machines are upgraded one by one, both versions start on the same database."""
    url = f"sqlite:///{tmp_path}/news.sqlite"
    open_database(url).close()
    next_version("next")
    new = open_database(url)
    assert {"tomorrow", "model_answers"} <= _tables(new)
    new.close()
    next_version("this")
    open_database(url).close()


def test_finishing_takes_away_and_old_programs_refuse(
    tmp_path: Path, next_version: Callable[[str], None]
) -> None:
    """After the upgrade is finished an old program says that the database is too new for it."""
    url = f"sqlite:///{tmp_path}/news.sqlite"
    next_version("next")
    new = open_database(url)
    finish_upgrade(new)
    with new.reading() as connection:
        assert migrations.finished(connection)
    assert "model_answers" not in _tables(new)
    new.close()
    next_version("this")
    with pytest.raises(DatabaseError, match="newer version"):
        open_database(url)


REFUSED_TO_OLDER: dict[tuple[str, str], str] = {
    ("leases", "batches"): "an older program must not begin to send what it would misread",
}
"""New columns that an older program's rows lack on purpose, and why."""


def test_what_was_added_since_the_first_release_lets_older_programs_write(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Every table and column of then is there as it was; rows without what is new are taken."""
    raw = open_database(f"sqlite:///{tmp_path}/news.sqlite", upgrade=False)
    first = f"{migrations.FIRST_RELEASE:04d}"
    with raw.begin() as connection:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, first)
        then = {
            name: {column["name"]: column for column in inspect(connection).get_columns(name)}
            for name in inspect(connection).get_table_names()
        }
    raw.close()
    now = open_database(f"sqlite:///{tmp_path}/news.sqlite")
    request.addfinalizer(now.close)
    with now.reading() as connection:
        for name, columns in then.items():
            found = {column["name"]: column for column in inspect(connection).get_columns(name)}
            for column, before in columns.items():
                assert str(found[column]["type"]) == str(before["type"]), (name, column)
                assert found[column]["nullable"] == before["nullable"], (name, column)
            for column in found.keys() - columns.keys():
                taken = found[column]["nullable"] or found[column]["default"] is not None
                assert taken or (name, column) in REFUSED_TO_OLDER, (name, column)


def test_what_readers_chose_before_clicks_were_counted(tmp_path: Path) -> None:
    """Who allows counting is heard of at the upgrade; a topic with a bar is not read as two."""
    url = f"sqlite:///{tmp_path}/news.sqlite"
    raw = open_database(url, upgrade=False)
    with raw.begin() as connection:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0013")
        for number, (tracking, topic) in enumerate([(1, "a|b"), (0, "world")], start=1):
            connection.exec_driver_sql(
                "INSERT INTO readers (id, email, email_domain, address_key, token, joined, state, tracking, "
                "name, language, country, timezone, source, attributes) VALUES (?, ?, 'example.org', ?, ?, '2024-01-01 00:00:00', "
                "'active', ?, '', '', '', '', '', '{}')",
                (
                    number,
                    f"r{number}@example.org",
                    f"r{number}@example.org",
                    f"t{number}",
                    tracking,
                ),
            )
            connection.exec_driver_sql(
                "INSERT INTO reader_tags (reader, kind, tag) VALUES (?, 'topic', ?)",
                (number, topic),
            )
        command.upgrade(config, "0014")
    with raw.reading() as connection:
        found = connection.execute(
            select(readers.c.topics, readers.c.last_click).order_by(readers.c.id)
        ).all()
    raw.close()
    assert [row.topics for row in found] == ["*", "world"]
    assert found[0].last_click.year >= 2026
    assert found[1].last_click is None


def test_this_version_leaves_nothing_to_finish(database: Database) -> None:
    """Nothing that is there now waits for older programs to be gone."""
    with database.reading() as connection:
        assert migrations.finished(connection)
