"""Links that may be counted: those to articles and story pages, in letters of readers who said so.

Such a letter is the stored rendering with these links exchanged for a place, ``{tag}_click_``,
and the number of the link. Delivery puts the reader's own address there. Nothing else is touched:
unsubscribe, preferences, the footer and the report form stay plain links.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from newsletter.issue.clean import safe_url
from newsletter.model import IssueContent, IssueLink, Rendered

PLACE = "click"
UNRATED = "unrated"
_HREF = re.compile(r'href="([^"]*)"')
# In the text part an address ends its line, alone or after a label.
_IN_TEXT = re.compile(r"(?m)(?<!\S)https?://\S+$")


def links_of(
    content: IssueContent, rendered: Sequence[Rendered], base_url: str
) -> tuple[IssueLink, ...]:
    """The links to articles and story pages that stand in an issue, numbered from 1.

    The same content and renderings give the same numbers.
    """
    standing: set[str] = set()
    for one in rendered:
        standing.update(html.unescape(found) for found in _HREF.findall(one.html))
        standing.update(_IN_TEXT.findall(one.text))
    known: dict[str, tuple[str, str]] = {}
    for url, story, side in _told(content, base_url.rstrip("/")):
        if url in standing:
            known.setdefault(url, (story, side))
    return tuple(
        IssueLink(number=number, url=url, story=story, side=side)
        for number, (url, (story, side)) in enumerate(known.items(), start=1)
    )


def counted(rendered: Rendered, links: Sequence[IssueLink]) -> Rendered:
    """The rendering with those links leading through the reader's own address."""
    places = {link.url: f"{rendered.tag}_{PLACE}_{link.number}" for link in links}
    return replace(
        rendered,
        html=_HREF.sub(lambda found: _put(found, html.unescape(found[1]), places), rendered.html),
        text=_IN_TEXT.sub(lambda found: places.get(found[0], found[0]), rendered.text),
    )


def _put(found: re.Match[str], url: str, places: Mapping[str, str]) -> str:
    return f'href="{places[url]}"' if url in places else found[0]


def _told(content: IssueContent, base_url: str) -> Iterator[tuple[str, str, str]]:
    """Every address an issue could link to, with its story and the side it is on."""
    for story in content.stories:
        yield f"{base_url}/stories/{story.slug}", story.story, ""
        for source in story.sources.values():
            yield safe_url(source.url), story.story, source.side.value if source.side else UNRATED
    for correction in content.corrections:
        yield f"{base_url}/stories/{correction.slug}", correction.story, ""
