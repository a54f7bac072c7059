"""An arriving article is placed at once, also after a restart, also when it comes late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter import pipeline
from newsletter.database.engine import Database, open_database
from newsletter.model import Article
from newsletter.newsroom import Newsroom
from newsletter.pipeline import arriving
from tests.conftest import StillClock
from tests.pipeline.rooms import collect, newsroom
from tests.stories.gold import gold
from tests.stories.make import DAM, DAY, DAY_ONE, VOTE, article

MONTH = "[stories]\nwindow_days = 30\n"


def where(room: Newsroom, articles: Sequence[Article]) -> dict[str, str]:
    """The story of each article."""
    ids = [one.id for one in articles]
    return {a: story.id for story in room.stories.holding(ids) for a in story.articles}


@pytest.fixture
def room(tmp_path: Path, sqlite: Database) -> Newsroom:
    """A newsroom in which all of the first day but the last two reports is grouped."""
    known = [one for one in DAY if one.id not in {"dam-3", "vote-2"}]
    at_work = StillClock(DAY_ONE + timedelta(hours=10))
    room = newsroom(
        tmp_path, sqlite, known, at_work, outlets=["outlet-dam-3", "outlet-vote-2", "outlet-new"]
    )
    pipeline.group(room)
    return room


def test_articles_join_and_start_stories(room: Newsroom) -> None:
    """Two reports join what is told already, a third thing starts a story; all else stays."""
    before = where(room, DAY)
    new = article("new", "Earthquake shakes vineyards of Oster", "Barrels fell.", hours=9)
    collect(room, [DAM[2], VOTE[1], new])
    report = pipeline.arrive(room)
    assert (report.articles, report.joined, report.started) == (3, 2, 1)
    after = where(room, [*DAY, new])
    assert {one: after[one] for one in before} == before
    assert after["dam-3"] == before["dam-1"]
    assert after["vote-2"] == before["vote-1"]
    assert after["new"] not in before.values()
    assert pipeline.arrive(room).articles == 0
    pipeline.group(room)
    assert where(room, [*DAY, new]) == after


def test_nothing_is_grouped_again(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few new articles cost no run over the window."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(arriving, "group", never)
    collect(room, [DAM[2]])
    assert pipeline.arrive(room).joined == 1


def test_a_restart_changes_no_placement(tmp_path: Path) -> None:
    """A program that starts anew before every article ends with the stories of one that ran on."""
    articles, _ = gold()
    ordered = sorted(articles, key=lambda one: (one.published, one.id))
    clock = StillClock(ordered[-1].published)
    outlets = sorted({one.outlet for one in articles})
    ends: list[dict[str, str]] = []
    for restarting in (False, True):
        folder = tmp_path / f"restarting-{restarting}"
        folder.mkdir()
        database = open_database(f"sqlite:///{folder}/news.sqlite")
        room = newsroom(folder, database, ordered[:-12], clock, outlets=outlets, more=MONTH)
        pipeline.group(room)
        for one in ordered[-12:]:
            if restarting:
                room.close()
                database = open_database(f"sqlite:///{folder}/news.sqlite")
                room = Newsroom(config=room.config, database=database, clock=clock)
            collect(room, [one])
            assert pipeline.arrive(room).articles == 1
        ends.append(where(room, articles))
        room.close()
    assert ends[0] == ends[1]
    assert len(ends[0]) == len(articles)


def test_a_late_article_joins_the_story_of_its_day(room: Newsroom) -> None:
    """What a feed brings two days late goes to the dam of then, not to the dam of now."""
    then = where(room, DAY)["dam-1"]
    assert isinstance(room.clock, StillClock)
    room.clock.pass_(hours=58)
    now = article(
        "new",
        "Repair crews reach the Harrow Dam with steel plates",
        "Crews with steel plates reached the Harrow Dam to begin a repair that will take months.",
        hours=66,
    )
    collect(room, [now])
    pipeline.group(room)
    collect(room, [DAM[2]])
    pipeline.arrive(room)
    after = where(room, [*DAY, now])
    assert after["dam-3"] == then
    dam = room.stories.get([then])[then]
    assert dam.articles[:3] == ("dam-1", "dam-2", "dam-3")
    pipeline.group(room)
    assert where(room, DAY)["dam-3"] == then


def test_much_that_is_new_is_grouped_as_a_whole(tmp_path: Path, sqlite: Database) -> None:
    """The first run, and a run after a long pause, look at everything together."""
    articles, _ = gold()
    clock = StillClock(max(one.published for one in articles))
    room = newsroom(tmp_path, sqlite, articles, clock, more=MONTH)
    assert pipeline.arrive(room).regrouped
    assert set(where(room, articles)) == {one.id for one in articles}


def test_an_arriving_article_joins_what_an_editor_merged(room: Newsroom) -> None:
    """The index follows the stories as they are now, also when an editor changed them since."""
    collect(room, [DAM[2]])
    pipeline.arrive(room)
    before = where(room, DAY)
    pipeline.merge_stories(room, before["whale-1"], before["dam-1"], by="ed")
    collect(room, [VOTE[1], article("new", DAM[0].title, DAM[1].text, hours=9)])
    pipeline.arrive(room)
    assert where(room, [article("new", "")])["new"] == before["whale-1"]
