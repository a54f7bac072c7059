"""Where jobs run: in threads of this process, or on many machines by Procrastinate.

The scheduler and the web pages never run an arrow of the pipeline themselves; they hand a
:class:`Job` to :class:`Work`. A job is the name of a function and plain arguments, so that it can
travel through a database and be run by a process that was not there when it was made. What may be
called by name is a table (``newsletter.schedule.jobs``) that every process makes for itself.

Jobs decide nothing. Each looks into the database at what is to be done, so one that runs twice,
late or never does no harm: the next look finds what is left.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from newsletter.database.engine import NOTICE_CUTS
from newsletter.errors import ConfigError, DatabaseError, NewsletterError

if TYPE_CHECKING:
    from procrastinate import App

log = logging.getLogger(__name__)

Argument = str | int | list[str]
Functions = Mapping[str, Callable[..., object]]

QUEUES = ("collect", "write", "send", "events", "mail")
"""The kinds of work that machines can share out among themselves."""
STALLED_SECONDS = 60
"""A worker without a sign of life for so long is gone; its jobs are given to others."""
ATTEMPTS = 8
"""How often a job that failed for a passing reason is tried again, ever more slowly."""

LISTEN_AGAIN_SECONDS = 1.0
"""After so long a worker that lost its ear tries to listen again; it looks every second as well."""

_SCHEMA = "jobs"
_JOBS, _WORKERS = f"{_SCHEMA}.procrastinate_jobs", f"{_SCHEMA}.procrastinate_workers"
_EVENTS = f"{_SCHEMA}.procrastinate_events"
_LIVES = f"last_heartbeat > now() - interval '{STALLED_SECONDS} seconds'"
_RUN = "newsletter.run"
_FIRST_LAID_OUT = "03.04.00_50_post_add_retry_failed_job_procedure"
"""How far Procrastinate's tables were before their comment said it (its version 3.10)."""
# Another worker may have taken this one for dead and its row away.
_ALIVE = """
    INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE
    VALUES (%(worker_id)s, now()) ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of work: a function's name, plain arguments, and the queue it waits in.

    ``key`` is what it waits under: a job is not added while another of the same key waits.
    ``lock`` is what it holds while it runs: two jobs with one lock never run side by side.
    ``priority`` is what a worker goes by when it is free: higher numbers first. What takes long
    and comes in crowds has a low one, so that drafts, mails and alerts need not wait for it.
    """

    name: str
    queue: str = "write"
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    key: str = ""
    lock: str = ""
    priority: int = 0

    @property
    def waits_as(self) -> str:
        """The key, or the name and the arguments when none is given."""
        return self.key or " ".join([self.name, *map(str, self.arguments.values())])


class Work(Protocol):
    """Takes jobs and sees to it that they run."""

    def defer(self, job: Job) -> None:
        """Run a job soon; a job that is waiting already under the same key is not added again."""

    def close(self, seconds: float) -> bool:
        """Finish the job at hand and stop; False when it did not finish in time."""

    @property
    def shared(self) -> bool:
        """Whether several processes take these jobs, so that it pays to cut work into many."""


class InProcess:
    """Runs jobs in one thread of this process, in the order they came.

    One thread, because the arrows share one database and each is quick; a job that fails is
    logged with its reason and the next one runs.
    """

    shared = False

    def __init__(self, functions: Functions | Callable[[Work], Functions]) -> None:
        # Jobs may make jobs: their table can be given as what makes it from this object.
        self._functions = functions(self) if callable(functions) else functions
        self._waiting: queue.Queue[Job | None] = queue.Queue()
        self._keys: set[str] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)
        self._thread.start()

    def defer(self, job: Job) -> None:
        """Put a job at the end of the line."""
        with self._lock:
            if job.waits_as in self._keys:
                return
            self._keys.add(job.waits_as)
        self._waiting.put(job)

    def drop(self) -> None:
        """Take nothing more after the job that runs."""
        with self._lock:
            while not self._waiting.empty():
                self._waiting.get_nowait()
        self._waiting.put(None)

    def close(self, seconds: float) -> bool:
        """Drop what has not begun, let the running job finish, and stop."""
        self.drop()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._waiting.get()) is not None:
            with self._lock:
                self._keys.discard(job.waits_as)
            run_job(self._functions, job.name, job.arguments)


class Lanes:
    """Threads of this process: one for each edition's letters and each kind of single mails.

    A send may take hours at a provider's pace: the next draft, an alert and another edition must
    not wait for it. Everything else shares one thread.
    """

    shared = False

    def __init__(self, functions: Functions | Callable[[Work], Functions]) -> None:
        self._known = functions(self) if callable(functions) else functions
        self._lanes: dict[str, InProcess] = {}
        self._lock = threading.Lock()

    def defer(self, job: Job) -> None:
        """Put a job at the end of its lane."""
        name = (job.lock or job.queue) if job.queue in {"send", "mail"} else ""
        with self._lock:
            if name not in self._lanes:
                self._lanes[name] = InProcess(self._known)
        self._lanes[name].defer(job)

    def close(self, seconds: float) -> bool:
        """Drop what has not begun, let what runs finish within so many seconds in all."""
        until = time.monotonic() + seconds
        with self._lock:
            lanes = list(self._lanes.values())
        for lane in lanes:
            lane.drop()
        ended = [lane.close(max(0.0, until - time.monotonic())) for lane in lanes]
        return all(ended)


def run_job(functions: Functions, name: str, arguments: Mapping[str, Argument]) -> bool:
    """Run a job here and now; log why it failed instead of raising. Whether it succeeded."""
    try:
        functions[name](**arguments)
    except NewsletterError as error:
        log.error("%s: %s%s", name, error, f" ({error.hint})" if error.hint else "")
    except Exception:
        log.exception("%s failed unexpectedly", name)
    else:
        return True
    return False


# --------------------------------------------------------------------------- many machines


class OnProcrastinate:
    """Hands jobs to Procrastinate, which keeps them in PostgreSQL until a worker takes them.

    Its tables stand in a schema of their own (``jobs``), in the same database as everything else.

    :raises ConfigError: when the extra ``postgres`` is not installed.
    :raises DatabaseError: when the database does not answer.
    """

    shared = True

    def __init__(self, url: str) -> None:
        self._app = _app(url, {})
        with _stated():
            _lay_out(url)
            self._app.open()

    def defer(self, job: Job) -> None:
        """Put a job into its queue, unless one of the same key waits there."""
        self.defer_all([job])

    def defer_all(self, jobs: Iterable[Job]) -> None:
        """Put many jobs into their queues; those whose key waits already are passed over."""
        from procrastinate.exceptions import AlreadyEnqueued  # noqa: PLC0415 - an extra

        for job in jobs:
            with _stated():
                task = self._app.configure_task(
                    _RUN,
                    queue=job.queue,
                    queueing_lock=job.waits_as,
                    lock=job.lock or None,
                    priority=job.priority,
                )
                try:
                    task.defer(name=job.name, arguments={**job.arguments})  # type: ignore[dict-item]  # lists of words are JSON
                except AlreadyEnqueued:
                    continue

    def close(self, seconds: float) -> bool:  # noqa: ARG002 - nothing runs here
        """Let go of the connections; what waits, waits for a worker."""
        self._app.close()
        return True


def run_worker(
    url: str,
    functions: Functions,
    *,
    queues: Sequence[str],
    concurrency: int,
    ending: threading.Event | None = None,
    grace_seconds: float = 9,
    until_empty: bool = False,
) -> None:
    """Take jobs and run them until somebody stops this process (SIGTERM, SIGINT).

    A job that fails for a passing reason is tried again later; one that this version does not
    know (a newer program made it, in a rolling upgrade) is left to a worker that does.

    :param ending: set when this process is to end; jobs that look at it end early.
    :param until_empty: end when no job can be taken now, instead of waiting for more.
    :raises ConfigError: when the extra ``postgres`` is not installed.
    :raises DatabaseError: when the database does not answer.
    """
    app = _app(url, functions)

    async def work() -> None:
        # Each running job blocks one thread; Python's own number of them is a guess.
        threads = ThreadPoolExecutor(concurrency + 1, thread_name_prefix="job")
        asyncio.get_running_loop().set_default_executor(threads)
        async with app.open_async():
            await _sweep(app)
            sweeping = asyncio.create_task(_keep_swept(app))
            taking = asyncio.create_task(
                app.run_worker_async(
                    queues=list(queues),
                    concurrency=concurrency,
                    wait=not until_empty,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    stalled_worker_timeout=STALLED_SECONDS / 2,
                    fetch_job_polling_interval=1,
                )
            )
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, end, taking)
            try:
                await taking
            except asyncio.CancelledError:
                log.info("stopped; what was not done waits for another worker")
            finally:
                sweeping.cancel()

    def end(taking: asyncio.Task[None]) -> None:
        if ending is not None:
            ending.set()
        # Nobody can end a thread. Whoever waited for it would be killed for that, or, without a
        # sign of life, go on with a job that another worker has begun again.
        asyncio.get_running_loop().call_later(grace_seconds, _leave)
        taking.cancel()

    with _stated():
        _lay_out(url)
        asyncio.run(work())


def _leave() -> None:
    """End this process while jobs still run; they are begun again like those of a killed one."""
    log.warning("the jobs at hand did not end in time; another worker begins them again")
    logging.shutdown()
    os._exit(0)


def waiting_jobs(url: str) -> dict[str, int]:
    """How many jobs wait in each queue; nothing where no job was ever made."""
    found = _asked(
        url, "SELECT queue_name, count(*) FROM {} WHERE status = 'todo' GROUP BY 1", _JOBS
    )
    return {str(name): int(number) for name, number in found}


def workers_at_work(url: str) -> int:
    """How many workers gave a sign of life lately."""
    found = _asked(url, f"SELECT count(*) FROM {{}} WHERE {_LIVES}", _WORKERS)  # noqa: S608 - our own words
    return int(found[0][0]) if found else 0


def unattended_for(url: str) -> timedelta:
    """How long the oldest job waits that no worker is there to take; nothing while one lives."""
    nobody = f"NOT EXISTS (SELECT FROM {_WORKERS} WHERE {_LIVES})"
    since = f"SELECT now() - min(at) FROM {{}} AS job JOIN {_EVENTS} ON job_id = job.id"  # noqa: S608 - our own words
    query = f"{since} WHERE status = 'todo' AND type = 'deferred' AND {nobody}"
    found = _asked(url, query, _JOBS)
    return (found[0][0] if found else None) or timedelta(0)


def _asked(url: str, query: str, table: str) -> list[tuple[Any, ...]]:
    """What the queue's own tables say; nothing where they are not there yet."""
    import psycopg  # noqa: PLC0415 - an extra

    with _stated(), psycopg.connect(_plain(url), connect_timeout=5) as connection:
        if connection.execute("SELECT to_regclass(%s)", [table]).fetchone() == (None,):
            return []
        return connection.execute(query.format(table).encode()).fetchall()


def _app(url: str, functions: Functions) -> App:
    """Procrastinate with the one task that runs any job by name."""
    try:
        import procrastinate  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise ConfigError(
            "work on several machines",
            "needs Procrastinate, which is not installed",
            hint='Install the extra: pip install "both-sides-newsletter[postgres]".',
        ) from None

    class Again(procrastinate.BaseRetryStrategy):
        def get_retry_decision(
            self, *, exception: BaseException, job: procrastinate.jobs.Job
        ) -> procrastinate.RetryDecision | None:
            if job.attempts >= ATTEMPTS or not isinstance(exception, NewsletterError):
                return None
            return procrastinate.RetryDecision(retry_in={"seconds": 2 ** (job.attempts + 1)})

    class Jobs(procrastinate.manager.JobManager):
        async def retry_job(self, job: procrastinate.jobs.Job, *args: Any, **named: Any) -> None:
            try:
                await _surely(super().retry_job, job, *args, **named)
            except procrastinate.exceptions.UniqueViolation:
                # The same job waits already, and may be waiting for this one's lock: it does the
                # work. Left as it is, this one would hold the lock for good.
                failed = procrastinate.jobs.Status.FAILED
                await self.finish_job(job, failed, delete_job=True)

        async def finish_job(self, *args: Any, **named: Any) -> None:
            await _surely(super().finish_job, *args, **named)

        # Procrastinate ends both of these for good when the database is away for a moment, and the
        # worker goes on without: taken for dead after a minute, with its jobs given to others.

        async def update_heartbeat(self, worker_id: int) -> None:
            try:
                await self.connector.execute_query_async(_ALIVE, worker_id=worker_id)
            except procrastinate.exceptions.ConnectorException as error:
                log.warning("no sign of life could be given: %s", _reason(error))

        async def listen_for_jobs(self, **named: Any) -> None:
            while True:
                try:
                    await super().listen_for_jobs(**named)
                except procrastinate.exceptions.ConnectorException as error:
                    log.warning("new jobs are looked for, not heard of: %s", _reason(error))
                await asyncio.sleep(LISTEN_AGAIN_SECONDS)

    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=_plain(url),
            kwargs={"options": f"-c search_path={_SCHEMA}", **NOTICE_CUTS},
            # Each connection that a restart of the server broke doubles the wait for the next one.
            min_size=1,
            max_size=4,
        )
    )

    app.job_manager = Jobs(app.connector)

    @app.task(name=_RUN, retry=Again())
    def run(name: str, arguments: dict[str, Argument]) -> None:
        if name not in functions:
            raise NewsletterError(name, "is a job that this version does not know", again=True)
        try:
            functions[name](**arguments)
        except NewsletterError as error:
            log.error("%s: %s%s", name, error, f" ({error.hint})" if error.hint else "")
            if error.again:
                raise
        except Exception:
            log.exception("%s failed unexpectedly", name)

    return app


async def _surely(call: Callable[..., Awaitable[None]], *args: Any, **named: Any) -> None:
    """Tell the database what became of a job, as soon as it is there again.

    A job of a living worker that never ended would hold its lock for as long as the worker lives.
    """
    import psycopg  # noqa: PLC0415 - an extra
    from procrastinate.exceptions import ConnectorException  # noqa: PLC0415 - an extra

    while True:
        try:
            return await call(*args, **named)
        except ConnectorException as error:
            if not isinstance(error.__cause__, psycopg.OperationalError):
                raise
            log.warning("what became of a job could not be written down: %s", _reason(error))
        await asyncio.sleep(LISTEN_AGAIN_SECONDS)


async def _keep_swept(app: App) -> None:
    while True:
        await asyncio.sleep(STALLED_SECONDS / 2)
        await _sweep(app)


async def _sweep(app: App) -> None:
    """Give the jobs of workers that are gone to others, and forget old failures."""
    from procrastinate.exceptions import ConnectorException  # noqa: PLC0415 - an extra

    jobs = app.job_manager
    try:
        for job in await jobs.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
            try:
                await jobs.retry_job(job)
            except ConnectorException as error:
                log.debug("another worker was faster with job %s: %s", job.id, error)
        await jobs.delete_old_jobs(nb_hours=7 * 24, include_failed=True)
    except ConnectorException as error:
        # The database is away; the worker itself says so then.
        log.debug("the sweep was put off: %s", error)


def _lay_out(url: str) -> None:
    """Make Procrastinate's tables, or bring them up to this one's; one process at a time.

    Procrastinate does not write down how far its tables are, so the schema's comment says it.
    """
    import psycopg  # noqa: PLC0415 - an extra
    from procrastinate.schema import SchemaManager  # noqa: PLC0415 - an extra

    steps = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    with psycopg.connect(_plain(url), connect_timeout=5, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(6120916)")

        def lay(query: str, reached: str) -> None:
            with connection.transaction():
                connection.execute(f"SET LOCAL search_path TO {_SCHEMA}")
                connection.execute(query.encode())
                connection.execute(f"COMMENT ON SCHEMA {_SCHEMA} IS '{reached}'".encode())

        there = connection.execute(f"SELECT to_regclass('{_JOBS}')").fetchone()
        if there == (None,):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}")
            lay(SchemaManager.get_schema(), steps[-1].stem)
            return
        asked = "SELECT obj_description(to_regnamespace(%s), 'pg_namespace')"
        said = connection.execute(asked, [_SCHEMA]).fetchone()
        reached = str((said and said[0]) or _FIRST_LAID_OUT)
        for step in steps:
            if step.stem > reached:
                lay(step.read_text("utf-8"), step.stem)


def _plain(url: str) -> str:
    """The address without the driver's name, as the server's own library wants it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _reason(error: Exception) -> str:
    """The first line of what the driver said."""
    said = str(error.__cause__ or error).strip()
    return said.splitlines()[0] if said else type(error).__name__


@contextmanager
def _stated() -> Iterator[None]:
    """Turn the errors of Procrastinate's connection into ours."""
    import psycopg  # noqa: PLC0415 - an extra
    from procrastinate.exceptions import ConnectorException  # noqa: PLC0415 - an extra

    try:
        yield
    except (ConnectorException, psycopg.Error) as error:
        raise DatabaseError(
            "the queue of jobs",
            f"the database refused: {_reason(error)}",
            hint="Is PostgreSQL running, and is [database] url right?",
            again=True,
        ) from error
