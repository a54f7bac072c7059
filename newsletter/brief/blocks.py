"""The texts of a brief one by one: by name, with what each says and cites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from newsletter.brief import wording
from newsletter.model import Brief, GateFinding, Side, SideBrief, SideStatus


@dataclass(frozen=True, slots=True)
class Block:
    """One text of a brief: where it stands, what it says and cites."""

    name: str
    text: str
    citations: tuple[str, ...]
    quotes: tuple[str, ...] = ()
    side: Side | None = None

    @property
    def kind(self) -> str:
        """The name without its number: what sort of text it is."""
        return self.name.rstrip(" 0123456789")


def blocks(brief: Brief, every: tuple[str, ...]) -> Iterator[Block]:
    """Every text of a brief; headline and deck may rest on any article of the story."""
    yield Block("headline", brief.headline, every)
    if brief.deck:
        yield Block("deck", brief.deck, every)
    for i, sentence in enumerate(brief.overview):
        yield Block(f"overview {i + 1}", sentence.text, sentence.citations)
    if brief.news:
        yield Block("news", brief.news.text, brief.news.citations)
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


def cited(brief: Brief) -> frozenset[str]:
    """Every article that a brief cites or sends the reader to."""
    found = {i for sentence in brief.overview for i in sentence.citations}
    for side in Side:
        own = brief.of(side)
        found.update(i for bullet in own.bullets for i in bullet.citations)
        found.update([own.lead] if own.lead else [])
    found.update(i for one in brief.differ for claim in one.claims for i in claim.citations)
    return frozenset(found)


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
