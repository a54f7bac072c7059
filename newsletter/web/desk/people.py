"""People: who works here, inviting, roles, and letting go."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from newsletter.editors.roles import SENTENCES
from newsletter.errors import NewsletterError
from newsletter.model import Editor, Role
from newsletter.newsroom import Newsroom
from newsletter.pipeline import people as pipeline
from newsletter.web.desk.door import ChangingPeople, NotAllowed, RunningPeople, Visitor
from newsletter.web.desk.form import Fields, Form
from newsletter.web.desk.pages import DeskPages

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


def router(room: Newsroom, pages: DeskPages) -> APIRouter:
    """``/desk/people`` and what is under it."""
    routes = APIRouter()

    def page(visitor: Visitor, *, problem: str = "", said: str = "", link: str = "") -> Response:
        return pages.show(
            visitor,
            "people",
            status=400 if problem else 200,
            here="people",
            people=room.people.all(),
            places=room.people.signed_in(
                since=room.clock() - timedelta(minutes=room.config.desk.idle_minutes)
            ),
            provider=room.config.desk.oidc.name,
            roles=[(role.value, SENTENCES[role]) for role in Role],
            problem=problem,
            said=said,
            link=link,
        )

    def given(
        visitor: Visitor, person: Editor, link: str, *, said: str, reset: bool = False
    ) -> Response:
        """The link goes by mail; where that cannot be, the admin hands it over."""
        # Letters that end in a folder reach nobody.
        folder = room.config.delivery.transport == "folder"
        mailed = pipeline.mail_link(room, person, reset=reset) and not folder
        if mailed:
            return page(visitor, said=f"{said}, by mail.")
        return page(visitor, said=f"{said}. No mail reaches them from here.", link=link)

    def other(visitor: Visitor, number: int) -> Editor:
        """Somebody else: nobody changes their own rights."""
        if number == visitor.editor.id:
            raise NotAllowed("Somebody else has to change your own account here.")
        return room.people.get(number)

    @routes.api_route("/desk/people", methods=["GET", "HEAD"])
    def show(visitor: RunningPeople) -> Response:
        return page(visitor)

    @routes.post("/desk/people")
    def invite(visitor: ChangingPeople, sent: Form) -> Response:
        role = _role(sent)
        try:
            person, link = pipeline.invite(
                room,
                sent.one("email", 254),
                name=sent.one("name", 80),
                role=role,
                by=visitor.actor,
            )
        except NewsletterError as error:
            return page(visitor, problem=f"{error}.")
        return given(visitor, person, link, said=f"{person.email} is invited for seven days")

    @routes.post("/desk/people/{number}/role")
    def change(visitor: ChangingPeople, number: Number, sent: Form) -> Response:
        person = other(visitor, number)
        try:
            pipeline.change_role(room, person, _role(sent), by=visitor.actor)
        except NewsletterError as error:
            return page(visitor, problem=f"{error}. {error.hint}")
        return pages.go("/desk/people")

    @routes.post("/desk/people/{number}/reset")
    def reset(visitor: ChangingPeople, number: Number, sent: Form) -> Response:
        person = other(visitor, number)
        link = pipeline.reset(
            room,
            person,
            by=visitor.actor,
            second_factor=bool(sent.one("second_factor")),
            identity=bool(sent.one("identity")),
        )
        return given(
            visitor,
            person,
            link,
            said=f"{person.email} gets a new link, good for a day",
            reset=True,
        )

    @routes.post("/desk/people/{number}/sessions")
    def sign_out(visitor: ChangingPeople, number: Number) -> Response:
        person = other(visitor, number)
        ended = pipeline.sign_out(room, person, by=visitor.actor)
        return page(visitor, said=f"{person.shown} is signed out; {ended} sessions ended.")

    @routes.post("/desk/people/{number}/remove")
    def remove(visitor: ChangingPeople, number: Number) -> Response:
        person = other(visitor, number)
        try:
            pipeline.remove(room, person, by=visitor.actor)
        except NewsletterError as error:
            return page(visitor, problem=f"{error}. {error.hint}")
        return pages.go("/desk/people")

    return routes


def _role(sent: Fields) -> Role:
    try:
        return Role(sent.one("role", 20))
    except ValueError:
        raise NotAllowed("There is no such role.") from None
