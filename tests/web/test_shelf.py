"""Kept pages: the same bytes without work, and never older than the database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsletter import pipeline
from newsletter.database.published import Published
from newsletter.model import IssueState
from newsletter.newsroom import Newsroom
from newsletter.web.reading import FORM_PLACE
from tests.conftest import StillClock
from tests.issue.content import content
from tests.web.serving import Client
from tests.web.test_app import DAY, publish

SLUG = content().stories[0].slug
PATHS = ["/issues", f"/issues/{DAY}", f"/stories/{SLUG}", "/corrections", "/feed.xml"]


@pytest.mark.parametrize("path", [*PATHS, f"/stories/{SLUG}/card.png"])
def test_a_kept_page_is_the_page(room: Newsroom, client: Client, path: str) -> None:
    """Asked for again it is the same to the byte, with a tag, a minute of caching and all guards."""
    publish(room, IssueState.SENT)
    first, again = client.ask("HEAD", path), client.ask("HEAD", path)
    if not path.endswith(".png"):
        first, again = client.get(path), client.get(path)
    assert (first.status, again.status) == (200, 200)
    assert again.text == first.text
    assert again.headers["cache-control"] == "public, max-age=60"
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["x-content-type-options"] == "nosniff"
    fresh = client.get(path, **{"If-None-Match": first.headers["etag"]})
    assert (fresh.status, fresh.text) == (304, "")
    weak = client.get(path, **{"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert weak.status == 304


def test_what_is_taken_back_is_gone_at_once(room: Newsroom, client: Client) -> None:
    """A page that was kept is not given once its issue is a draft again."""
    issue = publish(room)
    assert client.get(f"/issues/{DAY}").status == 200
    assert client.get(f"/issues/{DAY}").status == 200
    room.issues.change(
        room.issues.find(issue.id), replace(room.issues.find(issue.id), state=IssueState.DRAFT)
    )
    assert client.get(f"/issues/{DAY}").status == 404


def test_a_correction_shows_at_once(room: Newsroom, client: Client) -> None:
    """On the story's page and in the list, though both were kept before."""
    publish(room, IssueState.SENT)
    before = client.get(f"/stories/{SLUG}").text
    client.get("/corrections")
    pipeline.correct(
        room, SLUG, "Two years.", by="Ada", before="one-year subsidy", after="two-year subsidy"
    )
    after = client.get(f"/stories/{SLUG}").text
    assert "two-year subsidy" not in before
    assert "two-year subsidy</h1>" in after.replace(" </h1>", "</h1>")
    assert "Two years." in after
    assert "one-year subsidy</del>" in after
    assert "Two years." in client.get("/corrections").text


def test_the_stamp_changes_with_what_is_told(room: Newsroom) -> None:
    """Every step an issue takes is another word; looking is not."""
    published = Published(room.database)
    seen = [published.stamp()]
    issue = publish(room, IssueState.DRAFT)
    seen.append(published.stamp())
    for state in (IssueState.APPROVED, IssueState.SENDING, IssueState.CANCELLED):
        current = room.issues.find(issue.id)
        room.issues.change(current, replace(current, state=state))
        seen.append(published.stamp())
    assert len(set(seen)) == len(seen)
    assert published.stamp() == published.stamp()


def test_the_front_page_is_fresh_and_its_form_too(
    room: Newsroom, client: Client, clock: StillClock
) -> None:
    """It shows an issue as soon as there is one, and its form always says when it was shown."""
    before = client.get("/").text
    again = client.get("/").text
    clock.pass_(hours=1)
    later = client.get("/").text
    assert before == again
    assert FORM_PLACE not in later
    if 'name="form"' in before:
        assert later != before
    publish(room, IssueState.SENT)
    assert content().stories[0].brief.headline in client.get("/").text


def test_readers_own_pages_are_not_kept(room: Newsroom, client: Client) -> None:
    """Their links answer afresh, and say so."""
    reader = room.readers.by_email("ada@example.org")
    assert reader
    answer = client.get(f"/p/{reader.token}")
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
