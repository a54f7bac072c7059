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
from collections.abc import Mapping, Sequence
from dataclasses import replace

from newsletter.brief import figures, names, sentences, speakers, wording
from newsletter.brief.blocks import Block, blocks
from newsletter.brief.evidence import side_of
from newsletter.brief.sources import COPY_LIMIT, Sources, place_of
from newsletter.config import BriefSettings
from newsletter.model import (
    Article,
    Brief,
    Bullet,
    GateFinding,
    Outlet,
    Side,
    SideStatus,
)

_SHORT_QUOTE = 3  # words: shorter ones are a term in quotation marks, not a quotation
_PARALLEL = 1.5
_MARKUP = re.compile(
    r"https?:|www\.|</?[a-z][^>]*>|\]\(|[\u202a-\u202e\u2066-\u2069]|[\w.]+@[\w.]+\.\w|`{3}",
    re.IGNORECASE,
)
_ATTRIBUTION = re.compile(r"\s*\(([^()]*)\)\s*$")


def check(
    brief: Brief,
    articles: Sequence[Article],
    outlets: Mapping[str, Outlet],
    settings: BriefSettings | None = None,
    *,
    after: Brief | None = None,
) -> tuple[GateFinding, ...]:
    """Everything about a brief that may not be shown, block by block.

    :param settings: the lengths to hold; the defaults of the configuration when left out.
    :param after: a version that has been judged: texts that stand in it are not judged again,
        which makes an edit quick to check, and only what is new about the whole is told.
    """
    settings = settings or BriefSettings()
    sources = Sources(articles, outlets)
    every = tuple(sources.articles)
    judged = {replace(block, name=block.kind) for block in blocks(after, every)} if after else ()
    found: list[GateFinding] = []
    for block in blocks(brief, every):
        if judged and replace(block, name=block.kind) in judged:
            continue
        if block.name.startswith("highlight") and _copied(block, sources):
            continue
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
    known = _of_the_whole(after, sources, settings) if after else ()
    found += [one for one in _of_the_whole(brief, sources, settings) if one not in known]
    return tuple(found)


def _of_the_whole(
    brief: Brief, sources: Sources, settings: BriefSettings
) -> tuple[GateFinding, ...]:
    """Findings about how the parts of a brief stand to each other."""
    return (
        *_overview_length(brief, settings),
        *_dishonest_sides(brief, sources),
        *_lopsided(brief, settings),
    )


def check_headline(text: str, sources: Sources, most: int) -> list[GateFinding]:
    """The findings on a headline, before a brief is built around it.

    :param most: words it may have.
    """
    block = Block("headline", text, tuple(sources.articles))
    return [*_unbacked(block, sources), *_not_neutral(block), *_too_long(block, most)]


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
        at = place_of(quote, plain)
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


def _copied(block: Block, sources: Sources) -> bool:
    """Whether a highlight is plainly there: letter for letter in its article, without markup."""
    quote = block.quotes[0]
    article = sources.articles.get(block.citations[0])
    return (
        article is not None
        and sources.says_exactly(article.id, quote)
        and not (_MARKUP.search(quote))
    )


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
            what = (
                f"left has {counts[0]} bullets of {lengths[0]} words, "
                f"right {counts[1]} of {lengths[1]}"
            )
            found.append(_finding("parallel", block, what))
    many = (side for side in Side if len(brief.of(side).bullets) > settings.bullets)
    found += [_finding("lengths", block, f"the {side} has too many bullets") for side in many]
    return found


def _bullet_words(bullets: Sequence[Bullet]) -> int:
    return sum(wording.words(bullet.text) for bullet in bullets)


def _finding(gate: str, block: Block, what: str) -> GateFinding:
    return GateFinding(gate=gate, block=block.name, sentence=f"{what[:1].upper()}{what[1:]}.")
