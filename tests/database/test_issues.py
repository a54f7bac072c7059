"""Issues, revisions and bells on disk."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from newsletter.database.articles import Articles
from newsletter.database.engine import Database
from newsletter.database.issues import Issues
from newsletter.database.stories import Stories
from newsletter.errors import IssueError, NotFound
from newsletter.model import Issue, IssueState
from tests.database.words import NOON, RENDERED, article, content, feed, outlet, story

TODAY = date(2026, 11, 22)


@pytest.fixture
def shelf(database: Database) -> Issues:
    """Issues over two stored stories."""
    articles = Articles(database)
    articles.sync_sources([outlet("left")], [feed("left")])
    articles.save_visits([(feed("left"), [article("a1", "left"), article("a2", "left")])])
    Stories(database).save([story("s1", "a1"), story("s2", "a2")], NOON)
    return Issues(database)


def drafted(shelf: Issues, *stories: str, day: date = TODAY) -> Issue:
    """A draft of these stories."""
    return shelf.save_draft(content(*stories, day=day), RENDERED, sha256="0" * 64, made=NOON)


def test_a_draft_is_a_numbered_revision_of_its_day(shelf: Issues) -> None:
    """Drafting twice makes two revisions of one issue, and both can be read again."""
    drafted(shelf, "s1")
    issue = drafted(shelf, "s2", "s1")
    assert (issue.id, issue.revision, issue.state) == ("daily-2026-11-22", 2, IssueState.DRAFT)
    assert shelf.revision(issue).content == content("s2", "s1")
    assert shelf.revision(issue, 1).content == content("s1")
    assert shelf.revision(issue).rendered == RENDERED
    assert shelf.stories_of(issue) == ("s2", "s1")


def test_an_issue_is_found_by_id_date_or_latest(shelf: Issues) -> None:
    """Three ways to name an issue; anything else is said not to be there."""
    old = drafted(shelf, "s1", day=TODAY - timedelta(days=1))
    new = drafted(shelf, "s1")
    assert shelf.find("latest") == new
    assert shelf.find("2026-11-21") == old
    assert shelf.find(old.id) == old
    assert shelf.of_day("daily", TODAY) == new
    assert shelf.of_day("weekly", TODAY) is None
    assert shelf.recent() == [new, old]
    for name in ("2025-01-01", "daily-1", "2026-99-99"):
        with pytest.raises(NotFound):
            shelf.find(name)
    with pytest.raises(NotFound):
        shelf.revision(new, 7)


def test_two_people_cannot_change_one_state_past_each_other(shelf: Issues) -> None:
    """The second of two changes from the same state is refused and may be tried again."""
    issue = drafted(shelf, "s1")
    approved = replace(issue, state=IssueState.APPROVED, approved_by="A")
    shelf.change(issue, approved)
    with pytest.raises(IssueError, match="somebody else") as caught:
        shelf.change(issue, replace(approved, approved_by="B"))
    assert caught.value.again
    assert shelf.find(issue.id).approved_by == "A"


def test_an_approved_issue_takes_no_new_draft(shelf: Issues) -> None:
    """Only a draft changes."""
    issue = drafted(shelf, "s1")
    shelf.change(issue, replace(issue, state=IssueState.APPROVED))
    with pytest.raises(IssueError, match="takes no new draft"):
        drafted(shelf, "s2")


def test_a_bell_is_marked_once(shelf: Issues) -> None:
    """The second to mark a bell learns that it was done."""
    assert shelf.ring("daily", TODAY, "send", NOON)
    assert not shelf.ring("daily", TODAY, "send", NOON)
    assert shelf.rung("daily", TODAY) == {"send"}
    assert shelf.rung("daily", TODAY - timedelta(days=1)) == set()
