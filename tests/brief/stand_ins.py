"""Invented articles, outlets and a coverage count for the tests of briefs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from newsletter.model import (
    Article,
    Coverage,
    Kind,
    Lean,
    Outlet,
    Side,
    SideCoverage,
    Story,
)

MORNING = datetime(2026, 3, 3, 6, tzinfo=UTC)

OUTLETS = {
    outlet.id: outlet
    for outlet in (
        Outlet(id="lark", name="The Larkfield Post", family="lark", lean=Lean.LEFT),
        Outlet(id="tide", name="Tidewater News", family="tide", lean=Lean.LEAN_LEFT),
        Outlet(id="mid", name="Midland Wire", family="mid", lean=Lean.CENTER),
        Outlet(id="oak", name="Oak County Herald", family="oak", lean=Lean.RIGHT),
        Outlet(id="stone", name="Cornerstone", family="stone", lean=Lean.LEAN_RIGHT),
        Outlet(id="drift", name="Driftwood", family="drift", lean=Lean.UNRATED),
    )
}

TEXTS = {
    "lark": (
        "Senate passes $6.2 billion roads bill",
        (
            "The Tamarack Senate passed a $6.2 billion roads bill on Tuesday by 31 votes to 18. "
            "“A child on that bus loses forty minutes a day because the state would not spend the "
            "money,” said Senator Lucia Ferrant. "
            "Bus drivers in Linden City have gone around the closed Carver Street bridge for two years. "
            "Transport unions said the work would employ 14,000 people over eight years."
        ),
    ),
    "tide": (
        "Roads bill clears Tamarack Senate after long debate",
        (
            "Tamarack senators approved the $6.2 billion roads bill on Tuesday, 31 votes to 18. "
            "Nine bridges in Linden City already carry weight limits, the Transportation Department "
            "said. School districts welcomed the vote and asked for the Carver Street bridge to be "
            "first. He did not answer."
        ),
    ),
    "mid": (
        "Tamarack Senate passes $6.2 billion roads and bridges bill",
        (
            "The Tamarack Senate passed the $6.2 billion roads and bridges bill on Tuesday evening. "
            "The vote was 31 to 18, with two senators of the Freehold Party in favor. "
            "The Legislative Budget Office estimates that borrowing covers $3.9 billion of the cost."
        ),
    ),
    "oak": (
        "Senate approves roads bill with 6-cent fuel levy",
        (
            "The Tamarack Senate approved a $6.2 billion roads bill on Tuesday that raises the fuel "
            "levy by 6 cents. “Rural drivers will pay for bridges that they will never cross,” said "
            "Senator Owen Radcliffe. The bond payments would run until 2051, the Oak County treasurer "
            "said. Farm groups asked the governor to veto the fuel levy."
        ),
    ),
    "stone": (
        "Roads bill leans on debt, passes Senate 31 to 18",
        (
            "The Tamarack Senate passed the roads bill on Tuesday, 31 to 18. "
            "Nearly two thirds of the $6.2 billion would be borrowed, the Legislative Budget Office "
            "said. Taxpayer groups said the fuel levy falls hardest on rural counties."
        ),
    ),
    "drift": (
        "What the roads bill means for cyclists",
        "Cyclists get 40 miles of new lanes under the roads bill passed on Tuesday.",
    ),
}


def article(
    name: str,
    outlet: str = "mid",
    title: str = "Tamarack Senate passes roads bill",
    text: str = "The Tamarack Senate passed the roads bill on Tuesday.",
    *,
    kind: Kind = Kind.NEWS,
    hours: float = 0,
    same_as: str = "",
) -> Article:
    """One invented article."""
    moment = MORNING + timedelta(hours=hours)
    return Article(
        id=name,
        outlet=outlet,
        url=f"https://{outlet}.example.org/{name}",
        title=title,
        text=text,
        published=moment,
        first_seen=moment,
        kind=kind,
        same_as=same_as,
    )


def roads(*ids: str) -> list[Article]:
    """The articles of one invented story, one of each named outlet, all of them by default."""
    names = ids or tuple(TEXTS)
    return [
        article(f"a-{name}", name, *TEXTS[name], hours=i)
        for i, name in enumerate(TEXTS)
        if name in names
    ]


def story(articles: Sequence[Article], name: str = "roads") -> Story:
    """The story of some articles."""
    return Story(
        id=name,
        slug=name,
        headline=articles[0].title,
        articles=tuple(a.id for a in articles),
        first_seen=min(a.published for a in articles),
        updated=max(a.published for a in articles),
    )


def count(articles: Sequence[Article], outlets: Mapping[str, Outlet]) -> Coverage:
    """Families and articles of each side, counted in the plainest way."""

    def of(side: Side | None) -> SideCoverage:
        own = [a for a in articles if outlets[a.outlet].lean.side is side]
        return SideCoverage(
            articles=len(own), families=len({outlets[a.outlet].family for a in own})
        )

    return Coverage(
        left=of(Side.LEFT),
        center=of(Side.CENTER),
        right=of(Side.RIGHT),
        unrated=of(None),
        outlets=len({a.outlet for a in articles}),
    )
