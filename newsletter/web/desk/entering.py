"""Signing in and out, showing again that it is you, and taking up an invitation.

All failures of a sign-in look alike and cost the same work: an address nobody has, a wrong
password, an account that waits after too many tries.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.editors.passwords import Passwords, why_not
from newsletter.editors.sessions import MOST_CODES, hashed
from newsletter.model import Stage
from newsletter.web.desk.door import (
    Enrolling,
    Visitor,
    drop_cookie,
    safe_next,
    session_of,
)
from newsletter.web.desk.form import Form, Query
from newsletter.web.desk.pages import DeskPages
from newsletter.web.desk.reception import TOO_OLD, WORD, Reception, must_wait, who

READ = ["GET", "HEAD"]
WRONG = "That did not work. Check the address and the password; after several wrong tries, wait."


def router(reception: Reception, passwords: Passwords) -> APIRouter:
    """``/desk/login``, ``/desk/logout``, ``/desk/again`` and ``/desk/join/WORD``."""
    routes = APIRouter()
    room, pages = reception.room, reception.pages
    provider = room.config.desk.oidc.name if room.config.desk.oidc.issuer else ""

    def login_page(
        request: Request, *, problem: str = "", back: str = "", status: int = 200
    ) -> Response:
        return reception.form(
            request,
            "login",
            status=status,
            problem=problem,
            back=safe_next(back),
            provider=provider,
        )

    @routes.api_route("/desk/login", methods=READ)
    def ask(request: Request, query: Query) -> Response:
        if (refused := reception.insecure(request)) is not None:
            return refused
        found = session_of(request, room)
        if found and found[0].stage is Stage.FULL:
            return pages.go(safe_next(query.one("next")))
        return login_page(request, back=query.one("next"))

    @routes.post("/desk/login")
    def enter(request: Request, sent: Form) -> Response:
        if (refused := reception.insecure(request)) is not None:
            return refused
        now, back = room.clock(), safe_next(sent.one("next"))
        if not reception.ours(request, sent):
            return login_page(request, problem=TOO_OLD, back=back, status=403)
        if reception.crowded(request):
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
                room.audit.note(f"editor:{editor.email}", "sign-in refused", who(editor))
            return login_page(request, problem=WRONG, back=back, status=403)
        if passwords.outdated(editor.password):
            room.people.rehash(
                editor.id, before=editor.password, after=passwords.hash(sent.raw("password"))
            )
        return reception.first_step(request, editor, back)

    @routes.api_route("/desk/login/code", methods=READ)
    def ask_code(request: Request, query: Query) -> Response:
        found = session_of(request, room)
        if found is None or found[0].stage is not Stage.PASSWORD:
            return pages.go("/desk/login")
        return reception.form(request, "code", problem="", back=safe_next(query.one("next")))

    @routes.post("/desk/login/code")
    def enter_code(request: Request, sent: Form) -> Response:
        found = session_of(request, room)
        if found is None or found[0].stage is not Stage.PASSWORD:
            return pages.go("/desk/login")
        session, editor = found
        now, back = room.clock(), safe_next(sent.one("next"))
        if not reception.ours(request, sent):
            return reception.form(request, "code", problem=TOO_OLD, back=back, status=403)
        if must_wait(editor, now) or not reception.code_is_right(editor, sent.one("code", 40)):
            room.people.failed(editor.id, now)
            room.audit.note(f"editor:{editor.email}", "code refused", who(editor))
            if room.people.count_try(session.hash) >= MOST_CODES:
                room.people.end_session(session.hash, of=editor.id)
                return login_page(request, problem="Too many wrong codes. Begin again.", status=403)
            problem = "That code did not work. After several wrong ones, wait and begin again."
            return reception.form(request, "code", problem=problem, back=back, status=403)
        return reception.let_in(request, editor, back, proof=session.proof, instead_of=session.hash)

    @routes.post("/desk/logout")
    def leave(request: Request, visitor: Enrolling) -> Response:
        room.people.end_session(visitor.session.hash, of=visitor.editor.id)
        room.audit.note(visitor.actor, "sign-out", who(visitor.editor))
        answer = pages.go("/desk/login", {"Clear-Site-Data": '"cache", "storage"'})
        drop_cookie(request, answer)
        return answer

    def again_page(visitor: Visitor, back: str, *, problem: str = "") -> Response:
        return pages.show(
            visitor,
            "again",
            status=403 if problem else 200,
            problem=problem,
            back=safe_next(back),
            provider=provider if visitor.editor.subject else "",
        )

    @routes.api_route("/desk/again", methods=READ)
    def ask_again(visitor: Enrolling, query: Query) -> Response:
        return again_page(visitor, query.one("next"))

    @routes.post("/desk/again")
    def show_again(request: Request, visitor: Enrolling, sent: Form) -> Response:
        """The same that a sign-in asks for, from somebody who is inside; a new session follows."""
        editor, back = visitor.editor, safe_next(sent.one("next"))
        right = not must_wait(editor, room.clock()) and passwords.verify(
            editor.password, sent.raw("password")
        )
        if right and editor.totp:
            right = reception.code_is_right(editor, sent.one("code", 40))
        if not right:
            room.people.failed(editor.id, room.clock())
            room.audit.note(visitor.actor, "sign-in refused", who(editor), "again")
            return again_page(
                visitor, back, problem="That did not work. After several wrong tries, wait."
            )
        return reception.let_in(request, editor, back, instead_of=visitor.session.hash)

    @routes.api_route("/desk/join/{word}", methods=READ)
    def invited(request: Request, word: str) -> Response:
        if (refused := reception.insecure(request)) is not None:
            return refused
        editor = (
            room.people.of_link(hashed(word), now=room.clock()) if WORD.fullmatch(word) else None
        )
        if editor is None:
            return _void(pages)
        return reception.form(
            request, "join", person=editor, word_of_link=word, problem="", name=editor.name
        )

    @routes.post("/desk/join/{word}")
    def join(request: Request, word: str, sent: Form) -> Response:
        if (refused := reception.insecure(request)) is not None:
            return refused
        now = room.clock()
        if reception.crowded(request):
            return pages.show(
                None,
                "said",
                status=429,
                title="Wait a little",
                sentences=["Too many tries from here. Wait some minutes."],
                links=[],
            )
        editor = room.people.of_link(hashed(word), now=now) if WORD.fullmatch(word) else None
        if editor is None:
            return _void(pages)
        name, password = sent.one("name", 80), sent.raw("password")
        problem = why_not(
            password,
            about=(editor.email, name, room.config.site.name),
            breached=room.config.breached_passwords,
        )
        if not reception.ours(request, sent):
            problem = TOO_OLD
        elif password != sent.raw("again"):
            problem = "The two passwords differ."
        if problem:
            return reception.form(
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
        room.audit.note(f"editor:{editor.email}", "password set", who(editor))
        return pages.go("/desk/login")

    return routes


def _void(pages: DeskPages) -> Response:
    return pages.show(
        None,
        "said",
        status=404,
        title="This link does not work any more",
        sentences=["Links are good once and for a limited time. Ask an admin for a new one."],
        links=[("/desk/login", "Sign in")],
    )
