"""Deck and overview: what outlets of all sides have in common, in their own quoted words.

The overview is a small set of whole sentences that together say the most of what several
publisher families say, across sides first, without saying anything twice. Each stands in quotation
marks with its outlet. The deck is one short sentence of the same kind.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newsletter.brief import wording
from newsletter.brief.evidence import Span
from newsletter.brief.excerpts import passages
from newsletter.brief.weighing import Weights, overlap
from newsletter.model import Article, Outlet, Sentence, Side

_SAME = 0.6  # share of terms from which two sentences say the same thing
_BACKS = 0.6  # share of terms from which one sentence backs another
_VERBATIM = 0.9  # so near to the headline that it adds nothing
_DECK_PLACE = 10  # sentences of an article the deck is looked for in
_WIDTH = 12  # sets kept at each step of the search
_ROOM = 1.0  # worth of a word as such: an overview that leaves room unused tells less
_SHARED = 0.5  # share of a sentence's terms that other families must use as well
_LIKELY = 60  # sentences looked at closely
_POOL = 24  # sentences the search looks at
_LONG = 40  # words from which a sentence is hard to read
_FEWEST, _MOST = 7, 60  # words of a sentence
_MOST_SENTENCES = 5
# The writer's own voice in a text that is not marked as opinion.
_JUDGES = re.compile(
    r"(?i)\b(?:apparently|unfortunately|sadly|thankfully|frankly|obviously|clearly|surely|alas|"
    r"astonishing(?:ly)?|ridiculous(?:ly)?|needless to say|of course|to be sure|ill-informed|"
    r"unironically|laughabl[ey]|so-called)\b"
)
_QUALIFIER = re.compile(r"\s*\([^()]*\)$")
_NUMBER = re.compile(r"\d[\d,.]*\d|\d")


@dataclass(frozen=True, slots=True)
class _Set:
    value: float
    words: int
    terms: frozenset[str]
    chosen: tuple[int, ...]


def outlet_shown(outlet_id: str, outlets: Mapping[str, Outlet]) -> str:
    """An outlet's name as printed, without a desk such as "(News)" behind it."""
    outlet = outlets.get(outlet_id)
    return _QUALIFIER.sub("", outlet.name) if outlet else outlet_id


def attributed(span: Span, outlets: Mapping[str, Outlet]) -> str:
    """A span as printed in deck and overview: “The sentence.” (The Outlet)."""
    return f"{wording.in_quotes(span.text)} ({outlet_shown(span.outlet, outlets)})"


def neutral_pool(
    evidence: Sequence[Span], articles: Sequence[Article], weights: Weights
) -> list[Span]:
    """The most corroborated news sentences that stand alone, best first.

    No opinion, no "I" of the writer. A loaded word or an opening quotation does not exclude a
    sentence, since it will be quoted with its outlet, but calmer ones are taken first.
    """
    rough = sorted(
        (
            -round(weights.about(span.terms) / (1 + 0.06 * span.place), 9),
            span.article,
            span.start,
            i,
        )
        for i, span in enumerate(evidence)
        if not span.opinion and span.words <= _MOST
    )
    likely = [evidence[i] for _, _, _, i in rough[:_LIKELY]]
    likely.sort(key=lambda span: (span.article, span.place))
    found: list[tuple[float, str, int, int, Span]] = []
    for span in (*likely, *passages(likely, articles, _MOST)):
        if span.loaded > 2 or _JUDGES.search(wording.outside_quotes(span.text)):
            continue
        if not span.first_person and _FEWEST <= span.words <= _MOST and span.stands:
            if weights.shared(span.terms) < _SHARED:
                continue
            rank = -round(worth(span, weights), 9)
            found.append((rank, span.article, span.start, span.end, span))
    found.sort(key=lambda entry: entry[:4])
    return [entry[4] for entry in found[:_POOL]]


def choose(
    pool: Sequence[Span],
    weights: Weights,
    outlets: Mapping[str, Outlet],
    most: int,
    avoid: frozenset[tuple[str, int]] = frozenset(),
) -> tuple[Span, ...]:
    """The sentences of the overview in reading order.

    :param most: words the whole overview may have, outlets' names included.
    :param avoid: spans kept for another place, by article and start.
    """
    pool = [span for span in pool if (span.article, span.start) not in avoid]
    costs = [wording.words(attributed(span, outlets)) for span in pool]
    alike = [
        frozenset(j for j, other in enumerate(pool) if overlap(span.terms, other.terms) >= _SAME)
        for span in pool
    ]
    worths = [_calm(span) for span in pool]
    rooms = [_ROOM * cost * 0.6**span.loaded for cost, span in zip(costs, pool, strict=True)]
    beam = [_Set(0.0, 0, frozenset(), ())]
    best = beam[0]
    for _ in range(_MOST_SENTENCES):
        grown: dict[frozenset[int], _Set] = {}
        for state in beam:
            for i, span in enumerate(pool):
                if i in state.chosen or state.words + costs[i] > most:
                    continue
                key = frozenset((*state.chosen, i))
                if key in grown or not alike[i].isdisjoint(state.chosen):
                    continue
                gain = math.fsum(map(weights.of, span.terms - state.terms))
                repeated = {pool[j].article for j in state.chosen}
                gain *= worths[i] * (0.9 if span.article in repeated else 1.0)
                gain *= 0.85 ** sum(pool[j].side is span.side for j in state.chosen)
                gain += rooms[i]
                grown[key] = _Set(
                    state.value + gain,
                    state.words + costs[i],
                    state.terms | span.terms,
                    (*state.chosen, i),
                )
        if not grown:
            break
        beam = sorted(
            grown.values(),
            key=lambda state: (-round(state.value, 9), state.words, sorted(state.chosen)),
        )[:_WIDTH]
        if round(beam[0].value, 9) > round(best.value, 9):
            best = beam[0]
    return reading_order([pool[i] for i in best.chosen], weights)


def reading_order(chosen: Sequence[Span], weights: Weights) -> tuple[Span, ...]:
    """What happened first: by place in the article, the most typical opening sentence on top."""
    if not chosen:
        return ()
    first = max(
        chosen, key=lambda span: (round(worth(span, weights), 9), span.article, -span.start)
    )
    rest = [span for span in chosen if span is not first]
    rest.sort(key=lambda span: (span.place, -round(worth(span, weights), 9), span.article))
    return (first, *rest)


def backing(span: Span, evidence: Sequence[Span]) -> tuple[str, ...]:
    """Articles of other families and other sides that say the same as a span, one a side at most.

    Strict on purpose: most content words and every figure must stand in one sentence there.
    """
    found: dict[Side | None, tuple[float, str]] = {}
    figures = set(_NUMBER.findall(span.text))
    for other in evidence:
        if other.family == span.family or other.side == span.side or other.opinion:
            continue
        common = len(span.terms & other.terms) / max(1, len(span.terms))
        if common < _BACKS or not figures <= set(_NUMBER.findall(other.text)):
            continue
        if other.side not in found or (-common, other.article) < found[other.side]:
            found[other.side] = (-common, other.article)
    return tuple(sorted(article for _, article in found.values()))


def sentence(span: Span, evidence: Sequence[Span], outlets: Mapping[str, Outlet]) -> Sentence:
    """A span as a sentence of the overview, the quoted article first among its citations."""
    return Sentence(
        text=attributed(span, outlets),
        citations=(span.article, *backing(span, evidence)),
        evidence=(span.as_evidence(),),
    )


def deck(
    evidence: Sequence[Span],
    weights: Weights,
    outlets: Mapping[str, Outlet],
    *,
    headline: str,
    most: int,
    used: Sequence[Span],
) -> Span | None:
    """A short sentence that adds to the headline and repeats nothing the brief says below it.

    :param most: words it may have, the outlet's name included.
    :param used: what overview and bullets quote.
    """
    said = frozenset(wording.terms(headline))
    ranked: list[tuple[float, str, int, Span]] = []
    for span in evidence:
        if span.opinion or span.place >= _DECK_PLACE or not _FEWEST <= span.words < most:
            continue
        new = len(span.terms - said)
        value = weights.about(span.terms) * weights.on_topic(span) * min(1.0, new / 6)
        value /= 1 + 0.06 * span.place
        ranked.append((-round(value, 9), span.article, span.start, span))
    ranked.sort(key=lambda entry: entry[:3])
    for _, _, _, span in ranked[:_POOL]:
        if any(overlap(span.terms, other.terms) >= _SAME for other in used):
            continue
        if span.first_person or span.loaded or span.leans or not span.stands_plain:
            continue
        if (
            overlap(span.terms, said) < _VERBATIM
            and wording.words(attributed(span, outlets)) <= most
        ):
            return span
    return None


def worth(span: Span, weights: Weights) -> float:
    """How well a sentence stands for the story as all tell it, calm ones before heated ones."""
    return weights.about(span.terms) * _calm(span)


def _calm(span: Span) -> float:
    """From 1 for a plain sentence at the top of its article down to near 0."""
    value = 1 / (1 + 0.06 * min(span.place, 12))
    if span.speaker or not span.stands_plain:
        value *= 0.7
    if span.leans:
        value *= 0.75
    if span.words > _LONG:
        value *= 0.85
    return value * 0.6**span.loaded
