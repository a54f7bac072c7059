"""Approve: everything that speaks for and against an issue on one page, then a yes to its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter
from fastapi.responses import Response

from newsletter import pipeline
from newsletter.database.reader_search import zones_of
from newsletter.errors import AccountError, Conflict, IssueError, NewsletterError
from newsletter.issue.approve import allowed, move
from newsletter.issue.lint import Finding, lint
from newsletter.model import Issue, IssueState, Revision
from newsletter.newsroom import Newsroom
from newsletter.operations.plan import plan_send
from newsletter.operations.status import planned
from newsletter.pipeline import people
from newsletter.pipeline.candidates import arrangement_of
from newsletter.pipeline.mails import deliver_mail, post_test
from newsletter.timetable import reader_moments
from newsletter.web.desk.courier import Courier
from newsletter.web.desk.door import Approving, Editing, Looking, Sending, Visitor
from newsletter.web.desk.form import Form
from newsletter.web.desk.lines import STATES, meter, place_of, saved, story_lines
from newsletter.web.desk.pages import DeskPages
from newsletter.web.desk.story import refused
from newsletter.web.desk.today import READ, Audience, find


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneLine:
    """When readers of one time zone get the issue, by their own clock."""

    place: str
    readers: int
    at: str


def router(room: Newsroom, pages: DeskPages, audience: Audience, courier: Courier) -> APIRouter:
    """``/desk/issues/ID/approve``, test letters, and starting a send."""
    routes = APIRouter()
    known: dict[str, list[tuple[str, Finding]]] = {}

    def looked_over(revision: Revision) -> list[tuple[str, Finding]]:
        """What the lint finds, once for the same bytes."""
        if revision.sha256 not in known:
            if len(known) >= 8:
                known.clear()
            known[revision.sha256] = [
                (one.variant, finding)
                for one in revision.rendered
                for finding in lint(one, room.config.site)
            ]
        return known[revision.sha256]

    def page(
        visitor: Visitor, issue: Issue, *, problem: str = "", said: str = "", status: int = 200
    ) -> Response:
        revision = room.issues.revision(issue)
        settings = room.config.edition(issue.publication)
        findings = looked_over(revision)
        segments = audience.of(issue)
        arrangement = arrangement_of(room, issue.edition, issue.day)
        at = planned(room, issue)
        return pages.show(
            visitor,
            "approve",
            status=status,
            here="today",
            issue=issue,
            state=STATES[issue.state],
            day=f"{issue.day:%A %-d %B}",
            revision=revision,
            subject=revision.rendered[0].subject,
            preheader=revision.rendered[0].preheader,
            size=sum(len(one.html.encode()) for one in revision.rendered[:1]) // 1000,
            saved=saved(revision, settings.zone),
            lines=story_lines(revision.content.stories, arrangement, pages.words),
            meter=meter(revision.content.seconds, settings),
            findings=findings,
            blocked=any(finding.severity == "error" for _, finding in findings),
            segments=[
                (
                    room.config.segments[name].title or name
                    if name in room.config.segments
                    else name or "everybody who subscribes",
                    number,
                )
                for name, number in segments.items()
            ],
            total=sum(segments.values()),
            planned=_local(at, settings.zone),
            zones=zone_lines(room, issue, at),
            transport=room.config.delivery.transport,
            testers=room.people.testers(),
            test_readers=len(pipeline.test_readers(room, issue.publication)),
            two=room.config.desk.two_person,
            votes=[_shown(room, one) for one in room.arrangements.votes(issue, revision.sha256)],
            approvable=allowed(issue.state, "approve"),
            startable=allowed(issue.state, "send"),
            problem=problem,
            said=said,
        )

    @routes.api_route("/desk/issues/{name}/approve", methods=READ)
    def show(visitor: Looking, name: str) -> Response:
        return page(visitor, find(room, name))

    @routes.post("/desk/issues/{name}/approve")
    def approve(visitor: Approving, name: str, sent: Form) -> Response:
        issue = find(room, name)
        revision = room.issues.revision(issue)
        errors = [one for _, one in looked_over(revision) if one.severity == "error"]
        if errors:
            return page(
                visitor,
                issue,
                status=400,
                problem=f"This cannot go out: {errors[0].sentence}",
            )
        seen = sent.one("sha256", 64)
        try:
            if not seen:
                raise Conflict(
                    "", "this form does not say what was looked at", hint="Open it again."
                )
            if issue.state is IssueState.APPROVED and issue.approved_sha256 == seen:
                return page(visitor, issue, said=f"{issue.approved_by} has approved this already.")
            done = pipeline.approve(
                room, issue.id, by=visitor.name, sha256=seen, voter=visitor.editor.email
            )
        except Conflict as error:
            return page(visitor, room.issues.find(issue.id), status=409, problem=refused(error))
        except IssueError as error:
            return page(visitor, room.issues.find(issue.id), status=409, problem=refused(error))
        room.audit.note(visitor.actor, "approve", issue.id, f"sha256 {seen}")
        if done.state is IssueState.DRAFT:
            return page(
                visitor,
                done,
                said="Your approval is written down. A second person has to give theirs.",
            )
        return pages.go(f"/desk/issues/{issue.id}/approve")

    @routes.post("/desk/issues/{name}/test")
    def test(visitor: Editing, name: str, sent: Form) -> Response:
        issue = find(room, name)
        act = sent.one("act", 10)
        if act in {"add", "remove"}:
            try:
                people.change_testers(
                    room,
                    add=[sent.one("email", 254)] if act == "add" else (),
                    remove=sent.all("tester") if act == "remove" else (),
                    by=visitor.actor,
                )
            except AccountError as error:
                return page(visitor, issue, status=400, problem=refused(error))
            return pages.go(f"/desk/issues/{issue.id}/approve#test")
        # Only saved addresses: the desk is no way to write to anybody.
        chosen = [one for one in room.people.testers() if one in sent.all("tester")]
        if sent.has("test_readers"):
            others = pipeline.test_readers(room, issue.publication)
            chosen += [one for one in others if one not in chosen]
        if not chosen:
            return page(visitor, issue, status=400, problem="Tick at least one address.")
        try:
            post_test(room, issue, chosen)
            report = deliver_mail(room)
        except NewsletterError as error:
            return page(visitor, issue, status=400, problem=refused(error))
        room.audit.note(visitor.actor, "test", issue.id, f"{len(chosen)} letters")
        if report.problem:
            return page(visitor, issue, status=400, problem=f"Not sent: {report.problem}.")
        return page(
            visitor,
            issue,
            said="1 test letter is on its way."
            if len(chosen) == 1
            else f"{len(chosen)} test letters are on their way.",
        )

    @routes.post("/desk/issues/{name}/send")
    def start(visitor: Sending, name: str, sent: Form) -> Response:
        issue = find(room, name)
        if sent.one("sha256", 64) != issue.approved_sha256 or not issue.approved_sha256:
            return page(
                visitor,
                issue,
                status=409,
                problem="What stands here now is not what you looked at, or is not approved.",
            )
        if not allowed(issue.state, "send"):
            move(issue, "send")  # says why not
        room.audit.note(visitor.actor, "send", issue.id)
        courier.send(issue.id)
        return pages.go(f"/desk/sending/{issue.id}")

    @routes.post("/desk/issues/{name}/plan")
    def plan(visitor: Sending, name: str, sent: Form) -> Response:
        issue = find(room, name)
        try:
            plan_send(room, issue, sent.one("at", 40) or "usual", by=visitor.actor)
        except NewsletterError as error:
            return page(visitor, issue, status=400, problem=refused(error))
        return pages.go(f"/desk/issues/{issue.id}/approve")

    return routes


def zone_lines(room: Newsroom, issue: Issue, at: datetime | None) -> list[ZoneLine]:
    """When the issue reaches its readers, by the clocks most of them live by."""
    settings = room.config.edition(issue.publication)
    start = at or issue.send_started
    if start is None:
        return []
    counted = zones_of(room.database, issue.publication)
    later = (
        reader_moments(settings, issue.day, [zone for zone, _ in counted])
        if settings.send_in == "reader"
        else {}
    )
    found = []
    for zone, number in counted:
        try:
            local = later.get(zone, start).astimezone(ZoneInfo(zone or settings.zone))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            local = start.astimezone(ZoneInfo(settings.zone))
        place = place_of(zone) if zone else f"not known, so {place_of(settings.zone)}"
        found.append(ZoneLine(place=place, readers=number, at=f"{local:%a %H:%M}"))
    return found


def _local(at: datetime | None, zone: str) -> str:
    if at is None:
        return "by hand only"
    return f"{at.astimezone(ZoneInfo(zone)):%A %H:%M} {place_of(zone)} ({at:%H:%M} UTC)"


def _shown(room: Newsroom, voter: str) -> str:
    person = room.people.by_email(voter)
    return person.shown if person else voter
