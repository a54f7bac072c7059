"""The gates: checks every brief must pass, however it was made.

Each finding names the gate, the block and the reason in one sentence. The gates are a veto, not a
seal of truth: they know that words stand in a source, not that the source is right.

quotes        every quotation stands word for word in a cited article, said by the named speaker
numbers       every number, date, sum and share is in a cited article with its unit
names         every name is in a cited article, or is the name of its outlet
side purity   a bullet of a side cites articles of that side and of no other
citations     every sentence cites articles of the story
loaded words  headline, deck and overview hold no word of judgement outside quotation marks
copying       no run of more than 25 words of a source stands outside quotation marks
parallel      left and right differ by one bullet at most and by half in words at most
lengths       no block is longer than the settings allow
markup        no links, tags or addresses in a text
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from newsletter.brief import figures, names, sentences, speakers, wording
from newsletter.brief.evidence import side_of
from newsletter.config import BriefSettings
from newsletter.model import (
    Article,
    Brief,
    Bullet,
    GateFinding,
    Outlet,
    Side,
    SideBrief,
    SideStatus,
)

COPY_LIMIT = 25
"""Words of a source that may stand in a row outside quotation marks."""
_SHORT_QUOTE = 3  # words: shorter ones are a term in quotation marks, not a quotation
_PARALLEL = 1.5
_EDGE = " \t.,;:!?\"'-–—"
_MARKUP = re.compile(
    r"https?:|www\.|</?[a-z][^>]*>|\]\(|[\u202a-\u202e\u2066-\u2069]|[\w.]+@[\w.]+\.\w|`{3}",
    re.IGNORECASE,
)
_ATTRIBUTION = re.compile(r"\s*\(([^()]*)\)\s*$")
_DESK = re.compile(r"\s*\([^()]*\)$")


@dataclass(frozen=True, slots=True)
class Block:
    """One text of a brief: where it stands, what it says and cites."""

    name: str
    text: str
    citations: tuple[str, ...]
    quotes: tuple[str, ...] = ()
    side: Side | None = None


class Sources:
    """What the articles of a story say, read once and asked often."""

    def __init__(self, articles: Sequence[Article], outlets: Mapping[str, Outlet]):
        self.articles = {article.id: article for article in articles}
        self.outlets = outlets
        self._plain: dict[str, str] = {}
        self._figures: dict[str, frozenset[figures.Key]] = {}
        self._names: dict[tuple[str, ...], names.Known] = {}
        self._shingles: dict[str, set[int]] = {}

    def outlet_name(self, article: Article) -> str:
        """The name of an article's outlet, its id where it is unknown."""
        outlet = self.outlets.get(article.outlet)
        return outlet.name if outlet else article.outlet

    def names_of(self, cited: Iterable[str]) -> set[str]:
        """The names of the cited outlets, with and without a desk such as "(News)" behind them."""
        full = {self.outlet_name(self.articles[i]) for i in cited}
        return full | {_DESK.sub("", name) for name in full}

    def plain(self, article_id: str) -> str:
        """Title and text with one kind of quotation mark and space."""
        if article_id not in self._plain:
            article = self.articles[article_id]
            self._plain[article_id] = (
                f"{wording.plain(article.title)} \n {wording.plain(article.words)}"
            )
        return self._plain[article_id]

    def says(self, article_id: str, quote: str) -> bool:
        """Whether an article holds a quotation word for word."""
        words = self.articles[article_id].words
        at = words.find(quote)
        if at >= 0 and quote and _whole(words, at, quote):
            return True
        return stands_in(quote, self.plain(article_id))

    def backs(self, cited: Iterable[str], readings: tuple[figures.Key, ...]) -> bool:
        """Whether a number, in any of its readings, is in one of the cited articles."""
        return any(self.known_figures((i,)).intersection(readings) for i in cited)

    def known_figures(self, cited: Iterable[str]) -> frozenset[figures.Key]:
        """All numbers of the cited articles."""
        found: set[figures.Key] = set()
        for article_id in cited:
            if article_id not in self._figures:
                article = self.articles[article_id]
                texts = (article.title, article.words, self.outlet_name(article))
                self._figures[article_id] = figures.known(texts, article.published)
            found |= self._figures[article_id]
        return frozenset(found)

    def known_names(self, cited: Iterable[str]) -> names.Known:
        """All words of the cited articles and the names of their outlets."""
        key = tuple(sorted(set(cited)))
        if key not in self._names:
            texts: list[str] = []
            for article_id in key:
                article = self.articles[article_id]
                texts += [article.title, article.words, self.outlet_name(article)]
            self._names[key] = names.Known(texts)
        return self._names[key]

    def longest_copy(self, text: str) -> int:
        """The longest run of words outside quotation marks that stands in some article, if long.

        Runs up to the limit are reported as 0: they are of no interest.
        """
        size = COPY_LIMIT + 1
        for piece in wording.outside_quotes(text).split(" | "):
            tokens = _simple(piece)
            if len(tokens) < size:
                continue
            runs = {hash(tuple(tokens[i : i + size])) for i in range(len(tokens) - size + 1)}
            for article_id in self.articles:
                if runs & self._runs(article_id):
                    return size
        return 0

    def _runs(self, article_id: str) -> set[int]:
        if article_id not in self._shingles:
            article = self.articles[article_id]
            tokens = _simple(f"{article.title} . {article.words}")
            size = COPY_LIMIT + 1
            self._shingles[article_id] = {
                hash(tuple(tokens[i : i + size])) for i in range(len(tokens) - size + 1)
            }
        return self._shingles[article_id]

    def headline(self, text: str, most: int) -> list[GateFinding]:
        """The findings on a headline, before a brief is built around it."""
        block = Block("headline", text, tuple(self.articles))
        return [*_unbacked(block, self), *_not_neutral(block), *_too_long(block, most)]


def check(
    brief: Brief,
    articles: Sequence[Article],
    outlets: Mapping[str, Outlet],
    settings: BriefSettings | None = None,
) -> tuple[GateFinding, ...]:
    """Everything about a brief that may not be shown, block by block.

    :param settings: the lengths to hold; the defaults of the configuration when left out.
    """
    settings = settings or BriefSettings()
    sources = Sources(articles, outlets)
    found: list[GateFinding] = []
    for block in blocks(brief, tuple(sources.articles)):
        unknown = [i for i in block.citations if i not in sources.articles]
        if unknown or not block.citations:
            what = (
                f"it cites {unknown[0]!r}, which is no article of the story"
                if unknown
                else "it cites nothing"
            )
            found.append(_finding("citations", block, what))
            continue
        found += _unbacked(block, sources)
        found += _impure(block, sources)
        if block.side is None and not block.name.startswith("only"):
            found += _not_neutral(block)
        if sources.longest_copy(block.text):
            found.append(
                _finding(
                    "copying",
                    block,
                    f"more than {COPY_LIMIT} words of a source stand outside quotation marks",
                )
            )
        found += _too_long(block, _limit(block, settings))
    found += _overview_length(brief, settings)
    found += _dishonest_sides(brief, sources)
    found += _lopsided(brief, settings)
    return tuple(found)


def without_failing(brief: Brief, findings: Sequence[GateFinding]) -> Brief:
    """The brief with every failing block taken out, and withheld where the headline fails.

    A side that loses all its bullets is marked withheld, not too thin: there was something to
    say and it did not pass.
    """
    failing = {finding.block for finding in findings}
    if not failing:
        return brief
    parts: dict[str, SideBrief] = {}
    for side in Side:
        own = brief.of(side)
        bullets = tuple(b for i, b in enumerate(own.bullets) if f"{side} {i + 1}" not in failing)
        status = own.status
        if own.bullets and not bullets:
            status = SideStatus.WITHHELD
        parts[side.value] = replace(own, bullets=bullets, status=status)
    reason = next((f.sentence for f in findings if f.block == "headline"), "")
    return replace(
        brief,
        deck="" if "deck" in failing else brief.deck,
        overview=tuple(
            s for i, s in enumerate(brief.overview) if f"overview {i + 1}" not in failing
        ),
        left=parts["left"],
        center=parts["center"],
        right=parts["right"],
        only={side: text for side, text in brief.only.items() if f"only {side}" not in failing},
        highlights={
            article: None if f"highlight {article}" in failing else text
            for article, text in brief.highlights.items()
        },
        withheld=brief.withheld or (f"The headline did not pass: {reason}" if reason else ""),
    )


def blocks(brief: Brief, every: tuple[str, ...]) -> Iterator[Block]:
    """Every text of a brief; headline and deck may rest on any article of the story."""
    yield Block("headline", brief.headline, every)
    if brief.deck:
        yield Block("deck", brief.deck, every)
    for i, sentence in enumerate(brief.overview):
        yield Block(f"overview {i + 1}", sentence.text, sentence.citations)
    for side in Side:
        for i, bullet in enumerate(brief.of(side).bullets):
            yield Block(f"{side} {i + 1}", bullet.text, bullet.citations, bullet.quotes, side)
    for side, text in brief.only.items():
        yield Block(f"only {side}", text, every)
    for article, highlight in brief.highlights.items():
        if highlight:
            yield Block(
                f"highlight {article}", wording.in_quotes(highlight), (article,), (highlight,)
            )


def stands_in(quote: str, text: str) -> bool:
    """Whether a quotation stands word for word in a plain text.

    The first letter may differ in case; the parts around an ellipsis must follow each other. The
    quotation may not begin or end inside a word.
    """
    wanted = wording.plain(quote)
    while wanted.startswith("... ") or wanted.endswith(" ..."):
        wanted = wanted[4:] if wanted.startswith("... ") else wanted[:-4]
    wanted = wanted.strip(_EDGE)
    if not wanted:
        return False
    if _at(text, wanted, 0) >= 0:
        return True
    parts = [part.strip(_EDGE) for part in wanted.split(" ... ")]
    if len(parts) < 2 or any(wording.words(part) < 2 for part in parts):
        return False
    start = 0
    for part in parts:
        at = _at(text, part, start)
        if at < 0:
            return False
        start = at + len(part)
    return True


def _at(text: str, wanted: str, start: int) -> int:
    for form in (wanted, wanted[:1].swapcase() + wanted[1:]):
        at = text.find(form, start)
        while at >= 0:
            if _whole(text, at, form):
                return at
            at = text.find(form, at + 1)
    return -1


def _whole(text: str, at: int, form: str) -> bool:
    """Whether a place in a text begins and ends at the edge of a word."""
    end = at + len(form)
    inside_before = at > 0 and text[at - 1].isalnum() and form[0].isalnum()
    inside_after = end < len(text) and text[end].isalnum() and form[-1].isalnum()
    return not inside_before and not inside_after


def _unbacked(block: Block, sources: Sources) -> list[GateFinding]:
    """Quotations, speakers, numbers, names and markup that no cited article has."""
    found: list[GateFinding] = []
    strings = dict.fromkeys(
        [
            *block.quotes,
            *(q for q in wording.quoted_strings(block.text) if wording.words(q) >= _SHORT_QUOTE),
        ]
    )
    verbatim_only = bool(strings)
    for quote in strings:
        holders = [i for i in block.citations if sources.says(i, quote)]
        if not holders:
            found.append(_finding("quotes", block, f"no cited article says “{quote[:80]}”"))
            verbatim_only = False
        else:
            found += _wrong_speaker(block, quote, holders, sources)
    # What stands verbatim in a cited article carries its own numbers and names.
    text = wording.outside_quotes(block.text) if verbatim_only else block.text
    tail = _ATTRIBUTION.search(text)
    if tail and tail.group(1) in sources.names_of(block.citations):
        text = text[: tail.start()]
    if wording.WORD.search(text):
        found += _wrong_numbers_or_names(block, text, sources)
    if _MARKUP.search(block.text):
        found.append(_finding("markup", block, "it holds a link, an address or markup"))
    return found


def _wrong_numbers_or_names(block: Block, text: str, sources: Sources) -> list[GateFinding]:
    found: list[GateFinding] = []
    numbers = figures.figures(text)
    found += [
        _finding("numbers", block, f"no cited article has the number {figure.shown!r}")
        for figure in numbers
        if not sources.backs(block.citations, figure.readings)
    ]
    known = sources.known_names(block.citations)
    found += [
        _finding("names", block, f"no cited article has the name {name!r}")
        for name in names.names(text, known)
        if not known.has(name)
    ]
    return found


def _wrong_speaker(
    block: Block, quote: str, holders: Sequence[str], sources: Sources
) -> list[GateFinding]:
    """A finding where a text gives a quotation to one person and its article to another."""
    named = speakers.speaker(block.text)
    if not named or _ATTRIBUTION.sub("", block.text).strip().strip("“”") == quote:
        return []
    wanted = speakers.surname(named).casefold()
    for article_id in holders:
        text = sources.articles[article_id].words
        plain = wording.plain(text)
        at = _at(plain, wording.plain(quote).strip(_EDGE), 0)
        around = [
            plain[start:end]
            for start, end in sentences.split(plain)
            if start <= at < end or (at < start < at + 1)
        ]
        said_by = speakers.speaker(around[0]) if around else ""
        if said_by and speakers.surname(said_by).casefold() == wanted:
            return []
        # A pronoun, or words that run on from the sentence before: the name must be close by.
        near = plain[max(0, at - 700) : at + len(quote) + 200].casefold()
        if not said_by and re.search(rf"\b{re.escape(wanted)}\b", near):
            return []
    return [_finding("quotes", block, f"its article does not give these words to {named}")]


def _impure(block: Block, sources: Sources) -> list[GateFinding]:
    if block.side is None:
        return []
    sides = [side_of(sources.articles[i], sources.outlets) for i in block.citations]
    if all(side is block.side for side in sides):
        return []
    return [_finding("side purity", block, f"it cites an article that is not of the {block.side}")]


def _not_neutral(block: Block) -> list[GateFinding]:
    if block.name.startswith("highlight"):
        return []
    return [
        _finding("loaded words", block, f"“{word}” judges or heats up")
        for word in wording.loaded_words(wording.outside_quotes(block.text))[:1]
    ]


def _limit(block: Block, settings: BriefSettings) -> int:
    if block.name == "headline":
        return settings.headline_words
    if block.name == "deck":
        return settings.deck_words
    return settings.bullet_words if block.side else 0


def _too_long(block: Block, most: int) -> list[GateFinding]:
    count = wording.words(block.text)
    if not most or count <= most:
        return []
    return [_finding("lengths", block, f"it has {count} words, {most} are allowed")]


def _overview_length(brief: Brief, settings: BriefSettings) -> list[GateFinding]:
    count, found = 0, []
    for i, sentence in enumerate(brief.overview):
        count += wording.words(sentence.text)
        if count > settings.overview_words:
            block = Block(f"overview {i + 1}", sentence.text, sentence.citations)
            what = f"the overview would have {count} words, {settings.overview_words} are allowed"
            found.append(_finding("lengths", block, what))
    return found


def _dishonest_sides(brief: Brief, sources: Sources) -> list[GateFinding]:
    """A status that does not fit the coverage, or a lead of another side."""
    found: list[GateFinding] = []
    by_side: dict[Side | None, set[str]] = defaultdict(set)
    for article in sources.articles.values():
        by_side[side_of(article, sources.outlets)].add(article.id)
    for side in Side:
        own = brief.of(side)
        block = Block(f"{side} side", "", ())
        if (own.status is SideStatus.NO_COVERAGE) != (not by_side[side]):
            found.append(_finding("empty sides", block, "its status does not fit its coverage"))
        if (own.status is SideStatus.OK) != bool(own.bullets):
            found.append(_finding("empty sides", block, "its status does not fit its bullets"))
        if own.lead is not None and own.lead not in by_side[side]:
            found.append(_finding("empty sides", block, "its lead article is not of this side"))
    return found


def _lopsided(brief: Brief, settings: BriefSettings) -> list[GateFinding]:
    told = [brief.left, brief.right]
    block = Block("sides", "", ())
    found: list[GateFinding] = []
    if all(side.status is SideStatus.OK for side in told):
        counts = [len(side.bullets) for side in told]
        lengths = [_bullet_words(side.bullets) for side in told]
        if max(counts) - min(counts) > 1 or max(lengths) > _PARALLEL * min(lengths):
            what = f"left has {counts[0]} bullets of {lengths[0]} words, right {counts[1]} of {lengths[1]}"
            found.append(_finding("parallel", block, what))
    for side in Side:
        if len(brief.of(side).bullets) > settings.bullets:
            found.append(_finding("lengths", block, f"the {side} has too many bullets"))
    return found


def _bullet_words(bullets: Sequence[Bullet]) -> int:
    return sum(wording.words(bullet.text) for bullet in bullets)


def _finding(gate: str, block: Block, what: str) -> GateFinding:
    return GateFinding(gate=gate, block=block.name, sentence=f"{what[:1].upper()}{what[1:]}.")


def _simple(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())
