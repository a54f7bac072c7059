"""Briefs without a database: stories as JSON objects in, briefs as JSON objects out.

In:  ``{story_id, articles: [{id, lean, source, title, text, url, published}]}``; ``lean`` is
left, center or right, one of the five-valued leans, or null for unrated; ``source`` is the
outlet's name and stands for its publisher family.

Out: ``{story_id, headline, deck, overview: [{text, citations}], sides: {side: {status, bullets:
[{text, quotes, citations}], lead}}, highlights: {id: sentence or null}, coverage: {left, center,
right, unrated}, blindspot}``. A withheld story also has ``withheld`` with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from newsletter.brief import extract
from newsletter.config import BriefSettings
from newsletter.errors import BriefError
from newsletter.model import (
    Article,
    Brief,
    Coverage,
    Dated,
    Kind,
    Lean,
    Outlet,
    Side,
    Story,
)

CoverageOf = Callable[[Sequence[Article], Mapping[str, Outlet]], Coverage]

_LEANS: dict[str | None, Lean] = {None: Lean.UNRATED, **{lean.value: lean for lean in Lean}}
_OPINION = re.compile(
    r"/(?:opinions?|op-?ed|editorials?|columns?|columnists?|commentary|commentisfree|"
    r"perspectives?|"
    r"views?|blogs?|letters)(?:[/-]|$)|/(?:opinion|commentary|editorial)-|"
    r"-opinion(?:-\d+)?(?:$|[/?])",
    re.IGNORECASE,
)
_OPINION_TITLE = re.compile(
    r"^(?:opinion|editorial|column|commentary|op-ed|letters?|perspective|analysis)\s*[:|]"
    r"|[|–—-]\s*(?:opinion|editorial|commentary)\s*$",
    re.IGNORECASE,
)
_OPINION_SOURCE = re.compile(
    r"\((?:opinion|editorial)\)|^guest writer|\beditorial board\b", re.IGNORECASE
)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def brief_lines(
    stories: Iterable[dict[str, Any]], coverage: CoverageOf, settings: BriefSettings
) -> Iterator[dict[str, Any]]:
    """Write one brief for each story, in the order given.

    :param coverage: counts families per side; passed in, because counting belongs to another
        stage.
    :raises BriefError: when a line lacks what it must have; the subject is ``line N``.
    """
    for number, line in enumerate(stories, 1):
        articles, outlets = _articles(line, number)
        story = _story(line, number, articles)
        counted = coverage(articles, outlets)
        yield as_line(extract.write(story, articles, outlets, counted, settings))


def as_line(brief: Brief) -> dict[str, Any]:
    """A brief in the agreed shape of a JSON line."""
    out: dict[str, Any] = {
        "story_id": brief.story,
        "headline": brief.headline,
        "deck": brief.deck,
        "overview": [
            {"text": sentence.text, "citations": list(sentence.citations)}
            for sentence in brief.overview
        ],
        "sides": {
            side.value: {
                "status": brief.of(side).status.value,
                "bullets": [
                    {
                        "text": bullet.text,
                        "quotes": list(bullet.quotes),
                        "citations": list(bullet.citations),
                    }
                    for bullet in brief.of(side).bullets
                ],
                "lead": brief.of(side).lead,
            }
            for side in Side
        },
        "highlights": dict(brief.highlights),
        "coverage": {
            **{side.value: brief.coverage.of(side).families for side in Side},
            "unrated": brief.coverage.unrated.families,
        },
        "blindspot": brief.coverage.blindspot.value if brief.coverage.blindspot else None,
    }
    if brief.withheld:
        out["withheld"] = brief.withheld
    return out


def _story(line: Mapping[str, Any], number: int, articles: Sequence[Article]) -> Story:
    moments = [article.published for article in articles]
    return Story(
        id=_text(line, "story_id", number, needed=True),
        slug="",
        headline=articles[0].title,
        articles=tuple(article.id for article in articles),
        first_seen=min(moments),
        updated=max(moments),
    )


def _articles(line: object, number: int) -> tuple[list[Article], dict[str, Outlet]]:
    where = f"line {number}"
    if not isinstance(line, dict):
        raise BriefError(where, "is not a JSON object", hint="Each line is one story.")
    given = line.get("articles")
    if not isinstance(given, list) or not given:
        raise BriefError(where, 'has no "articles"', hint="A story is a list of articles.")
    articles: list[Article] = []
    outlets: dict[str, Outlet] = {}
    for entry in given:
        if not isinstance(entry, dict):
            raise BriefError(where, "has an article that is not a JSON object")
        lean = entry.get("lean")
        if (lean is not None and not isinstance(lean, str)) or lean not in _LEANS:
            raise BriefError(
                where, f"has the unknown lean {lean!r}", hint=f"Known: {', '.join(Lean)}, or null."
            )
        name = _text(entry, "source", number)
        outlet_id = f"{name}|{_LEANS[lean].value}"
        outlets.setdefault(
            outlet_id, Outlet(id=outlet_id, name=name or "unnamed", family=name, lean=_LEANS[lean])
        )
        articles.append(_article(entry, number, outlet_id, name))
    ids = [article.id for article in articles]
    if len(set(ids)) != len(ids):
        raise BriefError(where, "has two articles with one id")
    return sorted(articles, key=lambda a: (a.published, a.id)), outlets


def _article(entry: Mapping[str, Any], number: int, outlet_id: str, source: str) -> Article:
    title, text = _text(entry, "title", number), _text(entry, "text", number)
    url = _text(entry, "url", number)
    published, dated = _moment(entry.get("published"), number)
    opinion = (
        _OPINION.search(url.partition("?")[0])
        or _OPINION_TITLE.search(title)
        or _OPINION_SOURCE.search(source)
    )
    return Article(
        id=_text(entry, "id", number, needed=True),
        outlet=outlet_id,
        url=url,
        title=title,
        text=text,
        published=published,
        first_seen=published,
        dated=dated,
        kind=Kind.OPINION if opinion else Kind.NEWS,
    )


def _moment(value: object, number: int) -> tuple[datetime, Dated]:
    if value is None or value == "":
        return _NEVER, Dated.ABSENT
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            pass
        else:
            if moment.tzinfo is None:
                return moment.replace(tzinfo=UTC), Dated.ASSUMED
            return moment.astimezone(UTC), Dated.STATED
    raise BriefError(
        f"line {number}", f"has the unreadable date {value!r}", hint="Dates are ISO 8601."
    )


def _text(entry: Mapping[str, Any], key: str, number: int, *, needed: bool = False) -> str:
    value = entry.get(key)
    if value is None:
        value = ""
    if not isinstance(value, str) or (needed and not value.strip()):
        raise BriefError(f"line {number}", f'has no usable "{key}"', hint="It must be a string.")
    return value
