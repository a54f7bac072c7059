"""The desk put together, and the pages for those who may not come in."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import Response

from newsletter.editors.passwords import Passwords
from newsletter.errors import Conflict, NewsletterError
from newsletter.newsroom import Newsroom
from newsletter.web.desk import (
    account,
    approving,
    articles,
    correcting,
    entering,
    people,
    preview,
    sending,
    signing_on,
    standing,
    story,
    today,
    watching,
)
from newsletter.web.desk.courier import Courier
from newsletter.web.desk.door import (
    ConfirmNeeded,
    NotAllowed,
    SecondFactorNeeded,
    SignInNeeded,
    safe_next,
    session_of,
)
from newsletter.web.desk.pages import DeskPages
from newsletter.web.desk.reception import Reception
from newsletter.web.public.pages import Pages

log = logging.getLogger(__name__)


def mount(
    app: FastAPI, room: Newsroom, public: Pages, *, passwords: Passwords | None = None
) -> None:
    """Add the desk to an application.

    :param passwords: how passwords are hashed; tests give a cheaper way.
    """
    app.state.room = room
    pages = DeskPages(public)
    passwords = passwords or Passwords()
    audience = today.Audience(room)
    courier = Courier(room)
    reception = Reception(room, pages)
    for routes in (
        entering.router(reception, passwords),
        signing_on.router(reception),
        account.router(reception, passwords),
        people.router(room, pages),
        today.router(room, pages, audience),
        preview.router(room, pages),
        story.router(room, pages),
        articles.router(room, pages),
        approving.router(room, pages, audience, courier),
        sending.router(room, pages, courier),
        watching.router(room, pages),
        standing.router(room, pages),
        correcting.router(room, pages, courier),
    ):
        app.include_router(routes)
    _refusals(app, room, pages)


def _refusals(app: FastAPI, room: Newsroom, pages: DeskPages) -> None:
    @app.exception_handler(SignInNeeded)
    async def sign_in(request: Request, error: SignInNeeded) -> Response:
        if request.headers.get("hx-request"):
            # A part was asked for: the whole page goes to the sign-in, and comes back whole.
            page = urlsplit(request.headers.get("hx-current-url", ""))
            back = safe_next(page.path + (f"?{page.query}" if page.query else ""))
            return Response(status_code=401, headers={"HX-Redirect": f"/desk/login?next={back}"})
        return pages.go(f"/desk/login?next={error.back}")

    @app.exception_handler(SecondFactorNeeded)
    async def enrol(_request: Request, _error: SecondFactorNeeded) -> Response:
        return pages.go("/desk/account")

    @app.exception_handler(ConfirmNeeded)
    async def confirm(_request: Request, error: ConfirmNeeded) -> Response:
        return pages.go(f"/desk/again?next={error.back}")

    @app.exception_handler(NotAllowed)
    def not_allowed(request: Request, error: NotAllowed) -> Response:
        found = session_of(request, room)
        who = f"person {found[1].id}" if found else "nobody"
        log.warning("refused: %s %s by %s", request.method, request.url.path[:200], who)
        return pages.show(
            None,
            "said",
            status=403,
            title="This is not open to you",
            sentences=[error.sentence],
            links=[("/desk", "Back to today")],
        )

    @app.exception_handler(NewsletterError)
    def stated(request: Request, error: NewsletterError) -> Response:
        """An act that was refused, in its own words."""
        signed_in = session_of(request, room) is not None
        sentence = f"{error}."[:1].upper() + f"{error}."[1:]
        return pages.show(
            None,
            "said",
            status=409 if isinstance(error, Conflict) else 400,
            title="That was not done",
            sentences=[sentence, error.hint] if signed_in else ["It cannot be done now."],
            links=[("/desk", "Back to today")] if signed_in else [],
        )
