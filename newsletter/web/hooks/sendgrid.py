"""``POST /hooks/sendgrid``: signed events of SendGrid.

Nothing is read of a post whose signature over the raw bytes does not fit. An answer other than
2xx makes SendGrid post the same events again, which is what is wanted when they could not be
stored, and harmless otherwise.
"""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from newsletter import pipeline
from newsletter.delivery.events import MAX_BYTES, check, read_events
from newsletter.errors import ConfigError, DeliveryError
from newsletter.newsroom import Newsroom
from newsletter.operations.place import public_key
from newsletter.pipeline import shares
from newsletter.work import Work

log = logging.getLogger(__name__)


def router(room: Newsroom, work: Work | None = None) -> APIRouter:
    """``/hooks/sendgrid``.

    :param work: where workers of their own read the posts; without it they are read at once.
    """
    routes = APIRouter()

    @routes.post("/hooks/sendgrid")
    async def events(request: Request) -> Response:
        raw = await _body(request)
        if raw is None:
            return _answer(413, "the post is too large")
        headers = dict(request.headers)

        def act() -> Response:
            try:
                check(raw, headers, public_key=public_key(room.config), now=room.clock())
                if work is not None and work.shared:
                    shares.keep_post(room, work, raw)
                else:
                    pipeline.take_events(room, read_events(raw))
            except ConfigError as error:
                log.error("events of SendGrid cannot be checked: %s. %s", error, error.hint)
                return _answer(503, "events are not taken here")
            except DeliveryError as error:
                log.warning("a post to /hooks/sendgrid was refused: %s", error.sentence)
                return _answer(403, error.sentence)
            return _answer(200, "")

        return await run_in_threadpool(act)

    return routes


async def _body(request: Request) -> bytes | None:
    """The whole body; None when it is larger than any that SendGrid sends."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_BYTES:
        return None
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > MAX_BYTES:
            return None
    return bytes(body)


def _answer(status: int, problem: str) -> Response:
    return JSONResponse({"problem": problem} if problem else {"taken": True}, status)
