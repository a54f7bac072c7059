"""One's own account: the password, the second factor, and where one is signed in."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.editors import totp
from newsletter.editors.passwords import Passwords, why_not
from newsletter.editors.roles import SENTENCES
from newsletter.web.desk.door import (
    ChangingSessions,
    ConfirmNeeded,
    Enrolling,
    NotAllowed,
    Visitor,
    set_cookie,
)
from newsletter.web.desk.form import Fields, Form
from newsletter.web.desk.lines import browser
from newsletter.web.desk.reception import Reception, must_wait


def router(reception: Reception, passwords: Passwords) -> APIRouter:
    """``/desk/account`` and what is under it."""
    routes = APIRouter()
    room, pages = reception.room, reception.pages

    def page(
        visitor: Visitor, *, problem: str = "", said: str = "", codes: tuple[str, ...] = ()
    ) -> Response:
        person = room.people.get(visitor.editor.id)
        issuer = room.config.site.name
        return pages.show(
            visitor,
            "account",
            status=400 if problem else 200,
            here="account",
            person=person,
            role_sentence=SENTENCES[person.role],
            required=room.config.desk.second_factor == "required",
            secret=totp.grouped(person.totp_pending),
            secret_link=totp.address(person.totp_pending, account=person.email, issuer=issuer)
            if person.totp_pending
            else "",
            left=len(room.people.codes(person.id)),
            sessions=[(one, browser(one.agent)) for one in room.people.sessions_of(person.id)],
            provider=room.config.desk.oidc.name,
            problem=problem,
            said=said,
            codes=codes,
        )

    def confirmed(visitor: Visitor, sent: Fields) -> str:
        """Why this person may not change how they sign in now; empty when they may."""
        if not visitor.editor.password:
            # They came by single sign-on: what they show again is that.
            if not visitor.recent:
                raise ConfirmNeeded("/desk/account")
            return ""
        if must_wait(room.people.get(visitor.editor.id), room.clock()):
            return "Too many wrong tries. Wait some minutes."
        if passwords.verify(visitor.editor.password, sent.raw("password")):
            return ""
        room.people.failed(visitor.editor.id, room.clock())
        return "Your present password is not right."

    def again(request: Request, visitor: Visitor) -> Response:
        """Everybody of this account is signed out; this browser gets a new word."""
        answer = pages.go("/desk/account")
        word, _ = reception.session(request, visitor.editor, proof=visitor.session.proof)
        set_cookie(request, answer, word)
        return answer

    @routes.api_route("/desk/account", methods=["GET", "HEAD"])
    def show(visitor: Enrolling) -> Response:
        return page(visitor)

    @routes.post("/desk/account/password")
    def change(request: Request, visitor: Enrolling, sent: Form) -> Response:
        if not visitor.editor.password:
            raise NotAllowed("You have no password here. An admin makes a link that sets one.")
        fresh = sent.raw("fresh")
        about = (visitor.editor.email, visitor.editor.name, room.config.site.name)
        problem = confirmed(visitor, sent) or why_not(
            fresh, about=about, breached=room.config.breached_passwords
        )
        if not problem and fresh != sent.raw("again"):
            problem = "The two new passwords differ."
        if problem:
            return page(visitor, problem=problem)
        room.people.set_password(visitor.editor.id, passwords.hash(fresh))
        room.audit.note(visitor.actor, "password changed", f"person {visitor.editor.id}")
        return again(request, visitor)

    @routes.post("/desk/account/second-factor")
    def propose(visitor: Enrolling, sent: Form) -> Response:
        if problem := confirmed(visitor, sent):
            return page(visitor, problem=problem)
        room.people.propose_totp(visitor.editor.id, totp.new_secret(secrets.token_bytes))
        return page(visitor, said="Put the key into your phone and type the code it shows.")

    @routes.post("/desk/account/second-factor/confirm")
    def confirm(request: Request, visitor: Enrolling, sent: Form) -> Response:
        person = room.people.get(visitor.editor.id)
        if not person.totp_pending:
            raise NotAllowed("There is no key to confirm. Ask for one first.")
        step = totp.accepted_step(
            person.totp_pending, sent.one("code", 20), now=room.clock(), last=0
        )
        if step is None:
            return page(visitor, problem="That code is not the one of this key. Try the next one.")
        codes = totp.new_recovery_codes(secrets.randbelow)
        room.people.set_totp(
            person.id, person.totp_pending, step, [totp.recovery_hash(code) for code in codes]
        )
        room.people.end_sessions(person.id)
        room.audit.note(visitor.actor, "second factor on", f"person {person.id}")
        word, session = reception.session(request, person, proof=visitor.session.proof)
        answer = page(
            Visitor(person, session, recent=True),
            said="The second factor is on. Keep these codes; each works once.",
            codes=codes,
        )
        set_cookie(request, answer, word)
        return answer

    @routes.post("/desk/account/second-factor/remove")
    def off(request: Request, visitor: Enrolling, sent: Form) -> Response:
        if room.config.desk.second_factor == "required":
            raise NotAllowed("This house asks everybody for a second factor.")
        if problem := confirmed(visitor, sent):
            return page(visitor, problem=problem)
        room.people.set_totp(visitor.editor.id, "", 0, ())
        room.people.end_sessions(visitor.editor.id)
        room.audit.note(visitor.actor, "second factor off", f"person {visitor.editor.id}")
        return again(request, visitor)

    @routes.post("/desk/account/sessions")
    def end(visitor: ChangingSessions, sent: Form) -> Response:
        wanted = sent.one("session", 64)
        if wanted:
            # Of this person only: another one's session answers like none at all.
            room.people.end_session(wanted, of=visitor.editor.id)
        else:
            room.people.end_sessions(visitor.editor.id, keep=visitor.session.hash)
        room.audit.note(visitor.actor, "sessions ended", f"person {visitor.editor.id}")
        return pages.go("/desk/account")

    return routes
