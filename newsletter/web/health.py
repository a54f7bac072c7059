"""Whether the program can do its work, for whoever watches it.

``/healthz``: this process lives and its database answers. ``/readyz``: it can serve readers now.
``/metrics``: figures for Prometheus, for callers who come directly or know the word.
"""

from __future__ import annotations

import hmac
import os

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from sqlalchemy import text

from newsletter import __version__
from newsletter.errors import DatabaseError, NewsletterError
from newsletter.newsroom import Newsroom
from newsletter.operations.backup import sqlite_file
from newsletter.operations.metrics import CONTENT_TYPE, Metrics
from newsletter.operations.status import disk_free

FULL_BYTES = 1_000_000
"""A disk with less free space takes no more."""

_NO_STORE = {"Cache-Control": "no-store"}
_RELAYED = ("forwarded", "x-forwarded-for", "x-real-ip")


def router(room: Newsroom, metrics: Metrics | None = None) -> APIRouter:
    """The three addresses."""
    figures = metrics or Metrics(lambda: room)
    routes = APIRouter()

    @routes.api_route("/healthz", methods=["GET", "HEAD"])
    def healthz() -> Response:
        facts = {"status": "ok", "database": "ok", "version": __version__}
        status = 200
        try:
            with room.database.reading() as connection:
                connection.execute(text("SELECT 1 FROM readers LIMIT 1"))
        except DatabaseError as error:
            # The sentence names a file or a server, which is for the log and not for strangers.
            facts |= {"status": "failing", "database": "unreachable"}
            status = 503
            if error.again:
                facts["database"] = "busy"
        return JSONResponse(facts, status, _NO_STORE)

    @routes.api_route("/readyz", methods=["GET", "HEAD"])
    def readyz() -> Response:
        facts = {"status": "ready", "database": "ok", "templates": "ok"}
        try:
            with room.database.reading() as connection:
                connection.execute(text("SELECT version_num FROM alembic_version"))
            if _read_only(room):
                facts["database"] = "read-only"
        except DatabaseError:
            facts["database"] = "unreachable"
        try:
            room.renderer.templates.check()
        except NewsletterError:
            facts["templates"] = "broken"
        ready = all(facts[what] == "ok" for what in ("database", "templates"))
        if not ready:
            facts["status"] = "not ready"
        return JSONResponse(facts, 200 if ready else 503, _NO_STORE)

    @routes.get("/metrics")
    def show_metrics(request: Request) -> Response:
        if not _may_measure(request, room.config.web.metrics_token_env):
            # To strangers there is no such page.
            return PlainTextResponse("Not found", 404, _NO_STORE)
        return Response(figures.text(), media_type=CONTENT_TYPE, headers=_NO_STORE)

    return routes


def _read_only(room: Newsroom) -> bool:
    """Whether nothing can be written: a reader could neither sign up nor unsubscribe."""
    file = sqlite_file(room.config)
    if file is not None:
        return not os.access(file, os.W_OK) or disk_free(room) < FULL_BYTES
    with room.database.reading() as connection:
        standby = connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one()
        setting = connection.execute(text("SHOW default_transaction_read_only")).scalar_one()
    return bool(standby) or setting == "on"


def _may_measure(request: Request, variable: str) -> bool:
    """Whether the caller knows the word; without one, whether nobody relayed the call to us."""
    if variable:
        word = os.environ.get(variable, "")
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return bool(word) and hmac.compare_digest(given.encode(), word.encode())
    client = request.client.host if request.client else ""
    direct = not any(name in request.headers for name in _RELAYED)
    return direct and (client in {"127.0.0.1", "::1"} or not client)
