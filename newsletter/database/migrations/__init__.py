"""Alembic: one file per change of the tables.

Two versions of the program may work on one database while machines are upgraded one by one. So a
change that an older program cannot live with is made in two files of two kinds, told by name:

- ``m0014_before_...`` only adds. The first new program that starts makes it; old ones go on.
- ``m0015_after_...`` takes away or narrows. ``newsletter upgrade --finish`` makes it, once no old
  program is left; from then on an older program refuses to start on this database.

The numbers 0001 to 0012 are older than the first release and are all made at the first start.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, delete, insert, select

from newsletter.database.tables import settings

FIRST_RELEASE = 12
"""So many changes were made before anybody could have an older program."""

_OLDEST = "oldest_program"


def upgrade(connection: Connection, *, finish: bool = False) -> bool:
    """Bring the tables up to date inside the caller's transaction.

    Answers False, and changes nothing, when a newer program made the database and left nothing
    that this one can work with.

    :param finish: also make the changes that older programs cannot live with.
    """
    config = _config()
    config.attributes["connection"] = connection
    steps = _steps(config)
    at = _revision(connection)
    if at is not None and at not in [revision for revision, _ in steps]:
        return _may_work_beside(connection, steps[-1][0])
    goal = steps[-1][0] if finish else _before(steps, at)
    if goal is not None:
        command.upgrade(config, goal)
        reached = [revision for revision, _ in steps].index(goal)
        if reached >= FIRST_RELEASE:
            breaking = [revision for revision, after in steps[: reached + 1] if after]
            oldest = breaking[-1] if breaking else steps[FIRST_RELEASE - 1][0]
            connection.execute(delete(settings).where(settings.c.name == _OLDEST))
            connection.execute(insert(settings).values(name=_OLDEST, value=oldest))
    return True


def finished(connection: Connection) -> bool:
    """Whether every change has been made, also those that wait for older programs to be gone."""
    return _revision(connection) == head()


def head() -> str | None:
    """The newest version there is a file for."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _before(steps: list[tuple[str, bool]], at: str | None) -> str | None:
    """The last change to make now: those at the end that take away wait for ``--finish``.

    A change that takes away and is followed by one that adds belongs to an earlier release, whose
    upgrade is over; it is made on the way.
    """
    goal = None
    for revision, after in steps:
        if not after:
            goal = revision
    done = -1 if at is None else [revision for revision, _ in steps].index(at)
    reached = [revision for revision, _ in steps].index(goal) if goal else -1
    return goal if reached > done else None


def _may_work_beside(connection: Connection, newest: str) -> bool:
    """Whether a newer program has so far only added to this database."""
    oldest = connection.scalar(select(settings.c.value).where(settings.c.name == _OLDEST))
    return oldest is not None and oldest <= newest


def _revision(connection: Connection) -> str | None:
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415 - only for an upgrade

    return MigrationContext.configure(connection).get_current_revision()


def _steps(config: Config) -> list[tuple[str, bool]]:
    """Every change in order, and whether it takes something away."""
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    return [
        (script.revision, Path(script.path).stem.split("_")[1] == "after")
        for script in reversed(scripts)
    ]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    # What separates several places; there is one, and a path may hold anything.
    config.set_main_option("path_separator", "newline")
    return config
