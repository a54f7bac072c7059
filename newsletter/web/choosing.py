"""A reader's own choices, by the link in their mail: topics, a pause, a copy of it all, an end."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from newsletter.audience.cells import CellRefused, tags
from newsletter.audience.tokens import is_short_word
from newsletter.model import Reader, ReaderState
from newsletter.newsroom import Newsroom
from newsletter.web.leaving import shown, start_of_body
from newsletter.web.public.pages import Pages

TOPICS = ("politics", "world", "business", "technology", "science", "health", "culture", "local")
"""What anybody can choose; a reader sees their own topics beside these."""
PAUSES = (7, 14, 30)
"""Days."""


def router(room: Newsroom, pages: Pages) -> APIRouter:
    """``/p/WORD`` and what is under it."""
    routes = APIRouter()
    words = pages.words

    def found(token: str) -> Reader:
        reader = room.readers.by_token(token) if is_short_word(token) else None
        if reader is None:
            raise HTTPException(404)
        return reader

    def page(reader: Reader, *, saved: bool = False) -> Response:
        own = f"/p/{reader.token}"
        offered = dict.fromkeys([*TOPICS, *reader.topics])
        html = pages.html(
            "preferences",
            title=words("preferences"),
            address=shown(reader, pages),
            state=words(f"reader_{reader.state.value}"),
            open=reader.state in {ReaderState.ACTIVE, ReaderState.PAUSED},
            topics=[(topic, words.section(topic), topic in reader.topics) for topic in offered],
            pauses=PAUSES,
            own=own,
            leave=f"/u/{reader.token}",
            saved=saved,
        )
        return HTMLResponse(html)

    @routes.api_route("/p/{token}", methods=["GET", "HEAD"])
    def show(token: str) -> Response:
        return page(found(token))

    @routes.post("/p/{token}")
    async def save(token: str, request: Request) -> Response:
        fields = parse_qs((await start_of_body(request)).decode("utf-8", "replace"))
        origin = request.client.host if request.client else ""

        def act() -> Response:
            reader = found(token)
            now = room.clock()
            days = _days(fields.get("pause", []))
            saved = room.signups.choose(
                reader.token,
                topics=_topics(fields.get("topics", [])),
                pause_until=now + timedelta(days=days) if days else None,
                now=now,
                origin=origin,
            )
            return page(found(token), saved=saved)

        return await run_in_threadpool(act)

    @routes.api_route("/p/{token}/export", methods=["GET", "HEAD"])
    def export(token: str) -> Response:
        facts = room.readers.show(found(token).email)
        body = json.dumps(facts, ensure_ascii=False, indent=2)
        return Response(
            body,
            media_type="application/json",
            headers={"Content-Disposition": 'attachment; filename="about-me.json"'},
        )

    @routes.post("/p/{token}/forget")
    def forget(token: str) -> Response:
        room.readers.forget(found(token).email, now=room.clock())
        return HTMLResponse(
            pages.message(
                words("forgotten_title"),
                words("forgotten_sentence"),
                links=(("/", words("front_page")),),
            )
        )

    return routes


def _days(asked: list[str]) -> int:
    """The days of a pause; anything that is not offered is none."""
    return next((days for days in PAUSES if asked[:1] == [str(days)]), 0)


def _topics(asked: list[str]) -> tuple[str, ...]:
    try:
        return tags(";".join(asked))
    except CellRefused:
        return ()
