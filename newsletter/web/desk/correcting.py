"""Correct what readers have: the pages say it at once, the next issue opens with it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from newsletter import pipeline
from newsletter.errors import NewsletterError, NotFound
from newsletter.newsroom import Newsroom
from newsletter.web.desk.courier import Courier
from newsletter.web.desk.door import Editing, Looking, NotAllowed
from newsletter.web.desk.form import Form
from newsletter.web.desk.pages import DeskPages
from newsletter.web.desk.story import address, on_desk, refused
from newsletter.web.desk.today import READ


def router(room: Newsroom, pages: DeskPages, courier: Courier) -> APIRouter:
    """``/desk/issues/ID/stories/STORY/correct``, and ``…/corrections/ID``, where it leads."""
    routes = APIRouter()

    @routes.post("/desk/issues/{name}/stories/{story_id}/correct")
    def correct(visitor: Editing, name: str, story_id: str, sent: Form) -> Response:
        desk = on_desk(room, name, story_id)
        mail = bool(sent.one("mail"))
        if mail and not visitor.may("send"):
            raise NotAllowed("Mailing a notice is sending; your role does not include it.")
        try:
            report = pipeline.correct(
                room,
                desk.story.slug,
                sent.one("text", 500),
                by=visitor.name,
                before=sent.one("before", 500),
                after=sent.one("after", 500),
                mail=mail,
                at_once=False,
            )
        except NewsletterError as error:
            return pages.show(
                visitor,
                "said",
                status=400,
                title="The correction was not published",
                sentences=[refused(error)],
                links=[(address(desk), "Back to the story")],
            )
        for notice in report.notices:
            courier.send(notice.id)
        room.audit.note(
            visitor.actor, "correct", f"story {desk.story.id}", "with a notice" if mail else ""
        )
        return pages.go(f"{address(desk)}/corrections/{report.correction.id}")

    @routes.api_route("/desk/issues/{name}/stories/{story_id}/corrections/{number}", methods=READ)
    def corrected(visitor: Looking, name: str, story_id: str, number: str) -> Response:
        desk = on_desk(room, name, story_id)
        known = room.corrections.of_story(desk.story.id)
        entry = next((one for one in known if one.id == number), None)
        if entry is None:
            raise NotFound(number[:64], "is no correction of this story")
        notices = room.corrections.notices(entry)
        noticed = sum(sum(room.ledger.states(one.id).values()) for one in notices)
        whom = f"{noticed:,} readers" if noticed else "everybody who was sent the story"
        return pages.show(
            visitor,
            "said",
            title="The correction is published",
            sentences=[
                "The story's page says it now, and the next issue opens with it.",
                f"A notice goes to {whom}." if notices else "",
            ],
            links=[
                (f"/stories/{desk.story.slug}", "The story as readers see it"),
                (address(desk), "Back to the story"),
            ],
        )

    return routes
