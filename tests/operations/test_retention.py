"""Periods: what is too old goes, what is needed stays."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from newsletter.database import periods
from newsletter.database.counts import add_letters
from newsletter.database.engine import Database
from newsletter.database.figures import states_of
from newsletter.database.tables import (
    articles,
    deliveries,
    events,
    issue_stories,
    model_answers,
    outlets,
    readers,
    reports,
    stories,
    story_articles,
)
from newsletter.newsroom import Newsroom
from newsletter.operations.retention import sweep, sweep_if_due
from tests.conftest import StillClock
from tests.database.meeting import meet
from tests.operations.rooms import make_issue, people, sending, sent
from tests.schedule.rooms import at, configured, room_on


@pytest.fixture
def room(database: Database, clock: StillClock, tmp_path: Path) -> Newsroom:
    """A newsroom on either engine."""
    return room_on(database, clock, tmp_path, zone="UTC")


def count(room: Newsroom, table: object) -> int:
    """How many rows there are."""
    with room.database.reading() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)  # type: ignore[arg-type]  # any table


def tell_story(room: Newsroom, name: str, age: timedelta) -> None:
    """A story of one article that ended some time ago."""
    then = room.clock() - age
    with room.database.begin() as connection:
        if not connection.scalar(select(func.count()).select_from(outlets)):
            connection.execute(
                insert(outlets).values(
                    id="a",
                    name="A",
                    domains=[],
                    family="a",
                    owner="",
                    country="",
                    lean="left",
                    kind="news",
                    paywall="no",
                    provenance=[],
                )
            )
        connection.execute(
            insert(articles).values(
                id=name,
                outlet="a",
                feed="f",
                url=f"https://a.example/{name}",
                title=name,
                summary="",
                text="",
                author="",
                published=then,
                dated="given",
                first_seen=then,
                lang="en",
                kind="news",
                section="",
                same_as="",
            )
        )
        connection.execute(
            insert(stories).values(
                id=name, slug=name, headline=name, section="", first_seen=then, updated=then
            )
        )
        connection.execute(insert(story_articles).values(article=name, story=name))


def test_old_stories_go_and_mailed_ones_stay(room: Newsroom, clock: StillClock) -> None:
    """An old story that no issue told goes with its articles; the story of an issue stays whole."""
    tell_story(room, "old", timedelta(days=200))
    tell_story(room, "told", timedelta(days=200))
    tell_story(room, "new", timedelta(days=2))
    issue = make_issue(room, "daily", date(2026, 5, 1))
    with room.database.begin() as connection:
        connection.execute(
            insert(issue_stories).values(issue=issue.id, story="told", place="top", position=0)
        )
    assert sweep(room)["articles"] == 1
    with room.database.reading() as connection:
        assert sorted(connection.scalars(select(stories.c.id))) == ["new", "told"]
        assert sorted(connection.scalars(select(articles.c.id))) == ["new", "told"]


def test_a_period_of_zero_keeps_for_ever(room: Newsroom, clock: StillClock) -> None:
    """Nothing is swept of a kind that is kept."""
    tell_story(room, "old", timedelta(days=4000))
    kept = configured(room, retention={"articles_days": 0})
    assert "articles" not in sweep(kept)
    assert count(room, stories) == 1


def test_a_window_is_never_swept_from_under_a_digest(room: Newsroom, clock: StillClock) -> None:
    """However short the period, what an issue still tells about stays."""
    tell_story(room, "week", timedelta(days=6))
    short = configured(room, retention={"articles_days": 1})
    edition = short.config.edition("daily").model_copy(update={"covers_days": 7})
    object.__setattr__(
        short, "config", short.config.model_copy(update={"editions": {"daily": edition}})
    )
    sweep(short)
    assert count(room, stories) == 1


def test_events_answers_reports_and_acts(room: Newsroom, clock: StillClock) -> None:
    """Each goes after its own period; an unanswered report stays."""
    old = clock() - timedelta(days=1200)
    with room.database.begin() as connection:
        connection.execute(
            insert(events).values(delivery_key="k", kind="open", at=old, received=old, detail="")
        )
        connection.execute(insert(model_answers).values(key="k", answer="x", made=old))
        for number, answer in enumerate(("", "corrected")):
            connection.execute(
                insert(reports).values(
                    number=str(number),
                    kind="wrong",
                    slug="s",
                    story="s",
                    details="d",
                    email="a@example.org",
                    made=old,
                    state="open",
                    answer=answer,
                )
            )
    clock.now -= timedelta(days=1200)
    room.audit.note("test", "x", "y")
    clock.now += timedelta(days=1200)
    assert sweep(room) == {"answers": 1, "events": 1, "reports": 1, "audit": 1}
    assert count(room, reports) == 1


def test_people_who_left_are_erased(room: Newsroom, clock: StillClock, tmp_path: Path) -> None:
    """Years after leaving only a hash stays; who still reads stays."""
    people(room, 3, tmp_path)
    leaving = room.readers.by_email("reader1@example.org")
    assert leaving is not None
    room.readers.unsubscribe(leaving.token, how="one click", now=clock())
    assert sweep(room) == {}
    clock.pass_(days=1100)
    assert sweep(room)["former readers"] == 1
    with room.database.reading() as connection:
        left = sorted(connection.scalars(select(readers.c.email)))
    assert left == ["reader0@example.org", "reader2@example.org"]
    people(room, 3, tmp_path)
    assert room.readers.by_email("reader1@example.org") is None


def test_letters_go_and_their_figures_stay(
    room: Newsroom, clock: StillClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the period nobody is named, an issue's figures are the same, and nothing is sent again."""
    monkeypatch.setattr(periods, "PIECE", 3)
    issue = sending(room, tmp_path)
    sent(room, issue)
    before = room.ledger.states(issue.id)
    assert sum(before.values()) == 4
    clock.pass_(days=800)
    assert sweep(room)["deliveries"] == 4
    assert room.ledger.states(issue.id) == before
    assert states_of(room.database, [issue.id]) == {issue.id: before}
    assert list(room.ledger.rows(issue.id)) == []
    assert room.ledger.is_frozen(issue.id), "its audience is not written down anew"
    assert "deliveries" not in sweep(room)


def test_a_sweep_that_was_interrupted_counts_nothing_twice(
    room: Newsroom, clock: StillClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest goes the next night, and the figures are those of all letters."""
    monkeypatch.setattr(periods, "PIECE", 2)
    issue = sending(room, tmp_path)
    sent(room, issue)
    before = room.ledger.states(issue.id)
    clock.pass_(days=800)
    count_one = add_letters
    calls = 0

    def die(*given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        count_one(*given)

    with monkeypatch.context() as dying:
        dying.setattr(periods, "add_letters", die)
        with pytest.raises(KeyboardInterrupt):
            sweep(room)
    assert 0 < count(room, deliveries) < 4
    assert room.ledger.states(issue.id) == before
    sweep(room)
    assert count(room, deliveries) == 0
    assert room.ledger.states(issue.id) == before


def test_two_sweeps_at_once_count_nothing_twice(
    postgres: Database, clock: StillClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep that comes upon another one waits for it and finds nothing left."""
    room = room_on(postgres, clock, tmp_path, zone="UTC")
    issue = sending(room, tmp_path)
    sent(room, issue)
    before = room.ledger.states(issue.id)
    day = issue.day + timedelta(days=1)
    count_one = add_letters
    others: list[threading.Thread] = []
    taken: list[int] = []

    def meanwhile(*given: Any) -> None:
        if not others:
            others.append(
                meet(postgres, lambda: taken.append(periods.drop_deliveries(postgres, day)))
            )
        count_one(*given)

    monkeypatch.setattr(periods, "add_letters", meanwhile)
    assert periods.drop_deliveries(postgres, day) == 4
    others[0].join(60)
    assert taken == [0]
    assert room.ledger.states(issue.id) == before


def test_a_letter_that_may_still_leave_is_kept(
    room: Newsroom, clock: StillClock, tmp_path: Path
) -> None:
    """An issue that is still being sent keeps its rows, however old it is."""
    sending(room, tmp_path)
    clock.pass_(days=800)
    assert "deliveries" not in sweep(room)
    assert count(room, deliveries) == 4


def test_old_events_go_in_pieces_and_young_ones_stay(
    room: Newsroom, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where some came in another order than their times say."""
    monkeypatch.setattr(periods, "PIECE", 4)
    ages = [300, 300, 10, 300, 300, 300, 300, 10, 300, 10, 10, 10, 10, 10]
    with room.database.begin() as connection:
        for number, age in enumerate(ages):
            then = clock() - timedelta(days=age)
            connection.execute(
                insert(events).values(
                    delivery_key=f"k{number}", kind="open", at=then, received=then, detail=""
                )
            )
    assert sweep(room)["events"] == 7
    assert count(room, events) == 7


def test_once_a_night(room: Newsroom, clock: StillClock) -> None:
    """The sweep of a night is done once, after its hour."""
    clock.now = at("2026-11-22T01:30")
    assert sweep_if_due(room) is None
    clock.now = at("2026-11-22T02:10")
    assert sweep_if_due(room) == {}
    assert sweep_if_due(room) is None
    clock.now = at("2026-11-23T09:00")
    assert sweep_if_due(room) == {}


def test_old_log_files_go(room: Newsroom, tmp_path: Path) -> None:
    """Log files older than their period are removed, the present one is not."""
    import os

    logged = configured(room, logging={"file": "logs/news.log"})
    (tmp_path / "logs").mkdir()
    for name in ("news.log", "news.log.2026-11-01", "news.log.2026-11-20"):
        file = tmp_path / "logs" / name
        file.write_text("x")
        if name.endswith("01"):
            past = (room.clock() - timedelta(days=40)).timestamp()
            os.utime(file, (past, past))
        else:
            now = room.clock().timestamp()
            os.utime(file, (now, now))
    assert sweep(logged)["logs"] == 1
    assert sorted(one.name for one in (tmp_path / "logs").iterdir()) == [
        "news.log",
        "news.log.2026-11-20",
    ]
