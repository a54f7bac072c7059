"""What a reader will see of each story, worded and in order, before any markup.

The templates lay out exactly these words, and :mod:`newsletter.issue.choose` counts exactly these
words, so the reading time in the masthead is the reading time of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from newsletter.issue.catalogue import Catalogue
from newsletter.issue.clean import clean, first_upper, safe_url
from newsletter.issue.shown import (
    BarView,
    CorrectionView,
    DifferView,
    FigureView,
    QuoteView,
    SegmentView,
    SideView,
    SourceView,
    StoryView,
)
from newsletter.model import (
    Article,
    Brief,
    Bullet,
    Correction,
    Coverage,
    IssueStory,
    Kind,
    Outlet,
    Paywall,
    Place,
    Sentence,
    Side,
    SideStatus,
    SourceLine,
)

_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_ATTRIBUTED = re.compile(r"(“.+”) \([^()]+(?:\([^()]*\))?[^()]*\)")
_QUOTATION = re.compile(r"[“”„«»\"]")

EARLIER_DAYS = 2
"""How many earlier days a history line tells; the story page has them all."""
MARKS = 3
"""How many source numbers one sentence carries; the story page names every source."""


def count_words(text: str) -> int:
    """Words as a reader counts them: ``20-year``, ``3.9`` and ``publisher’s`` are one each."""
    return len(_WORD.findall(text))


def story_view(story: IssueStory, words: Catalogue, base_url: str, *, first: bool) -> StoryView:
    """Word one story for its place in the issue.

    :param first: True for the first story of the issue, which gets the larger headline.
    """
    brief = story.brief
    top = story.place is Place.TOP
    kicker = [words.section(clean(story.section))]
    if story.place is Place.ONE_SIDED:
        kicker = [words("one_sided"), *kicker]
    if story.update:
        kicker.append(words("update"))
    url = f"{base_url}/stories/{story.slug}"
    total = brief.coverage.articles or len(story.sources)
    return StoryView(
        id=story.story,
        place=story.place.value,
        first=first,
        kicker=tuple(kicker),
        headline=clean(brief.headline),
        deck=clean(brief.deck),
        bar=None if story.place is Place.ONE_SIDED else bar_view(brief.coverage, words, full=top),
        news=_news(brief, story.sources) if story.update else None,
        overview=tuple(_overview(brief, story.sources)) if top else (),
        differ=tuple(_differ(brief, story.sources)) if top else (),
        sides=tuple(_sides(brief, story.sources, words, only_quoted=not top)),
        leads=tuple(_leads(brief, story.sources, words)) if top else (),
        history=tuple(_history(story, words)) if top else (),
        coverage_line=_one_sided(brief.coverage, words) if story.place is Place.ONE_SIDED else "",
        url=url,
        report_url=f"{url}/report",
        all_articles=words("all_articles", n=total),
    )


def plain_view(story: IssueStory, words: Catalogue, base_url: str) -> StoryView:
    """The same story as headline, one fixed sentence and a link: what any engine can take."""
    letters = re.compile(r"[^\w .,;:!?’'“”()$€£%/-]+")
    url = f"{base_url}/stories/{story.slug}"
    return StoryView(
        id=story.story,
        place="plain",
        first=False,
        kicker=(words.section(letters.sub(" ", clean(story.section))),),
        headline=letters.sub(" ", clean(story.brief.headline))[:200].strip() or words("the_story"),
        deck="",
        bar=None,
        url=url,
        report_url=f"{url}/report",
        all_articles=words("all_articles", n=len(story.sources)),
        plain=words("plain_block"),
    )


def harmless(like: StoryView, words: Catalogue) -> StoryView:
    """A story of fixed words in the shape of another: what any sound template can lay out."""
    return replace(
        like,
        id="harmless",
        kicker=(words("section_general"),),
        headline=words("the_story"),
        deck="",
        overview=(),
        differ=(),
        leads=(),
        history=(),
        sides=tuple(replace(side, bullets=(), empty=side.heading) for side in like.sides),
    )


def visible(story: StoryView, words: Catalogue) -> Iterator[str]:
    """Every word of a story that a reader sees, in the order of the page."""
    yield from story.kicker
    yield story.headline
    yield story.deck
    if story.bar:
        yield from (segment.label for segment in story.bar.segments)
        yield story.bar.unrated
    if story.news:
        yield words("what_is_new")
        yield from _visible_quote(story.news)
    for sentence in story.overview:
        yield from _visible_quote(sentence)
    if story.differ:
        yield words("numbers_differ")
    for quantity in story.differ:
        yield quantity.about
        for figure in quantity.figures:
            yield f"{figure.value} {figure.outlets}"
    for side in story.sides:
        yield side.heading
        yield side.empty
        for bullet in side.bullets:
            yield from _visible_quote(bullet)
    if story.leads:
        yield words("read_in_full")
    for label, source in story.leads:
        yield f"{label} {source.words}"
    if story.history:
        yield words("history")
    yield from story.history
    yield story.coverage_line
    yield story.plain
    yield story.all_articles
    yield words("report_problem")


def _visible_quote(quote: QuoteView) -> Iterator[str]:
    yield quote.text
    yield quote.speaker
    if quote.source:
        yield quote.source.words
    yield from (str(source.number) for source in quote.sources)


def bar_view(coverage: Coverage, words: Catalogue, *, full: bool) -> BarView:
    """The coverage bar of a story, in publisher families; every side that has one is visible."""
    counts = {side: coverage.of(side).families for side in Side}
    rated = sum(counts.values())
    shares = {side: round(100 * count / rated) if rated else 0 for side, count in counts.items()}
    for side, count in counts.items():
        if count:
            shares[side] = max(2, shares[side])
    if rated:
        widest = max(Side, key=lambda side: shares[side])
        shares[widest] += 100 - sum(shares.values())
    unrated = coverage.unrated.families
    return BarView(
        segments=tuple(
            SegmentView(
                side=side.value,
                count=counts[side],
                percent=shares[side],
                label=words(f"count_{side.value}", n=counts[side]),
            )
            for side in Side
        ),
        unrated=words("count_unrated_long" if full else "count_unrated", n=unrated)
        if unrated
        else "",
        aloud=words(
            "coverage_aloud",
            left=counts[Side.LEFT],
            center=counts[Side.CENTER],
            right=counts[Side.RIGHT],
            unrated=unrated,
        ),
    )


def marks(source: SourceLine, words: Catalogue) -> tuple[str, ...]:
    """Kind and paywall of an article in words: what to expect behind the link."""
    found = [words(f"kind_{source.kind.value}")] if source.kind in Kind else []
    if source.paywall in {Paywall.METERED, Paywall.SUBSCRIPTION}:
        found.append(words(f"paywall_{source.paywall.value}"))
    return tuple(found)


def source_line(article: Article, outlet: Outlet) -> SourceLine:
    """An article as issues and pages name it."""
    return SourceLine(
        article=article.id,
        outlet=outlet.name,
        title=article.title,
        url=article.url,
        side=outlet.lean.side,
        kind=article.kind,
        # What the article's own page says outranks what its outlet usually does.
        paywall=outlet.paywall if article.paywall is Paywall.UNKNOWN else article.paywall,
        published=article.published,
    )


def source_view(source: SourceLine, words: Catalogue | None = None, number: int = 0) -> SourceView:
    """An article as a line names it; without a catalogue the marks are left out."""
    return SourceView(
        outlet=clean(source.outlet),
        url=safe_url(source.url),
        marks=marks(source, words) if words else (),
        number=number,
        title=clean(source.title),
    )


def _news(brief: Brief, sources: dict[str, SourceLine]) -> QuoteView | None:
    """What is new since the story was mailed, quoted with its outlet."""
    if brief.news is None:
        return None
    text = clean(brief.news.text)
    attributed = _ATTRIBUTED.fullmatch(text)
    source = next((sources[id_] for id_ in brief.news.citations[:1] if id_ in sources), None)
    if attributed is None or source is None:
        return QuoteView(text=text)
    quoted = _as_quotation(attributed.group(1), brief.news)
    return QuoteView(text=quoted, source=source_view(source))


def correction_view(
    entry: Correction, base_url: str = "", words: Catalogue | None = None
) -> CorrectionView:
    """A correction in words; the moment it was made only where a catalogue is given."""
    return CorrectionView(
        sentence=clean(entry.sentence),
        headline=clean(entry.headline),
        url=f"{base_url}/stories/{entry.slug}",
        before=clean(entry.before),
        after=clean(entry.after),
        when=words.moment(entry.at) if words else "",
    )


def _overview(brief: Brief, sources: dict[str, SourceLine]) -> Iterator[QuoteView]:
    """The overview's sentences, their sources numbered in the order they are first shown.

    A copied sentence is a quotation: marked as such, with the name of the outlet it stands in;
    numbers are left for the outlets that report the same.
    """
    numbers: dict[str, int] = {}
    for sentence in brief.overview:
        cited = [id_ for id_ in sentence.citations[:MARKS] if id_ in sources]
        text = clean(sentence.text)
        named: SourceView | None = None
        # “The sentence.” (The Outlet): the outlet becomes a link of its own.
        attributed = _ATTRIBUTED.fullmatch(text)
        # A sentence of an editor's own is nobody's quotation; its sources are numbered.
        copied = attributed is not None or not brief.edited_by or _stands_in(text, sentence)
        if brief.writer == "extract" and cited and copied:
            text = _as_quotation(attributed.group(1) if attributed else text, sentence)
            named = source_view(sources[cited.pop(0)])
        for id_ in cited:
            numbers.setdefault(id_, len(numbers) + 1)
        yield QuoteView(
            text=text,
            source=named,
            sources=tuple(source_view(sources[id_], number=numbers[id_]) for id_ in cited),
        )


def _stands_in(text: str, item: Sentence) -> bool:
    """Whether a sentence is a span of an article, word for word."""
    return text in {clean(evidence.text) for evidence in item.evidence}


def _as_quotation(text: str, item: Sentence | Bullet) -> str:
    """A copied span in quotation marks; text that already is quoted stays as it is.

    Quotation marks inside become single ones, as printers do.
    """
    spans = {clean(evidence.text) for evidence in item.evidence}
    if isinstance(item, Bullet):
        spans |= {clean(quote) for quote in item.quotes}
    quoted = bool(_QUOTATION.match(text)) and bool(_QUOTATION.match(text[-1:]))
    if quoted and text[0] == "“" and text[-1] == "”":
        return f"“{_single_marks(text[1:-1])}”"
    if quoted or (spans and text not in spans) or (not spans and _QUOTATION.match(text)):
        return text
    return f"“{_single_marks(text)}”"


def _single_marks(text: str) -> str:
    """Quotation marks inside a quotation as single ones; straight ones open and close in turn.

    Text that is several quotations in a row is left alone.
    """
    if text.find("”") < text.find("“"):
        return text
    text = text.replace("“", "‘").replace("”", "’")
    return re.sub(r'"([^"]*)"', r"‘\1’", text).replace('"', "'")


def _sides(
    brief: Brief, sources: dict[str, SourceLine], words: Catalogue, *, only_quoted: bool
) -> Iterator[SideView]:
    """What each side says; a story in short shows only the sides it quotes."""
    for side in (Side.LEFT, Side.RIGHT, Side.CENTER):
        part = brief.of(side)
        if only_quoted and not part.bullets:
            continue
        heading = words(f"from_{side.value}")
        if part.status is SideStatus.OK and part.bullets:
            yield SideView(
                side=side.value,
                heading=heading,
                bullets=tuple(_bullet(bullet, sources, words) for bullet in part.bullets),
            )
        else:
            yield SideView(
                side=side.value,
                heading=heading,
                empty=empty_side(side, part.status, brief.coverage, words),
            )


def empty_side(side: Side, status: SideStatus, coverage: Coverage, words: Catalogue) -> str:
    """Why a side has no bullets, as one sentence: no coverage, too thin, or withheld."""
    if status is SideStatus.NO_COVERAGE:
        return words(f"empty_no_coverage_{side.value}")
    if status is SideStatus.TOO_THIN:
        return words("empty_too_thin", n=coverage.of(side).articles)
    return words("empty_withheld")


def _bullet(bullet: Bullet, sources: dict[str, SourceLine], words: Catalogue) -> QuoteView:
    cited = [sources[id_] for id_ in bullet.citations if id_ in sources]
    text = clean(bullet.text)
    speaker = next((clean(e.speaker) for e in bullet.evidence if e.speaker), "")
    return QuoteView(
        text=_as_quotation(text, bullet),
        speaker="" if speaker.casefold() in text.casefold() else speaker,
        source=source_view(cited[0], words) if cited else None,
    )


def _differ(brief: Brief, sources: dict[str, SourceLine]) -> Iterator[DifferView]:
    for quantity in brief.differ:
        yield DifferView(
            about=first_upper(clean(quantity.about)),
            figures=tuple(
                FigureView(
                    value=clean(claim.value),
                    outlets=", ".join(
                        dict.fromkeys(
                            clean(sources[id_].outlet) for id_ in claim.citations if id_ in sources
                        )
                    ),
                )
                for claim in quantity.claims
            ),
        )


def _leads(
    brief: Brief, sources: dict[str, SourceLine], words: Catalogue
) -> Iterator[tuple[str, SourceView]]:
    """The article to read of each side; its marks only where no bullet has said them already."""
    for side in Side:
        part = brief.of(side)
        if part.lead is not None and part.lead in sources:
            told = any(part.lead in bullet.citations[:1] for bullet in part.bullets)
            lead = source_view(sources[part.lead], None if told else words)
            yield first_upper(words(f"side_{side.value}")), lead


def _history(story: IssueStory, words: Catalogue) -> Iterator[str]:
    """The days before; the newest entry is what the issue itself tells."""
    for entry in story.history[:-1][-EARLIER_DAYS:]:
        yield words(
            "history_entry",
            day=words.day(entry.day, "history"),
            n=entry.articles,
            headline=clean(entry.headline),
        )


def _one_sided(coverage: Coverage, words: Catalogue) -> str:
    """Who covers a one-sided story, the covering side first."""
    blind = coverage.blindspot or Side.LEFT
    order = sorted(Side, key=lambda side: -coverage.of(side).families)
    rated = [
        words(f"publishers_{side.value}", n=coverage.of(side).families)
        if coverage.of(side).families
        else words(f"none_{side.value}")
        for side in order
    ]
    return words(
        "one_sided_counts",
        rated=", ".join(rated),
        unrated=words("publishers_unrated", n=coverage.unrated.families),
        blind=words(f"side_{blind.value}"),
    )
