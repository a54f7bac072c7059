"""The front page, the archive, the feed of issues and the sitemap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import format_datetime
from itertools import groupby

from newsletter.issue.clean import clean
from newsletter.issue.view import story_view
from newsletter.model import IssueContent, Place
from newsletter.web.public.pages import Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueLine:
    """A sent issue as lists name it."""

    day: date
    subject: str
    preheader: str
    stories: int
    seconds: int
    sent: datetime
    edition: str = "daily"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionLine:
    """An edition a visitor can sign up for: its name, title and when it comes."""

    name: str
    title: str
    comes: str


def front_page(
    pages: Pages,
    *,
    latest: IssueContent | None,
    editions: Sequence[EditionLine],
    sections: Sequence[str] = (),
    outlets: int = 0,
    form_place: str = "",
    problem: str = "",
    email: str = "",
) -> str:
    """The front page: what this is, a sign-up form, a taste of the newest issue.

    :param outlets: how many are read.
    :param form_place: a mark to stand where the form's word goes, for a page that is kept.
    :param problem: why a sign-up just sent was refused, in one sentence; ``email`` is what was
        typed, so that nobody types twice.
    """
    words = pages.words
    told = latest.stories if latest else ()
    taste = [story for story in told if story.place is Place.TOP][:2]
    stories = [story_view(story, words, "", first=False) for story in taste]
    others = [story_view(story, words, "", first=False) for story in told if story not in taste]
    return pages.html(
        "front",
        title=words("front_title"),
        latest=latest,
        latest_day=words.day(latest.day) if latest else "",
        latest_url=f"/issues/{latest.day.isoformat()}" if latest else "",
        latest_time=words("to_read", time=words.duration(latest.seconds)) if latest else "",
        latest_counts=(
            f"{words('stories', n=len(told))} {words('from_articles', n=latest.articles)} "
            f"{words('by_outlets', n=latest.outlets)}"
            if latest
            else ""
        ),
        stories=stories,
        others=others,
        outlets=words.number(outlets),
        editions=editions,
        sections=[(section, words.section(section)) for section in sections],
        problem=problem,
        email=clean(email),
        **({"form_word": lambda: form_place} if form_place else {}),
    )


def archive_page(pages: Pages, issues: Iterable[IssueLine]) -> str:
    """All issues, newest first, by month."""
    words = pages.words
    newest_first = sorted(issues, key=lambda issue: issue.day, reverse=True)
    months = [
        (words.day(first, "month"), [_line(pages, issue) for issue in group])
        for first, group in groupby(newest_first, key=lambda issue: issue.day.replace(day=1))
    ]
    return pages.html("archive", title=words("nav_archive"), months=months)


def feed(pages: Pages, issues: Sequence[IssueLine]) -> str:
    """RSS 2.0 of the newest issues."""
    newest_first = sorted(issues, key=lambda issue: issue.sent, reverse=True)[:50]
    items = [
        {
            "title": issue.subject,
            "url": f"{pages.base_url}/issues/{issue.day.isoformat()}",
            "summary": issue.preheader,
            "date": format_datetime(issue.sent),
        }
        for issue in newest_first
    ]
    return pages.page("feed.xml", items=items)


def sitemap(pages: Pages, entries: Iterable[tuple[str, datetime | date | None]]) -> str:
    """The sitemap: paths such as ``/stories/x`` with the day they last changed."""
    rows = [
        (f"{pages.base_url}{path}", changed.strftime("%Y-%m-%d") if changed else "")
        for path, changed in entries
    ]
    return pages.page("sitemap.xml", rows=rows[:50_000])


def robots(pages: Pages) -> str:
    """robots.txt: everything but the readers' own pages and the desk."""
    closed = ("/u/", "/p/", "/confirm/", "/desk", "/hooks/", "/api/")
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed)]
    return "\n".join([*lines, f"Sitemap: {pages.base_url}/sitemap.xml", ""])


def _line(pages: Pages, issue: IssueLine) -> dict[str, str]:
    words = pages.words
    return {
        "day": words.day(issue.day, "short"),
        "iso": issue.day.isoformat(),
        "url": f"/issues/{issue.day.isoformat()}",
        "subject": clean(issue.subject),
        "counts": f"{words('stories', n=issue.stories)}, {words.duration(issue.seconds)}",
    }
