"""Choose the day's stories and fit them into the reading time.

A pure decision: ranked candidates in, an :class:`~newsletter.model.IssueContent` out. The time is
kept by leaving out whole bullets and whole stories; no sentence is ever cut. Bullets of left and
right go together, so a shorter issue is not a lopsided one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from newsletter.config import EditionSettings
from newsletter.errors import NothingToSay
from newsletter.issue.alike import nearly_same
from newsletter.issue.catalogue import Catalogue, catalogue
from newsletter.issue.view import count_words, story_view, visible
from newsletter.model import (
    Arrangement,
    Brief,
    Correction,
    HistoryEntry,
    IssueContent,
    IssueStory,
    Place,
    Side,
    SideBrief,
    SourceLine,
    Story,
)

FRAME_WORDS = 85
"""Words of an issue that belong to no story: masthead, footer, the reader's own line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A written story that could stand in the issue.

    ``sources`` names every article of the story. ``score`` is the rank's, higher is better; the
    order of the candidates decides, the score is carried for the desk. ``update`` marks a story
    that was mailed before and has material news.
    """

    story: Story
    brief: Brief
    section: str
    score: float
    sources: dict[str, SourceLine]
    history: tuple[HistoryEntry, ...] = ()
    update: bool = False


@dataclass(frozen=True, slots=True)
class _Plan:
    """How many stories of each place an issue has, and the bullets its full ones start with."""

    top: int
    short: int
    one_sided: int
    level: tuple[int, int]


# Bullets shown of (left and right, center), from the least a full story has to all of it.
_LEVELS = ((1, 1), (2, 1), (2, 2), (3, 2), (3, 3))
_BARE, _USUAL = _LEVELS[:2]


def choose(
    candidates: Sequence[Candidate],
    settings: EditionSettings,
    *,
    edition: str,
    day: date,
    corrections: Sequence[Correction] = (),
    words: Catalogue | None = None,
    arrangement: Arrangement | None = None,
) -> IssueContent:
    """Fit the best candidates into the edition's reading time.

    :param candidates: best first. Withheld briefs and near-copies of a better one are left out.
    :param words: the catalogue whose fixed words are counted; English when not given.
    :param arrangement: what an editor decided; it comes before the ranking.
    :raises NothingToSay: when no candidate is left.
    """
    words = words or catalogue()
    places = arranged(candidates, arrangement)
    usable = list(_distinct([c for c in places if not c.brief.withheld]))
    if not usable:
        raise NothingToSay(
            f"{edition} {day.isoformat()}",
            "no story passed the floor, so there is nothing to put in an issue",
            hint="Lower [stories] floor_families, or look at the day's stories on the desk.",
        )
    one_sided = [c for c in usable if c.brief.coverage.blindspot is not None]
    both = [c for c in usable if c.brief.coverage.blindspot is None]
    budget = settings.minutes * settings.words_a_minute
    frame = FRAME_WORDS + sum(map(_words_of, corrections))

    known: dict[tuple[object, ...], int] = {}

    def cost(story: IssueStory) -> int:
        """Words of a story and of its line in the contents."""
        key = (story.story, story.place, *(len(story.brief.of(side).bullets) for side in Side))
        if key not in known:
            view = story_view(story, words, "", first=False)
            contents = count_words(view.headline) if story.place is Place.TOP else 0
            known[key] = contents + sum(count_words(part) for part in visible(view, words))
        return known[key]

    stories: list[IssueStory] = []
    for plan in _plans(settings, sum(map(_can_lead, both)), len(both), len(one_sided)):
        stories = _lay_out(both, one_sided, plan)
        if frame + sum(map(cost, stories)) <= budget:
            break
    stories = _grow(stories, {c.story.id: c for c in usable}, cost, budget - frame)
    stories = _in_order(stories, arrangement)
    timed = tuple(
        replace(story, seconds=round(60 * cost(story) / settings.words_a_minute))
        for story in stories
    )
    chosen = {story.story for story in timed}
    shown = [c for c in usable if c.story.id in chosen]
    total = frame + sum(map(cost, timed))
    return IssueContent(
        edition=edition,
        day=day,
        stories=timed,
        articles=sum(_articles(c) for c in shown),
        outlets=_outlets(shown),
        seconds=round(60 * total / settings.words_a_minute),
        corrections=tuple(corrections),
    )


def arranged(candidates: Sequence[Candidate], arrangement: Arrangement | None) -> list[Candidate]:
    """The candidates as an editor wants them considered: pinned, in order, then by rank."""
    if arrangement is None:
        return list(candidates)
    order = {story: at for at, story in enumerate(arrangement.order)}
    pinned = set(arrangement.pinned)
    last = len(order)
    return sorted(
        (c for c in candidates if c.story.id not in arrangement.out),
        key=lambda c: (c.story.id not in pinned, order.get(c.story.id, last)),
    )


def _in_order(stories: list[IssueStory], arrangement: Arrangement | None) -> list[IssueStory]:
    """The chosen stories as an editor ordered them, each kind of place by itself."""
    if arrangement is None or not arrangement.order:
        return stories
    order = {story: at for at, story in enumerate(arrangement.order)}
    kinds = list(Place)
    return sorted(stories, key=lambda s: (kinds.index(s.place), order.get(s.story, len(order))))


def _words_of(entry: Correction) -> int:
    """Words of a correction as the issue opens with it, its fixed words among them."""
    said = (entry.headline, entry.sentence, entry.before, entry.after)
    return 3 + sum(count_words(text) for text in said)


def _distinct(candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    kept: list[Candidate] = []
    for candidate in candidates:
        if not any(
            nearly_same(candidate.story, candidate.brief, other.story, other.brief)
            for other in kept
        ):
            kept.append(candidate)
            yield candidate


def _can_lead(candidate: Candidate) -> bool:
    """Whether there is something to show in full: an overview, and a bullet of left or right."""
    brief = candidate.brief
    return bool(brief.overview and (brief.left.bullets or brief.right.bullets))


def _plans(settings: EditionSettings, full: int, both: int, one_sided: int) -> Iterator[_Plan]:
    """From the fullest issue to a single story, giving up what readers miss least first.

    ``full`` of the ``both`` stories can be shown in full.
    """
    top = min(settings.top_stories, full)
    short = min(settings.short_stories, both - top)
    sided = min(settings.one_sided_stories, one_sided)
    level = _USUAL
    yield _Plan(top, short, sided, level)
    while top + short + sided > 1 or level != _BARE:
        if top > 3:
            top, short = top - 1, min(settings.short_stories, both - top + 1)
        elif level != _BARE:
            level = _BARE
        elif sided > 1:
            sided -= 1
        elif top > 2:
            top, short = top - 1, min(settings.short_stories, both - top + 1)
        elif short > 2:
            short -= 1
        elif top > 1:
            top -= 1
        elif short > 0:
            short -= 1
        else:
            sided -= 1
        yield _Plan(top, short, sided, level)


def _lay_out(
    both: Sequence[Candidate], one_sided: Sequence[Candidate], plan: _Plan
) -> list[IssueStory]:
    top = [c for c in both if _can_lead(c)][: plan.top]
    short = [c for c in both if c not in top][: plan.short]
    return [
        *(_placed(c, Place.TOP, plan.level) for c in top),
        *(_placed(c, Place.SHORT, plan.level) for c in short),
        *(_placed(c, Place.ONE_SIDED, plan.level) for c in one_sided[: plan.one_sided]),
    ]


def _grow(
    stories: list[IssueStory],
    candidates: dict[str, Candidate],
    cost: Callable[[IssueStory], int],
    budget: float,
) -> list[IssueStory]:
    """Spend the time that is left on more bullets, the first story first, level by level."""
    spent = sum(map(cost, stories))
    for level in _LEVELS[1:]:
        for index, story in enumerate(stories):
            if story.place is not Place.TOP:
                continue
            fuller = _placed(candidates[story.story], Place.TOP, level)
            extra = cost(fuller) - cost(story)
            if spent + extra <= budget:
                stories[index] = fuller
                spent += extra
    return stories


def _placed(candidate: Candidate, place: Place, level: tuple[int, int]) -> IssueStory:
    brief = candidate.brief
    sides, center = level
    if place is not Place.TOP:
        # In short: the first quotation of each side, or of none, so that no side stands alone.
        told_by_both = bool(brief.left.bullets and brief.right.bullets)
        sides, center = (1, 0) if place is Place.SHORT and told_by_both else (0, 0)
    brief = replace(
        brief,
        left=_first(brief.left, sides),
        right=_first(brief.right, sides),
        center=_first(brief.center, center),
    )
    named = _named(brief)
    return IssueStory(
        story=candidate.story.id,
        slug=candidate.story.slug,
        place=place,
        section=candidate.section,
        brief=brief,
        sources={id_: line for id_, line in candidate.sources.items() if id_ in named},
        history=candidate.history,
        update=candidate.update,
    )


def _first(side: SideBrief, bullets: int) -> SideBrief:
    return replace(side, bullets=side.bullets[:bullets])


def _named(brief: Brief) -> frozenset[str]:
    """Every article the brief cites or sends the reader to."""
    named = {id_ for sentence in brief.overview for id_ in sentence.citations}
    for side in Side:
        part = brief.of(side)
        named.update(id_ for bullet in part.bullets for id_ in bullet.citations)
        if part.lead:
            named.add(part.lead)
    named.update(brief.news.citations if brief.news else ())
    named.update(id_ for q in brief.differ for claim in q.claims for id_ in claim.citations)
    return frozenset(named)


def _articles(candidate: Candidate) -> int:
    return max(candidate.brief.coverage.articles, len(candidate.story.articles))


def _outlets(candidates: Sequence[Candidate]) -> int:
    """Different outlets over all stories; where not all articles are named, at least the most."""
    named = {line.outlet for c in candidates for line in c.sources.values()}
    return max(len(named), max((c.brief.coverage.outlets for c in candidates), default=0))
