"""An issue as lists of the desk show it: one line a story, the meter, the state in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from newsletter.config import EditionSettings
from newsletter.issue.catalogue import Catalogue
from newsletter.issue.shown import BarView
from newsletter.issue.view import bar_view
from newsletter.model import (
    Arrangement,
    DeliveryState,
    Issue,
    IssueState,
    IssueStory,
    Place,
    Revision,
    SideStatus,
)

NEW = timedelta(hours=24)

STATES = {
    IssueState.DRAFT: "Draft",
    IssueState.APPROVED: "Approved",
    IssueState.SENDING: "Being sent",
    IssueState.PAUSED: "Paused",
    IssueState.SENT: "Sent",
    IssueState.PARTLY_SENT: "Partly sent",
    IssueState.CANCELLED: "Cancelled",
}
LETTERS = {
    DeliveryState.QUEUED: "in the queue",
    DeliveryState.CLAIMED: "about to leave",
    DeliveryState.HANDED: "handed over",
    DeliveryState.DEFERRED: "told to come later",
    DeliveryState.ACCEPTED: "taken",
    DeliveryState.REJECTED: "refused",
    DeliveryState.SKIPPED: "left out",
    DeliveryState.UNKNOWN: "in doubt",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.BOUNCED: "bounced",
    DeliveryState.COMPLAINED: "called spam",
    DeliveryState.UNSUBSCRIBED: "unsubscribed",
}
"""Where a letter is, in the words of docs/glossary.md."""
_PLACES = {Place.TOP: "in full", Place.SHORT: "in short", Place.ONE_SIDED: "only one side"}
_NO_BULLETS = {
    SideStatus.NO_COVERAGE: "no coverage",
    SideStatus.TOO_THIN: "too little to quote",
    SideStatus.WITHHELD: "withheld by a gate",
}
# The first sign that fits decides.
_PROGRAMS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    """One story of an issue. ``gates`` says in words what the checks found."""

    id: str
    place: str
    headline: str
    section: str
    bar: BarView
    articles: int
    seconds: int
    news: str
    gates: str
    well: bool
    empty: tuple[str, ...]
    pinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """The reading time: used and allowed seconds, as shares of a bar of 100."""

    words: str
    allowed: str
    percent: int
    over: bool


def story_lines(
    stories: Sequence[IssueStory], arrangement: Arrangement, words: Catalogue
) -> list[StoryLine]:
    """The stories of an issue in order."""
    return [_line(story, arrangement.pinned, words) for story in stories]


def meter(seconds: int, settings: EditionSettings) -> Meter:
    """How much of the edition's reading time an issue takes."""
    allowed = round(settings.minutes * 60)
    return Meter(
        words=duration(seconds),
        allowed=duration(allowed),
        percent=min(100, round(100 * seconds / allowed)),
        over=seconds > allowed,
    )


def duration(seconds: float) -> str:
    """A time as people say it: ``4 min 40 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def sends(issue: Issue, settings: EditionSettings) -> str:
    """When an issue goes out, in its edition's own time."""
    zone = ZoneInfo(settings.zone)
    if issue.send_started is not None:
        verb = "sent" if issue.state is IssueState.SENT else "sending since"
        return f"{verb} {issue.send_started.astimezone(zone):%H:%M} {place_of(settings.zone)}"
    return f"sends {settings.send_at:%H:%M} {place_of(settings.zone)}"


def place_of(zone: str) -> str:
    """A zone as people name it: ``America/New_York`` is New York."""
    return zone.rpartition("/")[2].replace("_", " ")


def saved(revision: Revision, zone: str) -> str:
    """Which draft this is and when it was made."""
    return f"draft {revision.number} · saved {revision.made.astimezone(ZoneInfo(zone)):%H:%M}"


def browser(agent: str) -> str:
    """What a browser says of itself, in two words; programs often pretend to be an older one."""
    program = next((name for sign, name in _PROGRAMS if sign in agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    return " on ".join(filter(None, (program, system))) or agent[:40] or "not said"


def utc(moment: datetime | None) -> str:
    """A moment in figures."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _line(story: IssueStory, pinned: Collection[str], words: Catalogue) -> StoryLine:
    brief = story.brief
    found = len(brief.findings)
    gates = "all gates pass"
    if found:
        gates = f"passes; {found} {'gate' if found == 1 else 'gates'} changed the draft"
    if brief.withheld:
        gates = f"withheld: {brief.withheld}"
    sides = (("left", brief.left), ("right", brief.right))
    return StoryLine(
        id=story.story,
        place=_PLACES[story.place],
        headline=brief.headline,
        section=words.section(story.section),
        bar=bar_view(brief.coverage, words, full=True),
        articles=brief.coverage.articles or len(story.sources),
        seconds=story.seconds,
        news=_news(story),
        gates=gates,
        well=not brief.withheld,
        empty=tuple(
            f"{name}: {_NO_BULLETS[side.status]}"
            for name, side in sides
            if side.status in _NO_BULLETS
        ),
        pinned=story.story in pinned,
    )


def _news(story: IssueStory) -> str:
    """What is new about a story since the issue before."""
    if story.update:
        return "Update"
    days = len(story.history)
    return "new since yesterday" if days <= 1 else f"day {days}"
