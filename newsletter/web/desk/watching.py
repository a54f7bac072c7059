"""Sources, readers, reports, figures and the log: what is looked at beside the day's issue."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import Response

from newsletter.audience.addresses import Address, read_address
from newsletter.audience.rule_words import in_words
from newsletter.config import Segment
from newsletter.database.figures import clicks_of, counted_of, events_of, states_of
from newsletter.database.reader_search import find_readers
from newsletter.database.reports import Reports
from newsletter.errors import NewsletterError, NotFound
from newsletter.feeds.health import check_feeds
from newsletter.model import ReaderState
from newsletter.newsroom import Newsroom
from newsletter.web.desk.door import (
    Editing,
    Looking,
    RunningPeople,
    SeeingReaders,
    Sourcing,
    Visitor,
)
from newsletter.web.desk.form import Form, Query
from newsletter.web.desk.lines import LETTERS, STATES
from newsletter.web.desk.pages import DeskPages
from newsletter.web.desk.plots import bars, line
from newsletter.web.desk.story import refused
from newsletter.web.desk.today import READ, find

OUTCOMES = ("corrected", "explained", "closed")
SIDES = ("left", "center", "right", "unrated", "")
"""Where followed links lead: articles of a side, and the story's own page."""
SOME = 20
"""Readers of a segment that are shown, to see whether it is the right one."""
TRIES = ((10, timedelta(minutes=10)),)
_NUMBER = re.compile(r"[A-Za-z0-9]{6,16}")


def router(room: Newsroom, pages: DeskPages) -> APIRouter:
    """``/desk/sources``, ``readers``, ``reports``, ``numbers`` and ``audit``."""
    routes = APIRouter()
    for part in (_sources, _readers, _reports, _numbers, _audit):
        part(routes, room, pages)
    return routes


def _sources(routes: APIRouter, room: Newsroom, pages: DeskPages) -> None:

    def page(
        visitor: Visitor,
        *,
        found: object = None,
        problem: str = "",
        said: str = "",
        tried: str = "",
    ) -> Response:
        health = check_feeds(room.articles.feeds(), room.outlets, now=room.clock())
        return pages.show(
            visitor,
            "sources",
            status=400 if problem else 200,
            here="sources",
            lines=[(one, room.outlets.get(one.outlet)) for one in health],
            counts=Counter(one.health.value for one in health),
            found=found,
            tried=tried,
            problem=problem,
            said=said,
        )

    @routes.api_route("/desk/sources", methods=READ)
    def show(visitor: Looking) -> Response:
        return page(visitor)

    @routes.post("/desk/sources/try")
    def attempt(visitor: Sourcing, sent: Form) -> Response:
        address = sent.one("url", 500)
        if not room.knocks.allows("try a feed", visitor.editor.email, room.clock(), each=TRIES):
            return page(visitor, problem="Too many tries. Wait some minutes.", tried=address)
        try:
            # The guard of the collector stands before this, too: no address of this machine
            # or its network is asked, whatever is typed.
            # Loading what fetches takes a third of the time in which the pages are ready.
            from newsletter.feeds.discover import find_feed  # noqa: PLC0415

            found = find_feed(address, room.config.collect, clock=room.clock)
        except NewsletterError as error:
            return page(visitor, problem=refused(error), tried=address)
        room.audit.note(visitor.actor, "source tried", found.url[:200])
        return page(visitor, found=found, tried=address)

    @routes.post("/desk/sources/state")
    def state(visitor: Sourcing, sent: Form) -> Response:
        url, act = sent.one("url", 2_000), sent.one("act", 10)
        known = room.articles.feeds({url})
        if not known:
            raise NotFound("", "this feed is not known here")
        if act == "retire":
            room.articles.retire(url, by=visitor.name)
        elif act == "wake":
            room.articles.wake(url, now=room.clock())
        else:
            raise NotFound(act, "is nothing that is done to a feed")
        room.audit.note(visitor.actor, f"source {act}", url[:200])
        return pages.go("/desk/sources")


def _readers(routes: APIRouter, room: Newsroom, pages: DeskPages) -> None:
    @routes.api_route("/desk/readers", methods=READ)
    def show(visitor: SeeingReaders, query: Query) -> Response:
        text, state = query.one("q", 254), query.one("state", 16)
        address = read_address(text) if "@" in text else None
        facts = room.readers.show(address.email) if isinstance(address, Address) else None
        state = state if state in set(ReaderState) else ""
        wanted = query.one("segment", 64)
        chosen = wanted if wanted in room.config.segments else ""
        rows = find_readers(
            room.database, text=text, state=state, after=max(0, query.number("after"))
        )
        if facts is not None:
            # Who looked at whom is written down; the address itself is not (see docs).
            reader = room.readers.by_email(text)
            room.audit.note(visitor.actor, "reader seen", f"reader {reader.id if reader else ''}")
        return pages.show(
            visitor,
            "readers",
            here="readers",
            text=text,
            state=state,
            states=room.readers.states(),
            rows=rows,
            facts=facts,
            segments=[
                (name, one, room.readers.count_segment(one), _rules(one))
                for name, one in room.config.segments.items()
            ],
            looked_at=chosen,
            some=room.readers.members(room.config.segments[chosen], most=SOME) if chosen else [],
        )


def _rules(segment: Segment) -> list[str]:
    """Who is meant, in lines."""
    facts = segment.model_dump(by_alias=True, exclude_none=True, mode="json")
    lines = [line for rule in facts["where"] for line in in_words(rule)]
    if segment.exclude:
        lines.append(f"not on the lists {', '.join(segment.exclude)}")
    return lines or ["everybody"]


def _reports(routes: APIRouter, room: Newsroom, pages: DeskPages) -> None:
    reports = Reports(room.database)

    def page(visitor: Visitor, *, problem: str = "", status: int = 200) -> Response:
        return pages.show(
            visitor,
            "reports",
            status=status,
            here="reports",
            open=reports.open(),
            answered=reports.answered(20),
            outcomes=OUTCOMES,
            kinds=lambda kind: pages.words(f"report_{kind}"),
            problem=problem,
        )

    @routes.api_route("/desk/reports", methods=READ)
    def show(visitor: Editing) -> Response:
        return page(visitor)

    @routes.post("/desk/reports/{number}")
    def settle(visitor: Editing, number: str, sent: Form) -> Response:
        if not _NUMBER.fullmatch(number):
            raise NotFound("", "there is no such report")
        outcome, answer = sent.one("outcome", 16), sent.one("answer", 2_000)
        if outcome not in OUTCOMES or not answer:
            return page(visitor, problem="Say what became of it, in a sentence.", status=400)
        if not reports.settle(number, state=outcome, answer=answer):
            raise NotFound("", "there is no such report")
        room.audit.note(visitor.actor, f"report {outcome}", f"report {number}")
        return pages.go("/desk/reports")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """Figures of one issue."""

    issue: str
    day: str
    state: str
    letters: int
    delivered: int
    bounced: int
    complained: int
    unsubscribed: int
    clicks: int
    counted: int


def _numbers(routes: APIRouter, room: Newsroom, pages: DeskPages) -> None:
    def rows(limit: int = 30) -> list[_Row]:
        issues = [one for one in room.issues.recent(limit) if one.send_started is not None]
        ids = [one.id for one in issues]
        states, events = states_of(room.database, ids), events_of(room.database, ids)
        counted = counted_of(room.database, ids)
        return [
            _Row(
                issue=one.id,
                day=one.day.isoformat(),
                state=STATES[one.state],
                letters=sum(states[one.id].values()),
                delivered=sum(
                    states[one.id].get(name, 0)
                    for name in ("accepted", "delivered", "complained", "unsubscribed")
                ),
                bounced=states[one.id].get("bounced", 0) + states[one.id].get("rejected", 0),
                complained=states[one.id].get("complained", 0),
                unsubscribed=states[one.id].get("unsubscribed", 0)
                or events[one.id].get("unsubscribed", 0),
                clicks=events[one.id].get("click", 0),
                counted=counted[one.id],
            )
            for one in issues
        ]

    @routes.api_route("/desk/numbers", methods=READ)
    def show(visitor: Looking) -> Response:
        found = rows()
        oldest_first = found[::-1]
        plots = [
            (title, line([(row.day[5:], getattr(row, field)) for row in oldest_first]))
            for title, field in (
                ("Letters delivered", "delivered"),
                ("Bounced or refused", "bounced"),
                ("Complaints", "complained"),
                ("Unsubscribed", "unsubscribed"),
                ("Links followed, of readers who let us count", "clicks"),
            )
        ]
        return pages.show(visitor, "numbers", here="numbers", rows=found, plots=plots)

    @routes.api_route("/desk/numbers/{name}", methods=READ)
    def one(visitor: Looking, name: str) -> Response:
        issue = find(room, name)
        content = room.issues.revision(issue).content
        clicks = clicks_of(room.database, issue.id)
        by_side = {side: sum(one.get(side, 0) for one in clicks.values()) for side in SIDES}
        stories = [
            (
                story.brief.headline,
                clicks.get(story.story, {}),
                sum(clicks.get(story.story, {}).values()),
            )
            for story in content.stories
        ]
        return pages.show(
            visitor,
            "numbers-issue",
            here="numbers",
            issue=issue,
            states=states_of(room.database, [issue.id])[issue.id],
            letters=LETTERS,
            events=events_of(room.database, [issue.id])[issue.id],
            stories=sorted(stories, key=lambda row: -row[2]),
            columns=SIDES,
            by_side=by_side,
            total=sum(row[2] for row in stories),
            counted=counted_of(room.database, [issue.id])[issue.id],
            plot=bars([(side, by_side[side]) for side in SIDES[:4]]),
        )


def _audit(routes: APIRouter, room: Newsroom, pages: DeskPages) -> None:
    @routes.api_route("/desk/audit", methods=READ)
    def show(visitor: RunningPeople, query: Query) -> Response:
        subject, actor = query.one("subject", 200), query.one("actor", 200)
        action = query.one("action", 40)
        entries = room.audit.entries(subject=subject, actor=actor, action=action, limit=200)
        return pages.show(
            visitor,
            "audit",
            here="audit",
            entries=list(entries),
            subject=subject,
            actor=actor,
            action=action,
        )
