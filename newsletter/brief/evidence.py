"""Evidence: the sentences of a story's articles that may be quoted, with exact places.

``spans`` is the only way text of an article gets into a brief. It leaves out site furniture,
fragments and glued pieces, takes datelines off, and keeps for each sentence the article, the
offsets into ``Article.words``, the side and family of its outlet, whether it is opinion, and who
speaks in it. ``article.words[span.start:span.end] == span.text`` always holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from newsletter.brief import furniture, sentences, speakers, standalone, wording
from newsletter.brief.openings import is_title, lead_in
from newsletter.model import Article, Evidence, Kind, Outlet, Side

MOST_SENTENCES = 40
"""Sentences read of one article; news puts what matters first."""
MOST_OF_A_STORY = 200
"""Sentences read of one story; the share of each article shrinks when there are many."""

_TOP = 4  # pieces of an article that may hold its title and dateline
_BYLINE = re.compile(
    r"^(?:By|BY|Written by|Story by|Posted by|Updated|Published|Last updated)\b[ :]"
)
_ENDS = re.compile(r"[.!?][”\"’')\]]*$")
TRAILS_OFF = re.compile(r"(?:…|\.\s?\.\s?\.)\.?[”\"’')\]]*$")
_GLUED = re.compile(
    r"\b[A-Za-z]*[a-z]{3}[A-Z][a-z]+|\d{4}[A-Z]|[a-z][.!?][A-Z][a-z]|\)[A-Za-z]|[A-Z]{2,}[a-z]{3,}[A-Z]"
)
_STRIPPED = re.compile(
    r"[,;:]\.|\w [,.;:](?:\s|$)|\w ['’]s\b|\( | \)|\(\)|\bhere[.,)]|\{\{|\}\}|\[\]|[|•■▪]|&\w+;"
)
_CAMEL = frozenset(
    wording.word_list(
        """
        YouTube TikTok LinkedIn WhatsApp PayPal SpaceX OpenAI ExxonMobil AstraZeneca
        GlaxoSmithKline FedEx JetBlue BioNTech MacKenzie MasterCard BuzzFeed HuffPost
        FiveThirtyEight SolarWinds ProPublica AllSides DoorDash GoFundMe PolitiFact StubHub
        SoftBank BlackRock DreamWorks OnlyFans WikiLeaks GitHub ByteDance NewsNation
        """
    )
)
# An abbreviation at the very end of a piece that was cut off: "made him a symbol of U.S."
CUT = re.compile(
    r"(?<!the )(?<!The )(?<!in )\b(?:U\.S|U\.K|U\.N|E\.U)\.$|"
    r"\b(?:Sen|Rep|Gov|Gen|Dr|Mr|Mrs|Ms|St|Lt|Col|Prof|No|vs|Pres|Maj|Sgt)\.$"
)
_FIRST_PERSON = re.compile(r"\b(?:I|I['’](?:m|ve|d|ll)|we|We|my|My|our|Our|us)\b")
VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|will|would|can|could|may|might|"
    r"must|should"
    r"|said|says|told|\w{2,}ed|\w{3,}s|made|took|got|gave|went|came|saw|won|lost|met|held|led|"
    r"left|put|"
    r"set|cut|hit|kept|found|began|broke|wrote|spoke|rose|fell|grew|drew|fought|shot|sent|"
    r"spent|built|"
    r"bought|brought|thought|sought|struck|ran|sat|stood|became|know|want|need|think|believe|"
    r"make)\b"
)
FINITE = re.compile(
    r"\b(?:is|are|was|were|has|have|had|will|would|can|could|may|does|do|did|said|says|won|"
    r"lost|met|led|"
    r"left|took|made|became|began|held|rose|fell|grew|gave|got|set|struck|hit|put|won['’]t|"
    r"(?!sponsored|based|named|called|related|aimed|expected|proposed|designed|backed|led|"
    r"used)\w{3,}ed"
    r"(?! by\b| in\b| at\b))\b"
)
_PAST = re.compile(r"\w{3,}ed\b")
_SHORT = 9  # words: so short a piece must have a verb beyond doubt
_OPINION_KINDS = frozenset({Kind.OPINION, Kind.ANALYSIS})


@dataclass(frozen=True, kw_only=True)
class Span:
    """One sentence of one article, as it stands there, or two that belong together.

    ``place`` counts the sentences of its article from 0. A ``passage`` is two sentences that
    follow each other, where the second ("He added …") needs the first. A ``title`` is the
    article's own headline, quoted where its text gives nothing; its offsets are both 0. A
    ``clause`` ends with the main clause of a long sentence and is printed with an ellipsis.
    """

    article: str
    text: str
    start: int
    end: int
    place: int
    outlet: str
    family: str
    side: Side | None
    opinion: bool
    speaker: str = ""
    passage: bool = False
    clause: bool = False
    title: bool = False

    @cached_property
    def words(self) -> int:
        """Words a reader counts."""
        return wording.words(self.text)

    @cached_property
    def terms(self) -> frozenset[str]:
        """The content words, each once."""
        return frozenset(wording.terms(self.text))

    @cached_property
    def leans(self) -> bool:
        """Whether it opens with "The auditors": known things, told of before in its article."""
        return not self.title and standalone.opens_as_known(self.text)

    @cached_property
    def first_person(self) -> bool:
        """Whether the writer speaks as "I" or "we" outside quotation marks."""
        return _FIRST_PERSON.search(wording.outside_quotes(self.text)) is not None

    @cached_property
    def loaded(self) -> int:
        """How many words of judgement or heat stand in it."""
        return len(wording.loaded_words(self.text))

    @cached_property
    def stands(self) -> bool:
        """Whether it is complete on its own as a quotation."""
        return self.passage or standalone.stands_alone(self.text, quoting=True)

    @cached_property
    def stands_plain(self) -> bool:
        """Whether it is complete on its own as a plain report, nobody speaking first."""
        if self.passage:
            return not self.text.startswith(("“", '"', "‘"))
        return self.stands and standalone.stands_alone(self.text, quoting=False)

    def as_evidence(self) -> Evidence:
        """The span as it travels with a brief."""
        return Evidence(
            article=self.article,
            text=self.text,
            start=self.start,
            end=self.end,
            speaker=self.speaker,
        )


def is_opinion(article: Article) -> bool:
    """Whether an article is somebody's view; its sentences never feed headline or overview."""
    return article.kind in _OPINION_KINDS


def family_of(article: Article, outlets: Mapping[str, Outlet]) -> str:
    """The publisher family behind an article; the outlet itself where none is known."""
    outlet = outlets.get(article.outlet)
    return (outlet.family if outlet else "") or article.outlet


def side_of(article: Article, outlets: Mapping[str, Outlet]) -> Side | None:
    """The side of an article: that of its outlet, None when unrated."""
    outlet = outlets.get(article.outlet)
    return outlet.lean.side if outlet else None


def spans(
    articles: Sequence[Article],
    outlets: Mapping[str, Outlet],
    furniture_lines: frozenset[str] = frozenset(),
) -> tuple[Span, ...]:
    """Every quotable sentence of a story, article by article, in the order of each text.

    :param furniture_lines: lines known to be an outlet's furniture from looking at more articles
        than these (:func:`newsletter.brief.furniture.repeated_lines` over a day).
    """
    known = furniture_lines | furniture.repeated_lines(articles)
    most = max(4, min(MOST_SENTENCES, MOST_OF_A_STORY // max(1, len(articles))))
    found: list[Span] = []
    for article in articles:
        found += _of_article(article, outlets, known, most)
    return tuple(found)


def _of_article(
    article: Article, outlets: Mapping[str, Outlet], known: frozenset[str], most: int
) -> list[Span]:
    text = article.words
    limit = furniture.body_end(text)
    family, side = family_of(article, outlets), side_of(article, outlets)
    opinion = is_opinion(article)
    found: list[Span] = []
    seen: set[str] = set()
    for number, (raw_start, end) in enumerate(sentences.split(text[:limit])):
        top = number < _TOP
        start = raw_start + lead_in(text[raw_start:end], article.title, first=top)
        said = text[start:end]
        if said in known or said in seen or not is_sentence(said):
            continue
        seen.add(said)
        if top and is_title(said, article.title):
            continue  # the headline once more
        found.append(
            Span(
                article=article.id,
                text=said,
                start=start,
                end=end,
                place=len(found),
                outlet=article.outlet,
                family=family,
                side=side,
                opinion=opinion,
                speaker=speakers.speaker(said),
            )
        )
        if len(found) >= most:
            break
    return found


def is_sentence(said: str) -> bool:
    """Whether a piece of text is a whole sentence of an article, fit to be looked at further."""
    if not 12 <= len(said) <= 700 or said.count(" ") < 3 or not _begins_and_ends(said):
        return False
    if (
        CUT.search(said)
        or _in_capitals(said)
        or _BYLINE.match(said)
        or _STRIPPED.search(said)
        or not VERB.search(said)
    ):
        return False
    if wording.words(said) <= _SHORT and not (
        FINITE.search(said) or _PAST.search(said) or wording.QUOTED.search(said)
    ):
        return False
    glued = _GLUED.search(said)
    if glued and glued.group() not in _CAMEL:
        return False
    return not (furniture.says_furniture(said) or furniture.instructs(said))


def balanced(said: str) -> bool:
    """Whether every quotation mark and bracket that is opened is closed."""
    return (
        said.count('"') % 2 == 0
        and said.count("“") == said.count("”")
        and said.count("(") == said.count(")")
    )


def _in_capitals(said: str) -> bool:
    """Whether a sentence is written like a headline: a label or a list of terms for searches."""
    long = [word for word in wording.WORD.findall(said) if len(word) > 3 and word[0].isalpha()]
    return len(long) >= 6 and sum(word[0].isupper() for word in long) >= 0.85 * len(long)


def _begins_and_ends(said: str) -> bool:
    first = said[0]
    if not (first.isupper() or first.isdigit() or first in "“\"‘'("):
        return False
    return balanced(said) and _ENDS.search(said) is not None and not TRAILS_OFF.search(said)
