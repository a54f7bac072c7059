"""``/hooks/sendgrid`` where workers of their own read the posts: kept at once, read later."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from newsletter import pipeline
from newsletter.config import load
from newsletter.database.engine import Database
from newsletter.database.tables import deliveries, events
from newsletter.newsroom import Newsroom
from newsletter.operations import status
from newsletter.operations.metrics import Metrics
from newsletter.pipeline import shares
from newsletter.schedule import jobs
from newsletter.web.app import create_app
from newsletter.work import InProcess, OnProcrastinate, Work, run_worker, waiting_jobs
from tests.conftest import ROOT, StillClock
from tests.delivery.people import ISSUE, people, words
from tests.delivery.test_events import PUBLIC, posted, signed
from tests.web.serving import served

READERS = 60
LIFE = ("processed", "delivered", "spamreport")


@pytest.fixture
def room(tmp_path: Path, postgres: Database, clock: StillClock) -> Newsroom:
    """A newsroom on PostgreSQL with an issue whose letters are out."""
    shutil.copyfile(ROOT / "config.toml", tmp_path / "config.toml")
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    (tmp_path / "sendgrid.key").write_text(PUBLIC + "\n")
    config = load(
        tmp_path / "config.toml",
        ["collect.sources=[]", 'delivery.sendgrid.webhook_public_key_file="sendgrid.key"'],
    )
    made = Newsroom(config=config, database=postgres, clock=clock)
    people(postgres, READERS)
    made.ledger.freeze(
        ISSUE, made.readers.audience("daily", {}), random_word=words("k"), now=clock()
    )
    with postgres.begin() as connection:
        connection.execute(update(deliveries).values(state="accepted"))
    return made


@pytest.fixture
def work(room: Newsroom) -> Iterator[OnProcrastinate]:
    """The queue in the same database."""
    made = OnProcrastinate(room.database.url)
    yield made
    made.close(1)


def posts(room: Newsroom, seed: int) -> list[bytes]:
    """Posts of the events of every letter, several times each, in any order."""
    with room.database.reading() as connection:
        keys = list(connection.scalars(select(deliveries.c.key).order_by(deliveries.c.id)))
    stamp = int(room.clock().timestamp())
    told = [
        {"event": kind, "delivery": key, "timestamp": stamp}
        for number, key in enumerate(keys)
        for kind in LIFE[: 3 if number < 5 else 2]
        for _ in range(3)
    ]
    random.Random(seed).shuffle(told)
    return [posted(*told[start : start + 50]) for start in range(0, len(told), 50)]


def read_all(room: Newsroom, work: Work) -> None:
    """Be the worker until its queue is empty."""
    url = room.database.url
    run_worker(url, jobs(room, work), queues=["events"], concurrency=2, until_empty=True)
    assert "events" not in waiting_jobs(url)


def kept(room: Newsroom) -> int:
    """How many events are kept."""
    with room.database.reading() as connection:
        return len(connection.execute(select(events.c.id)).all())


def test_a_burst_is_kept_at_once_and_read_later(room: Newsroom, work: OnProcrastinate) -> None:
    """The answer changes no letter; a worker reads all posts, each event once, in any order."""
    told = posts(room, 1)
    stamp = str(int(room.clock().timestamp()))
    with served(create_app(room, work=work)) as client:
        for body in told:
            answer = client.ask("POST", "/hooks/sendgrid", body, signed(body, stamp=stamp))
            assert answer.status == 200
        altered = client.ask("POST", "/hooks/sendgrid", b"[]", signed(told[0], stamp=stamp))
        assert altered.status == 403
    assert room.ledger.states(ISSUE) == {"accepted": READERS}
    assert room.event_posts.waiting() == len(told)
    assert waiting_jobs(room.database.url) == {"events": 1}, "one job for the whole burst"
    read_all(room, work)
    assert room.event_posts.waiting() == 0
    assert room.ledger.states(ISSUE) == {"complained": 5, "delivered": READERS - 5}
    assert kept(room) == 2 * READERS + 5
    reader = room.readers.by_email("reader3@example.org")
    assert reader is not None
    assert reader.state == "suppressed"


def test_a_reader_of_posts_that_died_is_followed_by_another(
    room: Newsroom, work: OnProcrastinate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Posts whose events were kept and that were not taken away are read again, to no effect."""
    for body in posts(room, 2):
        room.event_posts.keep(body, now=room.clock())

    def die(*_given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(type(room.event_posts), "drop", die)
        with pytest.raises(KeyboardInterrupt):
            pipeline.fold_posts(room)
    assert room.event_posts.waiting() == len(posts(room, 2))
    jobs(room, work)["look"]()  # nobody was told of them, and the scheduler finds them
    read_all(room, work)
    assert room.ledger.states(ISSUE) == {"complained": 5, "delivered": READERS - 5}
    assert kept(room) == 2 * READERS + 5


def test_a_post_that_is_no_list_harms_no_other(
    room: Newsroom, caplog: pytest.LogCaptureFixture
) -> None:
    """It is passed over with a line in the log; a stop leaves the rest for later."""
    for body in (b"no list", *posts(room, 3)):
        room.event_posts.keep(body, now=room.clock())
    assert pipeline.fold_posts(room, stop=lambda: True) == 0
    assert pipeline.fold_posts(room) == len(posts(room, 3)) + 1
    assert "passed over" in caplog.text
    assert room.ledger.states(ISSUE)["delivered"] == READERS - 5


def test_one_process_reads_what_another_left(room: Newsroom) -> None:
    """After workers were given up for one process, its look reads what still waited."""
    for body in posts(room, 4):
        room.event_posts.keep(body, now=room.clock())
    work = InProcess(lambda work: jobs(room, work))
    jobs(room, work)["look"]()
    assert work.close(5)
    assert room.event_posts.waiting() == 0
    assert room.ledger.states(ISSUE)["complained"] == 5


def test_a_process_that_works_itself_reads_at_once(room: Newsroom) -> None:
    """Without workers of their own nothing is put off."""
    body = posts(room, 5)[0]
    stamp = str(int(room.clock().timestamp()))
    with served(create_app(room)) as client:
        assert client.ask("POST", "/hooks/sendgrid", body, signed(body, stamp=stamp)).status == 200
    assert room.event_posts.waiting() == 0
    assert kept(room) > 0


def test_what_waits_is_shown(room: Newsroom, work: OnProcrastinate) -> None:
    """Status and figures tell how many jobs wait where, and how many workers there are."""
    assert status.look(room).jobs == {}
    room.event_posts.keep(b"[]", now=room.clock())
    shares.fold_waiting(room, work)
    found = status.look(room)
    assert found.jobs == {"events": 1}
    assert found.workers == 0
    assert status.as_json(found, {"daily": "UTC"})["jobs"] == {
        "waiting": {"events": 1},
        "workers": 0,
    }
    assert 'newsletter_jobs_waiting{queue="events"} 1.0' in Metrics(lambda: room).text().decode()
