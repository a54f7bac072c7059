"""What an editor decides about stories is stored, seen at once, and holds in every later run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter import pipeline
from newsletter.database.engine import Database
from newsletter.errors import NotFound, StoryError
from newsletter.model import Article, Kind, LockKind, Story, When
from newsletter.newsroom import Newsroom
from newsletter.pipeline.day import Day
from tests.conftest import StillClock
from tests.pipeline.rooms import collect, newsroom
from tests.stories.make import DAM, DAY, DAY_ONE, VOTE, article

MORE = article(
    "dam-4",
    "Harrow Dam reservoir down four feet as draining goes on",
    "The reservoir behind the Harrow Dam was down four feet, engineers said, and the spillway "
    "crack had not widened.",
    hours=9,
)
REPAIR = [
    article(
        "fix-1",
        "Harrow Dam spillway repaired, engineers say",
        "Engineers closed the crack in the spillway of the Harrow Dam with steel and concrete, and "
        "the reservoir above Ansley may be filled again.",
        outlet="outlet-dam-1",
        hours=24 * 16,
    ),
    article(
        "fix-2",
        "Ansley breathes out as Harrow Dam spillway is mended",
        "The spillway of the Harrow Dam was mended, engineers said, and the reservoir will be "
        "filled again over Ansley within three weeks.",
        outlet="outlet-dam-2",
        hours=24 * 16 + 2,
    ),
]
ED = "ed@example.org"


@pytest.fixture
def at_work() -> StillClock:
    """Ten hours into the first day."""
    return StillClock(DAY_ONE + timedelta(hours=10))


def grouped(folder: Path, database: Database, at_work: StillClock) -> Newsroom:
    """A newsroom in which the day is collected and grouped."""
    room = newsroom(folder, database, DAY, at_work, outlets=[MORE.outlet])
    pipeline.group(room)
    return room


@pytest.fixture
def room(tmp_path: Path, sqlite: Database, at_work: StillClock) -> Newsroom:
    """Such a newsroom."""
    return grouped(tmp_path, sqlite, at_work)


@pytest.fixture
def either(tmp_path: Path, database: Database, at_work: StillClock) -> Newsroom:
    """Such a newsroom on each of the two engines."""
    return grouped(tmp_path, database, at_work)


def where(room: Newsroom) -> dict[str, Story]:
    """The story of each article."""
    ids = [one.id for one in (*DAY, MORE)]
    return {a: story for story in room.stories.holding(ids) for a in story.articles}


def later(room: Newsroom) -> dict[str, Story]:
    """The same after a new article came and grouping ran three more times."""
    collect(room, [MORE])
    for _ in range(3):
        pipeline.group(room)
    return where(room)


def test_a_merge_is_seen_at_once_and_holds(either: Newsroom) -> None:
    """Two stories become one, which keeps the first one's id, slug and page."""
    room = either
    before = where(room)
    report = pipeline.merge_stories(room, before["vote-1"].id, before["dam-1"].id, by=ED)
    (told,) = report.stories
    assert {"vote-1", "dam-1", "dam-3"} <= set(told.articles)
    assert (told.id, told.slug) == (before["vote-1"].id, before["vote-1"].slug)
    assert told.headline == before["vote-1"].headline
    after = later(room)
    assert after["dam-4"] == after["vote-1"] == after["dam-1"]
    assert after["vote-1"].id == told.id


def test_a_merge_taken_back_gives_both_their_ids_again(either: Newsroom) -> None:
    """What was merged away returns under its own id and slug."""
    room = either
    before = where(room)
    lock = pipeline.merge_stories(room, before["vote-1"].id, before["dam-1"].id, by=ED).lock
    pipeline.unlock(room, lock.id, by=ED)
    after = where(room)
    for one, story in before.items():
        assert (after[one].id, after[one].slug) == (story.id, story.slug)
        assert after[one].articles == story.articles
    assert pipeline.locks(room) == ()
    with pytest.raises(NotFound, match="not the number of a lock"):
        pipeline.unlock(room, lock.id, by=ED)


def test_a_split_is_seen_at_once_and_holds(either: Newsroom) -> None:
    """An article taken out stays out, under a story and a title of its own."""
    room = either
    before = where(room)
    report = pipeline.split_story(
        room, before["dam-1"].id, ["dam-2"], by=ED, title="Ansley packs its cars"
    )
    rest, parted = report.stories
    assert (rest.id, rest.articles) == (before["dam-1"].id, ("dam-1", "dam-3"))
    assert (parted.headline, parted.articles) == ("Ansley packs its cars", ("dam-2",))
    after = later(room)
    assert after["dam-2"].id == parted.id
    assert after["dam-2"].headline == "Ansley packs its cars"
    assert after["dam-1"].id == after["dam-3"].id == rest.id != parted.id


def test_the_first_article_can_be_split_off(room: Newsroom) -> None:
    """The article that gave the story its id gets another, and the story keeps its own."""
    before = where(room)["dam-1"]
    rest, parted = pipeline.split_story(room, before.id, ["dam-1"], by=ED).stories
    assert rest.id == before.id != parted.id
    assert parted.articles == ("dam-1",)


def test_a_move_is_seen_at_once_and_holds(room: Newsroom) -> None:
    """A moved article stays where it was put; so do the others."""
    before = where(room)
    target, source = pipeline.move_article(room, "dam-3", before["vote-1"].id, by=ED).stories
    assert "dam-3" in target.articles
    assert source.articles == ("dam-1", "dam-2")
    after = later(room)
    assert after["dam-3"].id == before["vote-1"].id
    assert after["dam-1"].id == before["dam-1"].id


def test_a_rename_reaches_the_brief(room: Newsroom) -> None:
    """The headline an editor gives stays on the story and stands in what readers get."""
    story = where(room)["vote-1"]
    pipeline.rename_story(room, story.id, "Lunch, free", by=ED)
    assert later(room)["vote-1"].headline == "Lunch, free"
    pipeline.write(room)
    assert Day.load(room, room.clock()).briefs[story.id][0].headline == "Lunch, free"
    second = pipeline.rename_story(room, story.id, "Free lunch", by=ED)
    assert [lock.title for lock in second.overruled] == ["Lunch, free"]
    assert [lock.title for lock in pipeline.locks(room, story.id)] == ["Free lunch"]


def test_the_newest_of_two_contradicting_locks_wins_and_says_so(
    room: Newsroom, at_work: StillClock
) -> None:
    """A split after a merge undoes it for what was split, and names what it overrules."""
    before = where(room)
    merged = pipeline.merge_stories(room, before["dam-1"].id, before["vote-1"].id, by=ED)
    assert merged.overruled == ()
    at_work.pass_(minutes=1)
    parted = pipeline.split_story(room, before["dam-1"].id, ["vote-1", "vote-2"], by="di")
    assert parted.overruled == (merged.lock,)
    assert "overrules the merge of 2031-03-03 16:00 by ed@example.org" in parted.sentences[0]
    after = later(room)
    assert after["vote-1"].id == after["vote-2"].id == before["vote-1"].id
    assert after["dam-1"].id == before["dam-1"].id


def test_locks_hold_after_a_restart(room: Newsroom, tmp_path: Path) -> None:
    """Another process over the same database keeps to them."""
    before = where(room)
    pipeline.merge_stories(room, before["vote-1"].id, before["whale-1"].id, by=ED)
    other = Newsroom(config=room.config, database=room.database, clock=room.clock)
    pipeline.group(other)
    assert where(other)["whale-1"].id == before["vote-1"].id


def test_a_story_of_last_week_can_be_merged(room: Newsroom, at_work: StillClock) -> None:
    """An article older than the window joins the story an editor puts it in, and stays."""
    before = where(room)
    at_work.pass_(days=9)
    new = article(
        "new",
        "Harrow Dam to be rebuilt",
        "The dam will be rebuilt.",
        outlet="outlet-dam-4",
        hours=24 * 9,
    )
    collect(room, [new])
    pipeline.group(room)
    made = room.stories.holding(["new"])[0]
    assert made.id != before["dam-1"].id
    pipeline.merge_stories(room, before["dam-1"].id, made.id, by=ED)
    pipeline.group(room)
    assert room.stories.holding(["new"])[0].id == before["dam-1"].id
    assert set(room.stories.holding(["new"])[0].articles) == {"dam-1", "dam-2", "dam-3", "new"}


REFUSED: list[tuple[str, Callable[[Newsroom, dict[str, Story]], object]]] = [
    ("no such story", lambda r, s: pipeline.merge_stories(r, s["dam-1"].id, "s-0", by=ED)),
    ("itself", lambda r, s: pipeline.merge_stories(r, s["dam-1"].id, s["dam-1"].id, by=ED)),
    ("not in this story", lambda r, s: pipeline.split_story(r, s["dam-1"].id, ["vote-1"], by=ED)),
    ("at least one", lambda r, s: pipeline.split_story(r, s["whale-1"].id, ["whale-1"], by=ED)),
    ("no such article", lambda r, s: pipeline.move_article(r, "none", s["dam-1"].id, by=ED)),
    ("already", lambda r, s: pipeline.move_article(r, "dam-1", s["dam-1"].id, by=ED)),
    ("empty", lambda r, s: pipeline.rename_story(r, s["dam-1"].id, " ", by=ED)),
    ("400 characters", lambda r, s: pipeline.rename_story(r, s["dam-1"].id, "x" * 400, by=ED)),
    ("not pinned", lambda r, s: pipeline.unpin_story(r, s["dam-1"].id, by=ED)),
    ("no such story", lambda r, s: pipeline.locks(r, "s-0")),
    ("no such article", lambda r, s: pipeline.mark_kind(r, "none", Kind.NEWS, by=ED)),
    ("no time zone", lambda r, s: pipeline.redate(r, "dam-1", DAY_ONE.replace(tzinfo=None), by=ED)),
    ("not come yet", lambda r, s: pipeline.redate(r, "dam-1", DAY_ONE + timedelta(days=9), by=ED)),
]


@pytest.mark.parametrize(("sentence", "decide"), REFUSED)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    room: Newsroom, sentence: str, decide: Callable[[Newsroom, dict[str, Story]], object]
) -> None:
    """Each refusal is one sentence; stories and locks are as before."""
    before = where(room)
    with pytest.raises((NotFound, StoryError), match=sentence):
        decide(room, before)
    assert where(room) == before
    assert pipeline.locks(room) == ()


def test_an_article_not_grouped_yet_cannot_be_moved(room: Newsroom) -> None:
    """The refusal says what to do first."""
    collect(room, [MORE])
    with pytest.raises(StoryError, match="in no story yet"):
        pipeline.move_article(room, "dam-4", where(room)["dam-1"].id, by=ED)


def test_a_decision_made_during_a_run_is_not_undone_by_it(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that began before the editor decided does not save what the editor overruled."""
    before = where(room)
    save, waiting = room.stories.save, [True]

    def late(grouped: Sequence[Story], now: object) -> int:
        if waiting.pop() if waiting else False:
            other = Newsroom(config=room.config, database=room.database, clock=room.clock)
            pipeline.merge_stories(other, before["vote-1"].id, before["whale-1"].id, by=ED)
        return save(grouped, room.clock())

    monkeypatch.setattr(room.stories, "save", late)
    pipeline.group(room)
    assert where(room)["whale-1"].id == before["vote-1"].id


def test_a_kind_an_editor_gave_survives_a_new_fetch(room: Newsroom) -> None:
    """What was marked as opinion stays so when the feed says news again."""
    assert pipeline.mark_kind(room, "dam-3", Kind.OPINION, by=ED).kind is Kind.OPINION
    collect(room, DAM)
    pipeline.group(room)
    day = Day.load(room, room.clock())
    assert day.articles["dam-3"].kind is Kind.OPINION
    pipeline.mark_kind(room, "dam-3", None, by=ED)
    assert Day.load(room, room.clock()).articles["dam-3"].kind is Kind.NEWS


def test_a_date_an_editor_gave_decides_where_an_article_belongs(
    either: Newsroom, at_work: StillClock
) -> None:
    """A report dated wrongly to last month joins the story of its day once it is redated."""
    room = either
    lost = replace(MORE, published=DAY_ONE - timedelta(days=30))
    collect(room, [lost])
    pipeline.group(room)
    assert "dam-4" not in where(room)
    pipeline.redate(room, "dam-4", MORE.published, by=ED)
    assert where(room)["dam-4"].id == where(room)["dam-1"].id
    collect(room, [lost])
    pipeline.group(room)
    assert where(room)["dam-4"].id == where(room)["dam-1"].id
    day = Day.load(room, at_work())
    (dam,) = (one.story for one in day.ranked if "dam-1" in one.story.articles)
    assert day.of(dam)[-1] == day.articles["dam-4"]
    assert day.articles["dam-4"].published == MORE.published


def test_pins_come_first_and_can_be_taken_off(room: Newsroom) -> None:
    """A story one outlet covers leads once it is pinned."""
    whale, vote = where(room)["whale-1"].id, where(room)["vote-1"].id

    def order() -> list[str]:
        return [one.story.id for one in Day.load(room, room.clock()).ranked]

    assert whale not in order()
    pipeline.pin_story(room, whale, by=ED)
    pipeline.pin_story(room, vote, by=ED)
    assert order()[:2] == [whale, vote]
    assert [lock.kind for lock in pipeline.locks(room, whale)] == [LockKind.PIN]
    pipeline.unpin_story(room, whale, by=ED)
    assert order()[0] == vote
    assert whale not in order()


def test_the_same_headline_next_month_is_another_page(room: Newsroom, at_work: StillClock) -> None:
    """A column with one title every month gets an address of its own each time."""
    at_work.pass_(days=30)
    again: list[Article] = [
        replace(one, id=f"{one.id}-again", published=one.published + timedelta(days=30))
        for one in VOTE
    ]
    collect(room, again)
    pipeline.group(room)
    first, second = (room.stories.holding([one])[0] for one in ("vote-1", "vote-1-again"))
    assert first.id != second.id
    assert second.slug == f"{first.slug}-2"


def test_an_event_two_weeks_later_is_linked_not_merged(
    either: Newsroom, at_work: StillClock
) -> None:
    """The repair is a story of its own that knows the crack, and the crack learns of the repair."""
    room = either
    crack = where(room)["dam-1"]
    room.stories.mark_mailed([crack.id], at_work())
    at_work.pass_(days=16)
    collect(room, REPAIR)
    pipeline.group(room)
    (repair,) = room.stories.holding(["fix-1"])
    assert set(repair.articles) == {"fix-1", "fix-2"}
    (earlier,) = pipeline.related_of(room, [repair.id])[repair.id]
    assert (earlier.story, earlier.slug, earlier.when) == (crack.id, crack.slug, When.EARLIER)
    assert earlier.day == DAY_ONE.date()
    assert room.related_stories.of([crack.id])[crack.id][0].story == repair.id
    # The repair has no page before it was mailed, so the crack's page does not lead there yet.
    assert pipeline.related_of(room, [crack.id]) == {crack.id: ()}
    assert len(pipeline.related_of(room, [crack.id, repair.id])[crack.id]) == 1
    pipeline.merge_stories(room, crack.id, repair.id, by=ED)
    assert room.related_stories.of([crack.id, repair.id]) == {}
    pipeline.unlock(room, pipeline.locks(room)[0].id, by=ED)
    assert room.related_stories.of([crack.id])[crack.id][0].story == repair.id


def test_the_issue_carries_what_came_earlier(room: Newsroom, at_work: StillClock) -> None:
    """A story in an issue knows the mailed stories about the same matter."""
    crack = where(room)["dam-1"]
    room.stories.mark_mailed([crack.id], at_work())
    at_work.pass_(days=16)
    collect(room, REPAIR)
    pipeline.group(room)
    pipeline.write(room)
    (told,) = pipeline.compose(room).revision.content.stories
    assert [one.story for one in told.related] == [crack.id]


def test_a_pinned_story_stands_in_the_issue(room: Newsroom) -> None:
    """What an editor pins is told although one outlet alone covers it."""
    whale = where(room)["whale-1"].id
    pipeline.write(room)
    assert whale not in [one.story for one in pipeline.compose(room).revision.content.stories]
    pipeline.pin_story(room, whale, by=ED)
    pipeline.write(room)
    assert whale in [one.story for one in pipeline.compose(room).revision.content.stories]
