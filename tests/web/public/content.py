"""Invented pages: a story with all it can have, outlets, issues, corrections."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from newsletter.config import Config
from newsletter.issue.choose import Candidate
from newsletter.model import Lean, Outlet, Side
from newsletter.web.public.issues import EditionLine, IssueLine
from newsletter.web.public.pages import Pages
from newsletter.web.public.reports import ReportKind, Ticket
from newsletter.web.public.story import StoryPage, Version
from tests.issue.content import CORRECTION, NOON, OUTLETS, SITE, candidates

TEMPLATES = Path(__file__).parents[3] / "templates"
PAGES = Pages(TEMPLATES, SITE)
CONFIG = Config.model_construct(root=Path(), file=Path("config.toml"))
EDITIONS = [EditionLine(name="daily", title="The daily issue", comes="every day at 06:30")]


def story_content(candidate: Candidate | None = None) -> StoryPage:
    """The ferry story with highlights, history, versions, a wire copy and a correction."""
    found = candidate or candidates()[0]
    sources = found.sources
    titles = [
        "Assembly votes 61-38 to keep ferries running for a year",
        "The ferries stay, and so does the question of who owns them",
        "Why nobody on the islands is celebrating",
        "One more year: inside the ferry compromise",
    ]
    sources = {
        id_: replace(
            line,
            title=titles[at % len(titles)],
            published=NOON - timedelta(hours=7 * at),
        )
        for at, (id_, line) in enumerate(sources.items())
    }
    ids = list(sources)
    brief = replace(
        found.brief,
        highlights={
            id_: "Service to the outer islands would have ended on April 1." if at % 3 else None
            for at, id_ in enumerate(ids)
        },
        only={
            Side.LEFT: "“The crews have no contract past June.” (Northside Post)",
            Side.RIGHT: "“Two operators had offered to run the northern line.” (The Plainsman)",
        },
    )
    return StoryPage(
        story=found.story,
        brief=brief,
        sources=sources,
        copies=frozenset(ids[3:4]),
        history=found.history,
        versions=(
            Version(at=NOON - timedelta(days=9), headline="Ferry lines warn of an April stop"),
            Version(at=NOON, headline=brief.headline),
        ),
        corrections=(CORRECTION,),
        editor="Ada Brook",
        update=True,
    )


def outlets() -> list[Outlet]:
    """The invented outlets with a rating and where it comes from."""
    leans = {Side.LEFT: Lean.LEAN_LEFT, Side.CENTER: Lean.CENTER, Side.RIGHT: Lean.RIGHT}
    return [
        Outlet(
            id=id_,
            name=name,
            family="tamarack-press" if id_ in {"wire", "record"} else id_,
            lean=leans[side] if side else Lean.UNRATED,
            provenance=("Rated by three readers of both sides in an invented survey.",),
        )
        for id_, (name, side, _, _) in OUTLETS.items()
    ]


def issue_lines() -> list[IssueLine]:
    """Forty issues over two months."""
    return [
        IssueLine(
            day=date(2026, 3, 18) - timedelta(days=at),
            subject="Assembly keeps the island ferries running for a year",
            preheader="Also: State drops the second licensing test for new teachers.",
            stories=9,
            seconds=290,
            sent=datetime(2026, 3, 18, 11, 30, tzinfo=UTC) - timedelta(days=at),
        )
        for at in range(40)
    ]


TICKET = Ticket(
    number="K7QX-2M4D",
    kind=ReportKind.WRONG_QUOTE,
    story="Assembly keeps the island ferries running on a one-year subsidy",
    slug="ferry-subsidy",
    made=NOON,
)
