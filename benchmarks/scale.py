"""What several machines carry: PostgreSQL, Procrastinate and worker processes, all real.

A PostgreSQL server is started from its wheel; the sample day is drafted and approved in it; the
readers are invented. Workers are processes of ``newsletter worker``; the provider is the stand-in
for SendGrid beside the project (../shared/referee), which counts every address.

    python -m benchmarks.scale                       # 100,000 readers, some minutes
    python -m benchmarks.scale --readers 1000000 --workers 1 2 4
    python -m benchmarks.scale --part snapshot       # or another of PARTS
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks._machines import Postgres, free_port, hosts, may_have_hosts, postgres, relay
from newsletter import pipeline
from newsletter.config import load
from newsletter.database import periods
from newsletter.errors import DatabaseError
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.pipeline import shares
from newsletter.pipeline.letters import begin_send
from newsletter.work import OnProcrastinate, workers_at_work

SHARED = Path(__file__).resolve().parents[2] / "shared"
REFEREE = SHARED / "referee" / "esp.py"
FLEET = SHARED / "newsday" / "fleet.py"
CRASH = SHARED / "referee" / "crash.py"
ALONE = ("snapshot", "sizes", "move", "prune", "collect")
"""Parts that need no stand-in for the provider."""
PARTS = (*ALONE, "send", "kills", "crash", "outage", "leader", "hosts")


EMPTY = "DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS jobs CASCADE"


def newsletter_init(place: Path, *settings: str, sources: Path, allow: list[str]) -> None:
    """A new place to work with sources of its own."""
    allowed = ", ".join(f'"{host}"' for host in allow)
    command = [sys.executable, "-m", "newsletter", "init", str(place), "--sources", str(sources)]
    for setting in (*settings, f"collect.allow_hosts=[{allowed}]"):
        command += ["--set", setting]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def newsletter(place: Path, *words: str, env: dict[str, str] | None = None) -> None:
    """Run the command line in a place."""
    subprocess.run(
        [sys.executable, "-m", "newsletter", "--config", str(place / "config.toml"), *words],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | (env or {}),
    )


@dataclass(frozen=True, slots=True)
class StandIn:
    """A stand-in for the provider: where it answers, and its process."""

    url: str
    pid: int


@contextmanager
def provider(folder: Path, name: str) -> Iterator[StandIn]:
    """The stand-in, started fresh, on a free port."""
    port = free_port()
    command = [sys.executable, str(REFEREE), "--port", str(port), "--light"]
    running = subprocess.Popen(
        [*command, "--journal", str(folder / f"{name}.jsonl")], stdout=subprocess.PIPE
    )
    try:
        assert running.stdout is not None
        running.stdout.readline()
        yield StandIn(f"http://127.0.0.1:{port}", running.pid)
    finally:
        running.terminate()
        running.wait()


def make_place(folder: Path, url: str, readers: int, *more: str) -> Path:
    """The sample day, approved, in a database of its own, with so many invented readers."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(EMPTY)
    place = Path(tempfile.mkdtemp(prefix="place-", dir=folder))
    settings = [f'database.url="{url}"', "delivery.letters_per_second=0", *more]
    subprocess.run(
        [sys.executable, "-m", "newsletter", "init", str(place)]
        + [word for setting in settings for word in ("--set", setting)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    newsletter(place, "today", "--sample", "--approve")
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM readers")
        connection.execute(
            """
            INSERT INTO readers (id, email, address_key, email_domain, name, country, language,
                                 timezone, state, token, joined, source, attributes)
            SELECT n, 'reader' || n || '@example.com', 'reader' || n || '@example.com',
                   'example.com', '', '', '', '', 'active', 't' || n, now(), 'bench', '{}'
            FROM generate_series(1, %s) AS n
            """,
            [readers],
        )
        connection.execute(
            "INSERT INTO subscriptions (reader, edition, state, since)"
            " SELECT id, 'daily', 'active', now() FROM readers"
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return place


@contextmanager
def workers(place: Path, count: int, *, queues: str = "send") -> Iterator[list[Any]]:
    """So many worker processes."""
    running = [start_worker(place, queues=queues) for _ in range(count)]
    try:
        yield running
    finally:
        for one in running:
            if one.poll() is None:
                one.send_signal(signal.SIGTERM)
        for one in running:
            try:
                one.wait(20)
            except subprocess.TimeoutExpired:
                one.kill()


def start_worker(
    place: Path,
    prefix: tuple[str, ...] = (),
    *,
    config: str = "config.toml",
    queues: str = "send",
) -> Any:
    """One worker process."""
    words = ("worker", "--queues", queues, "--concurrency", "4")
    return start(place, *words, prefix=prefix, config=config)


def start(
    place: Path, *words: str, prefix: tuple[str, ...] = (), config: str = "config.toml"
) -> Any:
    """A process that stays up, in a session of its own so that it can be killed whole."""
    return subprocess.Popen(
        [*prefix, sys.executable, "-m", "newsletter", "--config", str(place / config), *words],
        stdout=subprocess.DEVNULL,
        stderr=(place / f"{words[0]}.log").open("ab"),
        env=os.environ | {"SENDGRID_API_KEY": "SG.bench"},
        start_new_session=True,
    )


def counts(url: str) -> dict[str, Any]:
    """What the stand-in saw."""
    with urllib.request.urlopen(f"{url}/referee/counts", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def states(room: Newsroom) -> dict[str, int]:
    """Where the letters of the newest issue are."""
    return room.ledger.states(room.issues.find("latest").id)


def send_and_wait(room: Newsroom, url: str, *, again: Callable[[], None], limit: float) -> float:
    """Begin to send and wait for the end, as the leader does it; the seconds it took."""
    work = OnProcrastinate(url)
    begun = time.perf_counter()
    looked = begun - 60
    try:
        while (now := time.perf_counter()) - begun < limit:
            try:
                if now - looked > 5:
                    looked = now
                    shares.hand_out_letters(room, work, "latest")
                state = room.issues.find("latest").state.value
                if state == "sent" or (state == "partly_sent" and now - begun > 3):
                    return time.perf_counter() - begun
                again()
            except DatabaseError as error:
                print(f"  the leader goes on after: {error}", file=sys.stderr)
                if not error.again:
                    raise
            time.sleep(0.2)
    finally:
        work.close(1)
    raise SystemExit(f"not sent within {limit:.0f} s: {states(room)}")


def settle(room: Newsroom, url: str) -> int:
    """Ask the provider about letters in doubt and send those that never left; how many."""
    doubtful = states(room).get("unknown", 0)
    if doubtful:
        pipeline.reconcile(room, room.issues.find("latest"), absent_after=0)
        if states(room).get("queued"):
            send_and_wait(room, url, again=lambda: None, limit=120)
    return doubtful


def sendgrid(there: StandIn) -> tuple[str, ...]:
    """The settings that send to the stand-in."""
    return ('delivery.transport="sendgrid"', f'delivery.sendgrid.api_url="{there.url}"')


def verdict(room: Newsroom, there: StandIn, readers: int) -> str:
    """Doubled, lost and unknown, in one line; the truth is the stand-in's."""
    seen, here = counts(there.url)["per_address"], states(room)
    doubled = max(0, int(seen["total"]) - int(seen.get("addresses", seen["total"])))
    return (
        f"accepted {here.get('accepted', 0):,} of {readers:,}, unknown {here.get('unknown', 0):,}, "
        f"at the provider {seen['total']:,} letters, most to one address {seen['max']}"
        + (f", doubled {doubled}" if doubled else "")
    )


@contextmanager
def fleets(folder: Path, servers: int, feeds: int, items: int) -> Iterator[tuple[Path, list[int]]]:
    """Some servers of many feeds each: the file that lists them all, and their processes."""
    running, lists = [], []
    for number in range(servers):
        file = folder / f"fleet-{number}.toml"
        command = [sys.executable, str(FLEET), "--port", str(free_port())]
        command += ["--feeds", str(feeds // servers), "--items", str(items), "--list", str(file)]
        one = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=SHARED)
        assert one.stdout is not None
        one.stdout.readline()
        running.append(one)
        # One name in two files would be one outlet.
        lists.append(re.sub(r'(id = "|name = "|family = ")', rf"\g<1>{number}-", file.read_text()))
    try:
        joined = folder / "fleet.toml"
        joined.write_text("\n".join(lists))
        yield joined, [one.pid for one in running]
    finally:
        for one in running:
            one.terminate()
            one.wait()


def measure_collect(
    folder: Path, server: Postgres, feeds: int, items: int, numbers: list[int]
) -> None:
    """The first visit to many small feeds by some workers, and whose computing it was."""
    import psycopg

    url = server.url()
    if not FLEET.exists():
        print("collected           no feeds at ../shared/newsday, so no figure")
        return
    with fleets(folder, 4, feeds, items) as (sources, news):
        hosts_there = sorted(set(re.findall(r"127\.0\.0\.1:\d+", sources.read_text())))
        for number in numbers:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(EMPTY)
            place = Path(tempfile.mkdtemp(prefix="place-", dir=folder))
            shutil.rmtree(place)
            newsletter_init(place, f'database.url="{url}"', sources=sources, allow=hosts_there)
            with room_of(place) as room, workers(place, number, queues="collect") as running:
                work = OnProcrastinate(url)
                wait_for_workers(url, number)
                roots = {"workers": [one.pid for one in running], "database": [server.pid]}
                roots["news servers"] = news
                before = {name: computed(*pids) for name, pids in roots.items()}
                begun = time.perf_counter()
                handed = shares.hand_out_visits(room, work)
                while left_of(url, "collect"):
                    time.sleep(0.1)
                taken = time.perf_counter() - begun
                spent = {name: computed(*pids) - before[name] for name, pids in roots.items()}
                work.close(1)
                with psycopg.connect(url) as connection:
                    row = connection.execute("SELECT count(*) FROM articles").fetchone()
                print(
                    f"visited by {number}{handed / taken:>18,.0f} feeds/s   {handed:,} feeds, "
                    f"{row[0] if row else 0:,} articles, {taken:.1f} s; computing a feed: "
                    + ", ".join(
                        f"{name} {1e3 * one / handed:.1f} ms" for name, one in spent.items()
                    ),
                    flush=True,
                )


def left_of(url: str, queue: str) -> int:
    """Jobs of a queue that wait or run."""
    import psycopg

    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM jobs.procrastinate_jobs"
            " WHERE queue_name = %s AND status IN ('todo', 'doing')",
            [queue],
        ).fetchone()
    return int(row[0]) if row else 0


def measure_move(folder: Path, url: str, readers: int) -> None:
    """A whole database from SQLite to PostgreSQL, the second time with nothing changed."""
    import psycopg

    from benchmarks.send import people
    from newsletter.clock import system_clock
    from newsletter.database.engine import open_database
    from newsletter.database.moving import move

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(EMPTY)
    old, new = open_database(f"sqlite:///{folder}/old.sqlite"), open_database(url)
    people(old, readers)
    for name in ("first move", "second move"):
        begun = time.perf_counter()
        moved = move(old, new, now=system_clock())
        rows = sum(one.rows for one in moved)
        taken = time.perf_counter() - begun
        print(f"{name:<20}{taken:>10.1f} s    {rows:,} rows, {rows / taken:,.0f} /s")
    old.close()
    new.close()


def measure_sizes(folder: Path, url: str, readers: int) -> None:
    """Bytes on disk for each row, indexes included."""
    import psycopg

    place = make_place(folder, url, readers)
    with room_of(place) as room:
        issue = room.issues.find("latest")
        room.ledger.freeze(
            issue.id,
            room.readers.audience(issue.edition, room.config.segments),
            random_word=room.tag,
            now=room.clock(),
        )
    with psycopg.connect(url) as connection:
        for table in ("readers", "subscriptions", "deliveries", "articles"):
            row = connection.execute(
                f"SELECT pg_total_relation_size('{table}'), (SELECT count(*) FROM {table})"
            ).fetchone()
            assert row is not None
            print(f"a row of {table:<14}{row[0] / max(row[1], 1):>7,.0f} bytes  {row[1]:,} rows")


def measure_prune(folder: Path, url: str, readers: int) -> None:
    """Days of one issue each: the oldest issue's deliveries go, the table must not grow."""
    import psycopg

    place = make_place(folder, url, readers)
    with room_of(place) as room, psycopg.connect(url, autocommit=True) as connection:
        issue = room.issues.find("latest")
        connection.execute(
            "CREATE TABLE first_issue AS SELECT * FROM issues WHERE id = %s", [issue.id]
        )
        for day in range(1, 7):
            name = f"old-{day}"
            connection.execute(
                "INSERT INTO issues SELECT (jsonb_populate_record(first_issue, jsonb_build_object("
                "'id', %s::text, 'day', %s::text, 'state', 'sent'))).* FROM first_issue",
                [name, f"2020-01-0{day}"],
            )
            room.ledger.freeze(
                name,
                room.readers.audience(issue.edition, room.config.segments),
                random_word=room.tag,
                now=room.clock(),
            )
            if day <= 2:
                continue  # two issues are kept, as a period would
            begun = time.perf_counter()
            gone = periods.drop_deliveries(room.database, date(2020, 1, day - 1))
            taken = time.perf_counter() - begun
            begun = time.perf_counter()
            connection.execute("VACUUM deliveries")  # what autovacuum does within a minute
            swept = time.perf_counter() - begun
            row = connection.execute("SELECT pg_total_relation_size('deliveries')").fetchone()
            print(
                f"day {day} {gone / taken:>19,.0f} /s   {gone:,} deliveries taken away in "
                f"{taken:.1f} s, vacuum {swept:.1f} s, table {row[0] / 1e6 if row else 0:,.0f} MB",
                flush=True,
            )


def measure_snapshot(folder: Path, url: str, readers: int) -> None:
    """How long the audience takes to be written down."""
    place = make_place(folder, url, readers)
    with room_of(place) as room:
        issue = room.issues.find("latest")
        begun = time.perf_counter()
        room.ledger.freeze(
            issue.id,
            room.readers.audience(issue.edition, room.config.segments),
            random_word=room.tag,
            now=room.clock(),
        )
        print(f"snapshot            {time.perf_counter() - begun:>10.2f} s    {readers:,} readers")


@contextmanager
def room_of(place: Path) -> Iterator[Newsroom]:
    """The newsroom of a place, with the key for the stand-in."""
    os.environ["SENDGRID_API_KEY"] = "SG.bench"
    room = open_newsroom(load(place / "config.toml"))
    try:
        yield room
    finally:
        room.close()


def computed(*roots: int) -> float:
    """Seconds of processor time that processes and their children, also ended ones, have taken."""
    import psutil

    total = 0.0
    for root in roots:
        for one in [psutil.Process(root), *psutil.Process(root).children(recursive=True)]:
            try:
                spent = one.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += spent.user + spent.system + spent.children_user + spent.children_system
    return total


def measure_send(folder: Path, server: Postgres, readers: int, numbers: list[int]) -> None:
    """Readers a second with one, two and four workers, and whose computing that was."""
    url = server.url()
    for number in numbers:
        with provider(folder, f"send{number}") as there:
            place = make_place(folder, url, readers, *sendgrid(there))
            with room_of(place) as room, workers(place, number) as running:
                wait_for_workers(url, number)
                roots = {
                    "workers": [one.pid for one in running],
                    "database": [server.pid],
                    "stand-in": [there.pid],
                }
                begun = time.perf_counter()
                begin_send(room, "latest")
                frozen = time.perf_counter() - begun  # a figure of its own, see the snapshot
                before = {name: computed(*pids) for name, pids in roots.items()}
                taken = send_and_wait(room, url, again=lambda: None, limit=1200)
                spent = {name: computed(*pids) - before[name] for name, pids in roots.items()}
                each = {name: 1e6 * one / readers for name, one in spent.items()}
                own = 1e6 / each["workers"]
                print(
                    f"sent by {number} worker{'s' * (number > 1)}"
                    f"{readers / taken:>12,.0f} /s   {verdict(room, there, readers)}; "
                    f"their audience was frozen in {frozen:.1f} s\n"
                    "  computing a reader: "
                    + ", ".join(f"{name} {one:.0f} us" for name, one in each.items())
                    + f"\n  by arithmetic, on cores of their own: a worker {own:,.0f} /s, one of "
                    f"the database {1e6 / each['database']:,.0f} /s",
                    flush=True,
                )


def wait_for_workers(url: str, number: int) -> None:
    """Until so many workers take jobs: a worker's start is not a worker's rate."""
    limit = time.perf_counter() + 120
    while workers_at_work(url) < number and time.perf_counter() < limit:
        time.sleep(0.2)


def measure_kills(folder: Path, url: str, readers: int, number: int, kills: int) -> None:
    """SIGKILL to random workers while they send, each replaced at once."""
    chance = random.Random(7)
    with provider(folder, f"kills{number}") as there:
        place = make_place(folder, url, readers, *sendgrid(there))
        with room_of(place) as room, workers(place, number) as running:
            time.sleep(3)
            done, next_kill = 0, time.perf_counter()

            def strike() -> None:
                nonlocal done, next_kill
                if done < kills and time.perf_counter() >= next_kill:
                    victim = chance.randrange(number)
                    os.killpg(running[victim].pid, signal.SIGKILL)
                    running[victim].wait()
                    running[victim] = start_worker(place)
                    done += 1
                    next_kill = time.perf_counter() + chance.uniform(0.3, 1.5)

            taken = send_and_wait(room, url, again=strike, limit=1200)
            doubtful = settle(room, url)
            print(
                f"{number} workers, {done} killed{taken:>9.0f} s    "
                f"{verdict(room, there, readers)}; {doubtful:,} had been in doubt",
                flush=True,
            )


def measure_crash(
    folder: Path, url: str, readers: int, number: int, kills: int, *, latency: float
) -> None:
    """An independent driver kills leader and workers together, and compares with its journal.

    :param latency: seconds that the stand-in takes for a request, so that kills meet letters.
    """
    if not CRASH.exists():
        print("crash               no driver at ../shared/referee, so no figure")
        return
    contract = folder / "contract.toml"
    forget = (
        "import psycopg, sys; psycopg.connect(sys.argv[1], autocommit=True).execute(sys.argv[2])"
    )
    sending = [sys.executable, "-m", "benchmarks._senders", "--config", "{config}"]
    contract.write_text(
        f"""
[commands]
reset_database = {json.dumps([sys.executable, "-c", forget, "{dsn}", EMPTY])}
send = {json.dumps([*sending, "--workers", str(number)])}
ledger = ["{{program}}", "--config", "{{config}}", "deliveries", "latest", "--jsonl"]
resolve = [["sleep", "1"], ["{{program}}", "--config", "{{config}}", "reconcile", "latest"]]
[config.delivery.sendgrid]
log_complete_after_seconds = 1.0
timeout_seconds = 5.0
"""
    )
    program, place = f"{sys.executable} -m newsletter", str(folder / f"crash{number}")
    command = [sys.executable, str(CRASH), "--program", program, "--contract", str(contract)]
    command += ["--database", url, "--folder", place, "--recipients", str(readers)]
    command += ["--batch", "250", "--workers", str(4 * number), "--kills", str(kills)]
    command += ["--horizon", "12", "--latency", str(latency), "--settle-runs", "5"]
    root = str(Path(__file__).resolve().parents[1])
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": root}, check=False)
    kept = "kept all promises" if done.returncode == 0 else "BROKE A PROMISE"
    print(f"{number} workers, all killed {kills} times, {readers:,} readers: {kept}", flush=True)


def measure_outage(folder: Path, server: Postgres, readers: int) -> None:
    """PostgreSQL stopped at once in mid-send, and started again."""
    url = server.url()
    with provider(folder, "outage") as there:
        place = make_place(folder, url, readers, *sendgrid(there))
        with room_of(place) as room, workers(place, 2) as running:
            time.sleep(3)
            stopped = 0.0

            def pull_the_plug() -> None:
                nonlocal stopped
                if not stopped and states(room).get("accepted", 0) >= readers // 4:
                    stopped = time.perf_counter()
                    server.stop("immediate")
                    time.sleep(2)
                    server.start()
                for index, one in enumerate(running):
                    if one.poll() is not None:  # as a service manager does
                        running[index] = start_worker(place)

            taken = send_and_wait(room, url, again=pull_the_plug, limit=600)
            doubtful = settle(room, url)
            print(
                f"server stopped once{taken:>9.0f} s    {verdict(room, there, readers)}; "
                f"{doubtful:,} had been in doubt",
                flush=True,
            )


def measure_leader(folder: Path, url: str, readers: int, asleep: float) -> None:
    """Two schedulers; the leader is stopped in mid-send, another leads, and the first wakes up."""
    with provider(folder, "leader") as there:
        soon = datetime.now(UTC) + timedelta(seconds=75)
        place = make_place(
            folder,
            url,
            readers,
            *sendgrid(there),
            "collect.sources=[]",
            'editions.daily.zone="UTC"',
            'editions.daily.draft_at="00:01"',
            f'editions.daily.send_at="{soon:%H:%M}"',
        )
        with room_of(place) as room, workers(place, 2):
            schedulers = [start(place, "scheduler") for _ in range(2)]
            try:
                begun = stopped = 0.0
                limit = time.perf_counter() + 300
                while room.issues.find("latest").state.value not in {"sent", "partly_sent"}:
                    time.sleep(0.2)
                    sent = states(room).get("accepted", 0)
                    begun = begun or (time.perf_counter() if sent else 0.0)
                    if sent >= readers // 10 and not stopped:
                        leader = room.leaders.current("scheduler", now=room.clock())
                        first = next(one for one in schedulers if leader and one.pid == leader.pid)
                        os.kill(first.pid, signal.SIGSTOP)
                        stopped = time.perf_counter()
                    if time.perf_counter() > limit:
                        raise SystemExit(f"not sent in time: {states(room)}")
                taken = time.perf_counter() - begun
                time.sleep(max(0.0, asleep - (time.perf_counter() - stopped)))
                os.kill(first.pid, signal.SIGCONT)
                time.sleep(8)
                print(
                    f"leader asleep {asleep:.0f} s  {taken:>8.0f} s    "
                    f"{verdict(room, there, readers)}",
                    flush=True,
                )
            finally:
                for one in schedulers:
                    os.kill(one.pid, signal.SIGCONT)
                    one.terminate()
                    one.wait(20)


def measure_hosts(folder: Path, server: Postgres, readers: int, cut_seconds: float) -> None:
    """Two machines apart, one of them cut off in mid-send for a minute."""
    with provider(folder, "hosts") as there, hosts(2) as machines:
        port = int(there.url.rsplit(":", 1)[1])
        place = make_place(folder, server.url(), readers, *sendgrid(there))
        with (
            relay([machine.ours for machine in machines], port),
            relay([machine.ours for machine in machines], server.port),
            room_of(place) as room,
        ):
            running = []
            for machine in machines:
                config = place / f"config-{machine.name}.toml"
                text = (place / "config.toml").read_text()
                config.write_text(text.replace("127.0.0.1", machine.ours))
                running.append(start_worker(place, machine.prefix, config=config.name))
            time.sleep(4)
            cut = mended = 0.0

            def pull_the_cable() -> None:
                nonlocal cut, mended
                now = time.perf_counter()
                if not cut and states(room).get("accepted", 0) >= readers // 10:
                    machines[0].cut()
                    cut = now
                elif cut and not mended and now - cut > cut_seconds:
                    machines[0].mend()
                    mended = now

            try:
                taken = send_and_wait(room, server.url(), again=pull_the_cable, limit=900)
                while not mended:
                    pull_the_cable()
                    time.sleep(0.5)
                time.sleep(5)  # what the lost machine still believes would show by now
                doubtful = settle(room, server.url())
                print(
                    f"cut off for {cut_seconds:.0f} s   {taken:>8.0f} s    "
                    f"{verdict(room, there, readers)}; {doubtful:,} had been in doubt",
                    flush=True,
                )
            finally:
                for one in running:
                    os.killpg(one.pid, signal.SIGKILL)
                    one.wait()


def main() -> int:
    """Print the figures of the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--feeds", type=int, default=2_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--latency", type=float, default=0.8)
    parser.add_argument("--items", type=int, default=10)
    parser.add_argument("--cut-seconds", type=float, default=60)
    options = parser.parse_args()
    parts = options.part or ["snapshot", "send", "kills"]
    if "hosts" in parts and not may_have_hosts():
        print("hosts apart         network namespaces are not allowed here, so no figure")
        parts.remove("hosts")
    with tempfile.TemporaryDirectory(prefix="scale-") as name, postgres(Path(name)) as server:
        folder, url = Path(name), server.url()
        folder.chmod(0o755)
        readers, cut, each = options.readers, options.cut_seconds, options.workers
        measures: dict[str, Callable[[], object]] = {
            "snapshot": lambda: measure_snapshot(folder, url, readers),
            "sizes": lambda: measure_sizes(folder, url, readers),
            "move": lambda: measure_move(folder, url, readers),
            "prune": lambda: measure_prune(folder, url, readers),
            "collect": lambda: measure_collect(folder, server, options.feeds, options.items, each),
            "send": lambda: measure_send(folder, server, readers, each),
            "kills": lambda: [
                measure_kills(folder, url, readers, number, options.kills) for number in each
            ],
            "crash": lambda: [
                measure_crash(folder, url, readers, number, options.kills, latency=options.latency)
                for number in each
            ],
            "outage": lambda: measure_outage(folder, server, readers),
            "leader": lambda: measure_leader(folder, url, readers, cut),
            "hosts": lambda: measure_hosts(folder, server, readers, cut),
        }
        for part, measure in measures.items():
            if part in parts and (part in ALONE or REFEREE.exists()):
                measure()
            elif part in parts:
                print(f"{part:<20}no stand-in at ../shared/referee, so no figure")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
