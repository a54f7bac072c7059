"""Correct what readers have: the pages say it at once, the next issue opens with it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from newsletter import pipeline
from newsletter.errors import NewsletterError
from newsletter.newsroom import Newsroom
from newsletter.web.desk.door import Editing, NotAllowed
from newsletter.web.desk.form import Form
from newsletter.web.desk.pages import DeskPages
from newsletter.web.desk.story import address, on_desk, refused


def router(room: Newsroom, pages: DeskPages) -> APIRouter:
    """``POST /desk/issues/ID/stories/STORY/correct``."""
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
        room.audit.note(
            visitor.actor, "correct", f"story {desk.story.id}", "with a notice" if mail else ""
        )
        noticed = sum(sum(one.states.values()) for one in report.sent)
        return pages.show(
            visitor,
            "said",
            title="The correction is published",
            sentences=[
                "The story's page says it now, and the next issue opens with it.",
                f"A notice went to {noticed:,} readers." if report.notices else "",
            ],
            links=[
                (f"/stories/{desk.story.slug}", "The story as readers see it"),
                (address(desk), "Back to the story"),
            ],
        )

    return routes
