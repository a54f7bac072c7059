"""Single sign-on: to the provider, and back with its word for who somebody is.

It lets in only people who were invited here: whoever came once by the provider's own word for
them, and the first time by their verified address. All refusals look alike; the log has the
reasons. The browser carries what belongs to the sign-in under way in a signed cookie; an answer is
used up in the database, so that none counts twice.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.editors.sessions import hashed, same
from newsletter.errors import AccountError, NotFound
from newsletter.model import Editor, Proof, Stage
from newsletter.web.desk.door import is_https, safe_next, session_of
from newsletter.web.desk.form import Query
from newsletter.web.desk.reception import Reception, who

log = logging.getLogger(__name__)

READ = ["GET", "HEAD"]
WITHIN = timedelta(minutes=10)
BACK = "/desk/login/provider/back"


def router(reception: Reception) -> APIRouter:
    """``/desk/login/provider`` and where the provider sends the browser back to."""
    routes = APIRouter()
    room, pages = reception.room, reception.pages
    provider = room.sign_on

    def refused(sentence: str, *, status: int = 403) -> Response:
        return pages.show(
            None,
            "said",
            status=status,
            title="You are not signed in",
            sentences=[sentence],
            links=[("/desk/login", "Back to the sign-in")],
        )

    def unwanted(request: Request) -> Response | None:
        """Refuse what no person opened, such as an image of a strange page, and too many tries."""
        if (insecure := reception.insecure(request)) is not None:
            return insecure
        if request.headers.get("sec-fetch-dest", "document") != "document":
            return refused("Open this page by itself.")
        if reception.crowded(request, "sign-on"):
            return refused("Too many tries from here. Wait some minutes.", status=429)
        return None

    @routes.get("/desk/login/provider")
    def go(request: Request, query: Query) -> Response:
        """Off to the provider. Nothing is kept here: a link to this page changes nothing."""
        if provider is None:
            raise NotFound("", "there is no single sign-on here")
        if (none := unwanted(request)) is not None:
            return none
        again = _again(request, reception) if query.has("again") else ""
        try:
            start = provider.start(fresh=bool(again))
        except AccountError as error:
            log.error("%s", error)
            return refused("The provider does not answer. Try again in some minutes.", status=503)
        answer = pages.go(start.address)
        now = room.clock()
        answer.set_cookie(
            _cookie(request),
            room.signer("sign-on").sign(
                {
                    "state": start.state,
                    "nonce": start.nonce,
                    "verifier": start.verifier,
                    "next": safe_next(query.one("next")),
                    "again": again,
                },
                expires=now + WITHIN,
            ),
            path="/",
            max_age=int(WITHIN.total_seconds()),
            secure=is_https(request),
            httponly=True,
            # The provider leads back here from its own pages: a strict cookie would stay away.
            samesite="lax",
        )
        return answer

    @routes.get(BACK)
    def back(request: Request, query: Query) -> Response:
        if provider is None:
            raise NotFound("", "there is no single sign-on here")
        if (none := unwanted(request)) is not None:
            return none
        answer = _answered(request, query)
        answer.delete_cookie(
            _cookie(request), path="/", secure=is_https(request), httponly=True, samesite="lax"
        )
        return answer

    def _answered(request: Request, query: Query) -> Response:
        wrong = refused(
            "That did not work. Only people who were invited to this desk come in; ask an admin."
        )
        now = room.clock()
        held = room.signer("sign-on").read(request.cookies.get(_cookie(request), ""), now=now)
        state = query.one("state", 100)
        if held is None or not same(state, str(held["state"])):
            log.warning("sign-on refused: the answer belongs to no sign-in of this browser")
            return wrong
        if not room.people.use_answer(hashed(state), now=now):
            log.warning("sign-on refused: the answer was used before")
            return wrong
        again = str(held["again"])
        try:
            assert provider is not None  # noqa: S101 - asked above
            identity = provider.finish(
                {"code": query.one("code"), "iss": query.one("iss", 500)},
                nonce=str(held["nonce"]),
                verifier=str(held["verifier"]),
                fresh=bool(again),
            )
        except AccountError as error:
            log.warning("sign-on refused: %s", error)
            return wrong
        editor = room.people.of_identity(identity.subject, identity.email)
        if editor is None:
            log.warning("sign-on refused: nobody here is %s", hashed(identity.subject)[:12])
            return wrong
        if again and not _is_of(editor, again, request, reception):
            room.audit.note(f"editor:{editor.email}", "sign-in refused", who(editor), "again")
            return wrong
        trusted = room.config.desk.oidc.second_factor == "provider" and identity.two_factors
        if again:
            room.people.end_session(again, of=editor.id)
        return reception.first_step(
            request,
            editor,
            safe_next(str(held["next"])),
            proof=Proof.TWO_FACTORS if trusted else Proof.PROVIDER,
            recent=bool(again) or identity.recent,
        )

    return routes


def _again(request: Request, reception: Reception) -> str:
    """The session of somebody inside who is to show again that it is them; empty of nobody."""
    found = session_of(request, reception.room)
    return found[0].hash if found and found[0].stage is Stage.FULL else ""


def _is_of(editor: Editor, session: str, request: Request, reception: Reception) -> bool:
    """Whether the session that asked is still this browser's, and of the same person."""
    return _again(request, reception) == session and (
        (found := reception.room.people.session(session)) is not None and found[1].id == editor.id
    )


def _cookie(request: Request) -> str:
    return "__Host-desk-sign-on" if is_https(request) else "desk-sign-on"
