"""The door: who is asking, from where, and whether they may.

Every page of the desk names the right it needs as a type of its first argument (:data:`Looking`,
:data:`Editing` ...). What changes something is a POST with the session's own word in it, sent from
a page of ours: both are checked here, before any handler runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.responses import Response

from newsletter.editors.roles import Right, may
from newsletter.editors.sessions import hashed, is_alive, is_recent, same
from newsletter.model import Editor, Proof, Session, Stage
from newsletter.newsroom import Newsroom
from newsletter.web.desk.form import Fields, read_form

COOKIE = "__Host-desk"
PLAIN_COOKIE = "desk"
"""Where the connection is plain HTTP, which only this machine gets: browsers keep the ``__Host-``
prefix for TLS."""
_SAFE_NEXT = re.compile(r"/desk(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*(?:\?[A-Za-z0-9_.~=&%+-]*)?")
_LONGEST = 300
_SEEN_AGAIN = timedelta(minutes=1)


class SignInNeeded(Exception):
    """Nobody is signed in; ``back`` is where they wanted to go."""

    def __init__(self, back: str = "/desk"):
        self.back = back
        super().__init__(back)


class NotAllowed(Exception):
    """Somebody is signed in and may not do this."""

    def __init__(self, sentence: str):
        self.sentence = sentence
        super().__init__(sentence)


class SecondFactorNeeded(Exception):
    """The house asks for a second factor and this person has none yet."""


class ConfirmNeeded(Exception):
    """Somebody signed in too long ago for this and has to show again that it is them."""

    def __init__(self, back: str):
        self.back = back
        super().__init__(back)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is asking."""

    editor: Editor
    session: Session
    recent: bool

    def may(self, right: str) -> bool:
        """Whether they have a right, by its name."""
        return may(self.editor.role, Right(right))

    @property
    def name(self) -> str:
        """Who they are in a sentence."""
        return self.editor.shown

    @property
    def actor(self) -> str:
        """Who they are in the audit log."""
        return f"editor:{self.editor.email}"


def is_https(request: Request) -> bool:
    """Whether the browser's connection has TLS, here or at a proxy on this machine."""
    return request.url.scheme == "https"


def cookie_name(request: Request) -> str:
    """The name of the session's cookie on this connection."""
    return COOKIE if is_https(request) else PLAIN_COOKIE


def set_cookie(request: Request, response: Response, word: str) -> None:
    """Give the browser its word. Without an age it ends with the browser."""
    response.set_cookie(
        cookie_name(request),
        word,
        path="/",
        secure=is_https(request),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(request: Request, response: Response) -> None:
    """Take the word back."""
    response.delete_cookie(
        cookie_name(request), path="/", secure=is_https(request), httponly=True, samesite="lax"
    )


def session_of(request: Request, room: Newsroom) -> tuple[Session, Editor] | None:
    """The session the browser holds, at whatever stage, while it holds."""
    word = request.cookies.get(cookie_name(request), "")
    if not 20 <= len(word) <= 100:
        return None
    found = room.people.session(hashed(word))
    if found is None:
        return None
    settings = room.config.desk
    alive = is_alive(
        found[0],
        now=room.clock(),
        idle=timedelta(minutes=settings.idle_minutes),
        longest=timedelta(hours=settings.session_hours),
    )
    return found if alive else None


def from_our_page(request: Request) -> bool:
    """Whether a request that changes something was sent by a page of this very place."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin", "")
    host = request.headers.get("host", "")
    return bool(host) and urlsplit(origin).netloc.lower() == host.lower()


def safe_next(address: str) -> str:
    """Where to go after signing in: a page of the desk, and never anywhere else."""
    return address if len(address) <= _LONGEST and _SAFE_NEXT.fullmatch(address) else "/desk"


def room_of(request: Request) -> Newsroom:
    """The newsroom of the application."""
    room = request.app.state.room
    assert isinstance(room, Newsroom)  # noqa: S101 - set where the desk is mounted
    return room


def allowed(
    right: Right, *, enrolling: bool = False, fresh: str = "", watching: bool = False
) -> Callable[[Request, Fields], Visitor]:
    """Make the check for pages that need one right.

    :param enrolling: for the pages where somebody sets up a second factor they must have.
    :param fresh: the page to come back to from showing again that it is them, for acts that ask
        for a sign-in of the last quarter of an hour.
    :param watching: for parts that an open page asks for by itself: they are no sign of life, or a
        page left open would keep its session for as long as it is open.
    """

    def check(request: Request, form: Annotated[Fields, Depends(read_form)]) -> Visitor:
        room = room_of(request)
        found = session_of(request, room)
        reading = request.method in {"GET", "HEAD"}
        if found is None or found[0].stage is not Stage.FULL:
            back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            raise SignInNeeded(safe_next(back) if reading else "/desk")
        session, editor = found
        if not reading and not (
            from_our_page(request) and same(form.one("csrf", 100), session.csrf)
        ):
            raise NotAllowed("This form is too old or came from another place. Open it again.")
        shown_two = bool(editor.totp) or session.proof is Proof.TWO_FACTORS
        if room.config.desk.second_factor == "required" and not shown_two and not enrolling:
            raise SecondFactorNeeded
        if not may(editor.role, right):
            raise NotAllowed(f"Your role, {editor.role.value}, does not include this.")
        now = room.clock()
        if fresh and not is_recent(session, now):
            raise ConfirmNeeded(fresh)
        if not watching and now - session.seen >= _SEEN_AGAIN:
            room.people.touch(session.hash, now)
        return Visitor(editor, session, is_recent(session, now))

    return check


Enrolling = Annotated[Visitor, Depends(allowed(Right.LOOK, enrolling=True))]
Looking = Annotated[Visitor, Depends(allowed(Right.LOOK))]
Watching = Annotated[Visitor, Depends(allowed(Right.LOOK, watching=True))]
Editing = Annotated[Visitor, Depends(allowed(Right.EDIT))]
Approving = Annotated[Visitor, Depends(allowed(Right.APPROVE))]
Sending = Annotated[Visitor, Depends(allowed(Right.SEND))]
Sourcing = Annotated[Visitor, Depends(allowed(Right.SOURCES))]
SeeingReaders = Annotated[Visitor, Depends(allowed(Right.READERS))]
RunningPeople = Annotated[Visitor, Depends(allowed(Right.PEOPLE))]
ChangingPeople = Annotated[Visitor, Depends(allowed(Right.PEOPLE, fresh="/desk/people"))]
ChangingSessions = Annotated[
    Visitor, Depends(allowed(Right.LOOK, enrolling=True, fresh="/desk/account"))
]
