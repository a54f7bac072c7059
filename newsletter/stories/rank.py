"""Rank: which stories matter most today.

A story's weight is how many independent families cover it, each counting less the longer it has
been silent; more when the story is covered across the sides; scaled by what an edition thinks of
its section. An absolute floor makes a slow day a shorter issue.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter import config
from newsletter.model import Article, Coverage, Outlet, Side, Story
from newsletter.stories.coverage import coverage, family_of, voices

HALF_LIFE_HOURS = 18.0
"""After so many hours a family's newest article counts half."""
SPREAD_BONUS = 0.6
"""What even coverage by all three sides adds over coverage by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A story with what its place rests on. ``score`` compares stories of one run only."""

    story: Story
    coverage: Coverage
    score: float
    section: str
    pinned: bool = False


def rank(
    stories: Sequence[Story],
    articles: Mapping[str, Article],
    outlets: Mapping[str, Outlet],
    now: datetime,
    settings: config.Stories,
    *,
    pins: Collection[str] = (),
) -> list[Ranked]:
    """Stories worth telling, the weightiest first.

    Stories under ``settings.floor_families`` independent families, and those with less weight
    than ``settings.floor_score`` (before their section is looked at), are left out, unless
    pinned; pinned stories come first, in the order of ``pins``. Articles not in the mapping are
    passed over. A section that weighs 0 in ``settings.section_weights`` is left out.
    """
    weights = settings.section_weights.model_dump()
    order = {story: place for place, story in enumerate(pins)}
    ranked: list[Ranked] = []
    for story in stories:
        members = [articles[article] for article in story.articles if article in articles]
        pinned = story.id in order
        if not members:
            continue
        counted = coverage(members, outlets, settings)
        weight = weights.get(story.section, 1.0)
        if not pinned and (counted.families < settings.floor_families or weight <= 0):
            continue
        value = math.log2(1 + freshness(members, outlets, now)) * (
            1 + SPREAD_BONUS * spread(counted)
        )
        if not pinned and value < settings.floor_score:
            continue
        ranked.append(
            Ranked(
                story=story,
                coverage=counted,
                score=round(value * weight, 6),
                section=story.section,
                pinned=pinned,
            )
        )
    ranked.sort(
        key=lambda r: (
            order.get(r.story.id, len(order)),
            -r.score,
            -r.coverage.families,
            r.story.first_seen,
            r.story.id,
        )
    )
    return ranked


def freshness(articles: Sequence[Article], outlets: Mapping[str, Outlet], now: datetime) -> float:
    """Independent families, each counting by the age of its newest article."""
    newest: dict[str, datetime] = {}
    for article in voices(articles):
        family = family_of(article, outlets)
        newest[family] = max(newest.get(family, article.published), article.published)
    hours = [max((now - time).total_seconds(), 0.0) / 3600 for time in newest.values()]
    return sum(math.exp2(-age / HALF_LIFE_HOURS) for age in hours)


def spread(counted: Coverage) -> float:
    """How evenly the rated families lie over three sides: 0 for one side, 1 for a third each."""
    total = counted.rated_families
    if not total:
        return 0.0
    shares = [counted.of(side).families / total for side in Side]
    return -sum(share * math.log(share, 3) for share in shares if share)
