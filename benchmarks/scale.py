"""What several machines carry: PostgreSQL, Procrastinate and worker processes, all real.

A PostgreSQL server is started from its wheel; the sample day is drafted and approved in it; the
readers are invented. Workers are processes of ``newsletter worker``; the provider is the stand-in
for SendGrid beside the project (../shared/referee), which counts every address.

    python -m benchmarks.scale                       # 100,000 readers, some minutes
    python -m benchmarks.scale --readers 1000000 --workers 1 2 4
    python -m benchmarks.scale --part snapshot       # or: send, kills, outage, leader, hosts
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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks._machines import Postgres, free_port, hosts, may_have_hosts, postgres, relay
from newsletter import pipeline
from newsletter.config import load
from newsletter.errors import DatabaseError
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.pipeline import shares
from newsletter.work import OnProcrastinate

SHARED = Path(__file__).resolve().parents[2] / "shared"
REFEREE = SHARED / "referee" / "esp.py"
FLEET = SHARED / "newsday" / "fleet.py"
PARTS = ("snapshot", "send", "kills", "outage", "leader", "hosts", "collect", "move", "sizes")


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


@contextmanager
def provider(folder: Path, name: str) -> Iterator[str]:
    """The stand-in, started fresh, on a free port."""
    port = free_port()
    command = [sys.executable, str(REFEREE), "--port", str(port), "--light"]
    running = subprocess.Popen(
        [*command, "--journal", str(folder / f"{name}.jsonl")], stdout=subprocess.PIPE
    )
    try:
        assert running.stdout is not None
        running.stdout.readline()
        yield f"http://127.0.0.1:{port}"
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


def sendgrid(url: str) -> tuple[str, ...]:
    """The settings that send to the stand-in."""
    return ('delivery.transport="sendgrid"', f'delivery.sendgrid.api_url="{url}"')


def verdict(room: Newsroom, url: str, readers: int) -> str:
    """Doubled, lost and unknown, in one line; the truth is the stand-in's."""
    seen, here = counts(url)["per_address"], states(room)
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


def measure_collect(folder: Path, server: Postgres, feeds: int, numbers: list[int]) -> None:
    """The first visit to many small feeds by some workers, and whose computing it was."""
    import psycopg

    url = server.url()
    if not FLEET.exists():
        print("collected           no feeds at ../shared/newsday, so no figure")
        return
    with fleets(folder, 4, feeds, 10) as (sources, news):
        hosts_there = sorted(set(re.findall(r"127\.0\.0\.1:\d+", sources.read_text())))
        for number in numbers:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(EMPTY)
            place = Path(tempfile.mkdtemp(prefix="place-", dir=folder))
            shutil.rmtree(place)
            newsletter_init(place, f'database.url="{url}"', sources=sources, allow=hosts_there)
            with room_of(place) as room, workers(place, number, queues="collect") as running:
                work = OnProcrastinate(url)
                time.sleep(4)  # a worker's start is not a worker's rate
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
                time.sleep(4)  # a worker's start is not a worker's rate
                own = [one.pid for one in running]
                before = computed(*own), computed(server.pid)
                taken = send_and_wait(room, url, again=lambda: None, limit=1200)
                spent = computed(*own) - before[0], computed(server.pid) - before[1]
                print(
                    f"sent by {number} worker{'s' * (number > 1)}"
                    f"{readers / taken:>12,.0f} /s   {verdict(room, there, readers)}; computing: "
                    f"{1e3 * spent[0] / readers:.3f} ms a reader of the workers, "
                    f"{1e3 * spent[1] / readers:.3f} of the database",
                    flush=True,
                )


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
                    next_kill = time.perf_counter() + chance.uniform(0.5, 3)

            taken = send_and_wait(room, url, again=strike, limit=1200)
            doubtful = settle(room, url)
            print(
                f"{number} workers, {done} killed{taken:>9.0f} s    "
                f"{verdict(room, there, readers)}; {doubtful:,} had been in doubt",
                flush=True,
            )


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
        port = int(there.rsplit(":", 1)[1])
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
                print(
                    f"cut off for {cut_seconds:.0f} s   {taken:>8.0f} s    "
                    f"{verdict(room, there, readers)}",
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
    parser.add_argument("--cut-seconds", type=float, default=60)
    options = parser.parse_args()
    parts = options.part or ["snapshot", "send", "kills"]
    if "hosts" in parts and not may_have_hosts():
        print("hosts apart         network namespaces are not allowed here, so no figure")
        parts.remove("hosts")
    with tempfile.TemporaryDirectory(prefix="scale-") as name, postgres(Path(name)) as server:
        folder, url = Path(name), server.url()
        folder.chmod(0o755)
        if "snapshot" in parts:
            measure_snapshot(folder, url, options.readers)
        if "sizes" in parts:
            measure_sizes(folder, url, options.readers)
        if "move" in parts:
            measure_move(folder, url, options.readers)
        if "collect" in parts:
            measure_collect(folder, server, options.feeds, options.workers)
        if not REFEREE.exists():
            print("sent                no stand-in at ../shared/referee, so no figure")
            return 0
        if "send" in parts:
            measure_send(folder, server, options.readers, options.workers)
        if "kills" in parts:
            for number in options.workers:
                measure_kills(folder, url, options.readers, number, options.kills)
        if "outage" in parts:
            measure_outage(folder, server, options.readers)
        if "leader" in parts:
            measure_leader(folder, url, options.readers, options.cut_seconds)
        if "hosts" in parts:
            measure_hosts(folder, server, options.readers, options.cut_seconds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
