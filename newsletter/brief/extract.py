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
from dataclasses import replace

from newsletter.brief import differ, gates, headline, overview, sides
from newsletter.brief.evidence import Span, is_opinion, side_of, spans
from newsletter.brief.excerpts import clauses, passages, titles
from newsletter.brief.weighing import Weights, overlap
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
_TRIES = 4  # candidates of one block that are tried before the block is given up


def write(
    story: Story,
    articles: Sequence[Article],
    outlets: Mapping[str, Outlet],
    coverage: Coverage,
    settings: BriefSettings,
    furniture: frozenset[str] = frozenset(),
) -> Brief:
    """The brief of one story, gated.

    :param articles: the story's articles, in any order.
    :param outlets: outlets by id; an article of an unknown outlet counts as unrated.
    :param furniture: lines that a look at more articles than these showed to be site furniture.
    :returns: a brief; ``withheld`` is set when it may not be shown, and ``findings`` tells what
        was replaced on the way.
    """
    return _Draft(story, articles, outlets, coverage, settings, furniture).finished()


class _Draft:
    """One story on the table: its evidence, weighed once."""

    def __init__(
        self,
        story: Story,
        articles: Sequence[Article],
        outlets: Mapping[str, Outlet],
        coverage: Coverage,
        settings: BriefSettings,
        furniture: frozenset[str],
    ):
        self.story, self.outlets, self.coverage = story, outlets, coverage
        self.settings = settings
        self.articles = sorted(articles, key=lambda a: (a.published, a.id))
        self.side_of = {article.id: side_of(article, outlets) for article in self.articles}
        self.evidence = spans(self.articles, outlets, furniture)
        self.weights = Weights(self.evidence, self.articles)
        self.sources = gates.Sources(self.articles, outlets)
        self.findings: list[GateFinding] = []

    def finished(self) -> Brief:
        title = self._headline()
        pool = overview.neutral_pool(self.evidence, self.articles, self.weights)
        chosen, quoted = self._shared_out(pool, title)
        sentences = tuple(overview.sentence(span, self.evidence, self.outlets) for span in chosen)
        used = [*chosen, *(span for group in quoted.values() for span in group)]
        brief = Brief(
            story=self.story.id,
            headline=title or self.story.headline,
            deck=self._deck(pool, title, used),
            overview=sentences,
            left=self._side(Side.LEFT, quoted),
            center=self._side(Side.CENTER, quoted),
            right=self._side(Side.RIGHT, quoted),
            highlights=self._highlights(),
            coverage=self.coverage,
            differ=differ.numbers(self.evidence, self.outlets),
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
        nearness = sides.Nearness(self.articles, self.side_of)
        candidates = (
            *self.evidence,
            *passages(self.evidence, self.articles, most),
            *clauses(self.evidence, most),
            *titles(self.articles, self.outlets, not_this=title),
        )

        def listed(side: Side, said: Sequence[Span]) -> list[tuple[float, Span]]:
            return sides.shortlist(candidates, side, self.weights, nearness, most, said)

        best: tuple[int, tuple[Span, ...], dict[Side, tuple[Span, ...]]] | None = None
        kept: set[tuple[str, int]] = set()
        for share in (0, 1, 3):
            if share:
                for side in wanting:
                    kept |= {(s.article, s.start) for _, s in own[side][:share]}
            chosen = overview.choose(
                pool, self.weights, self.outlets, self.settings.overview_words, frozenset(kept)
            )
            lists = {side: listed(side, chosen) for side in Side}
            quoted = sides.together(lists, self.settings.bullets)
            trouble = self._wanting(quoted)
            worth = len(trouble) + (0 if chosen or not pool else 9)
            if best is None or worth < best[0]:
                best = (worth, chosen, quoted)
            if not trouble:
                break
            if not share:
                wanting = trouble
                own = {side: listed(side, ()) for side in wanting}
        assert best is not None
        return best[1], best[2]

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
        found = headline.candidates(
            self.articles, self.outlets, self.evidence, self.weights, self.settings.headline_words
        )
        for candidate in found[:_TRIES]:
            findings = self.sources.headline(candidate.text, self.settings.headline_words)
            if not findings:
                return candidate.text
            self.findings += findings
        return ""

    def _deck(self, pool: Sequence[Span], title: str, used: Sequence[Span]) -> str:
        """A short corroborated sentence that neither the overview nor a bullet already gives."""
        found = overview.decks(pool, self.weights, self.outlets, title, self.settings.deck_words)
        for span in found:
            if all(overlap(span.terms, other.terms) < 0.6 for other in used):
                return overview.attributed(span, self.outlets)
        return ""

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
        brief = gates.without_failing(brief, findings)
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
