"""Where the public pages are: stories, the archive, the method, corrections, feed and sitemap.

A story is public when an issue that told it is; before that its page answers like nothing at all,
because nobody has approved its words.
"""

from __future__ import annotations

import hashlib

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from newsletter.errors import NotFound
from newsletter.issue.view import source_line
from newsletter.model import Issue, Story
from newsletter.newsroom import Newsroom
from newsletter.stories.history import history
from newsletter.web.public.issues import IssueLine, archive_page, feed, sitemap
from newsletter.web.public.method import method_page
from newsletter.web.public.pages import Pages
from newsletter.web.public.reports import corrections_page, report_page
from newsletter.web.public.story import StoryPage, Version, story_card, story_page
from newsletter.web.reading import is_public

_CACHE = "public, max-age=60"
_LISTED = 400
"""Issues that archive and sitemap list; more than a year of a daily."""


def router(room: Newsroom, pages: Pages) -> APIRouter:
    """Stories under ``/stories``, ``/issues``, ``/method``, ``/corrections``, feed and sitemap."""
    routes = APIRouter()

    @routes.api_route("/stories/{slug}", methods=["GET", "HEAD"])
    def story(slug: str, request: Request) -> Response:
        found, issue = _public_story(room, slug)
        return answer(request, story_page(pages, _story_page(room, found, issue)))

    @routes.api_route("/stories/{slug}/card.svg", methods=["GET", "HEAD"])
    def card(slug: str, request: Request) -> Response:
        found, issue = _public_story(room, slug)
        drawing = story_card(pages, _story_page(room, found, issue))
        return answer(request, drawing, "image/svg+xml")

    @routes.api_route("/stories/{slug}/report", methods=["GET", "HEAD"])
    def report(slug: str, request: Request) -> Response:
        found, _ = _public_story(room, slug)
        return answer(request, report_page(pages, story=found.headline, slug=found.slug))

    @routes.api_route("/issues", methods=["GET", "HEAD"])
    def archive(request: Request) -> Response:
        return answer(request, archive_page(pages, _lines(room, _public_issues(room))))

    @routes.api_route("/method", methods=["GET", "HEAD"])
    def method(request: Request) -> Response:
        return answer(request, method_page(pages, room.config, list(room.outlets.values())))

    @routes.api_route("/corrections", methods=["GET", "HEAD"])
    def corrections(request: Request) -> Response:
        return answer(request, corrections_page(pages, ()))

    @routes.api_route("/feed.xml", methods=["GET", "HEAD"])
    def issues_feed(request: Request) -> Response:
        lines = _lines(room, _public_issues(room)[:50])
        return answer(request, feed(pages, lines), "application/rss+xml")

    @routes.api_route("/sitemap.xml", methods=["GET", "HEAD"])
    def site_map(request: Request) -> Response:
        issues = _public_issues(room)
        ids = dict.fromkeys(id_ for issue in issues for id_ in room.issues.stories_of(issue))
        told = room.stories.get(ids)
        entries = [
            ("/", None),
            ("/issues", None),
            ("/method", None),
            ("/corrections", None),
            *((f"/issues/{issue.day.isoformat()}", issue.day) for issue in issues),
            *((f"/stories/{told[id_].slug}", told[id_].updated) for id_ in ids if id_ in told),
        ]
        return answer(request, sitemap(pages, entries), "application/xml")

    return routes


def answer(request: Request, body: str, kind: str = "text/html") -> Response:
    """A page that a browser need not load again while it stays the same."""
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": _CACHE}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if kind == "text/html":
        return HTMLResponse(body, headers=headers)
    return Response(body, media_type=f"{kind}; charset=utf-8", headers=headers)


def _public_issues(room: Newsroom) -> list[Issue]:
    return [issue for issue in room.issues.recent(limit=_LISTED) if is_public(issue)]


def _public_story(room: Newsroom, slug: str) -> tuple[Story, Issue]:
    """The story of that slug and the newest public issue that told it.

    :raises NotFound: when there is no such story, or no public issue told it.
    """
    story = room.stories.by_slug(slug)
    told = [issue for issue in room.issues.telling(story.id) if is_public(issue)] if story else []
    if story is None or not told:
        raise NotFound(slug, "there is no such story")
    return story, told[0]


def _story_page(room: Newsroom, story: Story, issue: Issue) -> StoryPage:
    """The story as it is known now, with the text of its newest brief.

    :raises NotFound: when the story has no text any more.
    """
    brief, _ = room.stories.newest_briefs([story.id]).get(story.id, (None, ""))
    if brief is None:
        # Its brief is gone or was never stored; the issue still holds the text it was sent with.
        content = room.issues.revision(issue).content
        brief = next((item.brief for item in content.stories if item.story == story.id), None)
    if brief is None:
        raise NotFound(story.slug, "this story has no text")
    found = room.articles.get(story.articles)
    articles = [found[id_] for id_ in story.articles if id_ in found]
    outlets = room.outlets
    shown = [article for article in articles if article.outlet in outlets]
    return StoryPage(
        story=story,
        brief=brief,
        sources={a.id: source_line(a, outlets[a.outlet]) for a in shown},
        copies=frozenset(a.id for a in shown if a.same_as),
        history=history(shown),
        versions=_versions(room, story),
        editor=issue.approved_by,
        update=False,
    )


def _versions(room: Newsroom, story: Story) -> tuple[Version, ...]:
    """The headlines a story has had, each once, oldest first."""
    versions: list[Version] = []
    for _, at, headline, _ in room.stories.versions(story.id):
        if not versions or versions[-1].headline != headline:
            versions.append(Version(at=at, headline=headline))
    return tuple(versions)


def _lines(room: Newsroom, issues: list[Issue]) -> list[IssueLine]:
    lines = []
    for issue in issues:
        revision = room.issues.revision(issue)
        first = revision.rendered[0]
        lines.append(
            IssueLine(
                day=issue.day,
                subject=first.subject,
                preheader=first.preheader,
                stories=len(revision.content.stories),
                seconds=revision.content.seconds,
                sent=issue.send_started or issue.approved_at or issue.created,
                edition=issue.edition,
            )
        )
    return lines
