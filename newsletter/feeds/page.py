"""An article's page: its text without the furniture, and what it says about itself.

The only place that knows trafilatura. Like feeds, pages are read in a worker process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

from newsletter.feeds.links import host_of, link
from newsletter.feeds.text import paragraphs
from newsletter.model import Paywall

FEWEST_CHARACTERS = 200
"""Less than this is a teaser or a cookie notice, not an article."""

_META = re.compile(r"<(?:link|meta)\b[^<>]{1,2000}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""(?<![a-zA-Z:-])([a-zA-Z:-]{1,40})\s{0,20}=\s{0,20}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"""
)
_NOT_FREE = re.compile(r'"isAccessibleForFree"\s*:\s*"?\s*false', re.IGNORECASE)
_FREE = re.compile(r'"isAccessibleForFree"\s*:\s*"?\s*true', re.IGNORECASE)
# What publishers write into article:content_tier (Facebook's vocabulary and what grew around it).
_TIERS = {
    "free": Paywall.NONE, "metered": Paywall.METERED, "locked": Paywall.SUBSCRIPTION,
    "premium": Paywall.SUBSCRIPTION, "paid": Paywall.SUBSCRIPTION,
    "subscriber": Paywall.SUBSCRIPTION,
}  # fmt: skip
_STRICTNESS = (Paywall.UNKNOWN, Paywall.NONE, Paywall.METERED, Paywall.SUBSCRIPTION)
_HEAD = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page holds. ``text`` is empty where no article was found.

    ``canonical`` is the page's own idea of its address, when it is on the same site. ``paywall``
    is what the page says of itself, unknown where it says nothing; behind one, what it shows of
    the text is a teaser.
    """

    text: str = ""
    canonical: str = ""
    paywall: Paywall = Paywall.UNKNOWN


def read_page(body: bytes, url: str, limit: int = 262_144) -> Page:
    """The article on a page.

    :param url: where the page was found; its canonical link must be on the same site.
    :param limit: the most characters of text.
    """
    head = body[:_HEAD].decode("utf-8", "replace")
    canonical, paywall = "", _stated_free(head)
    for tag in _META.findall(head):
        given = {
            name.lower(): unescape(one or two or bare)
            for name, one, two, bare in _ATTRIBUTE.findall(tag)
        }
        if given.get("rel", "").lower() == "canonical" and not canonical:
            canonical = link(given.get("href", ""), url)
        elif "content_tier" in given.get("property", given.get("name", "")).lower():
            tier = _TIERS.get(given.get("content", "").strip().lower(), Paywall.UNKNOWN)
            # Of two marks that disagree the one that asks for more is believed.
            paywall = max(paywall, tier, key=_STRICTNESS.index)
    if host_of(canonical) != host_of(url):
        canonical = ""
    # Loading it takes longer than reading a feed, and most runs read no page.
    import trafilatura  # noqa: PLC0415 - see above

    found = trafilatura.extract(
        body,
        url=url,
        output_format="txt",
        favor_precision=True,
        include_comments=False,
        include_tables=False,
        include_links=False,
        deduplicate=False,
    )
    text = paragraphs((found or "").replace("&", "&amp;").replace("<", "&lt;"), limit)
    if len(text) < FEWEST_CHARACTERS:
        text = ""
    return Page(text=text, canonical=canonical, paywall=paywall)


def _stated_free(head: str) -> Paywall:
    """What the page's structured data say (https://schema.org/isAccessibleForFree)."""
    if _NOT_FREE.search(head):
        return Paywall.SUBSCRIPTION
    return Paywall.NONE if _FREE.search(head) else Paywall.UNKNOWN
