"""Short ways to say an outlet, an article, a story, a brief."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from newsletter.model import (
    Article,
    Brief,
    Bullet,
    Feed,
    IssueContent,
    IssueStory,
    Kind,
    Lean,
    Outlet,
    Paywall,
    Place,
    Rendered,
    Sentence,
    Side,
    SideBrief,
    SideStatus,
    SourceLine,
    Story,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def outlet(name: str, lean: Lean = Lean.LEFT) -> Outlet:
    """An outlet that is its own family."""
    return Outlet(id=name, name=name.title(), family=name, lean=lean, domains=(f"{name}.example",))


def feed(name: str) -> Feed:
    """The feed of an outlet."""
    return Feed(url=f"https://{name}.example/feed.xml", outlet=name)


def article(name: str, outlet: str, *, hours: float = 0) -> Article:
    """An article, published some hours before noon."""
    moment = NOON - timedelta(hours=hours)
    return Article(
        id=name,
        outlet=outlet,
        url=f"https://{outlet}.example/{name}",
        title=f"Title of {name}",
        text=f"The council of Sampleton met about {name}.",
        published=moment,
        first_seen=moment,
        kind=Kind.NEWS,
        feed=f"https://{outlet}.example/feed.xml",
    )


def story(name: str, *articles: str) -> Story:
    """A story of these articles."""
    return Story(
        id=name,
        slug=f"slug-{name}",
        headline=f"Headline of {name}",
        articles=articles,
        first_seen=NOON,
        updated=NOON,
    )


def brief(name: str, cited: str = "a1") -> Brief:
    """A brief with something in every kind of place."""
    bullet = Bullet(text="“Words.”", quotes=("Words.",), citations=(cited,))
    side = SideBrief(status=SideStatus.OK, bullets=(bullet,), lead=cited)
    none = SideBrief(status=SideStatus.NO_COVERAGE)
    return Brief(
        story=name,
        headline=f"Headline of {name}",
        deck="“A deck.” (Paper)",
        overview=(Sentence(text="“An overview.”", citations=(cited,)),),
        left=side,
        center=none,
        right=none,
        highlights={cited: "Words.", "other": None},
        only={Side.LEFT: "Words."},
    )


def content(*stories: str, day: date = date(2026, 11, 22)) -> IssueContent:
    """What an issue of these stories says."""
    line = SourceLine(
        article="a1",
        outlet="Paper",
        title="Title",
        url="https://paper.example/a1",
        side=Side.LEFT,
        kind=Kind.NEWS,
        paywall=Paywall.NONE,
        published=NOON,
    )
    return IssueContent(
        edition="daily",
        day=day,
        stories=tuple(
            IssueStory(
                story=name,
                slug=f"slug-{name}",
                place=Place.TOP,
                section="politics",
                brief=brief(name),
                sources={"a1": line},
                seconds=60,
            )
            for name in stories
        ),
        articles=1,
        outlets=1,
        seconds=60,
    )


RENDERED = (Rendered(subject="Subject", preheader="", html="<p>x</p>", text="x", tag="abc123"),)
