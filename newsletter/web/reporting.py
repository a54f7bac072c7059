"""Reporting a problem with a story: a form, a number, and what became of it."""

from __future__ import annotations

import re
from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from newsletter.audience.addresses import Address, read_address
from newsletter.database.published import Published
from newsletter.database.reports import Report, Reports
from newsletter.newsroom import Newsroom
from newsletter.web.leaving import fields_of
from newsletter.web.public.pages import Pages
from newsletter.web.public.reports import (
    ReportKind,
    Ticket,
    TicketState,
    report_page,
    ticket_page,
)

MAX_DETAILS = 4_000
FROM_ONE_PLACE = ((5, timedelta(hours=1)),)
REPORT = "report"
"""The lane that reports are counted on, by all processes together."""
_NUMBER = re.compile(r"[A-Za-z0-9]{12}")


def router(room: Newsroom, pages: Pages) -> APIRouter:
    """``POST /stories/SLUG/report`` and ``/reports/NUMBER``."""
    routes = APIRouter()
    published, reports = Published(room.database), Reports(room.database)
    words = pages.words

    @routes.post("/stories/{slug}/report")
    async def report(slug: str, request: Request) -> Response:
        fields = await fields_of(request)
        origin = request.client.host if request.client else ""

        def act() -> Response:
            found = published.story(slug)
            if found is None:
                raise HTTPException(404)
            if not room.knocks.allows(REPORT, origin, room.clock(), each=FROM_ONE_PLACE):
                page = pages.message(words("too_many_title"), words("too_many"))
                return HTMLResponse(page, 429, {"Retry-After": "3600"})
            story = found[1]
            kind = (fields.get("kind") or [""])[0]
            details = (fields.get("details") or [""])[0].strip()[:MAX_DETAILS]
            if kind not in set(ReportKind) or not details:
                page = report_page(
                    pages,
                    story=story.brief.headline,
                    slug=slug,
                    kind=kind,
                    details=details,
                    problem=words("report_incomplete"),
                    by_form=True,
                )
                return HTMLResponse(page, 400)
            address = read_address((fields.get("email") or [""])[0])
            made = Report(
                number=room.tag(),
                kind=kind,
                slug=slug,
                story=story.brief.headline,
                details=details,
                email=address.email if isinstance(address, Address) else "",
                made=room.clock(),
            )
            if not fields.get("website"):
                reports.add(made)
            # A reload must not report again.
            return RedirectResponse(f"/reports/{made.number}?fresh=1", 303)

        return await run_in_threadpool(act)

    @routes.api_route("/reports/{number}", methods=["GET", "HEAD"])
    def ticket(number: str, fresh: str = "") -> Response:
        found = reports.get(number) if _NUMBER.fullmatch(number) else None
        if found is None:
            raise HTTPException(404)
        shown = Ticket(
            number=found.number,
            kind=ReportKind(found.kind),
            story=found.story,
            slug=found.slug,
            made=found.made,
            state=TicketState(found.state),
            answer=found.answer,
        )
        page = ticket_page(pages, shown, fresh=bool(fresh))
        return HTMLResponse(page, headers={"Cache-Control": "no-store", "X-Robots-Tag": "noindex"})

    return routes
