"""Compose: briefs become an issue, which a person approves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from typing import TYPE_CHECKING

from newsletter.database.variants import chosen_topics, want_text
from newsletter.errors import Conflict, IssueError, NotApproved, NothingToSay
from newsletter.issue import approve as approval
from newsletter.issue.choose import Candidate, choose
from newsletter.issue.lint import blocking
from newsletter.issue.variants import TEXT, sections_of, topics_of, variants_for
from newsletter.issue.view import source_line
from newsletter.model import (
    Arrangement,
    Issue,
    IssueContent,
    IssueState,
    Outlet,
    Rendered,
    Revision,
)
from newsletter.newsroom import Newsroom
from newsletter.pipeline.candidates import arrangement_of, keep
from newsletter.pipeline.day import Day
from newsletter.pipeline.grouping import related_of
from newsletter.pipeline.looking import findings

if TYPE_CHECKING:
    from newsletter.stories.rank import Ranked


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeReport:
    """An issue as it now stands, and whether this run changed it."""

    issue: Issue
    revision: Revision
    changed: bool
    considered: int


def compose(room: Newsroom, *, edition: str = "daily", day: date | None = None) -> ComposeReport:
    """Choose the day's stories, render the issue and store it as a draft.

    The same stories give the same draft: nothing new is stored when nothing changed. An issue
    that is approved or further is left alone.

    :param day: a local date of the edition; today when absent. A past date is composed from what
        was known at its end.
    :raises NothingToSay: when no story passes the floor.
    :raises IssueError: when the date has not come yet.
    """
    now = moment_of(room, edition, day)
    local_day = room.local_day(edition, now)
    present = room.issues.of_day(edition, local_day)
    if present and present.state is not IssueState.DRAFT:
        return ComposeReport(
            issue=present, revision=room.issues.revision(present), changed=False, considered=0
        )
    covers_days = room.config.edition(edition).covers_days
    candidates = candidates_at(room, now, covers_days=covers_days)
    if all(one.brief.withheld for one in candidates):
        raise NothingToSay(
            f"{edition} of {local_day.isoformat()}",
            "no story of this day is covered widely enough to be told",
            hint='Run "newsletter collect", "group" and "write" first, or lower '
            "[stories] floor_families.",
        )
    keep(room, edition, local_day, candidates)
    before = room.issues.revision(present) if present else None
    content, rendered = laid_out(
        room,
        [one for one in candidates if not one.brief.withheld],
        edition=edition,
        day=local_day,
        present=present,
        tag=before.rendered[0].tag if before else room.tag(),
        arrangement=arrangement_of(room, edition, local_day),
    )
    sha256 = approval.digest(rendered)
    if present and before and before.sha256 == sha256:
        return ComposeReport(
            issue=present, revision=before, changed=False, considered=len(candidates)
        )
    issue = room.issues.save_draft(content, rendered, sha256=sha256, made=room.clock())
    return ComposeReport(
        issue=issue,
        revision=room.issues.revision(issue),
        changed=True,
        considered=len(candidates),
    )


def candidates_at(room: Newsroom, now: datetime, *, covers_days: int = 1) -> list[Candidate]:
    """The stories that an issue could tell at a moment, best first, the withheld among them.

    :param covers_days: how many days it tells about; a digest tells again what was told before.
    """
    loaded = Day.load(room, now, covers_days=covers_days)
    return [
        candidate
        for ranked in loaded.ranked
        if (candidate := _candidate(loaded, ranked, room.outlets, digest=covers_days > 1))
        is not None
    ]


def laid_out(
    room: Newsroom,
    candidates: Sequence[Candidate],
    *,
    edition: str,
    day: date,
    present: Issue | None,
    tag: str,
    arrangement: Arrangement,
) -> tuple[IssueContent, tuple[Rendered, ...]]:
    """What an issue says with these candidates, and its bytes.

    :raises NothingToSay: when none of them may be told.
    """
    content = choose(
        candidates,
        room.config.edition(edition),
        edition=edition,
        day=day,
        corrections=room.corrections.waiting(edition, present.id if present else ""),
        arrangement=arrangement,
    )
    related = related_of(room, [told.story for told in content.stories])
    content = replace(
        content,
        stories=tuple(replace(one, related=related.get(one.story, ())) for one in content.stories),
    )
    return content, renderings(room, content, tag)


def approve(room: Newsroom, name: str, *, by: str, sha256: str = "", voter: str = "") -> Issue:
    """Approve an issue's current revision, bound to the bytes that will be sent.

    Where two people are asked for ([desk] two_person), the first approval is written down and the
    issue stays a draft until a second person approves the same bytes.

    :param sha256: the hash of what was looked at; empty for whatever stands there now.
    :param voter: who approves, where two people may have the same name; ``by`` when left out.
    :raises Conflict: when the issue is not any more what was looked at.
    :raises NotApproved: when the lint of what would be sent finds an error.
    """
    issue = room.issues.find(name)
    revision = room.issues.revision(issue)
    if sha256 and sha256 != revision.sha256:
        raise Conflict(
            issue.id,
            f"was changed since you looked at it: revision {revision.number} was made at "
            f"{revision.made:%H:%M} UTC{f' ({revision.note})' if revision.note else ''}",
            hint="Nothing was approved. Look at what it says now.",
        )
    if issue.state is IssueState.APPROVED and issue.approved_sha256 == revision.sha256:
        return issue  # the first yes to these bytes is the one that counts
    approved = approval.approve(issue, revision, by=by, at=room.clock())
    errors = blocking(findings(room, issue, revision))
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise NotApproved(
            issue.id,
            f"has an error that no reader should get: {errors[0].sentence.rstrip('.')}{more}",
            hint=f'"newsletter lint {issue.id}" lists all; mend the cause and draft it again.',
        )
    if room.config.desk.two_person and issue.state is IssueState.DRAFT:
        voters = room.arrangements.vote(issue, revision.sha256, by=voter or by, at=room.clock())
        if len(voters) < 2:
            return issue
        names = [found.shown if (found := room.people.by_email(one)) else one for one in voters[:2]]
        approved = replace(approved, approved_by=" and ".join(names))
    return room.issues.change(issue, approved)


def approve_unattended(room: Newsroom, issue: Issue) -> Issue:
    """Approve a draft because the edition's policy says so and nothing speaks against it.

    :raises NotApproved: when the lint of what would be sent finds an error.
    """
    if room.config.desk.two_person:
        raise NotApproved(
            issue.id,
            "is not sent unattended: two people have to approve it",
            hint="See [desk] two_person.",
        )
    return approve(room, issue.id, by="unattended policy")


def renderings(room: Newsroom, content: IssueContent, tag: str) -> tuple[Rendered, ...]:
    """The whole issue first, then the variants that its readers chose."""
    whole = room.renderer.render(content, tag=tag)
    chosen = chosen_topics(room.database, content.edition, sections_of(content))
    found = [whole]
    found += [
        room.renderer.render(content, tag=tag, variant=name, topics=topics_of(name))
        for name in variants_for(content, chosen)
    ]
    if want_text(room.database, content.edition):
        found.append(replace(whole, variant=TEXT, html=""))
    return tuple(found)


def _candidate(
    day: Day, ranked: Ranked, outlets: Mapping[str, Outlet], *, digest: bool = False
) -> Candidate | None:
    """A story as the composer sees it; None when it may not be told (again)."""
    from newsletter.brief.update import update_note, with_news
    from newsletter.stories.history import history, news_since

    brief, _ = day.briefs.get(ranked.story.id, (None, ""))
    if brief is None:
        return None
    articles = day.of(ranked.story)
    mailed = None if digest else ranked.story.mailed
    if mailed is not None:
        # A story comes back only with news that can be said in an outlet's words.
        if not news_since(articles, mailed, outlets):
            return None
        note = update_note(articles, outlets, mailed)
        if note is None:
            return None
        brief = with_news(brief, note)
    return Candidate(
        story=ranked.story,
        brief=replace(brief, coverage=ranked.coverage),
        section=ranked.section,
        score=ranked.score,
        sources={a.id: source_line(a, outlets[a.outlet]) for a in articles},
        history=history(articles),
        update=mailed is not None,
    )


def moment_of(room: Newsroom, edition: str, day: date | None) -> datetime:
    """Now, or the last moment of a past local date.

    :raises IssueError: when the date has not come yet.
    """
    now = room.clock()
    today = room.local_day(edition, now)
    if day is None or day == today:
        return now
    if day > today:
        raise IssueError(
            f"{edition} of {day.isoformat()}",
            "this date has not come yet",
            hint=f"It is {today.isoformat()} in {room.config.edition(edition).zone}.",
        )
    end = datetime.combine(day, time_of_day(23, 59, 59), tzinfo=room.config.zone(edition))
    return end.astimezone(UTC)
