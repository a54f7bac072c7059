"""The web application: the public pages have no session, no cookie and no script.

:func:`create_app` puts the routers together. Pages are HTML made by :mod:`newsletter.issue`; the
application only finds what to show and says who may see it.
"""

from __future__ import annotations

import logging
import secrets

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from newsletter.database.published import Published
from newsletter.editors.passwords import Passwords
from newsletter.errors import DatabaseError, NotFound, TemplateError
from newsletter.newsroom import Newsroom
from newsletter.operations.metrics import Metrics
from newsletter.web import choosing, following, health, joining, leaving, reading, reporting
from newsletter.web.api.app import create_api
from newsletter.web.desk.router import mount as mount_desk
from newsletter.web.form_word import FreshWord
from newsletter.web.headers import SecurityHeaders
from newsletter.web.hooks import sendgrid
from newsletter.web.public.pages import Pages
from newsletter.web.requests import RequestLog
from newsletter.web.shelf import Shelf
from newsletter.work import Work

log = logging.getLogger(__name__)


def create_app(
    room: Newsroom,
    *,
    passwords: Passwords | None = None,
    metrics: Metrics | None = None,
    work: Work | None = None,
) -> FastAPI:
    """Make the application for one newsroom, which stays open as long as the application runs.

    :param passwords: how the desk hashes passwords; argon2id with the usual work when left out.
    :param metrics: the figures of this process, when an application before this one counted too.
    :param work: where what need not be done at once goes, when others do it.
    """
    figures = metrics or Metrics(lambda: room)
    pages = Pages(room.templates, room.config.site)
    app = FastAPI(
        title=room.config.site.name,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.include_router(health.router(room, figures))
    app.include_router(leaving.router(room, pages))
    app.include_router(choosing.router(room, pages))
    app.include_router(joining.router(room, pages))
    app.include_router(following.router(room, pages))
    app.include_router(reading.router(room, pages))
    app.include_router(reporting.router(room, pages))
    app.mount("/api/v1", create_api(room, pages), name="api")
    mount_desk(app, room, pages, passwords=passwords)
    app.include_router(sendgrid.router(room, work))
    app.mount("/static", StaticFiles(directory=pages.static, check_dir=False), name="static")
    _friendly_errors(app, pages)
    # Added last, so it is outermost and also dresses error pages and what is on the shelf.
    app.add_middleware(Shelf, stamp=Published(room.database).stamp)
    app.add_middleware(FreshWord, room=room)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog, metrics=figures)
    return app


def _friendly_errors(app: FastAPI, pages: Pages) -> None:
    def shown(status: int, reference: str = "") -> Response:
        try:
            return HTMLResponse(pages.error(status, reference=reference), status)
        except TemplateError:
            log.exception("the error page itself cannot be made")
            return PlainTextResponse(f"Error {status} {reference}".strip(), status)

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> Response:
        answer = shown(error.status_code)
        for name, value in (error.headers or {}).items():
            answer.headers[name] = value
        return answer

    @app.exception_handler(NotFound)
    async def missing(_request: Request, _error: NotFound) -> Response:
        return shown(404)

    @app.exception_handler(DatabaseError)
    async def unavailable(request: Request, error: DatabaseError) -> Response:
        reference = secrets.token_hex(4)
        log.error("%s %s: %s", reference, request.url.path, error)
        answer = shown(503, reference)
        answer.headers["Retry-After"] = "30"
        return answer

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        reference = secrets.token_hex(4)
        log.error("%s %s failed", reference, request.url.path, exc_info=error)
        answer = shown(500, reference)
        # This handler runs outside every middleware of ours.
        SecurityHeaders.dress(answer.headers)
        return answer
