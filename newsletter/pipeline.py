"""The arrows. Each loads, calls one stage, stores, and calls no other arrow.

::

    collect | group | write | compose | send

Every one can run alone, twice without harm, and in another process: what one needs from the
one before it stands in the database.

An arrow imports its stage when it runs. Loading numpy, aiohttp and the writer's patterns takes a
second, and "newsletter status" or a restarted "send" must not wait for them.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.config import Config
from newsletter.delivery.letter import IssueMail, prepare_issue
from newsletter.delivery.reconcile import ReconcileReport
from newsletter.delivery.reconcile import reconcile as settle_doubts
from newsletter.delivery.send import SendReport, SendSettings, send_issue
from newsletter.errors import IssueError, NotApproved, NothingToSay
from newsletter.issue import approve as approval
from newsletter.issue.choose import Candidate, choose
from newsletter.issue.lint import lint
from newsletter.issue.view import source_line
from newsletter.model import (
    Article,
    Brief,
    Delivery,
    Issue,
    IssueState,
    Outlet,
    Revision,
    Story,
)
from newsletter.newsroom import Newsroom

if TYPE_CHECKING:
    from newsletter.feeds.visit import Visit
    from newsletter.stories.rank import Ranked

STORED_TOGETHER = 40
"""Visits that are stored in one transaction: waiting for the disk costs more than the rest."""
WRITTEN_STORIES = 60
"""How many of the day's stories get a brief: several times what any issue can hold."""


# --------------------------------------------------------------------------- collect


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectReport:
    """What one round of visits brought."""

    feeds: int
    outcomes: Mapping[str, int]
    articles: int
    copies: int
    problems: tuple[tuple[str, str], ...]
    seconds: float


def collect(
    room: Newsroom, *, force: bool = False, on_visit: Callable[[Visit], None] | None = None
) -> CollectReport:
    """Visit every feed that is due and store what is new.

    :param force: visit all configured feeds, due or not; back-off is kept for retired ones only.
    """
    from newsletter.feeds.copies import find_copies
    from newsletter.feeds.visit import in_batches, visit_feeds

    started = time.monotonic()
    now = room.clock()
    room.articles.sync_sources(room.outlets.values(), room.feeds)
    urls = {feed.url for feed in room.feeds}
    feeds = room.articles.feeds(urls) if force else room.articles.due(now, urls)
    outcomes: Counter[str] = Counter()
    problems: list[tuple[str, str]] = []
    fresh: list[Article] = []
    new = 0
    visits = visit_feeds(
        feeds,
        room.outlets,
        room.config.collect,
        clock=room.clock,
        random=room.random,
        known=room.articles.known,
        force=force,
    )
    for batch in in_batches(visits, STORED_TOGETHER):
        new += room.articles.save_visits((visit.feed, visit.articles) for visit in batch)
        for visit in batch:
            fresh += visit.articles
            outcomes[visit.outcome] += 1
            if visit.problem:
                problems.append((visit.feed.url, visit.problem))
            if on_visit:
                on_visit(visit)
    new_ids = {article.id for article in fresh}
    before = [article for article in _window(room, now) if article.id not in new_ids]
    copies = find_copies(fresh, before)
    room.articles.mark_copies(copies)
    return CollectReport(
        feeds=len(feeds),
        outcomes=dict(outcomes),
        articles=new,
        copies=len(copies),
        problems=tuple(problems),
        seconds=time.monotonic() - started,
    )


# --------------------------------------------------------------------------- group


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReport:
    """What grouping made of the window."""

    articles: int
    stories: int
    told_by_several: int
    new: int


def group(room: Newsroom, *, now: datetime | None = None) -> GroupReport:
    """Group the window's articles into stories."""
    from newsletter.stories.group import group as group_articles

    now = now or room.clock()
    window = _window(room, now)
    since = now - timedelta(days=2 * room.config.stories.window_days)
    grouped = group_articles(window, room.stories.since(since), settings=room.config.stories)
    new = room.stories.save(grouped, now)
    return GroupReport(
        articles=len(window),
        stories=len(grouped),
        told_by_several=sum(len(story.articles) > 1 for story in grouped),
        new=new,
    )


# --------------------------------------------------------------------------- write


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteReport:
    """What was written."""

    stories: int
    written: int
    unchanged: int
    withheld: tuple[tuple[str, str], ...]


def write(room: Newsroom, *, now: datetime | None = None) -> WriteReport:
    """Write a brief for each of the day's leading stories whose sources changed."""
    from newsletter.brief.furniture import repeated_lines

    now = now or room.clock()
    day = _Day.load(room, now)
    write_story = room.writer()
    # What an outlet prints under many articles shows only over the whole day.
    furniture = repeated_lines(list(day.articles.values()))
    written = 0
    withheld: list[tuple[str, str]] = []
    for ranked in day.ranked:
        story = ranked.story
        articles = day.of(story)
        sources = _sources_hash(articles, room.config)
        brief, known = day.briefs.get(story.id, (None, ""))
        if brief is None or known != sources:
            brief = write_story(
                story,
                articles,
                room.outlets,
                ranked.coverage,
                room.config.brief,
                furniture=furniture,
            )
            room.stories.save_brief(brief, sources_sha256=sources, made=now)
            written += 1
        if brief.withheld:
            withheld.append((story.headline, brief.withheld))
    return WriteReport(
        stories=len(day.ranked),
        written=written,
        unchanged=len(day.ranked) - written,
        withheld=tuple(withheld),
    )


# --------------------------------------------------------------------------- compose


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
    settings = room.config.edition(edition)
    now = _moment_of(room, edition, day)
    local_day = room.local_day(edition, now)
    present = room.issues.of_day(edition, local_day)
    if present and present.state is not IssueState.DRAFT:
        return ComposeReport(
            issue=present, revision=room.issues.revision(present), changed=False, considered=0
        )
    loaded = _Day.load(room, now)
    candidates = [
        candidate
        for ranked in loaded.ranked
        if (candidate := _candidate(loaded, ranked, room.outlets)) is not None
    ]
    if not candidates:
        raise NothingToSay(
            f"{edition} of {local_day.isoformat()}",
            "no story of this day is covered widely enough to be told",
            hint='Run "newsletter collect", "group" and "write" first, or lower '
            "[stories] floor_families.",
        )
    content = choose(candidates, settings, edition=edition, day=local_day)
    before = room.issues.revision(present) if present else None
    tag = before.rendered[0].tag if before else room.tag()
    rendered = (room.renderer.render(content, tag=tag),)
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


def approve(room: Newsroom, name: str, *, by: str) -> Issue:
    """Approve an issue's current revision, bound to the bytes that will be sent."""
    issue = room.issues.find(name)
    revision = room.issues.revision(issue)
    return room.issues.change(issue, approval.approve(issue, revision, by=by, at=room.clock()))


def approve_unattended(room: Newsroom, issue: Issue) -> Issue:
    """Approve a draft because the edition's policy says so and nothing speaks against it.

    :raises NotApproved: when the lint of what would be sent finds an error.
    """
    revision = room.issues.revision(issue)
    errors = [
        finding.sentence
        for rendered in revision.rendered
        for finding in lint(rendered, room.config.site)
        if finding.severity == "error"
    ]
    if errors:
        raise NotApproved(
            issue.id,
            f"is not sent unattended: {errors[0]}",
            hint="Look at it and approve it by hand.",
        )
    return approve(room, issue.id, by="unattended policy")


def preview(room: Newsroom, issue: Issue, folder: Path, *, letter: bool = True) -> Path:
    """Write an issue as html, txt and eml, exactly as an invented reader would get it.

    :param letter: False leaves the eml out, for places that count letters.
    :raises OSError: when the folder cannot be written.
    """
    revision = room.issues.revision(issue)
    mail = _mail(room, issue, revision)
    delivery = Delivery(
        id=0,
        key="preview",
        issue=issue.id,
        reader=0,
        email=room.config.site.contact,
        name="",
        token="preview",  # noqa: S106 - not a secret: a link that belongs to nobody
        segment="",
        joined=room.clock(),
    )
    to_nobody = mail.letters([delivery])[0]
    prepared = mail.prepared("", "preview")
    rendered = revision.rendered[0]
    folder.mkdir(parents=True, exist_ok=True)
    if letter:
        (folder / "issue.eml").write_bytes(prepared.message(to_nobody))
    for name, text in (("issue.html", rendered.html), ("issue.txt", rendered.text)):
        for token, value in to_nobody.values.items():
            text = text.replace(prepared.token(token), value)  # noqa: PLW2901 - filled in step by step
        (folder / name).write_text(text, "utf-8")
    return folder


# --------------------------------------------------------------------------- send


def audience(room: Newsroom, issue: Issue) -> dict[str, int]:
    """How many readers of each segment an issue would go to now."""
    return room.readers.count_audience(issue.edition, room.config.segments)


def send(
    room: Newsroom, name: str, *, on_progress: Callable[[int], None] | None = None
) -> SendReport:
    """Send an approved issue, or finish one whose sending was interrupted.

    The audience is frozen when the send first starts. What goes out are the stored bytes that
    were approved; nothing is rendered here. An issue that is sent stays as it is.

    :raises NotApproved: when nobody approved exactly these bytes.
    :raises TransportError: when the transport cannot work at all; nobody is lost, run it again.
    """
    issue = room.issues.find(name)
    if issue.state is IssueState.SENT:
        return SendReport(ended="done", states=room.ledger.states(issue.id))
    revision = room.issues.revision(issue)
    approval.must_match(issue, revision)
    started = issue.send_started or room.clock()
    transport = room.transport()
    try:
        issue = room.issues.change(
            issue, replace(approval.move(issue, "send"), send_started=started)
        )
        room.ledger.freeze(
            issue.id,
            room.readers.audience(issue.edition, room.config.segments),
            random_word=room.tag,
            now=started,
        )
        report = send_issue(
            issue.id,
            ledger=room.ledger,
            transport=transport,
            mail=_mail(room, issue, revision),
            clock=room.clock,
            sleep=time.sleep,
            owner=room.tag(),
            settings=SendSettings.from_config(room.config.delivery, started=started),
            stop=lambda: room.issues.find(issue.id).state is not IssueState.SENDING,
            on_progress=lambda progress: on_progress(progress.letters) if on_progress else None,
        )
    finally:
        transport.close()
    room.stories.mark_mailed(room.issues.stories_of(issue), started)
    _close_send(room, issue, report)
    return report


def reconcile(room: Newsroom, issue: Issue) -> ReconcileReport:
    """Settle letters in doubt, as far as the transport can say what became of them."""
    transport = room.transport()
    try:
        room.ledger.recover(issue.id, now=room.clock())
        report = settle_doubts(issue.id, ledger=room.ledger, transport=transport, clock=room.clock)
    finally:
        transport.close()
    if issue.state is IssueState.PARTLY_SENT and not _left(room.ledger.states(issue.id)):
        reopened = room.issues.change(issue, approval.move(issue, "send"))
        room.issues.change(reopened, approval.move(reopened, "finish"))
    return report


def _close_send(room: Newsroom, issue: Issue, report: SendReport) -> None:
    """Write down how a send ended; a paused or cancelled one stays as its person left it."""
    if report.ended == "stopped":
        return
    action = "give_up" if report.needs_person else "finish"
    room.issues.change(issue, replace(approval.move(issue, action), send_ended=room.clock()))


def _left(states: Mapping[str, int]) -> int:
    """How many letters are neither with their reader nor settled otherwise."""
    open_ = ("queued", "claimed", "handed", "deferred", "unknown")
    return sum(states.get(state, 0) for state in open_)


def _mail(room: Newsroom, issue: Issue, revision: Revision) -> IssueMail:
    """An issue's stored bytes, ready to be written to any reader."""
    delivery, site = room.config.delivery, room.config.site
    return prepare_issue(
        issue.id,
        revision.rendered,
        date=issue.send_started or room.clock(),
        from_email=delivery.from_email,
        from_name=delivery.from_name or site.name,
        reply_to=delivery.reply_to or site.contact,
        base_url=site.base_url,
        edition=issue.edition,
        edition_title=room.config.edition(issue.edition).title,
    )


# --------------------------------------------------------------------------- within


@dataclass(frozen=True, slots=True)
class _Day:
    """The leading stories of a moment with their articles and briefs."""

    ranked: Sequence[Ranked]
    articles: Mapping[str, Article]
    briefs: Mapping[str, tuple[Brief, str]]

    @staticmethod
    def load(room: Newsroom, now: datetime) -> _Day:
        from newsletter.stories.rank import rank

        since = now - timedelta(days=room.config.stories.window_days)
        stories = room.stories.since(since)
        ids = [article for story in stories for article in story.articles]
        articles = {
            article.id: article
            for article in room.articles.get(ids).values()
            if article.outlet in room.outlets and article.published <= now
        }
        known = [
            replace(story, articles=members)
            for story in stories
            if (members := tuple(a for a in story.articles if a in articles))
        ]
        ranked = rank(known, articles, room.outlets, now, room.config.stories)[:WRITTEN_STORIES]
        briefs = room.stories.newest_briefs([item.story.id for item in ranked])
        return _Day(ranked, articles, briefs)

    def of(self, story: Story) -> list[Article]:
        return [self.articles[article] for article in story.articles]


def _candidate(day: _Day, ranked: Ranked, outlets: Mapping[str, Outlet]) -> Candidate | None:
    """A story as the composer sees it; None when it may not be told (again)."""
    from newsletter.stories.history import history, news_since

    brief, _ = day.briefs.get(ranked.story.id, (None, ""))
    if brief is None or brief.withheld:
        return None
    articles = day.of(ranked.story)
    mailed = ranked.story.mailed
    if mailed is not None and not news_since(articles, mailed, outlets):
        return None
    return Candidate(
        story=ranked.story,
        brief=replace(brief, coverage=ranked.coverage),
        section=ranked.section,
        score=ranked.score,
        sources={a.id: source_line(a, outlets[a.outlet]) for a in articles},
        history=history(articles),
        update=mailed is not None,
    )


def _window(room: Newsroom, now: datetime) -> list[Article]:
    since = now - timedelta(days=room.config.stories.window_days)
    return room.articles.window(since, now, room.outlets.keys())


def _moment_of(room: Newsroom, edition: str, day: date | None) -> datetime:
    """Now, or the last moment of a past local date."""
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


def _sources_hash(articles: Sequence[Article], config: Config) -> str:
    """A fingerprint of everything a brief is written from."""
    digest = hashlib.sha256(config.brief.model_dump_json().encode())
    for article in articles:
        for part in (article.id, article.title, article.words, article.kind, article.same_as):
            digest.update(part.encode())
            digest.update(b"\0")
    return digest.hexdigest()
