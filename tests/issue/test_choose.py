"""Tests of fitting the day's stories into the reading time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.config import EditionSettings
from newsletter.errors import NothingToSay
from newsletter.issue.choose import Candidate, choose
from newsletter.model import IssueContent, Place, Side
from tests.issue.content import DAY, candidates, content


def chosen(found: list[Candidate], **changes: object) -> IssueContent:
    """An issue of these candidates with changed settings."""
    return choose(found, EditionSettings().model_copy(update=changes), edition="daily", day=DAY)


def names(issue: IssueContent, place: Place) -> list[str]:
    """The stories of one place, in order."""
    return [story.story for story in issue.stories if story.place is place]


def test_an_issue_has_full_short_and_one_sided_stories_in_rank_order() -> None:
    """The best stories are told in full, the next in short, one-sided ones apart."""
    issue = content()
    assert names(issue, Place.TOP) == [
        "ferry-subsidy",
        "teacher-tests",
        "reservoir-levels",
        "chip-plant",
    ]
    assert names(issue, Place.SHORT) == ["hospital-merger", "river-ruling", "rail-strike"]
    assert names(issue, Place.ONE_SIDED) == ["audit-tolls", "prison-kitchens"]


def test_the_issue_keeps_its_reading_time() -> None:
    """Five minutes at the edition's pace are not exceeded, and most of them are used."""
    issue = content()
    assert 240 <= issue.seconds <= 300
    assert 0 < sum(story.seconds for story in issue.stories) < issue.seconds


@settings(max_examples=25, deadline=None)
@given(minutes=st.floats(0.5, 12), order=st.permutations(range(9)))
def test_no_sentence_is_ever_cut(minutes: float, order: list[int]) -> None:
    """For every budget and order, what is shown stands whole in what was written."""
    all_of_them = candidates()
    issue = chosen([all_of_them[index] for index in order], minutes=minutes)
    written = {candidate.story.id: candidate.brief for candidate in all_of_them}
    for story in issue.stories:
        brief = written[story.story]
        assert (story.brief.headline, story.brief.deck) == (brief.headline, brief.deck)
        assert story.brief.overview == brief.overview
        for side in Side:
            shown = story.brief.of(side).bullets
            assert shown == brief.of(side).bullets[: len(shown)]


@settings(max_examples=25, deadline=None)
@given(minutes=st.floats(0.5, 12))
def test_left_and_right_are_shortened_together(minutes: float) -> None:
    """A side only has fewer bullets shown than the other where fewer were written."""
    written = {candidate.story.id: candidate.brief for candidate in candidates()}
    for story in chosen(candidates(), minutes=minutes).stories:
        left, right = story.brief.left.bullets, story.brief.right.bullets
        most = max(len(left), len(right))
        assert len(left) == min(most, len(written[story.story].left.bullets))
        assert len(right) == min(most, len(written[story.story].right.bullets))


def test_a_minute_is_one_story() -> None:
    """The smallest issue is the top story with a bullet a side."""
    issue = chosen(candidates(), minutes=1)
    assert [story.story for story in issue.stories] == ["ferry-subsidy"]
    assert len(issue.stories[0].brief.left.bullets) == 1


def test_an_hour_shows_everything_the_settings_allow() -> None:
    """With time enough, the settings' numbers of stories and all bullets are shown."""
    issue = chosen(candidates(), minutes=60)
    assert len(names(issue, Place.TOP)) == 5
    assert len(issue.stories[0].brief.left.bullets) == 3
    assert len(issue.stories[0].brief.center.bullets) == 2


def test_a_withheld_brief_is_left_out() -> None:
    """What the gates withheld is in no issue."""
    first, *rest = candidates()
    withheld = replace(first, brief=replace(first.brief, withheld="quotes could not be found"))
    assert "ferry-subsidy" not in {story.story for story in chosen([withheld, *rest]).stories}


def test_a_day_without_stories_is_said_and_not_mailed() -> None:
    """No candidates, no issue: an error that says what to do."""
    with pytest.raises(NothingToSay) as caught:
        chosen([])
    assert caught.value.hint


def test_the_same_story_in_other_words_is_told_once() -> None:
    """A copy under another id and headline is left out, the better ranked one stays."""
    first, *rest = candidates()
    copy = replace(
        first,
        story=replace(first.story, id="boats", articles=("other.1", "other.2")),
        brief=replace(
            first.brief,
            story="boats",
            headline="Island ferries kept running by one-year subsidy",
        ),
    )
    shown = {story.story for story in chosen([first, copy, *rest], minutes=60).stories}
    assert "ferry-subsidy" in shown
    assert "boats" not in shown


def test_stories_that_share_their_articles_are_one() -> None:
    """Two stories made of the same articles are not both shown, whatever they say."""
    first, second, *rest = candidates()
    twin = replace(second, story=replace(second.story, articles=first.story.articles))
    assert "teacher-tests" not in {
        story.story for story in chosen([first, twin, *rest], minutes=60).stories
    }


def test_a_story_without_anything_to_quote_is_not_told_in_full() -> None:
    """A story with empty sides stands among the short ones, however well it ranks."""
    found = candidates()
    rail = next(candidate for candidate in found if candidate.story.id == "rail-strike")
    issue = chosen([rail, *(c for c in found if c is not rail)])
    assert "rail-strike" in names(issue, Place.SHORT)


def test_only_the_articles_that_are_named_travel_with_the_issue() -> None:
    """Every citation has its source line, and no other line is carried."""
    for story in content().stories:
        cited = {id_ for sentence in story.brief.overview for id_ in sentence.citations}
        for side in Side:
            part = story.brief.of(side)
            cited |= {id_ for bullet in part.bullets for id_ in bullet.citations}
            cited |= {part.lead} if part.lead else set()
        cited |= {id_ for q in story.brief.differ for claim in q.claims for id_ in claim.citations}
        assert set(story.sources) == cited
