"""Coverage: who covers a story, counted in publisher families.

A family speaks once in a story, however many titles and feeds it runs. A near-identical copy
(``same_as``) is shown and counted as an article, but its family has not spoken by printing it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from newsletter import config
from newsletter.model import Article, Coverage, Outlet, Side, SideCoverage


def family_of(article: Article, outlets: Mapping[str, Outlet]) -> str:
    """The publisher family of an article; an outlet without one is its own."""
    outlet = outlets.get(article.outlet)
    return (outlet.family or outlet.id) if outlet else article.outlet


def side_of(article: Article, outlets: Mapping[str, Outlet]) -> Side | None:
    """The side of an article's outlet; None where the outlet is unrated or not known."""
    outlet = outlets.get(article.outlet)
    return outlet.lean.side if outlet else None


def voices(articles: Sequence[Article]) -> list[Article]:
    """The articles that are nobody's copy; of copies of something absent, the first."""
    given = {article.id for article in articles}
    absent: set[str] = set()
    chosen: list[Article] = []
    for article in sorted(articles, key=lambda a: (a.published, a.id)):
        if article.same_as in given and article.same_as != article.id:
            continue
        if article.same_as and article.same_as != article.id:
            if article.same_as in absent:
                continue
            absent.add(article.same_as)
        chosen.append(article)
    # Copies that name each other in a circle still have one voice between them.
    return chosen or sorted(articles, key=lambda a: (a.published, a.id))[:1]


def families(articles: Sequence[Article], outlets: Mapping[str, Outlet]) -> dict[str, Side | None]:
    """The independent families of a story and the side each speaks for.

    A family whose outlets stand on several sides speaks for the one it published most for in this
    story; a tie goes to the rated over the unrated, then to the earliest article.
    """
    sides: dict[str, list[Side | None]] = {}
    for article in voices(articles):
        sides.setdefault(family_of(article, outlets), []).append(side_of(article, outlets))
    chosen: dict[str, Side | None] = {}
    for family, spoken in sides.items():
        counts = Counter(spoken)
        chosen[family] = min(
            counts, key=lambda side: (-counts[side], side is None, spoken.index(side))
        )
    return chosen


def coverage(
    articles: Sequence[Article], outlets: Mapping[str, Outlet], settings: config.Stories
) -> Coverage:
    """Count articles and families of each side, and say which side hardly covers the story."""
    shown = Counter(side_of(article, outlets) for article in articles)
    spoken = Counter(families(articles, outlets).values())

    def counts(side: Side | None) -> SideCoverage:
        return SideCoverage(articles=shown[side], families=spoken[side])

    return Coverage(
        left=counts(Side.LEFT),
        center=counts(Side.CENTER),
        right=counts(Side.RIGHT),
        unrated=counts(None),
        outlets=len({article.outlet for article in articles}),
        blindspot=blindspot(spoken, settings),
    )


def blindspot(spoken: Mapping[Side | None, int], settings: config.Stories) -> Side | None:
    """The side, left or right, that (nearly) does not cover what others cover widely.

    Three conditions: at least ``blindspot_families`` rated families; the other side has at least
    ``blindspot_floor`` of them (one lone voice is no wide coverage); and the difference between
    the two is at least ``blindspot_gap`` of their sum.
    """
    left, right = spoken.get(Side.LEFT, 0), spoken.get(Side.RIGHT, 0)
    rated = left + right + spoken.get(Side.CENTER, 0)
    more, less = max(left, right), min(left, right)
    if rated < settings.blindspot_families or more < settings.blindspot_floor:
        return None
    if (more - less) / (more + less) < settings.blindspot_gap:
        return None
    return Side.LEFT if left < right else Side.RIGHT
