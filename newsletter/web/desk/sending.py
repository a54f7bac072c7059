"""Sending: how far it is, holding and going on, letters in doubt, and who got what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from newsletter import pipeline
from newsletter.database.delivery_log import delivery_log, settled_since
from newsletter.errors import NewsletterError, NotFound
from newsletter.issue.approve import allowed, move
from newsletter.model import Issue
from newsletter.newsroom import Newsroom
from newsletter.web.desk.courier import Courier
from newsletter.web.desk.door import Looking, Sending, Visitor, Watching
from newsletter.web.desk.form import Form, Query
from newsletter.web.desk.lines import LETTERS, STATES, duration
from newsletter.web.desk.pages import DeskPages
from newsletter.web.desk.story import refused
from newsletter.web.desk.today import READ, find

OPEN = ("queued", "claimed", "handed", "deferred")
LOOKED_BACK = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a send is: letters, share in percent, pace and what is left, in words."""

    total: int
    done: int
    unknown: int
    percent: int
    rate: str
    left: str
    moving: bool


def progress(
    issue: Issue, states: dict[str, int], *, lately: int, now: datetime, busy: bool = False
) -> Progress:
    """What the figures of a send say.

    :param busy: whether the send is about to begin, or still putting things away.
    :param lately: letters settled within :data:`LOOKED_BACK`.
    """
    total, waiting = sum(states.values()), sum(states.get(one, 0) for one in OPEN)
    unknown = states.get("unknown", 0)
    done = total - waiting - unknown
    seconds = LOOKED_BACK.total_seconds()
    if issue.send_started is not None:
        seconds = max(1.0, min(seconds, (now - issue.send_started).total_seconds()))
    pace = lately / seconds
    moving = issue.state.value == "sending"
    left = "nobody is left" if total else "about to begin" if busy else "nothing has left"
    if waiting:
        left = "time left not known yet"
    if waiting and pace > 0 and moving:
        left = f"about {duration(waiting / pace)}"
    elif waiting and not moving:
        left = f"{waiting:,} {'letter waits' if waiting == 1 else 'letters wait'}"
    return Progress(
        total=total,
        done=done,
        unknown=unknown,
        percent=round(100 * done / total) if total else 0,
        rate=_rate(pace) if moving and waiting else "",
        left=left,
        moving=moving or busy,
    )


def _rate(pace: float) -> str:
    if pace >= 1:
        return f"{pace:,.0f} letters a second"
    return f"{60 * pace:,.0f} letters a minute"


def router(room: Newsroom, pages: DeskPages, courier: Courier) -> APIRouter:
    """``/desk/sending`` and what is under it."""
    routes = APIRouter()

    def facts(issue: Issue) -> dict[str, Any]:
        busy = courier.busy(issue.id)
        issue = room.issues.find(issue.id)
        states = room.ledger.states(issue.id)
        now = room.clock()
        lately = settled_since(room.database, issue.id, now - LOOKED_BACK)
        return {
            "issue": issue,
            "state": STATES[issue.state],
            "states": states,
            "letters": LETTERS,
            "progress": progress(issue, states, lately=lately, now=now, busy=busy),
            "trouble": courier.problems.get(issue.id, ""),
        }

    @routes.api_route("/desk/sending", methods=READ)
    def latest(visitor: Looking) -> Response:
        for one in room.issues.recent(30):
            if one.send_started is not None:
                return pages.go(f"/desk/sending/{one.id}")
        return pages.show(
            visitor,
            "said",
            here="sending",
            title="Nothing has been sent yet",
            sentences=["An issue is sent at its time once it is approved, or by a click."],
            links=[("/desk", "Today")],
        )

    def page(
        visitor: Visitor, issue: Issue, query: Query, *, problem: str = "", status: int = 200
    ) -> Response:
        state = query.one("state", 16)
        may_see = visitor.may("readers")
        text = query.one("q", 254) if may_see else ""
        known = state if state in LETTERS else ""
        rows = (
            delivery_log(
                room.database, issue.id, state=known, text=text, after=max(0, query.number("after"))
            )
            if may_see
            else []
        )
        return pages.show(
            visitor,
            "sending",
            status=status,
            here="sending",
            rows=rows,
            may_see=may_see,
            asked_state=known,
            asked_text=text,
            segments=room.ledger.segments(issue.id),
            can={act: allowed(issue.state, act) for act in ("pause", "resume", "cancel", "send")},
            problem=problem,
            waits=next(room.audit.entries(subject=issue.id, action="wait", limit=1), None),
            **facts(issue),
        )

    @routes.api_route("/desk/sending/{name}", methods=READ)
    def show(visitor: Looking, name: str, query: Query) -> Response:
        return page(visitor, find(room, name), query)

    @routes.api_route("/desk/sending/{name}/progress", methods=READ)
    def live(visitor: Watching, name: str, query: Query) -> Response:
        found = facts(find(room, name))
        answer = pages.part(visitor, "progress", **found)
        if not found["progress"].moving or found["issue"].state.value != query.one("state", 16):
            # What can be done about it has changed as well, and the log: the page asks for both.
            answer.headers["HX-Trigger"] = "turned"
        return answer

    @routes.post("/desk/sending/{name}")
    def act(visitor: Sending, name: str, sent: Form, query: Query) -> Response:
        issue = find(room, name)
        wanted = sent.one("act", 16)
        try:
            detail = _act(room, courier, issue, wanted, visitor)
        except NewsletterError as error:
            return page(
                visitor, room.issues.find(issue.id), query, problem=refused(error), status=409
            )
        room.audit.note(visitor.actor, wanted, issue.id, detail)
        return pages.go(f"/desk/sending/{issue.id}")

    return routes


def _act(room: Newsroom, courier: Courier, issue: Issue, wanted: str, visitor: Visitor) -> str:
    """Do one thing to a send; return what the log says of it."""
    now, reason = room.clock(), f"decided by {visitor.name}"
    if wanted in {"pause", "cancel"}:
        room.issues.change(issue, move(issue, wanted))
        return ""
    if wanted == "resume":
        pipeline.resume(room, issue)
        courier.send(issue.id)
        return ""
    if wanted == "rest":
        if not allowed(issue.state, "send"):
            move(issue, "send")
        courier.send(issue.id)
        return "the rest"
    if wanted == "wait":
        return "letters in doubt stay in doubt"
    if wanted == "check":
        pipeline.reconcile(room, issue)
        return "asked the provider"
    if wanted == "again":
        number = room.ledger.requeue(issue.id, reason=reason, now=now)
        if allowed(issue.state, "send"):
            courier.send(issue.id)
        return f"{number} letters in doubt sent again"
    if wanted == "write_off":
        number = room.ledger.write_off(issue.id, reason=reason, now=now)
        pipeline.reconcile(room, issue)
        return f"{number} letters in doubt written off"
    raise NotFound(wanted, "is nothing that is done to a send")
