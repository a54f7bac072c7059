"""The arrows in shares, over a real PostgreSQL and Procrastinate's real queue."""

from __future__ import annotations

import io
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import pipeline
from newsletter.audience.importing import read_rows
from newsletter.config import Config, Source, load
from newsletter.database.engine import Database
from newsletter.database.moving import move
from newsletter.database.rows import insert_new
from newsletter.database.tables import stories
from newsletter.delivery.letter import PreparedMail
from newsletter.delivery.transport import RecordingTransport, Transport
from newsletter.errors import NotApproved, TransportError
from newsletter.issue import approve as approval
from newsletter.issue.approve import digest
from newsletter.model import DeliveryState, Feed, IssueState, Letter, Outcome
from newsletter.newsroom import Newsroom
from newsletter.pipeline import shares
from newsletter.pipeline.letters import begin_send
from newsletter.sample.server import SampleServer
from newsletter.schedule import jobs
from newsletter.work import InProcess, Job, OnProcrastinate, run_worker, waiting_jobs
from tests.conftest import ROOT, StillClock
from tests.issue.content import content

READERS = 120


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A place that writes letters into files, twenty readers a batch."""
    shutil.copyfile(ROOT / "config.toml", tmp_path / "config.toml")
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    return load(tmp_path / "config.toml", ["collect.sources=[]", "delivery.batch_size=20"])


def draft(room: Newsroom) -> str:
    """A draft of the invented issue."""
    told = content()
    with room.database.begin() as connection:
        rows = [
            {
                "id": story.story,
                "slug": story.slug,
                "headline": story.brief.headline,
                "section": story.section,
                "first_seen": room.clock(),
                "updated": room.clock(),
            }
            for story in told.stories
        ]
        insert_new(connection, stories, rows)
    rendered = (room.renderer.render(told, tag=room.tag()),)
    return room.issues.save_draft(told, rendered, sha256=digest(rendered), made=room.clock()).id


def newsroom(config: Config, database: Database, clock: StillClock) -> Newsroom:
    """A newsroom over a database."""
    return Newsroom(config=config, database=database, clock=clock, random=random.Random(1))


def approved(room: Newsroom) -> str:
    """An approved issue with its readers."""
    people = "email\n" + "".join(f"reader{n}@example.org\n" for n in range(READERS))
    room.readers.import_rows(
        read_rows(io.BytesIO(people.encode())),
        source="people.csv",
        consent="paper form",
        editions=("daily",),
        now=room.clock(),
        token=room.token,
        refusals=room.config.path("refused.csv"),
    )
    return pipeline.approve(room, draft(room), by="an editor").id


def received(room: Newsroom) -> Counter[str]:
    """How many letters each address got, as the files in the outbox say."""
    folder = room.config.path(room.config.paths.outbox)
    return Counter(
        str(message_from_bytes(file.read_bytes())["To"]) for file in folder.rglob("*.eml")
    )


def run_until_sent(room: Newsroom, url: str, *, workers: int = 3) -> None:
    """Take the leader's part and a worker's until the issue is over."""
    work = OnProcrastinate(url)
    try:
        for _ in range(20):
            if room.issues.find("latest").state is not IssueState.SENDING:
                return
            shares.hand_out_letters(room, work, "latest")
            run_worker(
                url, jobs(room, work), queues=["send"], concurrency=workers, until_empty=True
            )
    finally:
        work.close(1)


def test_several_senders_share_an_issue_and_nobody_gets_it_twice(
    config: Config, postgres: Database, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs of thirty letters on three threads: every reader once, and the issue is closed."""
    monkeypatch.setattr(shares, "LETTERS", 30)
    monkeypatch.setattr(shares, "SHARE", 30)
    room, url = newsroom(config, postgres, clock), address(postgres)
    issue = approved(room)
    work = OnProcrastinate(url)
    shares.hand_out_letters(room, work, issue)
    assert waiting_jobs(url) == {"send": READERS // 30 + 1}
    shares.hand_out_letters(room, work, issue)
    assert waiting_jobs(url) == {"send": READERS // 30 + 1}, "handing out again adds nothing"
    work.close(1)
    run_until_sent(room, url)
    assert room.issues.find(issue).state is IssueState.SENT
    assert set(received(room).values()) == {1}
    assert len(received(room)) == READERS


def test_shares_of_a_send_give_way(
    config: Config, postgres: Database, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mail is taken first, then the shares, the first of an issue before its second."""
    monkeypatch.setattr(shares, "SHARE", 60)
    room, url = newsroom(config, postgres, clock), address(postgres)
    work = OnProcrastinate(url)
    shares.hand_out_letters(room, work, approved(room))
    work.defer(Job(name="mail", queue="mail"))
    work.close(1)
    with postgres.reading() as connection:
        found = connection.exec_driver_sql(
            "SELECT args->>'name', args->'arguments'->'number' FROM jobs.procrastinate_jobs"
            " ORDER BY priority DESC"
        ).all()
    assert found == [("mail", None), ("send", 0), ("send", 1), ("send", 2)]


def test_a_share_at_a_slow_pace_makes_room(
    config: Config, postgres: Database, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After half a minute a share ends with letters left, however few have gone."""
    config = load(config.path("config.toml"), ["collect.sources=[]", "delivery.batch_size=2"])
    room = newsroom(config, postgres, clock)
    issue = approved(room)
    begin_send(room, issue)
    folder = type(room.transport())
    hand_over = folder.send

    def slowly(self: Transport, letters: Sequence[Letter], mail: PreparedMail) -> object:
        clock.pass_(seconds=shares.SHARE_SECONDS + 1)
        return hand_over(self, letters, mail)

    monkeypatch.setattr(folder, "send", slowly)
    assert shares.send_share(room, issue)
    assert 2 <= len(received(room)) < READERS


@pytest.mark.parametrize("second", [False, True])
def test_a_share_sees_an_outage_through(
    config: Config,
    sqlite: Database,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
    second: bool,  # noqa: FBT001
) -> None:
    """A provider that answers after half a minute, with nothing, ends the send or is replaced."""

    class Away(RecordingTransport):
        name = "away"

        def send(self, letters: Sequence[Letter], mail: PreparedMail) -> Sequence[Outcome]:
            clock.pass_(seconds=30)
            return super().send(letters, mail)

        def find(self, letters: Sequence[Letter], *, batch: str) -> Mapping[str, Outcome]:
            clock.pass_(seconds=30)
            raise TransportError("the provider", "does not answer", again=True)

    away = Away(lambda letter: Outcome(key=letter.key, state=DeliveryState.UNKNOWN), batch_size=20)
    works = RecordingTransport(batch_size=20) if second else None
    monkeypatch.setattr(Newsroom, "transport", lambda _: away)
    monkeypatch.setattr(Newsroom, "fallback", lambda _: works)
    monkeypatch.setattr(time, "sleep", lambda seconds: clock.pass_(seconds=seconds))
    room = newsroom(config, sqlite, clock)
    issue = approved(room)
    begin_send(room, issue)
    if works is None:
        for tries in (4, 3):
            away.mails.clear()
            with pytest.raises(TransportError, match="does not say what becomes"):
                shares.send_share(room, issue)
            assert len(away.mails) == tries
        assert room.ledger.states(issue) == {"unknown": 26, "queued": READERS - 26}
    else:
        assert not shares.send_share(room, issue)
        assert room.ledger.states(issue) == {"unknown": 22, "accepted": READERS - 22}


def test_a_share_sends_only_what_was_approved(
    config: Config, sqlite: Database, clock: StillClock
) -> None:
    """Bytes that were changed after the send began leave in no further share."""
    room = newsroom(config, sqlite, clock)
    issue = approved(room)
    begin_send(room, issue)
    with room.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE issue_revisions SET rendered = replace(rendered, 'the', 'teh')"
        )
    with pytest.raises(NotApproved):
        shares.send_share(room, issue)
    assert not received(room)


def test_a_share_sends_its_part_and_leaves_the_rest(
    config: Config, postgres: Database, clock: StillClock
) -> None:
    """A share ends with the batch that fills it; under a pause it sends nothing."""
    room = newsroom(config, postgres, clock)
    issue = approved(room)
    work = OnProcrastinate(address(postgres))
    shares.hand_out_letters(room, work, issue)
    work.close(1)
    assert shares.send_share(room, issue, letters=40)
    part = room.ledger.states(issue)["accepted"]
    assert 40 <= part < READERS
    found = room.issues.find(issue)
    room.issues.change(found, approval.move(found, "pause"))
    assert not shares.send_share(room, issue, letters=40)
    assert room.ledger.states(issue)["accepted"] == part


def test_nothing_unapproved_is_handed_out(
    config: Config, postgres: Database, clock: StillClock
) -> None:
    """The leader looks at the approval before any job is made."""
    room, url = newsroom(config, postgres, clock), address(postgres)
    draft(room)
    work = OnProcrastinate(url)
    with pytest.raises(NotApproved):
        shares.hand_out_letters(room, work, "latest")
    assert waiting_jobs(url) == {}
    work.close(1)


def test_a_move_in_the_middle_of_a_send_loses_nothing(
    config: Config, sqlite: Database, postgres: Database, clock: StillClock
) -> None:
    """Half is sent from SQLite, the send is paused and moved, PostgreSQL's workers do the rest."""
    room = newsroom(config, sqlite, clock)
    issue = approved(room)
    move(sqlite, postgres, now=clock())  # in the days before, while everything works

    def pause_half_way(letters: int) -> None:
        if letters >= READERS // 2:
            found = room.issues.find(issue)
            if found.state is IssueState.SENDING:
                room.issues.change(found, approval.move(found, "pause"))

    pipeline.send(room, issue, on_progress=pause_half_way)
    before = received(room)
    assert READERS // 2 <= len(before) < READERS
    moved = {one.table: one.written for one in move(sqlite, postgres, now=clock())}
    assert moved["deliveries"] == READERS
    assert moved["readers"] == 0
    there = newsroom(config, postgres, clock)
    found = there.issues.find(issue)
    there.issues.change(found, approval.move(found, "resume"))
    run_until_sent(there, address(postgres))
    assert there.issues.find(issue).state is IssueState.SENT
    assert set(received(there).values()) == {1}
    assert len(received(there)) == READERS


def test_due_feeds_become_jobs_by_host(
    config: Config, postgres: Database, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round of collecting is made of jobs, and asking again adds none that wait already."""
    monkeypatch.setattr(shares, "FEEDS", 2)
    tables = [
        f'[[source]]\nid = "s{n}"\nname = "S"\nfeed = "https://h{n % 3}.example.org/{n}"\n'
        for n in range(6)
    ]
    config.file.write_text(config.file.read_text("utf-8") + "\n" + "".join(tables), "utf-8")
    placed = load(config.file, ["collect.sources=[]"])
    room, url = newsroom(placed, postgres, clock), address(postgres)
    work = OnProcrastinate(url)
    assert shares.hand_out_visits(room, work) == 6
    shares.hand_out_visits(room, work)
    assert waiting_jobs(url) == {"collect": 3}
    work.close(1)


def test_shares_collect_and_one_groups(
    config: Config, postgres: Database, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feeds visited in several jobs end in the same articles, copies and stories as in one round."""
    monkeypatch.setattr(shares, "FEEDS", 3)
    with SampleServer(clock()) as server:
        host = server.base_url.removeprefix("http://")
        placed = config.model_copy(
            update={
                "collect": config.collect.model_copy(update={"allow_hosts": (host,)}),
                "sources": tuple(Source.model_validate(one) for one in server.sources),
            }
        )
        room, url = newsroom(placed, postgres, clock), address(postgres)
        work = OnProcrastinate(url)
        shares.hand_out_visits(room, work)
        assert waiting_jobs(url)["collect"] > 2
        for _ in range(3):
            run_worker(
                url, jobs(room, work), queues=["collect", "write"], concurrency=2, until_empty=True
            )
        work.close(1)
    assert room.articles.count() == len(server.articles)
    since = clock() - timedelta(days=config.stories.window_days)
    assert room.articles.uncompared(since) == [], "every article was looked at for copies"
    found = room.stories.since(since)
    assert {one for story in found for one in story.articles} == room.stories.placed(since)
    assert 0 < len(found) < room.articles.count()


FEEDS = st.lists(
    st.builds(
        lambda host, path, outlet: Feed(
            url=f"http://{host}.example.org/{path}", outlet=outlet, moved_to=""
        ),
        st.sampled_from(["a", "b", "c", "D", "mirror"]),
        st.integers(0, 30),
        st.sampled_from(["one", "two", "three"]),
    ),
    unique_by=lambda feed: feed.url,
)


@given(FEEDS, st.integers(1, 10))
def test_one_host_is_in_one_share(feeds: list[Feed], size: int) -> None:
    """Every feed is in one list, with all of its host; on a mirror, with all of its outlet."""
    cut = shares.in_shares(shares.lines_of(feeds, ["mirror.example.org"]), size)
    assert sorted(url for one in cut for url in one) == sorted(feed.url for feed in feeds)
    outlet = {feed.url: feed.outlet for feed in feeds}
    where: dict[str, set[int]] = {}
    for number, one in enumerate(cut):
        for url in one:
            host = urlsplit(url).netloc.lower()
            line = outlet[url] if host == "mirror.example.org" else host
            where.setdefault(line, set()).add(number)
    assert all(len(numbers) == 1 for numbers in where.values())
    assert all(len(one) <= size or len(_lines(one, outlet)) == 1 for one in cut)


def _lines(urls: list[str], outlet: dict[str, str]) -> set[str]:
    hosts = {url: urlsplit(url).netloc.lower() for url in urls}
    return {outlet[url] if host.startswith("mirror") else host for url, host in hosts.items()}


def test_a_moved_feed_waits_for_those_of_its_new_host() -> None:
    """It is the host that is asked that counts, and a refused address stands alone."""
    feeds = [
        Feed(url="https://old.example.org/1", outlet="x", moved_to="https://new.example.org/1"),
        Feed(url="https://new.example.org/2", outlet="y"),
        Feed(url="ftp://new.example.org/3", outlet="y"),
    ]
    assert shares.lines_of(feeds, []) == [
        ["https://old.example.org/1", "https://new.example.org/2"],
        ["ftp://new.example.org/3"],
    ]


def test_in_one_process_nothing_is_cut_up(
    config: Config, sqlite: Database, clock: StillClock
) -> None:
    """The same table of jobs in this process does the whole round at once."""
    room = newsroom(config, sqlite, clock)
    made: list[object] = []

    def table(work: object) -> dict[str, Callable[..., object]]:
        made.append(work)
        return {}

    work = InProcess(table)
    assert made == [work]
    assert not work.shared
    assert set(jobs(room, work)) >= {"collect", "look", "visit", "group", "send"}
    assert work.close(5)


def address(database: Database) -> str:
    """The database's address as the configuration has it."""
    return database.engine.url.render_as_string(hide_password=False)
