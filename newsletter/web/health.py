"""Whether the program can do its work, for whoever watches it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from sqlalchemy import text

from newsletter import __version__
from newsletter.errors import DatabaseError
from newsletter.newsroom import Newsroom


def router(room: Newsroom) -> APIRouter:
    """``/healthz``: 200 when the database answers, 503 when it does not."""
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
        return JSONResponse(facts, status, {"Cache-Control": "no-store"})

    return routes
