"""What anybody may read: the front page, issues, stories, how it is made. Never a draft."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from newsletter.database.published import Published
from newsletter.errors import NotFound
from newsletter.issue.clean import clean
from newsletter.issue.correct import put_right
from newsletter.issue.render import web_page
from newsletter.issue.view import source_line
from newsletter.model import (
    Article,
    Brief,
    Issue,
    IssueStory,
    Outlet,
    Side,
    SideBrief,
    SourceLine,
    Story,
)
from newsletter.newsroom import Newsroom
from newsletter.pipeline.grouping import related_of
from newsletter.stories.history import history
from newsletter.web.public.card import draw_card
from newsletter.web.public.issues import (
    EditionLine,
    IssueLine,
    archive_page,
    feed,
    front_page,
    robots,
    sitemap,
)
from newsletter.web.public.method import method_page
from newsletter.web.public.pages import Pages
from newsletter.web.public.reports import corrections_page, report_page
from newsletter.web.public.story import StoryPage, Version, story_page

READ = ["GET", "HEAD"]
FORM_PLACE = "the-word-of-the-form"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


def router(room: Newsroom, pages: Pages) -> APIRouter:
    """The public pages."""
    routes = APIRouter()
    published = Published(room.database)
    front_kept: dict[str, str] = {}

    @routes.api_route("/", methods=READ)
    def front(request: Request) -> Response:
        # Kept like other pages, but for the word that says when the form was shown.
        stamp, word = published.stamp(), pages.shared.get("form_word")
        kept = front_kept.get(stamp)
        if kept is None:
            place = FORM_PLACE if word else ""
            kept = front_html(room, pages, published, form_place=place)
            front_kept.clear()
            front_kept[stamp] = kept
        return cached(request, kept.replace(FORM_PLACE, word()) if word else kept)

    @routes.api_route("/issues", methods=READ)
    def archive(request: Request) -> Response:
        return cached(request, archive_page(pages, _lines(published)))

    @routes.api_route("/issues/{day}", methods=READ)
    def one(day: str, request: Request, edition: str = "") -> Response:
        issue = _of_day(room, published, day, edition)
        return cached(request, _issue_html(room, issue))

    @routes.api_route("/stories/{slug}", methods=READ)
    def story(slug: str, request: Request) -> Response:
        return cached(request, story_page(pages, _story(room, published, slug)))

    @routes.api_route("/stories/{slug}/card.png", methods=READ)
    def card(slug: str, request: Request) -> Response:
        return cached(request, draw_card(pages, _story(room, published, slug)), "image/png")

    @routes.api_route("/stories/{slug}/report", methods=READ)
    def report(slug: str, request: Request) -> Response:
        found = _story(room, published, slug).story
        page = report_page(pages, story=found.headline, slug=found.slug, by_form=True)
        return cached(request, page)

    @routes.api_route("/method", methods=READ)
    def method(request: Request) -> Response:
        return cached(request, _method(room, pages))

    @routes.api_route("/corrections", methods=READ)
    def corrections(request: Request) -> Response:
        return cached(request, corrections_page(pages, room.corrections.all()))

    @routes.api_route("/feed.xml", methods=READ)
    def rss(request: Request) -> Response:
        return cached(
            request, feed(pages, _lines(published, 50)), "application/rss+xml; charset=utf-8"
        )

    @routes.api_route("/sitemap.xml", methods=READ)
    def site_map(request: Request) -> Response:
        entries: list[tuple[str, datetime | date | None]] = [
            ("/", None),
            ("/issues", None),
            ("/method", None),
            ("/corrections", None),
        ]
        entries += [(f"/issues/{line.day}", line.sent) for line in _lines(published)]
        entries += [(f"/stories/{slug}", at) for slug, at in published.slugs()]
        return cached(request, sitemap(pages, entries), "application/xml; charset=utf-8")

    @routes.api_route("/robots.txt", methods=READ)
    def robots_txt() -> Response:
        return PlainTextResponse(robots(pages))

    return routes


def cached(request: Request, body: str | bytes, kind: str = "text/html; charset=utf-8") -> Response:
    """An answer that a browser keeps for a minute and asks for again by its hash."""
    raw = body.encode() if isinstance(body, str) else body
    tag = f'"{hashlib.sha256(raw).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "public, max-age=60"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(raw, media_type=kind, headers=headers)


def front_html(
    room: Newsroom,
    pages: Pages,
    published: Published,
    *,
    problem: str = "",
    email: str = "",
    form_place: str = "",
) -> str:
    """The front page, with why a sign-up was refused if one was.

    :param form_place: what stands where the form's word goes; a fresh word when empty.
    """
    latest = published.latest()
    return front_page(
        pages,
        latest=published.content(latest) if latest else None,
        editions=[
            EditionLine(
                name=name,
                title=edition.title,
                comes=pages.words("edition_comes", time=edition.send_at.strftime("%H:%M")),
            )
            for name, edition in room.config.editions.items()
        ],
        outlets=len(room.outlets),
        form_place=form_place,
        problem=problem,
        email=email,
    )


def _method(room: Newsroom, pages: Pages) -> str:
    return method_page(
        pages,
        room.config,
        list(room.outlets.values()),
        attribution=room.ratings_attribution,
    )


def _lines(published: Published, limit: int = 1_000) -> list[IssueLine]:
    return [
        IssueLine(
            day=one.day,
            subject=one.subject,
            preheader=one.preheader,
            stories=one.stories,
            seconds=one.seconds,
            sent=one.at,
            edition=one.edition,
        )
        for one in published.listed(limit)
    ]


def _of_day(room: Newsroom, published: Published, day: str, edition: str) -> Issue:
    """The public issue of a day, of one edition or of the first that has one.

    :raises NotFound: when there is none; a draft answers like nothing at all.
    """
    try:
        wanted = date.fromisoformat(day) if _DAY.fullmatch(day) else None
    except ValueError:
        wanted = None
    editions = [edition] if edition else list(room.config.editions)
    issue = published.of_day(wanted, editions) if wanted else None
    if issue is None:
        raise NotFound(day, "there is no such issue")
    return issue


def _issue_html(room: Newsroom, issue: Issue) -> str:
    revision = room.issues.revision(issue)
    rendered = revision.rendered
    # The rendering for readers without chosen topics holds every story.
    whole = next((one for one in rendered if not one.variant), rendered[0])
    base = room.config.site.base_url.rstrip("/")
    address = f"{base}/issues/{issue.day.isoformat()}"
    content = revision.content
    since = {entry.story for entry in room.corrections.all()}
    page = web_page(
        whole,
        room.config.site,
        address=address,
        image=f"{base}/stories/{content.stories[0].slug}/card.png" if content.stories else "",
        corrected=[
            (f"{base}/stories/{told.slug}", clean(told.brief.headline))
            for told in content.stories
            if told.story in since
        ],
    )
    # Letters need whole addresses; here the same links lead on wherever the pages are served,
    # also on a machine that the world does not know by its base_url.
    return re.sub(rf'(<a\b[^>]*?\bhref="){re.escape(base)}/', r"\1/", page)


def _story(room: Newsroom, published: Published, slug: str) -> StoryPage:
    """A story as the last public issue told it, with every article there is by now.

    The text is the one an editor approved; a newer version that nobody approved is not shown.

    :raises NotFound: when no public issue told it.
    """
    found = published.story(slug) if _SLUG.fullmatch(slug) else None
    if found is None:
        raise NotFound(slug, "there is no such story")
    issue, told = found
    # A story whose articles went to another one later keeps the page that its issue links to.
    story = room.stories.by_slug(slug) or Story(
        id=told.story,
        slug=told.slug,
        headline=told.brief.headline,
        articles=tuple(told.sources),
        first_seen=issue.created,
        updated=issue.created,
    )
    corrections = room.corrections.of_story(told.story)
    outlets = room.articles.outlets()
    articles = sorted(
        room.articles.get(story.articles).values(), key=lambda one: (one.published, one.id)
    )
    sources = _sources(told, articles, outlets)
    return StoryPage(
        story=story,
        brief=put_right(_in_full(room, told, sources), corrections),
        sources=sources,
        copies=frozenset(article.id for article in articles if article.same_as),
        history=history(articles) or told.history,
        versions=_versions(room, story),
        related=related_of(room, [told.story]).get(told.story, told.related),
        corrections=corrections,
        editor=issue.approved_by,
        update=told.update,
    )


def _in_full(room: Newsroom, told: IssueStory, sources: Mapping[str, SourceLine]) -> Brief:
    """The brief with all the bullets of the version that was approved.

    An issue shows as many as its reading time allows; all of them passed the same checks.
    """
    versions = room.briefs.versions(told.story)
    stored = next((one.brief for one in versions if one.version == told.brief.version), None)
    if stored is None:
        return told.brief
    written: Brief = stored

    def full(side: Side) -> SideBrief:
        whole, shown = written.of(side), told.brief.of(side)
        if len(whole.bullets) <= len(shown.bullets):
            return shown
        kept = tuple(one for one in whole.bullets if set(one.citations) & set(sources))
        return replace(whole, bullets=kept)

    left, center, right = map(full, (Side.LEFT, Side.CENTER, Side.RIGHT))
    return replace(told.brief, left=left, center=center, right=right)


def _sources(
    told: IssueStory, articles: list[Article], outlets: dict[str, Outlet]
) -> dict[str, SourceLine]:
    """Every article of the story; those the issue named stay as it named them."""
    sources = dict(told.sources)
    for article in articles:
        outlet = outlets.get(article.outlet)
        if outlet and article.id not in sources:
            sources[article.id] = source_line(article, outlet)
    return sources


def _versions(room: Newsroom, story: Story) -> tuple[Version, ...]:
    """Each headline the story had, once, when it first had it."""
    found: list[Version] = []
    for _, at, headline, _ in room.stories.versions(story.id):
        if not found or found[-1].headline != headline:
            found.append(Version(at=at, headline=headline))
    return tuple(found)
