"""Explain: the evidence behind a story."""

from __future__ import annotations

import pytest

from newsletter.errors import NotFound
from newsletter.stories import locks
from newsletter.stories.explain import explain
from newsletter.stories.group import group
from tests.stories.gold import gold
from tests.stories.make import DAM, DAY, DAY_ONE, SETTINGS, WHALE, article

BY_ID = {a.id: a for a in DAY}
STORIES = group(DAY, settings=SETTINGS)
DAM_STORY = next(story for story in STORIES if "dam-1" in story.articles)


def test_each_article_has_its_evidence() -> None:
    """The nearest articles are of the same story, and the words both hold are named."""
    found = explain(DAM_STORY.id, STORIES, BY_ID, settings=SETTINGS)
    assert [reason.article for reason in found.reasons] == [a.id for a in DAM]
    for reason in found.reasons:
        assert {near.article for near in reason.near} == {a.id for a in DAM} - {reason.article}
        assert {"harrow", "dam"} <= set(reason.near[0].words)
        assert reason.fit > reason.rival_fit
        assert "it is nearest to dam-" in reason.sentence
    assert found.far == ()


def test_an_article_alone_says_so() -> None:
    """A story of one has nothing to compare with."""
    (whale,) = (story for story in STORIES if WHALE.id in story.articles)
    (reason,) = explain(whale.id, STORIES, BY_ID, settings=SETTINGS).reasons
    assert (reason.near, reason.far) == ((), False)
    assert "alone" in reason.sentence


def test_a_round_up_is_flagged() -> None:
    """An article about many things is told to be far from the rest of its story."""
    articles, _ = gold()
    stories = group(articles, settings=SETTINGS)
    home = next(story for story in stories if "round-up-1" in story.articles)
    found = explain(home.id, stories, {a.id: a for a in articles}, settings=SETTINGS)
    assert "round-up-1" in found.far
    assert len(found.far) <= 2


def test_locks_and_copies_explain_themselves() -> None:
    """What an editor or a copy settled is not explained by words."""
    copy = article("copy", "Harrow Dam crack widens", same_as="dam-1", hours=1)
    articles = [*DAY, copy]
    (dam,) = group(DAM, settings=SETTINGS)
    (whale,) = group([WHALE], settings=SETTINGS)
    lock = locks.move("whale-1", whale, dam, by="ed", at=DAY_ONE)
    stories = group(articles, (dam, whale), settings=SETTINGS, locks=[lock])
    found = explain(dam.id, stories, {a.id: a for a in articles}, settings=SETTINGS, locks=[lock])
    told = {reason.article: reason.sentence for reason in found.reasons}
    assert told["whale-1"] == "an editor put it here (move)"
    assert told["copy"] == "it is a near-identical copy of dam-1"


def test_an_unknown_story_is_an_error() -> None:
    """Asking for a story that is not there says so."""
    with pytest.raises(NotFound, match="no such story"):
        explain("s-nothing", STORIES, BY_ID, settings=SETTINGS)
