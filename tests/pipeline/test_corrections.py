"""Corrections over real databases: told on the pages, in the next issue, and by mail, once each."""

from __future__ import annotations

import io
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from newsletter import pipeline
from newsletter.audience.importing import read_rows
from newsletter.config import Source, load
from newsletter.database.engine import Database, open_database
from newsletter.database.rows import insert_new
from newsletter.database.tables import deliveries, stories
from newsletter.errors import IssueError, NotFound
from newsletter.issue.approve import digest
from newsletter.model import Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.pipeline.issues import renderings
from newsletter.sample.server import SampleServer
from tests.conftest import ROOT, StillClock
from tests.issue.content import content

PEOPLE = b"email\nada@example.org\nbo@example.org\ncy@example.org\n"
DAY = date(2026, 11, 22)


@pytest.fixture
def room(tmp_path: Path, clock: StillClock, database: Database) -> Newsroom:
    """A newsroom of two editions with three readers of both."""
    shutil.copyfile(ROOT / "config.toml", tmp_path / "config.toml")
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    config = load(
        tmp_path / "config.toml", ["collect.sources=[]", "editions.weekly.title=The weekly"]
    )
    room = Newsroom(config=config, database=database, clock=clock, random=random.Random(1))
    room.readers.import_rows(
        read_rows(io.BytesIO(PEOPLE)),
        source="people.csv",
        consent="paper form",
        editions=("daily", "weekly"),
        now=clock(),
        token=room.token,
        refusals=tmp_path / "refused.csv",
    )
    return room


def sent(room: Newsroom, edition: str = "daily", day: date = DAY, **changes: object) -> Issue:
    """An issue of the invented day, sent to everybody."""
    told = replace(content(), edition=edition, day=day, **changes)  # type: ignore[arg-type]
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
    rendered = renderings(room, told, room.tag())
    issue = room.issues.save_draft(told, rendered, sha256=digest(rendered), made=room.clock())
    pipeline.approve(room, issue.id, by="an editor")
    pipeline.send(room, issue.id)
    return room.issues.find(issue.id)


def letters(room: Newsroom, issue: str) -> list[str]:
    """Who got an issue, as files in the outbox say."""
    folder = room.config.path(room.config.paths.outbox) / issue
    found = [
        message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in sorted(folder.glob("*.eml"))
    ]
    return sorted(str(message["To"]) for message in found)


def test_a_correction_is_kept_once(room: Newsroom, clock: StillClock) -> None:
    """Made again it is the one that is there; who and when stay."""
    sent(room)
    clock.pass_(hours=1)
    first = pipeline.correct(room, "ferry-subsidy", "It is a two-year subsidy.", by="Ada")
    clock.pass_(hours=1)
    again = pipeline.correct(room, "ferry-subsidy", "It is a two-year subsidy.", by="Bo")
    assert (first.new, again.new) == (True, False)
    assert again.correction == first.correction
    assert room.corrections.all() == (first.correction,)


def test_what_nobody_was_told_cannot_be_corrected(room: Newsroom) -> None:
    """A story of no issue is not found, and words that are not there are refused."""
    with pytest.raises(NotFound, match="told such a story"):
        pipeline.correct(room, "no-such", "It was wrong.", by="Ada")
    sent(room)
    with pytest.raises(IssueError, match="does not say"):
        pipeline.correct(
            room, "ferry-subsidy", "Wrong.", by="Ada", before="nowhere", after="somewhere"
        )
    assert room.corrections.all() == ()


def test_the_next_issue_of_the_edition_tells_it_and_only_that(
    room: Newsroom, clock: StillClock
) -> None:
    """It waits until an issue with it went out; drafts and other editions do not count."""
    first = sent(room)
    clock.pass_(hours=1)
    entry = pipeline.correct(room, "ferry-subsidy", "It is two years.", by="Ada").correction
    assert room.corrections.waiting("daily", "") == (entry,)
    assert room.corrections.waiting("weekly", "") == ()
    assert room.corrections.waiting("daily", first.id) == ()
    clock.pass_(days=1)
    tomorrow = DAY + timedelta(days=1)
    told = replace(content(), day=tomorrow, corrections=(entry,))
    rendered = (room.renderer.render(told, tag=room.tag()),)
    draft = room.issues.save_draft(told, rendered, sha256=digest(rendered), made=clock())
    assert "It is two years." in rendered[0].html
    assert "It is two years." in rendered[0].text
    assert room.corrections.waiting("daily", draft.id) == (entry,)
    assert room.corrections.waiting("daily", "daily-2026-11-24") == (entry,)
    pipeline.approve(room, draft.id, by="an editor")
    pipeline.send(room, draft.id)
    assert room.corrections.waiting("daily", "daily-2026-11-24") == ()


def test_the_notice_goes_once_to_those_who_got_the_story(room: Newsroom, clock: StillClock) -> None:
    """Whose letter bounced, and who left, get nothing; nobody gets it twice."""
    issue = sent(room)
    with room.database.begin() as connection:
        bo = room.readers.by_email("bo@example.org")
        assert bo
        connection.execute(
            update(deliveries).where(deliveries.c.reader == bo.id).values(state="bounced")
        )
    cy = room.readers.by_email("cy@example.org")
    assert cy
    room.readers.unsubscribe(cy.token, how="one-click", now=clock())
    clock.pass_(hours=1)
    words: dict[str, Any] = {"before": "one-year subsidy", "after": "two-year subsidy"}
    report = pipeline.correct(room, "ferry-subsidy", "Two.", by="Ada", mail=True, **words)
    [notice] = report.notices
    assert (notice.state, notice.corrects, notice.publication) == ("sent", issue.id, "daily")
    assert letters(room, notice.id) == ["ada@example.org"]
    assert room.ledger.states(notice.id) == {"accepted": 1, "skipped": 1}
    again = pipeline.correct(room, "ferry-subsidy", "Two.", by="Ada", mail=True, **words)
    assert again.notices == (notice,)
    assert room.ledger.states(notice.id) == {"accepted": 1, "skipped": 1}


def test_a_reader_of_two_editions_gets_one_notice(room: Newsroom, clock: StillClock) -> None:
    """The second edition's notice leaves out whom the first one has."""
    sent(room)
    sent(room, "weekly")
    clock.pass_(hours=1)
    report = pipeline.correct(room, "ferry-subsidy", "Two.", by="Ada", mail=True)
    assert [notice.publication for notice in report.notices] == ["daily", "weekly"]
    served = [name for notice in report.notices for name in letters(room, notice.id)]
    assert sorted(served) == ["ada@example.org", "bo@example.org", "cy@example.org"]


def test_a_notice_is_no_issue_of_the_day(room: Newsroom, clock: StillClock) -> None:
    """It is found by its id alone: not as the latest, not by its date, not in lists."""
    issue = sent(room)
    clock.pass_(hours=1)
    [notice] = pipeline.correct(room, "ferry-subsidy", "Two.", by="Ada", mail=True).notices
    assert room.issues.find("latest").id == issue.id
    assert room.issues.find(DAY.isoformat()).id == issue.id
    assert room.issues.find(notice.id) == notice
    assert [one.id for one in room.issues.recent()] == [issue.id]
    assert pipeline.audience(room, notice) == {"": 3}


def test_a_notice_that_was_stopped_goes_on(room: Newsroom, clock: StillClock) -> None:
    """After a stop before the send, the same command or "send" finishes it."""
    sent(room)
    clock.pass_(hours=1)
    outbox = room.config.path(room.config.paths.outbox)
    outbox.rename(outbox.with_name("moved"))
    outbox.write_text("a file where the folder should be")
    with pytest.raises(Exception, match=r"cannot be written|outbox"):
        pipeline.correct(room, "ferry-subsidy", "Two.", by="Ada", mail=True)
    [entry] = room.corrections.all()
    [notice] = room.corrections.notices(entry)
    assert notice.state is not IssueState.SENT
    assert pipeline.audience(room, notice) == {"": 3}
    outbox.unlink()
    clock.pass_(hours=1)
    again = pipeline.correct(room, "ferry-subsidy", "Two.", by="Ada", mail=True)
    assert [one.state for one in again.notices] == [IssueState.SENT]
    assert len(letters(room, notice.id)) == 3


@pytest.fixture
def sample(tmp_path: Path, clock: StillClock) -> Iterator[Newsroom]:
    """A newsroom over the invented day, drafted."""
    (tmp_path / "config.toml").write_text(
        "[collect]\nsources = []\n[editions.daily]\nzone = 'UTC'\n"
    )
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    config = load(tmp_path / "config.toml")
    with SampleServer(clock()) as server:
        host = server.base_url.removeprefix("http://")
        config = config.model_copy(
            update={
                "collect": config.collect.model_copy(update={"allow_hosts": (host,)}),
                "sources": tuple(Source.model_validate(source) for source in server.sources),
            }
        )
        database = open_database(config.database_url)
        room = Newsroom(config=config, database=database, clock=clock, random=random.Random(1))
        for arrow in (pipeline.collect, pipeline.group, pipeline.write):
            arrow(room)
        yield room
        database.close()


def test_the_next_issue_opens_with_what_was_corrected(sample: Newsroom, clock: StillClock) -> None:
    """Composed by the arrow itself: the next day's draft has it, before its stories."""
    room = sample
    issue = pipeline.compose(room).issue
    pipeline.approve(room, issue.id, by="an editor")
    pipeline.send(room, issue.id)
    slug = room.issues.revision(issue).content.stories[0].slug
    clock.pass_(hours=1)
    pipeline.correct(room, slug, "We named the wrong committee.", by="Ada")
    clock.pass_(days=1)
    tomorrow = pipeline.compose(room)
    assert [one.sentence for one in tomorrow.revision.content.corrections] == [
        "We named the wrong committee."
    ]
    html = tomorrow.revision.rendered[0].html
    assert html.index("We named the wrong committee.") < html.index('<h2 style="margin:6px 0')
