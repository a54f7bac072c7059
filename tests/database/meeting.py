"""Two that meet on PostgreSQL: one of them goes on when the other waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import text

from newsletter.database.engine import Database


def meet(database: Database, work: Callable[[], object]) -> threading.Thread:
    """Begin something in a thread, and go on when it is over or waits for a lock."""
    thread = threading.Thread(target=work)
    thread.start()
    query = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while thread.is_alive() and not connection.scalar(query):
            thread.join(0.01)
    return thread
