"""Readers and segments for other programs, and signing up."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

from newsletter.audience import cells
from newsletter.audience.addresses import Address, read_address
from newsletter.database.listing import Listing
from newsletter.database.readers import address_key
from newsletter.database.signups import Wish
from newsletter.errors import NotFound
from newsletter.newsroom import Newsroom
from newsletter.web.api.answers import (
    Accepted,
    AfterNumber,
    Choice,
    Limit,
    Number,
    ReaderChange,
    ReaderOut,
    Readers,
    SegmentOut,
    Segments,
    SignUpIn,
)
from newsletter.web.api.permission import Permission
from newsletter.web.choice_form import topics
from newsletter.web.joining import TERMS, disposable, editions_of, invite, may_knock, origin_of

SENTENCE = (
    "If this address can get our mail, a message to confirm it is on its way. Nothing else is sent "
    "before it is confirmed."
)


def router(room: Newsroom) -> APIRouter:
    """``/subscribers``, ``/readers`` and ``/segments``."""
    routes = APIRouter()
    listing = Listing(room.database)
    may = Permission(room)

    @routes.post("/subscribers", status_code=202, response_model=Accepted, tags=["signing up"])
    def sign_up(wanted: SignUpIn, request: Request) -> Response:
        """Sign an address up; a mail asks its owner to confirm.

        Needs no token. The answer, its status and its time are the same for every address,
        whatever is known about it. Without a token with `readers:write` a few sign-ups are taken
        from one internet address; to one mailbox goes one confirmation a day, and three in all.
        """
        now, origin = room.clock(), origin_of(request)
        token = may.held(request)
        trusted = token is not None and "readers:write" in token.scopes
        if not trusted and not may_knock(room, origin, now):
            raise HTTPException(429, "Too many sign-ups from this place", {"Retry-After": "3600"})
        address = read_address(wanted.email)
        if not isinstance(address, Address):
            raise HTTPException(400, f"This is not an address we can write to: {address}")
        if address.domain in disposable(room):
            raise HTTPException(400, "Mailboxes of this domain are thrown away after a while")
        wish = Wish(
            email=address.email,
            key=address.key,
            domain=address.domain,
            editions=editions_of(room, [wanted.edition]),
            topics=topics(wanted.topics),
            language=_clean(cells.language, wanted.language) or room.config.site.language,
            source=wanted.source or "API",
            terms=TERMS,
            origin=origin,
        )
        if trusted:
            request.state.token = token
            may.note(request, "sign-up", wish.editions[0] if wish.editions else "", wish.source)
        return JSONResponse(
            {"status": "accepted", "sentence": SENTENCE},
            202,
            {"Connection": "close"},
            background=BackgroundTask(invite, room, wish, now),
        )

    @routes.get("/readers", response_model=Readers, tags=["readers"], **may.needs("readers:read"))
    def readers(
        after: AfterNumber = 0,
        limit: Limit = 100,
        state: Choice = "",
        edition: Choice = "",
        email: str = Query("", max_length=320, pattern=r"^[^\x00-\x1f\x7f]*$"),
    ) -> Any:
        """Readers by number, a page at a time; one of them by address."""
        key = address_key(email) if email else ""
        return listing.readers(after=after, limit=limit, state=state, edition=edition, key=key)

    @routes.get(
        "/readers/{number}",
        response_model=ReaderOut,
        tags=["readers"],
        **may.needs("readers:read"),
    )
    def reader(number: Number) -> Any:
        """One reader."""
        return _there(listing.reader(number), number)

    @routes.patch(
        "/readers/{number}",
        response_model=ReaderOut,
        tags=["readers"],
        **may.needs("readers:write"),
    )
    def change(number: Number, change: ReaderChange, request: Request) -> Any:
        """Change what is known about a reader; consent and subscriptions are theirs to change."""
        found = _there(listing.reader(number), number)
        values = {
            "name": _clean(cells.name, change.name),
            "country": _clean(cells.country, change.country),
            "language": _clean(cells.language, change.language),
            "timezone": _clean(cells.timezone, change.timezone),
        }
        room.readers.change(
            found["id"],
            values={name: value for name, value in values.items() if value is not None},
            topics=_tags(change.topics),
            lists=_tags(change.lists),
            attributes={
                _clean(cells.attribute_name, name) or name: _clean(cells.attribute_value, value)
                or ""
                for name, value in change.attributes.items()
            }
            if change.attributes is not None
            else None,
            now=room.clock(),
            source="API",
        )
        fields = sorted(change.model_dump(exclude_none=True))
        may.note(request, "reader changed", f"reader {found['id']}", ", ".join(fields))
        return _there(listing.reader(number), number)

    @routes.post(
        "/readers/{number}/unsubscribe",
        response_model=ReaderOut,
        tags=["readers"],
        **may.needs("readers:write"),
    )
    def unsubscribe(number: Number, request: Request) -> Any:
        """Take a reader off every edition; a second time changes nothing."""
        found = _there(listing.reader(number), number)
        room.readers.unsubscribe_address(found["email"], how="API", now=room.clock())
        may.note(request, "reader unsubscribed", f"reader {found['id']}")
        return _there(listing.reader(number), number)

    @routes.delete(
        "/readers/{number}", status_code=204, tags=["readers"], **may.needs("readers:write")
    )
    def forget(number: Number, request: Request) -> Response:
        """Erase a reader; only a keyed hash of the address stays."""
        found = _there(listing.reader(number), number)
        room.readers.forget(found["email"], now=room.clock())
        may.note(request, "reader erased", f"reader {found['id']}")
        return Response(status_code=204)

    @routes.get(
        "/segments", response_model=Segments, tags=["segments"], **may.needs("segments:read")
    )
    def segments() -> Any:
        """The segments with their rules and how many readers each has now."""
        return {"items": [_segment(room, name) for name in room.config.segments], "next": None}

    @routes.get(
        "/segments/{name}",
        response_model=SegmentOut,
        tags=["segments"],
        **may.needs("segments:read"),
    )
    def segment(name: str) -> Any:
        """One segment."""
        if name not in room.config.segments:
            raise NotFound(name[:64], "is not a segment")
        return _segment(room, name)

    return routes


def _segment(room: Newsroom, name: str) -> dict[str, Any]:
    segment = room.config.segments[name]
    facts = segment.model_dump(by_alias=True, exclude_none=True, mode="json")
    return {"name": name, **facts, "readers": room.readers.count_segment(segment)}


def _there(found: dict[str, Any] | None, number: int) -> dict[str, Any]:
    if found is None:
        raise NotFound(str(number), "is not the number of a reader")
    return found


def _tags(words: list[str] | None) -> tuple[str, ...] | None:
    if words is None:
        return None
    found = _clean(cells.tags, ";".join(words))
    return found or ()


def _clean(clean: Any, value: str | None) -> Any:
    """A value in the form in which it is stored; a value that cannot be is the caller's fault."""
    if value is None:
        return None
    try:
        return clean(value)
    except cells.CellRefused as refused:
        raise HTTPException(422, f'"{cells.visible(value)}" {refused}') from None
