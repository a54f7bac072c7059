"""Following a counted link: ``/l/WORD/NUMBER`` in letters of readers who let us count clicks.

The answer is the way on, at once and always; what there is to count is counted after it has left.
Nothing is counted of a HEAD, of a browser that fetches ahead, or of a reader who switched counting
off since. Of whoever follows the link nothing else is kept: no internet address, no browser.
"""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.background import BackgroundTask

from newsletter.errors import NewsletterError
from newsletter.newsroom import Newsroom
from newsletter.pipeline.clicks import read_click
from newsletter.web.public.pages import Pages

log = logging.getLogger(__name__)

_AHEAD = ("purpose", "sec-purpose", "x-purpose", "x-moz")


def router(room: Newsroom, pages: Pages) -> APIRouter:
    """``/l/WORD/NUMBER``."""
    routes = APIRouter()
    words = pages.words

    @routes.api_route("/l/{word}/{number}", methods=["GET", "HEAD"])
    def follow(word: str, number: str, request: Request) -> Response:
        read = read_click(room, word, number)
        url = room.clicks.leads_to(*read[1:]) if read else None
        if read is None or url is None:
            page = pages.message(
                words("link_void_title"), words("link_void"), links=(("/", words("front_page")),)
            )
            return HTMLResponse(page, 404)
        counts = request.method == "GET" and not ahead(request)
        task = BackgroundTask(count, room, read[0], read[2]) if counts else None
        return RedirectResponse(url, 302, background=task)

    return routes


def count(room: Newsroom, delivery: str, link: int) -> None:
    """Count a click; the reader is on their way already, so trouble goes to the log."""
    try:
        room.clicks.note(delivery, link, at=room.clock())
    except NewsletterError as error:
        log.warning("a click could not be counted: %s", error)


def ahead(request: Request) -> bool:
    """Whether a program asks in case its reader follows the link later."""
    said = " ".join(request.headers.get(name, "") for name in _AHEAD).lower()
    return "prefetch" in said or "preview" in said or "prerender" in said
