"""Tests of where the public pages are, over a real connection."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.config import load
from newsletter.model import Article, Feed, Issue, IssueState
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.web.app import create_app
from tests.conftest import ROOT, StillClock
from tests.issue.content import NOON, OUTLETS, candidates, content
from tests.web.serving import Client, served
from tests.web.test_app import publish as publish_issue


@pytest.fixture
def room(tmp_path: Path, clock: StillClock) -> Iterator[Newsroom]:
    """A newsroom that reads the invented outlets and knows the stories of the invented day."""
    sources = "".join(
        f'\n[[source]]\nid = "{id_}"\nname = "{name}"\nlean = "{side or "unrated"}"\n'
        f'feed = "https://{id_}.example.org/feed"\n'
        for id_, (name, side, _, _) in OUTLETS.items()
    )
    config = tmp_path / "config.toml"
    config.write_text((ROOT / "config.toml").read_text("utf-8") + sources, "utf-8")
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    room = open_newsroom(load(config, ["collect.sources=[]"]), clock=clock)
    feeds = [Feed(url=f"https://{id_}.example.org/feed", outlet=id_) for id_ in OUTLETS]
    room.articles.sync_sources(room.outlets.values(), feeds)
    for feed in feeds:
        articles = [
            Article(
                id=f"{candidate.story.id}.{feed.outlet}",
                outlet=feed.outlet,
                url=f"https://{feed.outlet}.example.org/{candidate.story.id}",
                title=f"{candidate.story.headline}, writes {feed.outlet}",
                published=NOON,
                first_seen=NOON,
                feed=feed.url,
            )
            for candidate in candidates()
        ]
        room.articles.save_visit(feed, articles)
    room.stories.save([candidate.story for candidate in candidates()], NOON)
    yield room
    room.close()


@pytest.fixture
def client(room: Newsroom) -> Iterator[Client]:
    """Asks the application over a real connection."""
    with served(create_app(room)) as found:
        yield found


def publish(room: Newsroom, state: IssueState = IssueState.APPROVED) -> Issue:
    """The invented issue in a state."""
    return publish_issue(room, state)


@pytest.mark.parametrize("state", [IssueState.APPROVED, IssueState.SENT])
def test_every_page_that_a_mail_links_to_is_there(
    room: Newsroom, client: Client, state: IssueState
) -> None:
    """No link of ours in an issue leads to an error."""
    issue = publish(room, state)
    rendered = room.issues.revision(issue).rendered[0]
    base = re.escape(room.config.site.base_url)
    paths = set(re.findall(rf'href="{base}(/[^"]*)"', rendered.html))
    assert {"/method", "/corrections", "/stories/ferry-subsidy"} <= paths
    for path in sorted(paths):
        assert client.get(path).status == 200, path


def test_a_story_is_public_when_an_issue_that_told_it_is(room: Newsroom, client: Client) -> None:
    """Before an approval nobody reads it; afterwards everybody may."""
    publish(room, IssueState.DRAFT)
    assert client.get("/stories/ferry-subsidy").status == 404
    assert client.get("/stories/no-such-story").status == 404


def test_a_story_page_tells_what_the_issue_told(room: Newsroom, client: Client) -> None:
    """Headline, quotations and reasons for empty sides, and a card for previews."""
    publish(room)
    page = client.get("/stories/ferry-subsidy")
    assert "Assembly keeps the island ferries running" in page.text
    assert "ferries running on a one-year subsidy, writes valley" in page.text
    assert "A boat that carries nurses" in page.text
    assert (
        client.get("/stories/ferry-subsidy/card.svg")
        .headers["content-type"]
        .startswith("image/svg+xml")
    )


def test_an_unchanged_story_is_not_sent_again(room: Newsroom, client: Client) -> None:
    """The second visit costs a header."""
    publish(room)
    first = client.get("/stories/ferry-subsidy")
    again = client.ask(
        "GET", "/stories/ferry-subsidy", None, {"If-None-Match": first.headers["etag"]}
    )
    assert (again.status, again.text) == (304, "")


def test_archive_feed_and_sitemap_list_public_issues_only(room: Newsroom, client: Client) -> None:
    """A draft is in none of them."""
    publish(room, IssueState.DRAFT)
    assert "/issues/2026" not in client.get("/issues").text
    assert ET.fromstring(client.get("/feed.xml").text).findall("channel/item") == []
    assert "/stories/" not in client.get("/sitemap.xml").text


def test_archive_feed_and_sitemap_list_what_was_published(room: Newsroom, client: Client) -> None:
    """The issue in all three, its stories in the sitemap."""
    publish(room)
    assert "/issues/2026-11-22" in client.get("/issues").text
    assert len(ET.fromstring(client.get("/feed.xml").text).findall("channel/item")) == 1
    listed = client.get("/sitemap.xml").text
    assert all(f"/stories/{story.slug}<" in listed for story in content().stories)
