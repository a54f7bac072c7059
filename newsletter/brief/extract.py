"""The default writer: nothing is written, everything is chosen.

It needs no key and no network and gives the same brief for the same articles in any order. Every
word of a brief is an outlet's own: the headline is one outlet's title, deck and overview are
sentences in quotation marks with their outlet, the bullets of a side are its outlets' quotations.

The flow: spans of evidence → weights → headline → one quotation kept for each side → overview →
sides together → deck → highlights → gates. What fails a gate is replaced by the next candidate; a
story without a plain headline or without a neutral sentence is withheld with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from newsletter.brief import differ, gates, headline, overview, sides, wording
from newsletter.brief.blocks import without_failing
from newsletter.brief.evidence import Span, is_opinion, side_of, spans
from newsletter.brief.excerpts import clauses, quotable
from newsletter.brief.nearness import Nearness
from newsletter.brief.sources import Sources
from newsletter.brief.weighing import Weights
from newsletter.config import BriefSettings
from newsletter.model import (
    Article,
    Brief,
    Coverage,
    GateFinding,
    Outlet,
    Side,
    SideBrief,
    SideStatus,
    Story,
)

WRITER = "extract"
_SHARES = (1, 3)  # sentences kept for each wanting side, first few, then more
# The least of its words an overview keeps when sentences are given up to the sides: much where a
# side would merely have no words of its own (that can be said), less where left and right would
# stand there unequal.
_KEPT_FOR_A_VOICE, _KEPT_FOR_BALANCE = 0.8, 0.5
_FEWEST_OF_A_HEADLINE = 6  # words of a main clause that may stand in for a title
_TRIES = 4  # candidates of one block that are tried before the block is given up


def write(
    story: Story,
    articles: Sequence[Article],
    outlets: Mapping[str, Outlet],
    coverage: Coverage,
    settings: BriefSettings,
    *,
    furniture: frozenset[str] = frozenset(),
) -> Brief:
    """The brief of one story, gated.

    :param articles: the story's articles, in any order.
    :param outlets: outlets by id; an article of an unknown outlet counts as unrated.
    :param furniture: lines that a look at more articles than these showed to be site furniture.
    :returns: a brief; ``withheld`` is set when it may not be shown, and ``findings`` tells what
        was replaced on the way.
    """
    return _Draft(story, articles, outlets, coverage, settings, furniture=furniture).finished()


@dataclass(frozen=True, slots=True)
class _Shares:
    """One way to share sentences out, and the sides it leaves wanting."""

    chosen: tuple[Span, ...]
    quoted: dict[Side, tuple[Span, ...]]
    wanting: list[Side]

    @property
    def words(self) -> int:
        """Words of the overview."""
        return sum(span.words for span in self.chosen)


class _Draft:
    """One story on the table: its evidence, weighed once."""

    def __init__(
        self,
        story: Story,
        articles: Sequence[Article],
        outlets: Mapping[str, Outlet],
        coverage: Coverage,
        settings: BriefSettings,
        *,
        furniture: frozenset[str],
    ):
        self.story, self.outlets, self.coverage = story, outlets, coverage
        self.settings = settings
        self.articles = sorted(articles, key=lambda a: (a.published, a.id))
        self.side_of = {article.id: side_of(article, outlets) for article in self.articles}
        self.evidence = spans(self.articles, outlets, furniture)
        self.weights = Weights(self.evidence, self.articles)
        self.sources = Sources(self.articles, outlets)
        self.findings: list[GateFinding] = []

    def finished(self) -> Brief:
        title = self._headline()
        pool = overview.neutral_pool(self.evidence, self.articles, self.weights)
        chosen, quoted = self._shared_out(pool, title)
        sentences = tuple(overview.sentence(span, self.evidence, self.outlets) for span in chosen)
        used = [*chosen, *(span for group in quoted.values() for span in group)]
        brief = Brief(
            story=self.story.id,
            headline=title or self._quoted_title(),
            deck=self._deck(title, used),
            overview=sentences,
            left=self._side(Side.LEFT, quoted),
            center=self._side(Side.CENTER, quoted),
            right=self._side(Side.RIGHT, quoted),
            highlights=self._highlights(),
            coverage=self.coverage,
            differ=differ.numbers(self.evidence),
            only=differ.only(self.evidence, self.weights, self.outlets),
            writer=WRITER,
        )
        return self._gated(brief, headline_found=bool(title))

    def _shared_out(
        self, pool: Sequence[Span], title: str
    ) -> tuple[tuple[Span, ...], dict[Side, tuple[Span, ...]]]:
        """The sentences of the overview and the quotations of each side, chosen side by side.

        The overview chooses first. Where texts are so short that a side is then left with
        nothing, or with so little that left and right cannot be told alike, the most telling
        sentences of those sides are kept for them and the overview is chosen again.
        """
        most = self.settings.bullet_words
        nearness = Nearness(self.articles, self.side_of)
        candidates = quotable(self.evidence, self.articles, self.outlets, most, not_this=title)

        def listed(side: Side, said: Sequence[Span]) -> list[tuple[float, Span]]:
            return sides.shortlist(
                candidates, side, self.weights, nearness, most_words=most, said=said
            )

        def attempt(kept: frozenset[tuple[str, int]]) -> _Shares:
            chosen = overview.choose(
                pool, self.weights, self.outlets, self.settings.overview_words, kept
            )
            lists = {side: listed(side, chosen) for side in Side}
            quoted = sides.together(lists, self.settings.bullets)
            return _Shares(chosen, quoted, self._wanting(quoted))

        best = attempt(frozenset())
        if not best.wanting:
            return best.chosen, best.quoted
        own = {side: listed(side, ()) for side in best.wanting}
        lopsided = all(best.quoted[side] for side in (Side.LEFT, Side.RIGHT))
        least = best.words * (_KEPT_FOR_BALANCE if lopsided else _KEPT_FOR_A_VOICE)
        for share in _SHARES:
            kept = {(s.article, s.start) for entries in own.values() for _, s in entries[:share]}
            shares = attempt(frozenset(kept))
            if len(shares.wanting) < len(best.wanting) and shares.words >= least:
                best = shares
            if not best.wanting:
                break
        return best.chosen, best.quoted

    def _wanting(self, quoted: Mapping[Side, Sequence[Span]]) -> list[Side]:
        """Sides with articles and no words, and left and right where they are not alike."""
        present = set(self.side_of.values())
        empty = [side for side in Side if side in present and not quoted[side]]
        left, right = quoted[Side.LEFT], quoted[Side.RIGHT]
        if left and right:
            counts = (len(left), len(right))
            lengths = tuple(sum(span.words for span in group) for group in (left, right))
            if not sides.parallel(counts, lengths):
                return [Side.LEFT, Side.RIGHT, *empty]
        return empty

    def _headline(self) -> str:
        most = self.settings.headline_words
        openings = [span for span in self.evidence if span.place == 0]
        said = (*self.evidence, *clauses(openings, most, fewest=_FEWEST_OF_A_HEADLINE))
        found = headline.candidates(self.articles, self.outlets, said, self.weights, most)
        for candidate in found[:_TRIES]:
            findings = gates.check_headline(
                candidate.text, self.sources, self.settings.headline_words
            )
            if not findings:
                return candidate.text
            self.findings += findings
        return ""

    def _quoted_title(self) -> str:
        """A title in quotation marks with its outlet, to speak of a story that is withheld.

        The most typical one that is short enough, whole or up to the end of its main clause;
        where all are too long, the shortest.
        """
        most = self.settings.headline_words
        ranked = sorted(
            self.articles,
            key=lambda a: (-round(self.weights.about(frozenset(wording.terms(a.title))), 9), a.id),
        )
        shown: list[str] = []
        for article in ranked:
            name = overview.outlet_shown(article.outlet, self.outlets)
            title = headline.cleaned(article.title, self.outlets.get(article.outlet))
            whole, *clause = headline.forms(title, most)
            shown += [
                f"{wording.in_quotes(form)} ({name})"
                for form in (whole, *(f"{head} …" for head in clause))
                if form
            ] or [f"{wording.in_quotes(title)} ({name})"]
        short = (text for text in shown if wording.words(text) <= most)
        return next(short, "") or min(shown, key=wording.words)

    def _deck(self, title: str, used: Sequence[Span]) -> str:
        most = self.settings.deck_words
        span = overview.deck(
            self.evidence, self.weights, self.outlets, headline=title, most=most, used=used
        )
        return overview.attributed(span, self.outlets) if span else ""

    def _side(self, side: Side, quoted: Mapping[Side, Sequence[Span]]) -> SideBrief:
        own = [article for article in self.articles if self.side_of[article.id] is side]
        if not own:
            return SideBrief(status=SideStatus.NO_COVERAGE)
        lead = sides.lead(own, self.side_of, side, self.weights)
        bullets = tuple(sides.bullet(span) for span in quoted[side])
        status = SideStatus.OK if bullets else SideStatus.TOO_THIN
        return SideBrief(status=status, bullets=bullets, lead=lead)

    def _highlights(self) -> dict[str, str | None]:
        best: dict[str, tuple[float, int, str]] = {}
        for span in self.evidence:
            if not 8 <= span.words <= 40 or (span.first_person and not span.opinion):
                continue
            worth = self.weights.about(span.terms) / (1 + 0.1 * min(span.place, 15))
            rank = (-round(worth, 9), span.start, span.text)
            if (span.article not in best or rank < best[span.article]) and span.stands:
                best[span.article] = rank
        return {a.id: best[a.id][2] if a.id in best else None for a in self.articles}

    def _gated(self, brief: Brief, *, headline_found: bool) -> Brief:
        """The brief with failing blocks taken out, and with the reason where it is withheld."""
        findings = gates.check(brief, self.articles, self.outlets, self.settings)
        brief = without_failing(brief, findings)
        reason = ""
        if not any(not is_opinion(article) for article in self.articles):
            reason = "Every article is opinion or analysis, so there is no news text to go by."
        elif not headline_found:
            reason = "No title of a news article is short, plain and free of loaded words."
        elif not brief.overview:
            reason = "No news article has a neutral sentence that stands on its own."
        return replace(
            brief, findings=(*self.findings, *findings), withheld=reason or brief.withheld
        )
