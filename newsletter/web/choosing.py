"""A reader's own choices, by the link in their mail: what, when, how; a copy of it all; an end."""

from __future__ import annotations

import json
from datetime import datetime
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from newsletter.audience.tokens import is_short_word
from newsletter.database.choosing import FORMATS
from newsletter.model import Reader, ReaderState
from newsletter.newsroom import Newsroom
from newsletter.web.choice_form import (
    PAUSES,
    TOPICS,
    frequencies,
    offered_editions,
    read_choice,
)
from newsletter.web.leaving import fields_of, shown
from newsletter.web.public.pages import Pages


def router(room: Newsroom, pages: Pages) -> APIRouter:
    """``/p/WORD`` and what is under it."""
    routes = APIRouter()
    words = pages.words

    def found(token: str) -> Reader:
        reader = room.readers.by_token(token) if is_short_word(token) else None
        if reader is None:
            raise HTTPException(404)
        return reader

    def page(reader: Reader, *, saved: bool = False, problem: str = "") -> Response:
        own = f"/p/{reader.token}"
        facts = room.readers.show(reader.email) or {}
        held = {one["edition"] for one in facts["subscriptions"] if one["state"] == "active"}
        offered = offered_editions(room.config)
        until = facts["paused_until"]
        html = pages.html(
            "preferences",
            title=words("preferences"),
            address=shown(reader, pages),
            state=words(f"reader_{reader.state.value}"),
            open=reader.state in {ReaderState.ACTIVE, ReaderState.PAUSED},
            editions=[(name, room.config.editions[name].title, name in held) for name in offered]
            if len(offered) > 1
            else [],
            topics=[
                (topic, words.section(topic), topic in reader.topics)
                for topic in dict.fromkeys([*TOPICS, *reader.topics])
            ],
            frequencies=[
                (name, words(f"frequency_{name}"), name == facts["frequency"])
                for name in frequencies(room.config, facts["frequency"])
            ],
            formats=[(name, words(f"format_{name}"), name == facts["format"]) for name in FORMATS],
            send_at=facts["send_at"],
            timezone=reader.timezone,
            zones=sorted(zone for zone in available_timezones() if "/" in zone),
            tracking=facts["tracking"],
            paused_until=words.day(datetime.fromisoformat(until).date()) if until else "",
            pauses=PAUSES,
            own=own,
            leave=f"/u/{reader.token}",
            saved=saved,
            problem=problem,
        )
        return HTMLResponse(html, 400 if problem else 200)

    @routes.api_route("/p/{token}", methods=["GET", "HEAD"])
    def show(token: str) -> Response:
        return page(found(token))

    @routes.post("/p/{token}")
    async def save(token: str, request: Request) -> Response:
        fields = await fields_of(request)
        origin = request.client.host if request.client else ""

        def act() -> Response:
            reader = found(token)
            until = (room.readers.show(reader.email) or {}).get("paused_until")
            now = room.clock()
            choice = read_choice(
                fields,
                room.config,
                now=now,
                paused_until=datetime.fromisoformat(until) if until else None,
            )
            if isinstance(choice, str):
                return page(reader, problem=words(choice))
            saved = room.signups.choose(reader.token, choice, now=now, origin=origin)
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

    @routes.api_route("/p/{token}/stay", methods=["GET", "HEAD"])
    def ask_to_stay(token: str) -> Response:
        found(token)
        return HTMLResponse(
            pages.message(
                words("stay_title"),
                words("stay_sentence"),
                action=f"/p/{token}/stay",
                button=words("stay_button"),
                links=((f"/u/{token}", words("unsubscribe")),),
            )
        )

    @routes.post("/p/{token}/stay")
    def stay(token: str) -> Response:
        reader = found(token)
        room.signups.stay(reader.token, now=room.clock())
        return HTMLResponse(
            pages.message(
                words("stayed_title"),
                words("stayed_sentence"),
                links=((f"/p/{token}", words("preferences")),),
            )
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
