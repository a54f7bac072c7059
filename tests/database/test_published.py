"""What anybody may read, on both engines: lists without the renderings, and a stamp over it all."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import update

from newsletter.database.engine import Database
from newsletter.database.issues import Issues
from newsletter.database.published import Published
from newsletter.database.rows import insert_new
from newsletter.database.tables import issue_revisions, stories
from newsletter.model import IssueState
from tests.database.words import NOON, RENDERED, content


def published(database: Database) -> Published:
    """One approved issue of one story."""
    row = {
        "id": "s1",
        "slug": "slug-s1",
        "headline": "Headline of s1",
        "section": "politics",
        "first_seen": NOON,
        "updated": NOON,
    }
    with database.begin() as connection:
        insert_new(connection, stories, [row])
    issues = Issues(database)
    issue = issues.save_draft(content("s1"), RENDERED, sha256="0" * 64, made=NOON)
    issues.change(issue, replace(issue, state=IssueState.APPROVED, approved_at=NOON))
    return Published(database)


def test_a_list_names_what_is_public(database: Database) -> None:
    """From its own columns, and for older rows from the rendering."""
    listed = published(database).listed()
    assert [(one.subject, one.seconds, one.stories) for one in listed] == [("Subject", 60, 1)]
    with database.begin() as connection:
        connection.execute(update(issue_revisions).values(subject="", preheader="", seconds=0))
    assert Published(database).listed() == listed


def test_the_stamp_stays_until_something_changes(database: Database) -> None:
    """A regrouped story is another word, on both engines."""
    found = published(database)
    before = found.stamp()
    assert found.stamp() == before
    with database.begin() as connection:
        connection.execute(update(stories).values(updated=NOON.replace(hour=13)))
    assert found.stamp() != before
