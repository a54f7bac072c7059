"""Alembic: one file per change of the tables."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection


def upgrade(connection: Connection) -> bool:
    """Bring the tables up to date inside the caller's transaction.

    Answers False, and changes nothing, when the database knows a version that we do not.
    """
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        return False
    return True


def head() -> str | None:
    """The newest version there is a file for."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    # What separates several places; there is one, and a path may hold anything.
    config.set_main_option("path_separator", "newline")
    return config
