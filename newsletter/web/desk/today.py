"""Today: the draft as a list of stories, and beside it the mail as it will be sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import Response

from newsletter import pipeline
from newsletter.errors import Conflict, NewsletterError, NotFound
from newsletter.issue.approve import allowed
from newsletter.model import Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.pipeline import arranging
from newsletter.pipeline.candidates import arrangement_of
from newsletter.web.desk.door import Editing, Looking, Visitor
from newsletter.web.desk.form import Fields, Form, Query
from newsletter.web.desk.lines import STATES, meter, saved, sends, story_lines
from newsletter.web.desk.pages import DeskPages

READ = ["GET", "HEAD"]
_COUNTED_FOR = timedelta(seconds=60)
_ID = re.compile(r"[a-zA-Z0-9#_.-]{1,64}")

_ONE_STORY: Mapping[str, Callable[..., Issue]] = {
    "pin": arranging.pin,
    "unpin": arranging.unpin,
    "drop": arranging.drop,
    "hold": arranging.hold,
    "back": arranging.put_back,
}
_STEPS = {"up": -1, "down": 1}
_MOST_WAITING = 30
_LEAVING = {"drop", "hold"}


class Audience:
    """How many readers an edition has, counted at most once a minute."""

    def __init__(self, room: Newsroom):
        self._room = room
        self._known: dict[str, tuple[datetime, dict[str, int]]] = {}

    def of(self, issue: Issue, *, fresh: bool = False) -> dict[str, int]:
        """Readers by segment."""
        now = self._room.clock()
        known = self._known.get(issue.id)
        if fresh or known is None or now - known[0] >= _COUNTED_FOR:
            known = now, pipeline.audience(self._room, issue)
            self._known[issue.id] = known
        return known[1]


def router(room: Newsroom, pages: DeskPages, audience: Audience) -> APIRouter:
    """``/desk``, ``/desk/issues`` and ``/desk/issues/ID``."""
    routes = APIRouter()

    def page(
        visitor: Visitor, issue: Issue, query: Fields, *, problem: str = "", status: int = 200
    ) -> Response:
        revision = room.issues.revision(issue)
        settings = room.config.edition(issue.publication)
        arrangement = arrangement_of(room, issue.edition, issue.day)
        inside = {story.story for story in revision.content.stories}
        waiting = room.arrangements.waiting(issue.edition, issue.day)
        out = [one for one in waiting if one.story in arrangement.out]
        others = [
            one for one in waiting if one.story not in inside and one.story not in arrangement.out
        ][:_MOST_WAITING]
        texts = room.briefs.newest([one.story for one in others])
        reasons = {story: brief.withheld for story, (brief, _) in texts.items()}
        return pages.show(
            visitor,
            "today",
            status=status,
            here="today",
            issue=issue,
            state=STATES[issue.state],
            day=f"{issue.day:%A %-d %B}",
            edition=settings.title,
            saved=saved(revision, settings.zone),
            sends=sends(issue, settings),
            readers=sum(audience.of(issue).values()),
            changeable=visitor.may("edit") and allowed(issue.state, "edit"),
            number=arrangement.number,
            lines=story_lines(revision.content.stories, arrangement, pages.words),
            meter=meter(revision.content.seconds, settings),
            waiting=[one for one in others if not reasons.get(one.story)],
            withheld=[(one, why) for one in others if (why := reasons.get(one.story))],
            out=[
                (one, "held for tomorrow" if one.story in arrangement.held else "dropped")
                for one in out
            ],
            changes=room.arrangements.changes(issue.edition, issue.day)[-6:][::-1],
            problem=problem,
            **preview_switch(issue, query, [one.variant for one in revision.rendered]),
        )

    @routes.api_route("/desk", methods=READ)
    def today(visitor: Looking, query: Query) -> Response:
        issue = _newest(room)
        if issue is None:
            return pages.show(
                visitor,
                "empty",
                here="today",
                editions=[
                    (name, settings.title, f"{settings.draft_at:%H:%M}", settings.zone)
                    for name, settings in room.config.editions.items()
                ],
            )
        return page(visitor, issue, query)

    @routes.post("/desk/draft")
    def draft(visitor: Editing, sent: Form) -> Response:
        edition = sent.one("edition", 64) or next(iter(room.config.editions))
        report = pipeline.compose(room, edition=edition)
        room.audit.note(visitor.actor, "draft", report.issue.id)
        return pages.go(f"/desk/issues/{report.issue.id}")

    @routes.api_route("/desk/issues", methods=READ)
    def issues(visitor: Looking) -> Response:
        return pages.show(
            visitor,
            "issues",
            here="issues",
            issues=[(one, STATES[one.state]) for one in room.issues.recent(60)],
        )

    @routes.api_route("/desk/issues/{name}", methods=READ)
    def one(visitor: Looking, name: str, query: Query) -> Response:
        return page(visitor, find(room, name), query)

    @routes.post("/desk/issues/{name}/arrange")
    def arrange(visitor: Editing, name: str, sent: Form) -> Response:
        issue = find(room, name)
        before = room.issues.stories_of(issue)
        try:
            _arrange(room, issue, visitor, sent)
        except Conflict as error:
            return page(
                visitor,
                room.issues.find(issue.id),
                Fields([]),
                problem=f"{error.sentence[:1].upper()}{error.sentence[1:]}. {error.hint}",
                status=409,
            )
        except NewsletterError as error:
            return page(
                visitor,
                room.issues.find(issue.id),
                Fields([]),
                problem=f"{error}. {error.hint}",
                status=400,
            )
        story = sent.one("story", 64)
        if sent.one("act", 10) in _LEAVING and story in before:
            # Where it stood stands the next one: that is what the editor looks at now.
            after = [*before[before.index(story) + 1 :], *before[: before.index(story)][::-1]]
            story = next(iter(after), "")
        return pages.go(
            f"/desk/issues/{issue.id}" + (f"#s-{story}" if _ID.fullmatch(story) else "")
        )

    return routes


def find(room: Newsroom, name: str) -> Issue:
    """An issue by its id.

    :raises NotFound: when there is none; anything else than an id is not even looked up.
    """
    if not _ID.fullmatch(name) or name == "latest":
        raise NotFound(name[:64], "there is no such issue")
    return room.issues.find(name)


def preview_switch(issue: Issue, query: Fields, variants: list[str]) -> dict[str, object]:
    """How the mail is looked at: the choices, and the address of the frame."""
    shape = query.one("as", 8) if query.one("as", 8) in {"phone", "text"} else "desktop"
    dark, images = query.one("dark", 2) == "1", query.one("images", 2) != "0"
    variant = query.one("variant", 64)
    reader = query.one("reader", 254)
    chosen = {
        "as": shape,
        "dark": "1" if dark else "",
        "images": "" if images else "0",
        "variant": variant,
        "reader": reader,
    }
    return {
        "shape": shape,
        "dark": dark,
        "images": images,
        "variant": variant,
        "variants": [one for one in variants if one],
        "reader": reader,
        "chosen": {name: value for name, value in chosen.items() if value},
        "frame": f"/desk/issues/{issue.id}/preview",
    }


def _newest(room: Newsroom) -> Issue | None:
    """The issue an editor has to do with now: the newest that is no notice of a correction."""
    return next((one for one in room.issues.recent(30) if not one.corrects), None)


def _arrange(room: Newsroom, issue: Issue, visitor: Visitor, sent: Fields) -> None:
    act, story, seen = sent.one("act", 10), sent.one("story", 64), sent.number("seen")
    who = visitor.name
    before = issue.state
    if act == "order":
        done = arranging.reorder(room, issue, sent.one("order").split(), by=who, seen=seen)
    elif act in _STEPS:
        done = arranging.move(room, issue, story, _STEPS[act], by=who, seen=seen)
    elif act == "swap":
        done = arranging.swap(room, issue, sent.one("out", 64), story, by=who, seen=seen)
    elif act in _ONE_STORY:
        done = _ONE_STORY[act](room, issue, story, by=who, seen=seen)
    else:
        raise NotFound(act, "is nothing that is done to a story here")
    detail = f"{story} {'approval taken back' if before is not done.state else ''}".strip()
    room.audit.note(visitor.actor, f"arrange {act}", issue.id, detail)
    if before is IssueState.APPROVED and done.state is IssueState.DRAFT:
        room.audit.note(visitor.actor, "approval ended", issue.id, "edited after it")
