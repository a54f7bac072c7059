"""The arrows over a real database: each alone, each twice, each in another process if need be."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from newsletter import pipeline
from newsletter.config import Config, Source, load, starter
from newsletter.database.engine import open_database
from newsletter.errors import IssueError, NotApproved, NothingToSay
from newsletter.model import IssueState
from newsletter.newsroom import Newsroom
from newsletter.sample.server import SampleServer
from newsletter.schedule import ring_due
from tests.conftest import StillClock


def sample_config(folder: Path, server: SampleServer) -> Config:
    """A place whose sources are the invented outlets."""
    (folder / "config.toml").write_text("[collect]\nsources = []\n[editions.daily]\nzone = 'UTC'\n")
    shutil.copytree(starter() / "templates", folder / "templates", dirs_exist_ok=True)
    config = load(folder / "config.toml")
    host = server.base_url.removeprefix("http://")
    return config.model_copy(
        update={
            "collect": config.collect.model_copy(update={"allow_hosts": (host,)}),
            "sources": tuple(Source.model_validate(source) for source in server.sources),
        }
    )


@pytest.fixture
def room(tmp_path: Path, clock: StillClock) -> Iterator[Newsroom]:
    """A newsroom over the invented day, at noon."""
    with SampleServer(clock()) as server:
        config = sample_config(tmp_path, server)
        database = open_database(config.database_url)
        yield Newsroom(config=config, database=database, clock=clock, random=random.Random(1))
        database.close()


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def written_day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Config]:
    """A place where the invented day is collected, grouped and written; it is only copied."""
    folder = tmp_path_factory.mktemp("written")
    with SampleServer(NOON) as server:
        config = sample_config(folder, server)
        database = open_database(config.database_url)
        room = Newsroom(config=config, database=database, clock=lambda: NOON)
        for arrow in (pipeline.collect, pipeline.group, pipeline.write):
            arrow(room)
        database.close()
    return folder, config


@pytest.fixture
def written(
    written_day: tuple[Path, Config], tmp_path: Path, clock: StillClock
) -> Iterator[Newsroom]:
    """A newsroom of one's own over the written day, at noon, without its outlets' server."""
    folder, config = written_day
    shutil.copytree(folder, tmp_path / "place")
    config = config.model_copy(
        update={"root": tmp_path / "place", "file": tmp_path / "place" / "config.toml"}
    )
    database = open_database(config.database_url)
    yield Newsroom(config=config, database=database, clock=clock, random=random.Random(1))
    database.close()


def test_each_arrow_twice_changes_nothing_the_second_time(room: Newsroom) -> None:
    """Collect, group, write and compose can each be repeated without harm."""
    assert pipeline.collect(room).articles == 94
    again = pipeline.collect(room, force=True)
    assert (again.articles, again.outcomes) == (0, {"unchanged": 24})
    first = pipeline.group(room)
    assert pipeline.group(room) == replace(first, new=0)
    assert pipeline.write(room).written > 8
    assert pipeline.write(room).written == 0
    draft = pipeline.compose(room)
    second = pipeline.compose(room)
    assert (draft.changed, second.changed) == (True, False)
    assert second.revision == draft.revision


def test_similar_but_different_events_stay_apart(written: Newsroom) -> None:
    """Two fires on one day in two towns are two stories; wire copies are in one."""
    room = written
    stories = room.stories.since(room.clock() - timedelta(days=4))
    articles = room.articles.get(id_ for story in stories for id_ in story.articles)
    towns = {
        town: {
            story.id for story in stories for id_ in story.articles if town in articles[id_].title
        }
        for town in ("Wexley", "Dunmore Falls")
    }
    assert all(towns.values())
    assert not towns["Wexley"] & towns["Dunmore Falls"]
    copies = [article for article in articles.values() if article.same_as]
    assert len(copies) == 5
    of_copies = {story.id for story in stories if {a.id for a in copies} & set(story.articles)}
    assert len(of_copies) == 1


def test_an_empty_day_is_said(room: Newsroom) -> None:
    """Without stories there is no issue."""
    with pytest.raises(NothingToSay):
        pipeline.compose(room)


def test_approval_is_bound_to_the_bytes(written: Newsroom) -> None:
    """What was approved is what would be sent; a draft is not sent at all."""
    room = written
    pipeline.compose(room)
    with pytest.raises(NotApproved):
        pipeline.send(room, "latest")
    issue = pipeline.approve(room, "latest", by="Ada")
    assert issue.approved_sha256 == room.issues.revision(issue).sha256
    assert pipeline.compose(room).changed is False
    report = pipeline.send(room, "latest")
    assert report.ended == "done"
    assert room.issues.find("latest").state is IssueState.SENT


def test_a_story_that_was_mailed_does_not_return_without_news(
    written: Newsroom, clock: StillClock
) -> None:
    """The day after, without new articles, none of yesterday's stories is told again."""
    room = written
    pipeline.compose(room)
    pipeline.approve(room, "latest", by="Ada")
    pipeline.send(room, "latest")
    told = set(room.issues.stories_of(room.issues.find("latest")))
    clock.pass_(hours=23)
    pipeline.group(room)
    pipeline.write(room)
    try:
        tomorrow = pipeline.compose(room)
    except NothingToSay:
        return
    assert not told & {item.story for item in tomorrow.revision.content.stories}


def test_a_past_date_is_composed_from_what_was_known_at_its_end(written: Newsroom) -> None:
    """Yesterday's issue holds nothing of today; tomorrow's cannot be made."""
    room = written
    report = pipeline.compose(room, day=date(2026, 11, 21))
    assert report.issue.id == "daily-2026-11-21"
    for item in report.revision.content.stories:
        assert all(line.published.date() <= date(2026, 11, 21) for line in item.sources.values())
    with pytest.raises(IssueError, match="has not come yet"):
        pipeline.compose(room, day=date(2026, 11, 23))


def test_a_preview_is_what_a_reader_gets(written: Newsroom, tmp_path: Path) -> None:
    """Three files, and no token is left open in any of them."""
    room = written
    pipeline.compose(room)
    issue = room.issues.find("latest")
    folder = pipeline.preview(room, issue, tmp_path / "preview")
    assert {file.name for file in folder.iterdir()} == {"issue.html", "issue.txt", "issue.eml"}
    tag = room.issues.revision(issue).rendered[0].tag
    for file in folder.iterdir():
        assert tag.encode() not in file.read_bytes()


def test_the_bells_do_the_whole_day(room: Newsroom, clock: StillClock) -> None:
    """Draft at its time, nothing sent without an approval, sent once approved, then silence."""
    clock.now = clock.now.replace(hour=5, minute=31)
    assert [firing.bell for firing in ring_due(room) if firing.day == clock.now.date()] == ["draft"]
    issue = room.issues.find("latest")
    clock.now = clock.now.replace(hour=6, minute=31)
    assert ring_due(room) == []
    assert room.issues.find("latest").state is IssueState.DRAFT
    pipeline.approve(room, issue.id, by="Ada")
    assert [firing.bell for firing in ring_due(room)] == ["remind", "send"]
    assert room.issues.find("latest").state is IssueState.SENT
    clock.pass_(minutes=1)
    assert ring_due(room) == []


def test_a_late_issue_waits_for_a_person_by_default(room: Newsroom, clock: StillClock) -> None:
    """An approval that comes hours late sends nothing by itself: the operator is asked."""
    clock.now = clock.now.replace(hour=5, minute=31)
    ring_due(room)
    pipeline.approve(room, "latest", by="Ada")
    clock.now = clock.now.replace(hour=11)
    assert [firing.bell for firing in ring_due(room)] == ["remind", "send"]
    assert room.issues.find("latest").state is IssueState.APPROVED


def weekly(room: Newsroom, covers_days: int) -> Newsroom:
    """The same newsroom with an edition of the week."""
    edition = room.config.edition("daily").model_copy(update={"covers_days": covers_days})
    editions = {**room.config.editions, "weekly": edition}
    return replace(room, config=room.config.model_copy(update={"editions": editions}))


def test_a_digest_tells_again_what_was_mailed(written: Newsroom, clock: StillClock) -> None:
    """Four days after its stories were mailed an edition of the day has nothing, a digest has them."""
    daily = pipeline.compose(written)
    written.stories.mark_mailed(written.issues.stories_of(daily.issue), clock())
    clock.pass_(days=4)
    with pytest.raises(NothingToSay):
        pipeline.compose(weekly(written, 1), edition="weekly")
    digest = pipeline.compose(weekly(written, 7), edition="weekly")
    told = {item.story for item in digest.revision.content.stories}
    assert {item.story for item in daily.revision.content.stories if item.place == "top"} <= told
    assert not any(item.update for item in digest.revision.content.stories)
