"""Short ways to make articles and outlets for the tests of grouping; all of it is invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from newsletter import config
from newsletter.model import Article, Kind, Lean, Outlet

DAY_ONE = datetime(2031, 3, 3, 6, 0, tzinfo=UTC)
SETTINGS = config.Stories()


def article(
    ident: str,
    title: str,
    text: str = "",
    *,
    outlet: str = "",
    hours: float = 0.0,
    lang: str = "en",
    kind: Kind = Kind.NEWS,
    section: str = "",
    same_as: str = "",
) -> Article:
    """An article published some hours after the first day's morning, by an outlet of its own."""
    published = DAY_ONE + timedelta(hours=hours)
    return Article(
        id=ident,
        outlet=outlet or f"outlet-{ident}",
        url=f"https://{ident}.example/",
        title=title,
        text=text,
        published=published,
        first_seen=published,
        lang=lang,
        kind=kind,
        section=section,
        same_as=same_as,
    )


def outlet(ident: str, lean: Lean = Lean.UNRATED, family: str = "") -> Outlet:
    """An outlet with a lean and a family."""
    return Outlet(id=ident, name=ident.title(), lean=lean, family=family)


def partition(stories: object) -> set[frozenset[str]]:
    """Stories as sets of article ids, to compare groupings without their names."""
    assert isinstance(stories, tuple)
    return {frozenset(story.articles) for story in stories}


DAM = [
    article(
        "dam-1",
        "Engineers order Harrow Dam drained after crack widens",
        "Engineers ordered the Harrow Dam reservoir drained after a crack in the spillway widened "
        "overnight. The town of Ansley downstream was told to prepare to leave.",
    ),
    article(
        "dam-2",
        "Ansley told to prepare as Harrow Dam reservoir is drained",
        "Residents of Ansley packed cars as crews opened the gates of the Harrow Dam. The spillway "
        "crack was found by engineers on a routine inspection.",
        hours=3,
    ),
    article(
        "dam-3",
        "Harrow Dam spillway crack: what engineers know",
        "The crack in the spillway of the Harrow Dam measured nine inches at dawn, engineers said. "
        "Draining the reservoir will take eleven days.",
        hours=5,
    ),
]
VOTE = [
    article(
        "vote-1",
        "Tamarack House passes school lunch bill",
        "The Tamarack House passed a bill that makes school lunches free, 61 to 47, after a debate "
        "about its cost of $90 million.",
        hours=1,
    ),
    article(
        "vote-2",
        "Free school lunches clear the Tamarack House",
        "Free school lunches cleared the House in Tamarack by 61 votes to 47. The bill goes to the "
        "state Senate, where its cost of $90 million is in dispute.",
        hours=4,
    ),
]
WHALE = article(
    "whale-1",
    "Stranded whale swims free off Pell Island",
    "A young whale that had lain on a sandbank off Pell Island for two days swam free on the tide.",
    hours=2,
)
DAY = [*DAM, *VOTE, WHALE]

FISH = [
    article(
        "early",
        "Quota treaty falls apart after forty years",
        "The treaty that shared out northern fishing grounds was cancelled on Tuesday by the "
        "government of Iceland, which called its quota an insult. Ministers from Norway left the "
        "room before the vote, and a Danish envoy spoke of patience. Scientists had warned for a "
        "decade that stocks were moving with warmer currents and that old maps meant little.",
    ),
    article(
        "late",
        "Trawlers close a harbour",
        "Two weeks of silence ended on Sunday when trawlers lay across the harbour mouth at dawn "
        "and let nobody out. The crews sell their cod to Norway and now fear for the season. In "
        "Copenhagen, where the Danish cabinet sat past midnight, an official said only that "
        "Iceland would get its answer in writing; shops had begun to ration bread.",
        hours=24 * 14,
    ),
]
"""Two events of one quarrel: other words, the same places."""
