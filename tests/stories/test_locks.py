"""Locks: what an editor decided holds against every later run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import StoryError
from newsletter.model import LockKind, Story, StoryLock
from newsletter.stories import locks
from newsletter.stories.group import group
from tests.stories.make import DAM, DAY, DAY_ONE, SETTINGS, VOTE, WHALE, article

MORE = article(
    "dam-4",
    "Harrow Dam reservoir down four feet as draining goes on",
    "The reservoir behind the Harrow Dam was down four feet, engineers said, and the spillway "
    "crack had not widened.",
    hours=9,
)


def stories_by_article(stories: tuple[Story, ...]) -> dict[str, Story]:
    """The story of each article."""
    return {article: story for story in stories for article in story.articles}


def test_a_merge_holds() -> None:
    """Merged stories stay one under the id of the first, also for articles that come later."""
    before = stories_by_article(group(DAY, settings=SETTINGS))
    lock = locks.merge(before["vote-1"], before["dam-1"], by="ed", at=DAY_ONE)
    after = stories_by_article(
        group([*DAY, MORE], tuple(set(before.values())), settings=SETTINGS, locks=[lock])
    )
    assert after["vote-1"] is after["dam-1"] is after["dam-4"]
    assert after["dam-1"].id == before["vote-1"].id


def test_a_split_holds() -> None:
    """A split-off article does not come back, and takes no id with it."""
    before = stories_by_article(group(DAM, settings=SETTINGS))
    lock = locks.split(before["dam-1"], ["dam-2"], by="ed", at=DAY_ONE)
    previous = tuple(set(before.values()))
    for _ in range(3):
        stories = group([*DAM, MORE], previous, settings=SETTINGS, locks=[lock])
        after = stories_by_article(stories)
        assert after["dam-2"].id != after["dam-1"].id
        assert after["dam-1"] is after["dam-3"]
        assert after["dam-1"].id == before["dam-1"].id
        previous = stories


def test_a_move_holds() -> None:
    """A moved article stays where it was put."""
    before = stories_by_article(group(DAY, settings=SETTINGS))
    lock = locks.move("whale-1", before["whale-1"], before["vote-1"], by="ed", at=DAY_ONE)
    after = stories_by_article(
        group(DAY, tuple(set(before.values())), settings=SETTINGS, locks=[lock])
    )
    assert after["whale-1"] is after["vote-1"]
    assert after["vote-1"].id == before["vote-1"].id


def test_a_rename_holds() -> None:
    """A renamed story keeps the editor's headline, its id and its slug."""
    (before,) = group(DAM, settings=SETTINGS)
    lock = locks.rename(before, "  Ansley waits\nfor the water ", by="ed", at=DAY_ONE)
    (after,) = group([*DAM, MORE], (before,), settings=SETTINGS, locks=[lock])
    assert after.headline == "Ansley waits for the water"
    assert (after.id, after.slug) == (before.id, before.slug)


def test_a_later_lock_wins() -> None:
    """A split after a merge undoes it, and a merge after a split too."""
    before = stories_by_article(group(DAY, settings=SETTINGS))
    both = [before["dam-1"], before["whale-1"]]
    merged = locks.merge(*both, by="ed", at=DAY_ONE)
    one = stories_by_article(group(DAY, tuple(both), settings=SETTINGS, locks=[merged]))["dam-1"]
    parted = locks.split(one, ["whale-1"], by="ed", at=DAY_ONE + timedelta(hours=1))
    after = stories_by_article(group(DAY, (one,), settings=SETTINGS, locks=[merged, parted]))
    assert after["whale-1"] is not after["dam-1"]
    again = locks.merge(after["dam-1"], after["whale-1"], by="ed", at=DAY_ONE + timedelta(hours=2))
    last = stories_by_article(group(DAY, (one,), settings=SETTINGS, locks=[again, merged, parted]))
    assert last["whale-1"] is last["dam-1"]


def test_a_locked_old_article_is_grouped_again() -> None:
    """An editor may move an article that is older than the window."""
    old = article("old", "Harrow Dam inspected", "The dam was inspected.", hours=-24 * 9)
    (was,) = group([old], settings=SETTINGS)
    (dam,) = group(DAM, settings=SETTINGS)
    lock = locks.merge(was, dam, by="ed", at=DAY_ONE)
    after = stories_by_article(group([old, *DAM], (was, dam), settings=SETTINGS, locks=[lock]))
    assert after["old"] is after["dam-1"]
    assert after["old"].id == was.id


def test_locks_that_make_no_sense_are_refused() -> None:
    """Each refusal names the story and says what to do."""
    (dam,) = group(DAM, settings=SETTINGS)
    (vote,) = group(VOTE, settings=SETTINGS)
    with pytest.raises(StoryError, match="itself"):
        locks.merge(dam, dam, by="ed", at=DAY_ONE)
    with pytest.raises(StoryError, match="not in this story"):
        locks.split(dam, ["vote-1"], by="ed", at=DAY_ONE)
    with pytest.raises(StoryError, match="no article"):
        locks.split(dam, [], by="ed", at=DAY_ONE)
    with pytest.raises(StoryError, match="leave at least one"):
        locks.split(dam, dam.articles, by="ed", at=DAY_ONE)
    with pytest.raises(StoryError, match="already"):
        locks.move("dam-1", dam, dam, by="ed", at=DAY_ONE)
    with pytest.raises(StoryError, match="not in this story"):
        locks.move(WHALE.id, dam, vote, by="ed", at=DAY_ONE)
    with pytest.raises(StoryError, match="empty"):
        locks.rename(dam, " \n", by="ed", at=DAY_ONE)


def test_an_editor_may_merge_over_languages() -> None:
    """Stories of two languages, never joined by words, become one when an editor says so."""
    german = article("de", "Riss im Harrow-Damm", "Der Stausee wird abgelassen.", lang="de")
    before = stories_by_article(group([*DAM, german], settings=SETTINGS))
    assert before["de"] is not before["dam-1"]
    lock = locks.merge(before["de"], before["dam-1"], by="ed", at=DAY_ONE)
    after = stories_by_article(
        group([*DAM, german], tuple(set(before.values())), settings=SETTINGS, locks=[lock])
    )
    assert after["de"] is after["dam-1"] is after["dam-3"]


def test_a_copy_can_be_taken_out() -> None:
    """A copy that an editor split off does not go back to its original."""
    copy = article("copy", DAM[0].title, DAM[0].text, same_as="dam-1", hours=1)
    (before,) = group([*DAM, copy], settings=SETTINGS)
    lock = locks.split(before, ["copy"], by="ed", at=DAY_ONE)
    after = stories_by_article(group([*DAM, copy], (before,), settings=SETTINGS, locks=[lock]))
    assert after["copy"] is not after["dam-1"]


IDS = [one.id for one in DAY]
LOCKS = st.builds(
    lambda kind, articles, apart, minute: StoryLock(
        kind=kind,
        story=f"s-{minute}",
        articles=tuple(articles),
        apart=tuple(one for one in apart if one not in articles),
        by="ed",
        at=DAY_ONE + timedelta(minutes=minute),
    ),
    st.sampled_from([LockKind.MERGE, LockKind.SPLIT, LockKind.MOVE]),
    st.lists(st.sampled_from(IDS), min_size=1, max_size=4, unique=True),
    st.lists(st.sampled_from(IDS), max_size=3, unique=True),
    st.integers(0, 59),
)


@settings(max_examples=60)
@given(st.lists(LOCKS, min_size=1, max_size=5, unique_by=lambda lock: lock.at))
def test_the_newest_of_many_locks_holds_wholly(held: list[StoryLock]) -> None:
    """Whatever was decided before, the last decision holds to the letter, and nothing is lost."""
    stories = group(DAY, settings=SETTINGS, locks=held)
    assert sorted(one for story in stories for one in story.articles) == sorted(IDS)
    where = {one: story.id for story in stories for one in story.articles}
    newest = max(held, key=lambda lock: lock.at)
    assert len({where[one] for one in newest.articles}) == 1
    assert not {where[one] for one in newest.apart} & {where[one] for one in newest.articles}
    assert group(DAY, stories, settings=SETTINGS, locks=held) == stories
