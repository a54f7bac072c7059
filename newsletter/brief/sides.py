"""What each side says: a few quotations most telling of it, side by side and of one size.

A quotation is telling when its words are common on its side and rare on the others, while it is
still about the story. The sides are chosen together, so that none gets more room than another.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from newsletter.brief import speakers, wording
from newsletter.brief.evidence import Span, is_opinion
from newsletter.brief.nearness import Nearness
from newsletter.brief.weighing import Weights, overlap
from newsletter.model import Article, Bullet, Side

_FIRSTS, _SECONDS = 7, 4  # quotations of a side that are weighed against the other sides
_REPEATED = 0.6  # the same, against what the overview says
_VERBATIM = 0.9  # so near to a sentence of the overview that it would read as a repetition
_SECOND_CHOICE = 0.3
_SAME = 0.5  # share of terms from which two quotations say the same thing
_FACTOR = 1.5  # words of one side over words of another
_FEWEST_WORDS = 7


@dataclass(frozen=True, slots=True)
class Choice:
    """The quotations of one side, in order, with their worth together and their words."""

    spans: tuple[Span, ...]
    value: float
    words: int


def shortlist(
    evidence: Sequence[Span],
    side: Side,
    weights: Weights,
    nearness: Nearness,
    *,
    most_words: int,
    said: Sequence[Span] = (),
    firsts: int = _FIRSTS,
    seconds: int = _SECONDS,
) -> list[tuple[float, Span]]:
    """The most telling quotations of a side, best first, none saying the same as a better one.

    :param firsts: how many first choices are kept, and ``seconds`` how many second ones.
    :param said: what the overview quotes. The same words are not quoted again; the same fact in
        other words, like a headline or half a sentence, is a second choice for a side that has
        little else.
    """
    ranked: list[tuple[float, bool, str, int, int, Span]] = []
    for span in evidence:
        if span.side is not side or not _FEWEST_WORDS <= span.words <= most_words:
            continue
        repeats = max((overlap(span.terms, other.terms) for other in said), default=0.0)
        if repeats >= _VERBATIM or any(_shares_text(span, other) for other in said):
            continue
        second = repeats >= _REPEATED or span.title or span.clause
        if weights.on_topic(span) == 0:
            continue
        value = telling(span, weights) * (_SECOND_CHOICE if second else 1.0)
        ranked.append((-round(value, 9), second, span.article, span.start, span.end, span))
    ranked.sort(key=lambda entry: entry[:5])
    kept: list[tuple[float, Span]] = []
    room = {False: firsts, True: seconds}
    for value, second, _, _, _, span in ranked:
        if not room[second]:
            continue
        if (span.first_person and not span.opinion) or not span.stands:
            continue
        # Two forms of one sentence may both be there to choose from, not two that read alike.
        if any(overlap(span.terms, other.terms) >= _VERBATIM for _, other in kept):
            continue
        if not nearness.is_own(span):
            continue
        kept.append((-value, span))
        room[second] -= 1
        if not any(room.values()):
            break
    return kept


def _shares_text(one: Span, other: Span) -> bool:
    if one.article != other.article or one.title or other.title:
        return False
    return one.start < other.end and other.start < one.end


def telling(span: Span, weights: Weights) -> float:
    """How much a quotation tells of its side, about this story; always above 0."""
    if span.side is None:
        return 0.0
    about = weights.about(span.terms)
    distinct = 0.5 + max(-0.4, weights.distinct(span.terms, span.side))
    named = 1.25 if span.speaker else 1.0
    size = 1.0 if 12 <= span.words <= 32 else 0.8
    place = 1 / (1 + 0.02 * min(span.place, 20))
    kind = (0.9 if span.opinion else 1.0) * (0.7 if span.leans else 1.0)
    topic = weights.on_topic(span) ** 2
    return 0.001 + about * distinct * topic * named * size * place * kind


def together(
    lists: Mapping[Side, Sequence[tuple[float, Span]]], most: int
) -> dict[Side, tuple[Span, ...]]:
    """One choice a side, parallel in number and length wherever the material allows it.

    Left and right are settled first, between them; the center is then fitted to both.
    """
    options = {side: _choices(entries, most) for side, entries in lists.items()}
    chosen: dict[Side, tuple[Span, ...]] = dict.fromkeys(Side, ())
    left, right = options.get(Side.LEFT, []), options.get(Side.RIGHT, [])
    pair = _best_pair(left, right)
    if pair:
        chosen[Side.LEFT], chosen[Side.RIGHT] = pair[0].spans, pair[1].spans
    else:
        # One side speaks alone, or nothing fits: each gets what comes nearest to the other.
        for side, own, other in ((Side.LEFT, left, right), (Side.RIGHT, right, left)):
            if own:
                chosen[side] = (_nearest_size(own, other[:1]) or own)[0].spans
        _drop_scrap(chosen)
    center = options.get(Side.CENTER, [])
    if center:
        wanted = [_as_choice(chosen[side]) for side in (Side.LEFT, Side.RIGHT) if chosen[side]]
        fitting = [own for own in center if all(_parallel(own, other) for other in wanted)]
        chosen[Side.CENTER] = (fitting or _nearest_size(center, wanted))[0].spans
    return chosen


def _drop_scrap(chosen: dict[Side, tuple[Span, ...]]) -> None:
    """Take a lone headline or half sentence away from a side that cannot match the other.

    "Too thin to quote" with a link to the article is fairer than eight words against thirty.
    """
    one, other = _as_choice(chosen[Side.LEFT]), _as_choice(chosen[Side.RIGHT])
    if not one.spans or not other.spans or _parallel(one, other):
        return
    shorter = Side.LEFT if one.words < other.words else Side.RIGHT
    if all(span.title or span.clause for span in chosen[shorter]):
        chosen[shorter] = ()


def bullet(span: Span) -> Bullet:
    """A span as a bullet: a person's words with who said them, or the outlet's sentence quoted."""
    quotes: tuple[str, ...] = (span.text,)
    text = wording.in_quotes(f"{span.text} …" if span.clause else span.text)
    direct = _direct_speech(span)
    if direct:
        quotes, text = direct
    return Bullet(
        text=text, quotes=quotes, citations=(span.article,), evidence=(span.as_evidence(),)
    )


def lead(
    articles: Sequence[Article], side_of: Mapping[str, Side | None], side: Side, weights: Weights
) -> str | None:
    """The article to read from a side: typical of the story, news before opinion."""
    own = [article for article in articles if side_of[article.id] is side]
    if not own:
        return None

    def worth(article: Article) -> tuple[bool, bool, float, str]:
        terms = frozenset(wording.terms(f"{article.title} {article.words[:1500]}"))
        return (
            is_opinion(article),
            bool(article.same_as),
            -round(weights.about(terms), 9),
            article.id,
        )

    return min(own, key=worth).id


def parallel(counts: Sequence[int], words: Sequence[int]) -> bool:
    """Whether sides are told alike: bullets differ by one at most, words by half at most."""
    return max(counts) - min(counts) <= 1 and max(words) <= 1.5 * min(words)


def _direct_speech(span: Span) -> tuple[tuple[str, ...], str] | None:
    """A sentence that is a named person's words with a bare "said X", printed as it stands."""
    if not span.speaker:
        return None
    text = span.text.replace("“", '"').replace("”", '"')
    strings = wording.quoted_strings(text)
    around = wording.outside_quotes(text)
    if (
        not 1 <= len(strings) <= 2
        or wording.words(around) > 8
        or wording.words(" ".join(strings)) < 6
    ):
        return None
    if span.speaker not in span.text or speakers.speaker(text) == "":
        return None
    pieces = text.split('"')
    if len(pieces) % 2 == 0:
        return None
    printed = "".join(
        f"{wording.QUOTE_OPEN}{piece}{wording.QUOTE_CLOSE}" if i % 2 else piece
        for i, piece in enumerate(pieces)
    )
    return tuple(strings), printed


def _choices(entries: Sequence[tuple[float, Span]], most: int) -> list[Choice]:
    """Every set of one to ``most`` quotations of a side, more and better ones first."""
    alike = {
        (i, j)
        for (i, (_, one)), (j, (_, other)) in combinations(enumerate(entries), 2)
        if overlap(one.terms, other.terms) >= _SAME
    }
    found: list[Choice] = []
    for size in range(1, most + 1):
        for places in combinations(range(len(entries)), size):
            if alike and not alike.isdisjoint(combinations(places, 2)):
                continue
            group = [entries[i] for i in places]
            value = math.fsum(value for value, _ in group)
            outlets = Counter(span.family for _, span in group)
            articles = Counter(span.article for _, span in group)
            value *= 1 - 0.08 * (size - len(outlets)) - 0.04 * (size - len(articles))
            if sum(span.opinion for _, span in group) > 1 and not all(
                span.opinion for _, span in group
            ):
                value *= 0.9
            members = tuple(
                span for _, span in sorted(group, key=lambda e: (-e[0], e[1].article, e[1].start))
            )
            found.append(Choice(members, value, sum(bullet_words(span) for span in members)))
    found.sort(key=lambda c: (-round(c.value, 9), _key(c)))
    return found


def bullet_words(span: Span) -> int:
    """Words of a span as printed in a bullet; the outlet line below it is not counted."""
    return span.words


def _best_pair(left: Sequence[Choice], right: Sequence[Choice]) -> tuple[Choice, Choice] | None:
    best: tuple[float, tuple[tuple[str, int], ...]] | None = None
    found: tuple[Choice, Choice] | None = None
    for one in left:
        for other in right:
            value = round(one.value + other.value, 9)
            if best is not None and -value > best[0]:
                break  # the rest of this row is worth less still
            if not _parallel(one, other):
                continue
            rank = (-value, tuple(sorted(_key(one) + _key(other))))
            if best is None or rank < best:
                best, found = rank, (one, other)
    return found


def _parallel(one: Choice, other: Choice) -> bool:
    return abs(len(one.spans) - len(other.spans)) <= 1 and max(
        one.words, other.words
    ) <= _FACTOR * min(one.words, other.words)


def _nearest_size(choices: Sequence[Choice], wanted: Sequence[Choice]) -> list[Choice]:
    if not wanted:
        return list(choices)
    middle = sum(choice.words for choice in wanted) / len(wanted)
    most = min(len(choice.spans) for choice in wanted) + 1
    return sorted(
        choices,
        key=lambda c: (
            len(c.spans) > most,
            abs(math.log(c.words / middle)),
            -round(c.value, 9),
            _key(c),
        ),
    )


def _as_choice(spans: tuple[Span, ...]) -> Choice:
    return Choice(spans, 0.0, sum(bullet_words(span) for span in spans))


def _key(choice: Choice) -> tuple[tuple[str, int], ...]:
    return tuple((span.article, span.start) for span in choice.spans)
