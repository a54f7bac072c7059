"""The page of one story: both sides at length, every article, how it developed, what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from newsletter.issue.catalogue import Catalogue
from newsletter.issue.clean import clean, first_upper, safe_url
from newsletter.issue.shown import BarView, SourceView, StoryView
from newsletter.issue.view import bar_view, correction_view, marks, source_view, story_view
from newsletter.model import (
    Brief,
    Correction,
    HistoryEntry,
    IssueStory,
    Place,
    RelatedStory,
    Side,
    SourceLine,
    Story,
)
from newsletter.web.public.pages import Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An earlier headline of a story and when it was written."""

    at: datetime
    headline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryPage:
    """All that the page of a story shows.

    ``sources`` names every article. ``copies`` are ids of near-identical wire copy: shown, but
    no voice of their own. ``versions`` are all headlines so far, oldest first.
    ``related`` are stories of the same matter, before and after. ``corrections`` are
    made in ``brief`` already. ``editor`` is who approved the issue it was mailed in; empty when it
    was in none.
    """

    story: Story
    brief: Brief
    sources: dict[str, SourceLine]
    copies: frozenset[str] = frozenset()
    history: tuple[HistoryEntry, ...] = ()
    versions: tuple[Version, ...] = ()
    related: tuple[RelatedStory, ...] = ()
    corrections: tuple[Correction, ...] = ()
    editor: str = ""
    update: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleView:
    """One article in the list of its side."""

    source: SourceView
    day: str
    moment: str
    said: str
    copy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """The articles of one side, or of the unrated."""

    side: str
    heading: str
    count: str
    articles: tuple[ArticleView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extra:
    bar: BarView
    groups: tuple[GroupView, ...]
    leads: tuple[tuple[str, str, SourceView], ...]
    only: tuple[tuple[str, str, str], ...]
    sources: tuple[SourceView, ...]
    timeline: tuple[tuple[str, str, str], ...]
    related: tuple[tuple[str, str, str, str], ...] = ()
    versions: tuple[tuple[str, str], ...] = field(default=())


def story_page(pages: Pages, page: StoryPage) -> str:
    """The HTML of a story's page.

    :raises TemplateError: when the template is missing or broken.
    """
    words = pages.words
    view = _worded(page, words)
    return pages.html(
        "story",
        title=view.headline,
        story=view,
        extra=_extra(page, view, words),
        counts=(
            f"{words('from_articles', n=page.brief.coverage.articles or len(page.sources))} "
            f"{words('by_outlets', n=page.brief.coverage.outlets)}"
        ),
        updated=words.moment(page.story.updated),
        corrections=[correction_view(entry, words=words) for entry in page.corrections],
        disclosure=disclosure(page.brief, page.editor, words),
        withheld=clean(page.brief.withheld),
        canonical=f"{pages.base_url}/stories/{page.story.slug}",
    )


def disclosure(brief: Brief, editor: str, words: Catalogue) -> str:
    """Which software chose or wrote the words, who changed them, and who approved them."""
    writer = brief.writer
    sentences = [
        words("made_extract")
        if writer == "extract"
        else words("made_model", writers=clean(writer)),
        words("edited_by", editor=clean(brief.edited_by)) if brief.edited_by else "",
        words("made_checked"),
        words("approved_by", editor=clean(editor)) if editor else words("not_approved_yet"),
    ]
    return " ".join(filter(None, sentences))


def _worded(page: StoryPage, words: Catalogue) -> StoryView:
    """The story worded as the mail words it in full, so that both say the same."""
    story = IssueStory(
        story=page.story.id,
        slug=page.story.slug,
        place=Place.TOP,
        section=page.story.section,
        brief=page.brief,
        sources=page.sources,
        update=page.update,
    )
    return story_view(story, words, "", first=True)


def _extra(page: StoryPage, view: StoryView, words: Catalogue) -> _Extra:
    numbered = {source.number: source for sentence in view.overview for source in sentence.sources}
    return _Extra(
        bar=bar_view(page.brief.coverage, words, full=True),
        groups=tuple(_groups(page, words)),
        leads=tuple(_leads(page, words)),
        only=tuple(
            (side.value, words(f"only_{side.value}"), clean(page.brief.only[side]))
            for side in Side
            if page.brief.only.get(side)
        ),
        sources=tuple(numbered[number] for number in sorted(numbered)),
        timeline=tuple(
            (
                words.day(entry.day, "timeline"),
                words("articles", n=entry.articles),
                clean(entry.headline),
            )
            for entry in page.history
        ),
        related=tuple(
            (
                words(f"related_{one.when.value}"),
                words.day(one.day, "timeline"),
                clean(one.headline),
                f"/stories/{one.slug}",
            )
            for one in sorted(page.related, key=lambda one: (one.day, one.slug))
        ),
        versions=tuple(
            (words.moment(version.at), clean(version.headline)) for version in page.versions
        ),
    )


def _leads(page: StoryPage, words: Catalogue) -> Iterator[tuple[str, str, SourceView]]:
    """The article to read of each side, with its title; a side without one is left out."""
    for side in Side:
        lead = page.brief.of(side).lead
        if lead is not None and lead in page.sources:
            yield side.value, words(f"from_{side.value}"), source_view(page.sources[lead], words)


def _groups(page: StoryPage, words: Catalogue) -> Iterator[GroupView]:
    for side in (Side.LEFT, Side.CENTER, Side.RIGHT, None):
        lines = [line for line in page.sources.values() if line.side is side]
        if not lines and side is None:
            continue
        name = side.value if side else "unrated"
        yield GroupView(
            side=name,
            heading=first_upper(words(f"side_{name}" if side else "unrated")),
            count=words("articles", n=len(lines)),
            articles=tuple(_articles(lines, page, words)),
        )


def _articles(
    lines: Sequence[SourceLine], page: StoryPage, words: Catalogue
) -> Iterator[ArticleView]:
    for line in sorted(lines, key=lambda line: (line.article in page.copies, line.published)):
        yield ArticleView(
            source=SourceView(
                outlet=clean(line.outlet),
                url=safe_url(line.url),
                marks=marks(line, words),
                title=clean(line.title),
            ),
            day=words.day(line.published.date(), "history"),
            moment=line.published.isoformat(),
            said=clean(page.brief.highlights.get(line.article) or ""),
            copy=line.article in page.copies,
        )
