"""Write: stories become briefs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.config import Config
from newsletter.model import Article
from newsletter.newsroom import Newsroom
from newsletter.pipeline.day import Day


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteReport:
    """What was written."""

    stories: int
    written: int
    unchanged: int
    withheld: tuple[tuple[str, str], ...]


def write(room: Newsroom, *, now: datetime | None = None) -> WriteReport:
    """Write a brief for each of the day's leading stories whose sources changed."""
    from newsletter.brief.furniture import repeated_lines

    now = now or room.clock()
    day = Day.load(room, now)
    write_story = room.writer()
    # What an outlet prints under many articles shows only over the whole day.
    furniture = repeated_lines(list(day.articles.values()))
    written = 0
    withheld: list[tuple[str, str]] = []
    for ranked in day.ranked:
        story = ranked.story
        articles = day.of(story)
        sources = _sources_hash(articles, room.config)
        brief, known = day.briefs.get(story.id, (None, ""))
        if brief is None or known != sources:
            brief = write_story(
                story,
                articles,
                room.outlets,
                ranked.coverage,
                room.config.brief,
                furniture=furniture,
            )
            room.briefs.save(brief, sources_sha256=sources, made=now)
            written += 1
        if brief.withheld:
            withheld.append((story.headline, brief.withheld))
    return WriteReport(
        stories=len(day.ranked),
        written=written,
        unchanged=len(day.ranked) - written,
        withheld=tuple(withheld),
    )


def _sources_hash(articles: Sequence[Article], config: Config) -> str:
    """A fingerprint of everything a brief is written from."""
    digest = hashlib.sha256(config.brief.model_dump_json().encode())
    for article in articles:
        for part in (article.id, article.title, article.words, article.kind, article.same_as):
            digest.update(part.encode())
            digest.update(b"\0")
    return digest.hexdigest()
