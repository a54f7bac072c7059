"""What every way into the desk shares: forms with a word of their own, limits, the new session.

The word in the cookie is new at every step, so one that was known before opens nothing.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta

from fastapi import Request
from fastapi.responses import Response

from newsletter.editors import totp
from newsletter.editors.sessions import RECENT, hashed, same, wait_after
from newsletter.model import Editor, Proof, Session, Stage
from newsletter.newsroom import Newsroom
from newsletter.web.desk.door import from_our_page, is_https, set_cookie
from newsletter.web.desk.form import Fields, plain
from newsletter.web.desk.pages import DeskPages

FROM_ONE_PLACE = ((10, timedelta(minutes=1)), (60, timedelta(hours=1)))
FROM_EVERYWHERE = ((300, timedelta(minutes=10)),)
LOCAL = {"127.0.0.1", "::1", "localhost", "testclient"}
WORD = re.compile(r"[A-Za-z0-9_-]{20,100}")
TOO_OLD = "This form is too old. Try again."


class Reception:
    """Where people stand who are not inside yet."""

    def __init__(self, room: Newsroom, pages: DeskPages):
        self.room = room
        self.pages = pages

    def form(
        self, request: Request, template: str, *, status: int = 200, **values: object
    ) -> Response:
        """A form for somebody who is not signed in, with a word of its own against forgery."""
        word = request.cookies.get(_form_cookie(request), "")
        if not WORD.fullmatch(word):
            word = secrets.token_urlsafe(24)
        answer = self.pages.show(None, template, status=status, word=word, **values)
        answer.set_cookie(
            _form_cookie(request),
            word,
            path="/",
            secure=is_https(request),
            httponly=True,
            samesite="strict",
        )
        return answer

    def ours(self, request: Request, sent: Fields) -> bool:
        """Whether a form was filled in on the page that :meth:`form` made."""
        kept = request.cookies.get(_form_cookie(request), "")
        return from_our_page(request) and same(sent.one("word", 100), kept)

    def crowded(self, request: Request, lane: str = "sign-in") -> bool:
        """Count a try; whether there are too many, from one place or from everywhere.

        Counted in the database, so all processes share the limits.

        :param lane: what is counted together. A link counts apart from forms: anybody can make
            many browsers open it.
        """
        return not self.room.knocks.allows(
            lane,
            origin(request),
            self.room.clock(),
            each=FROM_ONE_PLACE,
            together=FROM_EVERYWHERE,
        )

    def insecure(self, request: Request) -> Response | None:
        """Refuse to take a password over plain HTTP from another machine."""
        open_ = self.room.config.web.allow_plain_http
        if is_https(request) or origin(request) in LOCAL or open_:
            return None
        return self.pages.show(
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

    def session(
        self,
        request: Request,
        editor: Editor,
        *,
        stage: Stage = Stage.FULL,
        proof: Proof = Proof.PASSWORD,
        instead_of: str = "",
        recent: bool = True,
    ) -> tuple[str, Session]:
        """Begin a session with a word that was never used; return the word, for the cookie.

        :param recent: whether somebody has just shown that it is them; else the session is as old
            as one that no longer says so.
        """
        word, now = secrets.token_urlsafe(32), self.room.clock()
        session = Session(
            hash=hashed(word),
            editor=editor.id,
            stage=stage,
            csrf=secrets.token_urlsafe(32),
            made=now if recent else now - RECENT,
            seen=now,
            origin=origin(request)[:64],
            agent=plain(request.headers.get("user-agent", ""))[:200],
            proof=proof,
        )
        self.room.people.open_session(session, instead_of=instead_of)
        return word, session

    def let_in(
        self,
        request: Request,
        editor: Editor,
        back: str,
        *,
        proof: Proof = Proof.PASSWORD,
        instead_of: str = "",
        recent: bool = True,
    ) -> Response:
        """Open the door: everything that is asked for was shown."""
        room = self.room
        room.people.succeeded(editor.id)
        room.people.tidy(room.clock() - timedelta(hours=room.config.desk.session_hours))
        answer = self.pages.go(back)
        word, _ = self.session(request, editor, proof=proof, instead_of=instead_of, recent=recent)
        set_cookie(request, answer, word)
        room.audit.note(
            f"editor:{editor.email}", "sign-in", who(editor), f"{proof.value}, {origin(request)}"
        )
        return answer

    def first_step(
        self,
        request: Request,
        editor: Editor,
        back: str,
        *,
        proof: Proof = Proof.PASSWORD,
        recent: bool = True,
    ) -> Response:
        """After a password or the provider's word: on to the code, or in where none is due.

        :param recent: whether they were asked for it just now. A code that is asked for here is.
        """
        if not editor.totp or proof is Proof.TWO_FACTORS:
            return self.let_in(request, editor, back, proof=proof, recent=recent)
        answer = self.pages.go(f"/desk/login/code?next={back}")
        word, _ = self.session(request, editor, stage=Stage.PASSWORD, proof=proof)
        set_cookie(request, answer, word)
        return answer

    def code_is_right(self, editor: Editor, typed: str) -> bool:
        """Whether a typed code opens the door, and use it up."""
        people = self.room.people
        step = totp.accepted_step(editor.totp, typed, now=self.room.clock(), last=editor.totp_last)
        if step is not None:
            return people.use_step(editor.id, step)
        kept = totp.matching(typed, people.codes(editor.id))
        if kept is not None and people.use_code(editor.id, kept):
            self.room.audit.note(f"editor:{editor.email}", "recovery code used", who(editor))
            return True
        return False


def must_wait(editor: Editor, now: datetime) -> bool:
    """Whether an account takes no try now, after too many wrong ones."""
    return editor.failed is not None and now - editor.failed < wait_after(editor.failures)


def who(editor: Editor) -> str:
    """Somebody in the audit log, without a name that may have to be forgotten."""
    return f"person {editor.id}"


def origin(request: Request) -> str:
    """The address a request came from."""
    return request.client.host if request.client else ""


def _form_cookie(request: Request) -> str:
    return "__Host-desk-form" if is_https(request) else "desk-form"
