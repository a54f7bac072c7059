"""Signing up: a form, a mail with a link, a page with a button.

Whoever types an address learns nothing about it: the answer is the same for every address, and
what is known about it is looked up after the answer has gone out. A link in a mail confirms
nothing by being followed, because scanners follow every link; the button on its page does.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response
from starlette.background import BackgroundTask

from newsletter.audience.addresses import Address, read_address
from newsletter.database.published import Published
from newsletter.database.signups import PENDING_FOR, Wish
from newsletter.errors import ConfigError, NewsletterError
from newsletter.newsroom import Newsroom
from newsletter.web.choice_form import digest_of, first, topics
from newsletter.web.form_word import place, shown_at
from newsletter.web.leaving import fields_of
from newsletter.web.post import Addressee, send_confirmation, send_welcome
from newsletter.web.public.pages import Pages
from newsletter.web.reading import front_html

log = logging.getLogger(__name__)

TERMS = "sign-up form, 2026-11"
"""The version of the text beside the form; a new text gets a new name."""
FROM_ONE_PLACE = ((5, timedelta(minutes=10)), (20, timedelta(days=1)))
FROM_EVERYWHERE = ((600, timedelta(minutes=10)),)
SIGN_UP = "sign-up"
"""The lane that sign-ups are counted on, by page and by API together."""


def router(room: Newsroom, pages: Pages) -> APIRouter:
    """``/subscribe`` and ``/confirm/WORD``."""
    routes = APIRouter()
    published = Published(room.database)
    words = pages.words
    pages.shared["form_word"] = partial(str, place(room))

    def taken(fields: dict[str, list[str]], origin: str) -> Response:
        now = room.clock()
        if not may_knock(room, origin, now):
            page = pages.message(words("too_many_title"), words("too_many"))
            return HTMLResponse(page, 429, {"Retry-After": "3600"})
        typed = first(fields, "email")
        address = read_address(typed)
        problem = ""
        if not isinstance(address, Address):
            problem = words("sign_up_problem", reason=address)
        elif address.domain in disposable(room):
            reason = words("sign_up_disposable", domain=address.domain)
            problem = words("sign_up_problem", reason=reason)
        elif not patient(room, first(fields, "form"), now):
            problem = words("form_again")
        if problem or not isinstance(address, Address):
            page = front_html(room, pages, published, problem=problem, email=typed[:254])
            return HTMLResponse(page, 400)
        wish = Wish(
            email=address.email,
            key=address.key,
            domain=address.domain,
            editions=editions_of(room, fields.get("edition", [])),
            topics=topics(fields.get("topics", [])),
            language=room.config.site.language,
            terms=TERMS,
            origin=origin,
        )
        # A robot that filled in the hidden field gets the same answer, and nothing happens.
        trapped = bool(fields.get("website"))
        task = None if trapped else BackgroundTask(invite, room, wish, now)
        page = pages.message(
            words("sign_up_sent_title"), words("sign_up_sent"), words("sign_up_sent_hint")
        )
        # A connection kept open would show by its next answer how long the work here took.
        return HTMLResponse(page, headers={"Connection": "close"}, background=task)

    @routes.post("/subscribe")
    async def subscribe(request: Request) -> Response:
        fields = await fields_of(request)
        return await run_in_threadpool(taken, fields, origin_of(request))

    @routes.api_route("/confirm/{word}", methods=["GET", "HEAD"])
    def ask(word: str) -> Response:
        if room.signer("confirm").read(word, now=room.clock()) is None:
            return void()
        return HTMLResponse(
            pages.message(
                words("confirm_title"),
                words("confirm_sentence"),
                action=f"/confirm/{word}",
                button=words("confirm_button"),
            )
        )

    @routes.post("/confirm/{word}")
    def confirm(word: str, request: Request) -> Response:
        now = room.clock()
        held = room.signer("confirm").read(word, now=now)
        if held is None:
            return void()
        reader, consent = int(held["r"]), int(held["c"])
        done = room.signups.confirm(reader, consent, now=now, origin=origin_of(request))
        if done is None:
            return void()
        greeting = BackgroundTask(greet, room, published, done.token, consent, str(held["e"]))
        page = pages.message(
            words("confirmed_title"),
            words("confirmed_sentence"),
            links=(("/", words("front_page")), (f"/p/{done.token}", words("preferences"))),
        )
        return HTMLResponse(page, background=greeting if done.fresh else None)

    def void() -> Response:
        page = pages.message(
            words("confirm_void_title"),
            words("confirm_void"),
            links=(("/", words("front_page")),),
        )
        return HTMLResponse(page, 404)

    return routes


def invite(room: Newsroom, wish: Wish, now: datetime) -> None:
    """Note a sign-up and write to the address, if that may be done."""
    try:
        invitation = room.signups.sign_up(wish, now=now, token=room.token)
        if invitation is None:
            return
        edition = wish.editions[0]
        word = room.signer("confirm").sign(
            {"r": invitation.reader, "c": invitation.consent, "e": edition},
            expires=now + PENDING_FOR,
        )
        to = Addressee(
            reader=invitation.reader,
            email=invitation.email,
            token=invitation.token,
            number=invitation.consent,
        )
        base = room.config.site.base_url.rstrip("/")
        send_confirmation(room, to, url=f"{base}/confirm/{word}", edition=edition)
    except NewsletterError as error:
        # The visitor has the answer already; this is for the operator.
        log.error("a sign-up could not be noted: %s", error)


def greet(room: Newsroom, published: Published, token: str, number: int, edition: str) -> None:
    """Welcome a person who confirmed."""
    try:
        reader = room.readers.by_token(token)
        if reader is None or edition not in room.config.editions:
            return
        to = Addressee(reader=reader.id, email=reader.email, token=token, number=number)
        latest = next(iter(published.listed(1)), None)
        send_welcome(room, to, edition=edition, latest=latest)
    except NewsletterError as error:
        log.error("a welcome could not be sent: %s", error)


def origin_of(request: Request) -> str:
    """The internet address a request came from, as the server sees it."""
    return request.client.host if request.client else ""


def may_knock(room: Newsroom, origin: str, now: datetime) -> bool:
    """Count one sign-up from a place, unless it is one too many; all processes count together."""
    return room.knocks.allows(SIGN_UP, origin, now, each=FROM_ONE_PLACE, together=FROM_EVERYWHERE)


def patient(room: Newsroom, word: str, now: datetime) -> bool:
    """Whether a form was shown by us, and long enough ago for a person to have filled it in."""
    least = room.config.audience.form_seconds
    if not least:
        return True
    shown = shown_at(room, word, now)
    return shown is not None and now - shown >= timedelta(seconds=least)


def disposable(room: Newsroom) -> frozenset[str]:
    """The domains of throw-away mailboxes, from the operator's own list."""
    named = room.config.audience.disposable_domains
    return _domains(room.config.path(named)) if named else frozenset()


@lru_cache(maxsize=4)
def _domains(file: Path) -> frozenset[str]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            str(file),
            "the list of throw-away domains cannot be read",
            hint="[audience] disposable_domains names a UTF-8 text file, one domain a line.",
        ) from None
    return frozenset(line.split("#")[0].strip().lower() for line in lines) - {""}


def editions_of(room: Newsroom, asked: list[str]) -> tuple[str, ...]:
    """The editions of a sign-up: those asked for that there are, else the first."""
    known = [name for name, one in room.config.editions.items() if not digest_of(one)]
    return tuple(name for name in known if name in asked) or (known[0],)
