"""Lines: grouping without a database, from articles as JSON lines to stories as JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from newsletter import config
from newsletter.errors import StoryError
from newsletter.model import Article, Kind
from newsletter.stories.embedding import Embedding
from newsletter.stories.group import group


def group_lines(
    lines: Iterable[Mapping[str, Any]],
    settings: config.Stories | None = None,
    embedding: Embedding | None = None,
) -> list[dict[str, Any]]:
    """Group articles given as ``{id, url, source, lean, published, title, text, lang}``.

    ``id`` is required, and one of ``title`` and ``text``; an absent date takes the one of the line
    before it. Returns ``{story_id, headline, articles: [id, ...]}`` with every id exactly once,
    oldest story first.

    :raises StoryError: when a line cannot be an article; its subject is the number of the line.
    """
    articles = read_articles(lines)
    stories = group(articles, settings=settings or config.Stories(), embedding=embedding)
    return [
        {"story_id": story.id, "headline": story.headline, "articles": list(story.articles)}
        for story in stories
    ]


def read_articles(lines: Iterable[Mapping[str, Any]]) -> list[Article]:
    """The articles of such lines, in their order.

    :raises StoryError: as :func:`group_lines` does.
    """
    articles: list[Article] = []
    seen: dict[str, int] = {}
    last = datetime(1970, 1, 1, tzinfo=UTC)
    for number, line in enumerate(lines, start=1):
        article = _article(line, number, last)
        if article.id in seen:
            raise _bad(number, f'the id "{article.id}" stands in line {seen[article.id]} too')
        seen[article.id] = number
        last = article.published
        articles.append(article)
    return articles


def _article(line: Mapping[str, Any], number: int, last: datetime) -> Article:
    if not isinstance(line, Mapping):
        raise _bad(number, "is not an object")
    text = {
        key: _text(line, key, number)
        for key in (
            "url",
            "source",
            "title",
            "summary",
            "text",
            "lang",
            "kind",
            "section",
            "same_as",
        )
    }
    ident = line.get("id")
    if not isinstance(ident, str | int) or isinstance(ident, bool) or not str(ident):
        raise _bad(number, 'has no "id"')
    if not text["title"] and not text["text"] and not text["summary"]:
        raise _bad(number, "has neither a title nor a text")
    published = _time(line.get("published"), number) or last
    return Article(
        id=str(ident),
        outlet=text["source"],
        url=text["url"],
        title=text["title"],
        summary=text["summary"],
        text=text["text"],
        published=published,
        first_seen=published,
        lang=text["lang"] or "en",
        kind=Kind(text["kind"]) if text["kind"] in set(Kind) else Kind.NEWS,
        section=text["section"],
        same_as=text["same_as"],
    )


def _text(line: Mapping[str, Any], key: str, number: int) -> str:
    value = line.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _bad(number, f'has a "{key}" that is not text')
    return value


def _time(value: object, number: int) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        raise _bad(number, f'has a "published" that is no ISO time: {str(value)[:40]}') from None
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError:
        raise _bad(number, f'has a "published" out of range: {str(value)[:40]}') from None


def _bad(number: int, sentence: str) -> StoryError:
    return StoryError(
        f"line {number}",
        sentence,
        hint="Each line is an object with id, url, source, lean, published, title, text, lang.",
    )
