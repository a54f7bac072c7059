"""Which renderings an issue has beside the whole one: by topics that readers chose, and text alone.

A variant is named by its topics, ``politics+world``, so that the ledger says which letter a reader
got. Who chose all of an issue's topics, none of them, or a choice too rare to be rendered, gets
the whole issue: nobody is left without a letter.
"""

from __future__ import annotations

from collections.abc import Mapping

from newsletter.model import IssueContent

TEXT = "text"
"""The rendering without HTML, for readers who asked for that."""
MOST = 24
"""Variants of an issue at most; each is some milliseconds to render and a mail to store."""
LONGEST = 56
"""Characters of a name: the ledger keeps 64, and says before the name whether clicks count."""


def sections_of(content: IssueContent) -> tuple[str, ...]:
    """The topics an issue's stories have, in alphabetical order."""
    return tuple(sorted({story.section.casefold() for story in content.stories if story.section}))


def variant_name(topics: frozenset[str]) -> str:
    """The name of the rendering for some topics."""
    return "+".join(sorted(topics))


def topics_of(variant: str) -> frozenset[str]:
    """The topics that a rendering is for; none for the whole issue and for text."""
    return frozenset(variant.split("+")) if variant and variant != TEXT else frozenset()


def variants_for(content: IssueContent, chosen: Mapping[frozenset[str], int]) -> tuple[str, ...]:
    """The variants worth rendering, those of most readers first.

    :param chosen: how many readers chose which of the issue's topics (:func:`sections_of`).
    """
    everything = frozenset(sections_of(content))
    wanted = sorted(
        (
            (-readers, variant_name(topics))
            for topics, readers in chosen.items()
            if topics and topics < everything and len(variant_name(topics)) <= LONGEST
        )
    )
    return tuple(name for _, name in wanted[:MOST])
