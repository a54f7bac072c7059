"""The issues, as anybody may read them. Drafts are never among them."""

from __future__ import annotations

import hashlib
import re
from datetime import date

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from newsletter.errors import NotFound
from newsletter.issue.render import web_page
from newsletter.model import Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.web.public.pages import Pages

PUBLIC = frozenset(
    {
        IssueState.APPROVED,
        IssueState.SENDING,
        IssueState.PAUSED,
        IssueState.SENT,
        IssueState.PARTLY_SENT,
    }
)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CACHE = "public, max-age=60"


def router(room: Newsroom, pages: Pages) -> APIRouter:
    """``/``, ``/issues/DAY`` and ``/robots.txt``."""
    routes = APIRouter()

    @routes.api_route("/", methods=["GET", "HEAD"])
    def front(request: Request) -> Response:
        issue = _latest(room)
        if issue is None:
            words = pages.words
            return HTMLResponse(pages.message(words("front_empty_title"), words("front_empty")))
        return _page(room, issue, request)

    @routes.api_route("/issues/{day}", methods=["GET", "HEAD"])
    def one(day: str, request: Request, edition: str = "") -> Response:
        return _page(room, _of_day(room, day, edition), request)

    @routes.api_route("/robots.txt", methods=["GET", "HEAD"])
    def robots() -> Response:
        closed = ("/u/", "/p/", "/confirm/", "/api/", "/hooks/", "/desk")
        lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed)]
        return PlainTextResponse("\n".join(lines) + "\n")

    return routes


def is_public(issue: Issue) -> bool:
    """Whether anybody may read it: approved or on its way, or cancelled after letters had left."""
    return issue.state in PUBLIC or (
        issue.state is IssueState.CANCELLED and issue.send_started is not None
    )


def _latest(room: Newsroom) -> Issue | None:
    return next(filter(is_public, room.issues.recent(limit=100)), None)


def _of_day(room: Newsroom, day: str, edition: str) -> Issue:
    """The public issue of a day, of one edition or of the first that has one.

    :raises NotFound: when there is none; a draft answers like nothing at all.
    """
    try:
        wanted = date.fromisoformat(day) if _DAY.fullmatch(day) else None
    except ValueError:
        wanted = None
    if wanted is not None:
        for name in [edition] if edition else room.config.editions:
            issue = room.issues.of_day(name, wanted)
            if issue is not None and is_public(issue):
                return issue
    raise NotFound(day, "there is no such issue")


def _page(room: Newsroom, issue: Issue, request: Request) -> Response:
    rendered = room.issues.revision(issue).rendered
    # The rendering for readers without chosen topics holds every story.
    whole = next((one for one in rendered if not one.variant), rendered[0])
    site = room.config.site
    address = f"{site.base_url.rstrip('/')}/issues/{issue.day.isoformat()}"
    html = web_page(whole, site, address=address)
    tag = f'"{hashlib.sha256(html.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": _CACHE}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(html, headers=headers)
