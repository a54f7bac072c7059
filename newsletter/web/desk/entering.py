"""Signing in and out, and taking up an invitation.

All failures of a sign-in look alike and cost the same work: an address nobody has, a wrong
password, an account that waits after too many tries. The word in the cookie is new at every step.
"""

from __future__ import annotations

import logging
import re
import secrets
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.editors import totp
from newsletter.editors.passwords import Passwords, why_not
from newsletter.editors.sessions import MOST_CODES, hashed, same, wait_after
from newsletter.model import Editor, Session, Stage
from newsletter.newsroom import Newsroom
from newsletter.web.desk.door import (
    Enrolling,
    drop_cookie,
    from_our_page,
    is_https,
    safe_next,
    session_of,
    set_cookie,
)
from newsletter.web.desk.form import Form, Query, plain
from newsletter.web.desk.pages import DeskPages
from newsletter.web.limits import Limit

log = logging.getLogger(__name__)

READ = ["GET", "HEAD"]
FROM_ONE_PLACE = ((10, timedelta(minutes=1)), (60, timedelta(hours=1)))
FROM_EVERYWHERE = ((300, timedelta(minutes=10)),)
_LOCAL = {"127.0.0.1", "::1", "localhost", "testclient"}
_WORD = re.compile(r"[A-Za-z0-9_-]{20,100}")
WRONG = "That did not work. Check the address and the password; after several wrong tries, wait."
FORM_COOKIE = "desk-form"


def router(room: Newsroom, pages: DeskPages, passwords: Passwords) -> APIRouter:
    """``/desk/login``, ``/desk/logout`` and ``/desk/join/WORD``."""
    routes = APIRouter()
    one_place, everywhere = Limit(FROM_ONE_PLACE), Limit(FROM_EVERYWHERE)

    def form(request: Request, template: str, *, status: int = 200, **values: object) -> Response:
        """A form for somebody who is not signed in, with a word of its own against forgery."""
        word = request.cookies.get(_form_cookie(request), "")
        if not _WORD.fullmatch(word):
            word = secrets.token_urlsafe(24)
        answer = pages.show(None, template, status=status, word=word, **values)
        answer.set_cookie(
            _form_cookie(request),
            word,
            path="/",
            secure=is_https(request),
            httponly=True,
            samesite="strict",
        )
        return answer

    def ours(request: Request, sent: Form) -> bool:
        kept = request.cookies.get(_form_cookie(request), "")
        return from_our_page(request) and same(sent.one("word", 100), kept)

    def login_page(
        request: Request, *, problem: str = "", back: str = "", status: int = 200
    ) -> Response:
        return form(
            request,
            "login",
            status=status,
            problem=problem,
            back=safe_next(back),
        )

    @routes.api_route("/desk/login", methods=READ)
    def ask(request: Request, query: Query) -> Response:
        if (refused := _insecure(request, room, pages)) is not None:
            return refused
        found = session_of(request, room)
        if found and found[0].stage is Stage.FULL:
            return pages.go(safe_next(query.one("next")))
        return login_page(request, back=query.one("next"))

    @routes.post("/desk/login")
    def enter(request: Request, sent: Form) -> Response:
        if (refused := _insecure(request, room, pages)) is not None:
            return refused
        now, back = room.clock(), safe_next(sent.one("next"))
        if not ours(request, sent):
            return login_page(
                request, problem="This form is too old. Try again.", back=back, status=403
            )
        if not one_place.allows(_origin(request), now) or not everywhere.allows("", now):
            return login_page(
                request,
                problem="Too many tries from here. Wait some minutes.",
                back=back,
                status=429,
            )
        editor = room.people.by_email(sent.one("email", 254))
        if editor is not None and must_wait(editor, now):
            # The same work and the same words as for a wrong password.
            passwords.verify("", sent.raw("password"))
            return login_page(request, problem=WRONG, back=back, status=403)
        right = passwords.verify(editor.password if editor else "", sent.raw("password"))
        if editor is None or not right:
            if editor is not None:
                room.people.failed(editor.id, now)
                room.audit.note(f"editor:{editor.email}", "sign-in refused", _who(editor))
            return login_page(request, problem=WRONG, back=back, status=403)
        if passwords.outdated(editor.password):
            room.people.rehash(
                editor.id, before=editor.password, after=passwords.hash(sent.raw("password"))
            )
        if editor.totp:
            answer = pages.go(f"/desk/login/code?next={back}")
            word, _ = new_session(request, room, editor, stage=Stage.PASSWORD)
            set_cookie(request, answer, word)
            return answer
        return _welcome(request, room, pages, editor, back)

    @routes.api_route("/desk/login/code", methods=READ)
    def ask_code(request: Request, query: Query) -> Response:
        found = session_of(request, room)
        if found is None or found[0].stage is not Stage.PASSWORD:
            return pages.go("/desk/login")
        return form(request, "code", problem="", back=safe_next(query.one("next")))

    @routes.post("/desk/login/code")
    def enter_code(request: Request, sent: Form) -> Response:
        found = session_of(request, room)
        if found is None or found[0].stage is not Stage.PASSWORD:
            return pages.go("/desk/login")
        session, editor = found
        now, back = room.clock(), safe_next(sent.one("next"))
        if not ours(request, sent):
            return form(
                request, "code", problem="This form is too old. Try again.", back=back, status=403
            )
        if must_wait(editor, now) or not _code_is_right(room, editor, sent.one("code", 40), now):
            room.people.failed(editor.id, now)
            room.audit.note(f"editor:{editor.email}", "code refused", _who(editor))
            if room.people.count_try(session.hash) >= MOST_CODES:
                room.people.end_session(session.hash, of=editor.id)
                return login_page(request, problem="Too many wrong codes. Begin again.", status=403)
            problem = "That code did not work. After several wrong ones, wait and begin again."
            return form(request, "code", problem=problem, back=back, status=403)
        return _welcome(request, room, pages, editor, back, instead_of=session.hash)

    @routes.post("/desk/logout")
    def leave(request: Request, visitor: Enrolling) -> Response:
        room.people.end_session(visitor.session.hash, of=visitor.editor.id)
        room.audit.note(visitor.actor, "sign-out", _who(visitor.editor))
        answer = pages.go("/desk/login", {"Clear-Site-Data": '"cache", "storage"'})
        drop_cookie(request, answer)
        return answer

    @routes.api_route("/desk/join/{word}", methods=READ)
    def invited(request: Request, word: str) -> Response:
        if (refused := _insecure(request, room, pages)) is not None:
            return refused
        editor = (
            room.people.of_link(hashed(word), now=room.clock()) if _WORD.fullmatch(word) else None
        )
        if editor is None:
            return _void(pages)
        return form(request, "join", person=editor, word_of_link=word, problem="", name=editor.name)

    @routes.post("/desk/join/{word}")
    def join(request: Request, word: str, sent: Form) -> Response:
        if (refused := _insecure(request, room, pages)) is not None:
            return refused
        now = room.clock()
        if not one_place.allows(_origin(request), now):
            return pages.show(
                None,
                "said",
                status=429,
                title="Wait a little",
                sentences=["Too many tries from here. Wait some minutes."],
                links=[],
            )
        editor = room.people.of_link(hashed(word), now=now) if _WORD.fullmatch(word) else None
        if editor is None:
            return _void(pages)
        name, password = sent.one("name", 80), sent.raw("password")
        problem = why_not(password, about=(editor.email, name, room.config.site.name))
        if not ours(request, sent):
            problem = "This form is too old. Try again."
        elif password != sent.raw("again"):
            problem = "The two passwords differ."
        if problem:
            return form(
                request,
                "join",
                status=400,
                person=editor,
                word_of_link=word,
                problem=problem,
                name=name,
            )
        if not room.people.take_link(
            hashed(word), password=passwords.hash(password), name=name, now=now
        ):
            return _void(pages)
        room.audit.note(f"editor:{editor.email}", "password set", _who(editor))
        return pages.go("/desk/login")

    return routes


def _welcome(
    request: Request,
    room: Newsroom,
    pages: DeskPages,
    editor: Editor,
    back: str,
    *,
    instead_of: str = "",
) -> Response:
    room.people.succeeded(editor.id)
    answer = pages.go(back)
    word, _ = new_session(request, room, editor, instead_of=instead_of)
    set_cookie(request, answer, word)
    room.audit.note(f"editor:{editor.email}", "sign-in", _who(editor), _origin(request))
    return answer


def new_session(
    request: Request,
    room: Newsroom,
    editor: Editor,
    *,
    stage: Stage = Stage.FULL,
    instead_of: str = "",
) -> tuple[str, Session]:
    """Sign somebody in with a word that was never used before; return the word, for the cookie."""
    word, now = secrets.token_urlsafe(32), room.clock()
    session = Session(
        hash=hashed(word),
        editor=editor.id,
        stage=stage,
        csrf=secrets.token_urlsafe(32),
        made=now,
        seen=now,
        origin=_origin(request)[:64],
        agent=plain(request.headers.get("user-agent", ""))[:200],
    )
    room.people.open_session(session, instead_of=instead_of)
    return word, session


def _code_is_right(room: Newsroom, editor: Editor, typed: str, now: datetime) -> bool:
    """Whether a typed code opens the door, and use it up."""
    step = totp.accepted_step(editor.totp, typed, now=now, last=editor.totp_last)
    if step is not None:
        return room.people.use_step(editor.id, step)
    kept = totp.matching(typed, room.people.codes(editor.id))
    if kept is not None and room.people.use_code(editor.id, kept):
        room.audit.note(f"editor:{editor.email}", "recovery code used", _who(editor))
        return True
    return False


def must_wait(editor: Editor, now: datetime) -> bool:
    """Whether an account takes no try now, after too many wrong ones."""
    return editor.failed is not None and now - editor.failed < wait_after(editor.failures)


def _who(editor: Editor) -> str:
    return f"person {editor.id}"


def _origin(request: Request) -> str:
    return request.client.host if request.client else ""


def _form_cookie(request: Request) -> str:
    return f"__Host-{FORM_COOKIE}" if is_https(request) else FORM_COOKIE


def _insecure(request: Request, room: Newsroom, pages: DeskPages) -> Response | None:
    """Refuse to take a password over plain HTTP from another machine."""
    if is_https(request) or _origin(request) in _LOCAL or room.config.web.allow_plain_http:
        return None
    return pages.show(
        None,
        "said",
        status=403,
        title="Not over this connection",
        sentences=[
            "The desk takes no password over plain HTTP from another machine.",
            "Open it over https, or on the machine itself.",
        ],
        links=[],
    )


def _void(pages: DeskPages) -> Response:
    return pages.show(
        None,
        "said",
        status=404,
        title="This link does not work any more",
        sentences=["Links are good once and for a limited time. Ask an admin for a new one."],
        links=[("/desk/login", "Sign in")],
    )
