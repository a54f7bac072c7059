"""Leaving.

One click is a POST without login, cookie or redirect, urlencoded or multipart (RFC 8058). A GET
never changes anything, because link scanners follow every address in every mail. A word that
belongs to nobody gets the same answers as one that does: the person may have been erased.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from newsletter.audience.tokens import is_short_word
from newsletter.audience.unsubscribe_mail import mailto
from newsletter.model import Reader
from newsletter.newsroom import Newsroom
from newsletter.web.public.pages import Pages

MAX_BODY = 16_384
"""More than any one-click request or form of ours; what comes after it is not read."""


def router(room: Newsroom, pages: Pages) -> APIRouter:
    """``/u/WORD``, and where those are sent who have no word."""
    routes = APIRouter()

    def found(token: str) -> Reader | None:
        return room.readers.by_token(token) if is_short_word(token) else None

    @routes.api_route("/unsubscribe", methods=["GET", "HEAD"])
    @routes.api_route("/preferences", methods=["GET", "HEAD"])
    def whose(request: Request) -> Response:
        # Where the footer of an issue's public page leads: nobody's links stand in it.
        words = pages.words
        title = "unsubscribe" if request.url.path == "/unsubscribe" else "preferences"
        return HTMLResponse(pages.message(words(title), words("own_link")))

    @routes.api_route("/u/{token}", methods=["GET", "HEAD"])
    def ask(token: str) -> Response:
        reader = found(token)
        known = token if is_short_word(token) else "unknown"
        mailbox = room.config.audience.unsubscribe_mailto
        return HTMLResponse(
            pages.html(
                "unsubscribe",
                title=pages.words("unsubscribe_title"),
                address=shown(reader, pages),
                action=f"/u/{known}",
                done=False,
                hidden={},
                mailto=mailto(mailbox, known) if mailbox and reader else "",
                mailbox=mailbox,
                preferences_url=f"/p/{token}" if reader else "",
            )
        )

    @routes.post("/u/{token}")
    async def leave(token: str, request: Request) -> Response:
        body = await start_of_body(request)
        one_click = b"List-Unsubscribe" in body and b"One-Click" in body
        how = "one-click" if one_click else "unsubscribe page"

        def act() -> Reader | None:
            reader = found(token)
            if reader:
                room.readers.unsubscribe(token, how=how, now=room.clock())
            return reader

        reader = await run_in_threadpool(act)
        return HTMLResponse(pages.unsubscribe(address=shown(reader, pages), action="", done=True))

    return routes


async def start_of_body(request: Request, limit: int = MAX_BODY) -> bytes:
    """The first bytes of a request's body; the rest is not kept."""
    body = b""
    async for block in request.stream():
        body += block
        if len(body) >= limit:
            break
    return body[:limit]


async def fields_of(request: Request) -> dict[str, list[str]]:
    """The fields of a small form, without NUL, which PostgreSQL stores in no word."""
    body = (await start_of_body(request)).decode("utf-8", "replace")
    return parse_qs(body.replace("%00", "").replace("\0", ""))


def masked(email: str) -> str:
    """An address its owner recognises and nobody else can use: ``a…@example.org``."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}…@{domain}"


def shown(reader: Reader | None, pages: Pages) -> str:
    """An address as its own page shows it: a mail may have been passed on to somebody else."""
    return masked(reader.email) if reader else pages.words("this_address")
