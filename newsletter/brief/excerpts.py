"""Other quotable pieces than the single sentence, for stories whose texts are short.

Feeds often carry two sentences of an article. Three more kinds of piece are then worth having: a
pair of sentences that belong together, the main clause of a sentence too long to print, and the
article's own headline.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from newsletter.brief import furniture, headline, standalone, wording
from newsletter.brief.evidence import (
    CUT,
    FINITE,
    TRAILS_OFF,
    VERB,
    Span,
    family_of,
    is_opinion,
    side_of,
)
from newsletter.model import Article, Outlet

_GAP = 2  # characters between two sentences that follow each other
_MARKS = "“\"‘'"
# What may follow a main clause and be left out. Nothing that limits it ("but", "if", "unless",
# "according to", "said") is here, because without it the clause would say more than its writer.
_REST = re.compile(
    r",? [-–—]+ |, (?:which|who|where|as|while|after|when|amid|following|marking|setting|"
    r"making|leaving|"
    r"\w{3,}ing) "
)
_LIMITS = re.compile(
    r"\b(?:but|if|unless|although|though|however|except|without|allegedly|reportedly|according|"
    r"citing|"
    r"says?|said|saying|told|claim\w*|alleg\w*|accus\w*|not|never|denied|denying|despite|"
    r"whether|until|"
    r"may|might|could|would)\b",
    re.IGNORECASE,
)
_FEWEST = 12  # words of a clause


def quotable(
    evidence: Sequence[Span],
    articles: Sequence[Article],
    outlets: Mapping[str, Outlet],
    most_words: int,
    *,
    not_this: str,
) -> tuple[Span, ...]:
    """Every piece a side may be quoted with: sentences, pairs, main clauses and headlines."""
    return (
        *evidence,
        *passages(evidence, articles, most_words),
        *clauses(evidence, most_words),
        *titles(articles, outlets, not_this=not_this),
    )


def clauses(evidence: Sequence[Span], most_words: int, fewest: int = _FEWEST) -> tuple[Span, ...]:
    """The main clauses of sentences that are too long to print whole.

    A sentence is cut only before a trailing part that adds and does not limit, and only when
    nothing but that part follows.
    """
    found: list[Span] = []
    for span in evidence:
        if span.words <= most_words or not span.stands or span.speaker:
            continue
        for rest in _REST.finditer(span.text):
            head = span.text[: rest.start()]
            if not fewest <= wording.words(head) <= most_words or not _is_clause(head):
                continue
            if "," in span.text[rest.end() :] and rest.group().startswith((", wh", ", as")):
                continue  # the part may be an insertion, with the main verb still to come
            if _LIMITS.search(span.text, rest.start()):
                break
            found.append(replace(span, text=head, end=span.start + len(head), clause=True))
            break
    return tuple(found)


def _is_clause(head: str) -> bool:
    if (
        head.count('"') % 2
        or head.count("“") != head.count("”")
        or head.count("(") != head.count(")")
    ):
        return False
    return FINITE.search(head) is not None and head[-1].isalnum()


def passages(
    evidence: Sequence[Span], articles: Sequence[Article], most_words: int
) -> tuple[Span, ...]:
    """Pairs of neighbours in which the second sentence needs the first to be understood.

    :param most_words: words the two may have together.
    """
    texts = {article.id: article.words for article in articles}
    found: list[Span] = []
    for one, other in pairwise(evidence):
        if one.article != other.article or other.place != one.place + 1:
            continue
        if not 0 < other.start - one.end <= _GAP or one.words + other.words > most_words:
            continue
        if one.speaker or other.speaker or other.text[0] in _MARKS or not one.stands_plain:
            continue
        if other.stands or not standalone.leans_back(other.text):
            continue
        text = texts[one.article][one.start : other.end]
        if text[one.end - one.start : other.start - one.start].isspace():
            found.append(replace(one, text=text, end=other.end, passage=True))
    return tuple(found)


def titles(
    articles: Sequence[Article], outlets: Mapping[str, Outlet], *, not_this: str
) -> tuple[Span, ...]:
    """The articles' own headlines as spans, for sides whose texts are too short to quote.

    :param not_this: the headline of the story, which is not quoted once more.
    """
    found: list[Span] = []
    for article in articles:
        said = headline.cleaned(article.title, outlets.get(article.outlet))
        if said == not_this or (not_this and not_this in said) or not _is_title(said):
            continue
        found.append(
            Span(
                article=article.id,
                text=said,
                start=0,
                end=0,
                place=0,
                outlet=article.outlet,
                family=family_of(article, outlets),
                side=side_of(article, outlets),
                opinion=is_opinion(article),
                title=True,
            )
        )
    return tuple(found)


def _is_title(said: str) -> bool:
    """Whether a headline is a statement with a verb, not a label, a question or a list of tags."""
    if (
        "|" in said
        or "·" in said
        or CUT.search(said)
        or TRAILS_OFF.search(said)
        or said.isupper()
        or headline.baits(said)
    ):
        return False
    if said.count('"') % 2 or said.count("“") != said.count("”"):
        return False
    return VERB.search(said) is not None and not furniture.says_furniture(said)
