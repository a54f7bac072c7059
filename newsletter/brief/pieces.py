"""What a language model is shown of a story: numbered sentences, never an article."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from newsletter.brief.evidence import Span, spans
from newsletter.brief.overview import outlet_shown
from newsletter.brief.weighing import Weights
from newsletter.model import Article, Outlet, Side

_PIECES = 36  # spans a model is given
_PIECES_OF_A_SIDE = 10


def pieces_of(
    articles: Sequence[Article], outlets: Mapping[str, Outlet], furniture: frozenset[str]
) -> dict[str, Span]:
    """The most corroborated and the earliest spans of each side, under ids such as e1."""
    ordered = sorted(articles, key=lambda a: (a.published, a.id))
    evidence = spans(ordered, outlets, furniture)
    weights = Weights(evidence, ordered)
    ranked = sorted(
        (
            (-round(weights.about(s.terms) / (1 + 0.05 * s.place), 9), s.article, s.start, s)
            for s in evidence
            if weights.on_topic(s) > 0
        ),
        key=lambda entry: entry[:3],
    )
    taken: dict[Side | None, int] = {}
    chosen: list[Span] = []
    for *_, span in ranked:
        if taken.get(span.side, 0) < _PIECES_OF_A_SIDE and len(chosen) < _PIECES:
            taken[span.side] = taken.get(span.side, 0) + 1
            chosen.append(span)
    return {f"e{i}": span for i, span in enumerate(chosen, 1)}


def as_data(pieces: Mapping[str, Span], outlets: Mapping[str, Outlet]) -> str:
    """The evidence as JSON, which leaves a sentence no way to pose as anything else."""
    return json.dumps(
        [
            {
                "id": key,
                "outlet": outlet_shown(span.outlet, outlets),
                "side": span.side.value if span.side else "unrated",
                "kind": "opinion" if span.opinion else "news",
                "sentence": " ".join(span.text.split()),
            }
            for key, span in pieces.items()
        ],
        ensure_ascii=False,
    )
