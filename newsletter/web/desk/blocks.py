"""A story's text in blocks, each with the evidence it rests on, and edits read back from a form.

Pure: briefs and articles in, what the page shows out; fields in, a change out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from newsletter.brief import wording
from newsletter.brief.blocks import blocks
from newsletter.model import (
    Article,
    Brief,
    BriefEdit,
    Bullet,
    Evidence,
    GateFinding,
    Outlet,
    Sentence,
    Side,
)
from newsletter.web.desk.form import Fields

AROUND = 220
"""Characters of an article shown before and after a span."""
NAMES = {
    "quotes": "Quotes verbatim, speaker right",
    "numbers": "Numbers in cited sources",
    "names": "Names in cited sources",
    "side purity": "Each side cites its side only",
    "citations": "Every sentence cites the story",
    "loaded words": "Neutral words",
    "copying": "No long copying",
    "parallel": "Sides parallel",
    "lengths": "Lengths",
    "empty sides": "Empty sides said honestly",
    "markup": "No links or markup",
}
_BLOCK = re.compile(r"(headline|deck|overview|left|center|right)(?:-([1-9]))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One text of a brief: its name in addresses, what it says and cites."""

    name: str
    text: str
    citations: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A passage of an article: pieces of text, each with whether it is the evidence.

    The third value says whether a space stands before it.
    """

    article: Article
    outlet: str
    side: str
    pieces: tuple[tuple[str, bool, bool], ...]
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLine:
    """What one gate says of a story: its name, and what it found."""

    name: str
    said: str
    well: bool


def blocks_of(
    brief: Brief, articles: Mapping[str, Article], outlets: Mapping[str, Outlet]
) -> dict[str, list[Block]]:
    """The texts of a brief by part: headline, deck, overview and the sides."""
    every = tuple(articles)

    def by(citations: Sequence[str]) -> str:
        cited = [articles[one] for one in citations if one in articles]
        names = dict.fromkeys(_outlet(article, outlets) for article in cited[:3])
        kinds = dict.fromkeys(article.kind.value for article in cited[:1])
        return " · ".join([", ".join(names), *kinds])

    found = {
        "headline": [Block(name="headline", text=brief.headline, citations=every)],
        "deck": [Block(name="deck", text=brief.deck, citations=every)],
        "overview": [
            Block(
                name=f"overview-{at}",
                text=sentence.text,
                citations=sentence.citations,
                evidence=sentence.evidence,
                by=by(sentence.citations),
            )
            for at, sentence in enumerate(brief.overview, 1)
        ],
    }
    for side in Side:
        found[side.value] = [
            Block(
                name=f"{side.value}-{at}",
                text=bullet.text,
                citations=bullet.citations,
                evidence=bullet.evidence,
                by=by(bullet.citations),
            )
            for at, bullet in enumerate(brief.of(side).bullets, 1)
        ]
    return found


def block_named(blocks: Mapping[str, Sequence[Block]], name: str) -> Block | None:
    """The block of a name such as ``overview-2``; the first sentence where there is none."""
    every = [block for part in blocks.values() for block in part]
    return next((block for block in every if block.name == name), None) or next(
        (block for block in every if block.name == "overview-1"), None
    )


def evidence_of(
    block: Block, articles: Mapping[str, Article], outlets: Mapping[str, Outlet], *, most: int = 8
) -> list[Shown]:
    """The passages a block rests on, each with the words around it; cited articles at least."""
    found: list[Shown] = []
    shown: set[str] = set()
    for item in block.evidence:
        article = articles.get(item.article)
        if article is not None:
            found.append(_passage(article, item, outlets))
            shown.add(article.id)
    quoted = [*wording.quoted_strings(block.text), block.text.strip("“”")]
    for citation in block.citations:
        article = articles.get(citation)
        if article is None or citation in shown:
            continue
        at = next(
            ((article.words.find(q), len(q)) for q in quoted if q and q in article.words), None
        )
        item = Evidence(
            article=citation,
            text="",
            start=at[0] if at else 0,
            end=at[0] + at[1] if at else 0,
        )
        found.append(_passage(article, item, outlets))
    # A headline rests on the whole story; three passages leave the gates in view.
    return found[: 3 if block.name in {"headline", "deck"} else most]


def gate_lines(findings: Sequence[GateFinding], brief: Brief) -> list[GateLine]:
    """Every gate with its verdict, those that found something first."""
    lines = [
        GateLine(
            name=NAMES.get(one.gate, one.gate), said=f"{one.block}: {one.sentence}", well=False
        )
        for one in findings
    ]
    failing = {one.gate for one in findings}
    said = _counts(brief)
    lines += [
        GateLine(name=name, said=said.get(gate, "pass"), well=True)
        for gate, name in NAMES.items()
        if gate not in failing
    ]
    return lines


def edit_from(sent: Fields, brief: Brief) -> BriefEdit:
    """The change a form asks for; a part the form does not name stays as it is.

    A text that was emptied is taken out; citations come from the form only as far as they are
    those of the block, because evidence is found again in the cited articles in any case.
    """
    overview = _texts(sent, "overview", [(s.text, s.citations) for s in brief.overview])
    bullets: dict[Side, tuple[Bullet, ...]] = {}
    leads: dict[Side, str | None] = {}
    for side in Side:
        own = brief.of(side)
        told = _texts(sent, side.value, [(b.text, b.citations) for b in own.bullets])
        if told is not None:
            bullets[side] = tuple(Bullet(text=t, quotes=(), citations=c) for t, c in told)
        if sent.has(f"{side.value}-lead"):
            wanted = sent.one(f"{side.value}-lead", 64) or None
            if wanted != own.lead:
                leads[side] = wanted
    headline = sent.one("headline", 400) if sent.has("headline") else None
    deck = sent.one("deck", 1_000) if sent.has("deck") else None
    return BriefEdit(
        headline=None if headline == brief.headline else headline,
        deck=None if deck == brief.deck else deck,
        overview=None
        if overview is None
        else tuple(Sentence(text=t, citations=c) for t, c in overview),
        bullets=bullets,
        leads=leads,
        note=sent.one("note", 200),
    )


def with_quote(
    brief: Brief, name: str, *, bullet: Bullet | None, sentence: Sentence | None
) -> BriefEdit:
    """The change that puts a passage in the place of a block, or after the last of its part."""
    found = _BLOCK.fullmatch(name)
    part, at = (found.group(1), int(found.group(2) or 0)) if found else ("", 0)
    if part == "overview" and sentence is not None:
        told = list(brief.overview)
        if 1 <= at <= len(told):
            told[at - 1] = sentence
        else:
            told.append(sentence)
        return BriefEdit(overview=tuple(told), note=f"another sentence for {part} {at or 'new'}")
    if part in set(Side) and bullet is not None:
        side = Side(part)
        points = list(brief.of(side).bullets)
        if 1 <= at <= len(points):
            points[at - 1] = bullet
        else:
            points.append(bullet)
        return BriefEdit(
            bullets={side: tuple(points)}, note=f"another quote for {part} {at or 'new'}"
        )
    return BriefEdit()


def diff(before: str, after: str) -> list[tuple[str, str]]:
    """The words of two texts as (``same`` | ``gone`` | ``new``, text), in reading order."""
    one, other = before.split(), after.split()
    found: list[tuple[str, str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(("same", " ".join(one[a:b])))
            continue
        if a < b:
            found.append(("gone", " ".join(one[a:b])))
        if c < d:
            found.append(("new", " ".join(other[c:d])))
    return found


def diffs(
    before: Brief, after: Brief, articles: Mapping[str, Article]
) -> list[tuple[str, list[tuple[str, str]]]]:
    """What differs between two versions, part by part; lead articles by their titles."""

    def lead(brief: Brief, side: Side) -> str:
        told = brief.of(side).lead
        if told is None:
            return "none"
        return articles[told].title if told in articles else "an article that is gone"

    pairs = [
        ("headline", before.headline, after.headline),
        ("deck", before.deck, after.deck),
        ("overview", _said(before.overview), _said(after.overview)),
        *(
            (side.value, _said(before.of(side).bullets), _said(after.of(side).bullets))
            for side in Side
        ),
        *((f"lead article, {side.value}", lead(before, side), lead(after, side)) for side in Side),
        ("withheld", before.withheld, after.withheld),
    ]
    return [(name, diff(one, other)) for name, one, other in pairs if one != other]


def _said(items: Sequence[Sentence | Bullet]) -> str:
    return " ¶ ".join(item.text for item in items)


def _texts(
    sent: Fields, part: str, present: Sequence[tuple[str, tuple[str, ...]]]
) -> list[tuple[str, tuple[str, ...]]] | None:
    """The texts of a part after a form was filled in; None when nothing of it changed."""
    if not any(sent.has(f"{part}-{at}") for at in range(1, len(present) + 1)):
        return None
    told: list[tuple[str, tuple[str, ...]]] = []
    for at, (text, citations) in enumerate(present, 1):
        typed = sent.one(f"{part}-{at}", 2_000) if sent.has(f"{part}-{at}") else text
        if typed:
            told.append((" ".join(typed.split()) if typed != text else text, citations))
    return None if told == list(present) else told


def _passage(article: Article, item: Evidence, outlets: Mapping[str, Outlet]) -> Shown:
    words = article.words
    start, end = item.start, item.end
    if item.text and words[start:end] != item.text:
        at = words.find(item.text)
        start, end = (at, at + len(item.text)) if at >= 0 else (0, 0)
    first, last = max(0, start - AROUND), min(len(words), max(end, 1) + AROUND)
    while first > 0 and not words[first - 1].isspace():
        first -= 1
    while last < len(words) and not words[last].isspace():
        last += 1
    pieces = (
        (("… " if first else "") + words[first:start], False),
        (words[start:end], True),
        (words[end:last] + (" …" if last < len(words) else ""), False),
    )
    outlet = outlets.get(article.outlet)
    side = outlet.lean.side if outlet else None
    return Shown(
        article=article,
        outlet=_outlet(article, outlets),
        side=side.value if side else "unrated",
        pieces=tuple(_spaced(pieces)),
        found=end > start,
    )


def _spaced(pieces: Sequence[tuple[str, bool]]) -> Iterator[tuple[str, bool, bool]]:
    gap = False
    for text, marked in pieces:
        if text:
            yield text, marked, gap or text[0].isspace()
            gap = text[-1].isspace()


def _outlet(article: Article, outlets: Mapping[str, Outlet]) -> str:
    outlet = outlets.get(article.outlet)
    return outlet.name if outlet else article.outlet


def _counts(brief: Brief) -> dict[str, str]:
    """What passed, in figures where figures say more than a word."""
    every = list(blocks(brief, ()))
    quotes = sum(len(block.quotes) for block in every if not block.name.startswith("highlight"))
    left, right = brief.left.bullets, brief.right.bullets
    words = [sum(wording.words(b.text) for b in side) for side in (left, right)]
    said = {"quotes": f"{quotes} of {quotes}"} if quotes else {}
    if left and right:
        said["parallel"] = f"{len(left)} : {len(right)}, {words[0]} : {words[1]} words"
    return said
