"""Write: stories become briefs, and a person's change to one is a version of it.

Nothing is overwritten. The writer replaces its own text when a story's sources change; a version
that a person made or decided is held: what is written afterwards is offered beside it, until
somebody restores the offer or releases the story to the writer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from newsletter.config import Config
from newsletter.database.briefs import Standing
from newsletter.model import Article, Brief
from newsletter.newsroom import Newsroom
from newsletter.pipeline.day import Day
from newsletter.pipeline.edits import (
    check_edit,
    edit_brief,
    ranked_evidence,
    release,
    restore_version,
    rewrite_block,
    versions,
    withhold,
)

__all__ = [
    "WriteReport",
    "check_edit",
    "edit_brief",
    "ranked_evidence",
    "release",
    "restore_version",
    "rewrite_block",
    "versions",
    "withhold",
    "write",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteReport:
    """What was written.

    ``offered`` names the stories whose sources changed under a person's version: the new text
    waits beside it. Each entry of ``withheld`` is a headline with the reason.
    """

    stories: int
    written: int
    unchanged: int
    withheld: tuple[tuple[str, str], ...]
    offered: tuple[tuple[str, str], ...] = ()


def write(room: Newsroom, *, now: datetime | None = None) -> WriteReport:
    """Write a brief for each of the day's leading stories whose sources changed.

    A person's version stays as it is; the new text is stored beside it as an offer.
    """
    from newsletter.brief.furniture import repeated_lines

    now = now or room.clock()
    day = Day.load(room, now)
    write_story = room.writer()
    # What an outlet prints under many articles shows only over the whole day.
    furniture = repeated_lines(list(day.articles.values()))
    standing = room.briefs.standing(item.story.id for item in day.ranked)
    written = 0
    withheld: list[tuple[str, str]] = []
    offered: list[tuple[str, str]] = []
    for ranked in day.ranked:
        story = ranked.story
        articles = day.of(story)
        sources = _sources_hash(articles, room.config)
        stands = standing.get(story.id)
        if stands is None or stands.seen != sources:
            brief = write_story(
                story,
                articles,
                room.outlets,
                ranked.coverage,
                room.config.brief,
                furniture=furniture,
            )
            _store(room, brief, sources, now, stands)
            written += 1
            if stands is not None and stands.held:
                offered.append((story.id, stands.brief.headline))
                brief = _kept(room, stands, articles, now)
        else:
            brief = stands.brief
            if stands.offered:
                offered.append((story.id, stands.brief.headline))
        if brief.withheld:
            withheld.append((story.headline, brief.withheld))
    return WriteReport(
        stories=len(day.ranked),
        written=written,
        unchanged=len(day.ranked) - written,
        withheld=tuple(withheld),
        offered=tuple(offered),
    )


def _store(
    room: Newsroom, brief: Brief, sources: str, now: datetime, stands: Standing | None
) -> None:
    """Store what a writer wrote: shown at once, or offered where a person's version is held."""
    from newsletter.brief.drafts import read_signature

    model, prompt = read_signature(brief.writer)
    for _ in range(2):
        held = stands is not None and stands.held
        base = stands.brief.version if stands else 0
        saved = room.briefs.save(
            brief,
            sources_sha256=sources,
            made=now,
            model=model,
            prompt=prompt,
            note="offered: the sources changed" if held else "",
            base=base,
            offered=held,
            expected=base,
        )
        if saved is not None:
            return
        # Somebody was quicker: look again whether it was a person.
        stands = room.briefs.standing([brief.story]).get(brief.story)


def _kept(room: Newsroom, stands: Standing, articles: Sequence[Article], now: datetime) -> Brief:
    """A person's version under changed sources: kept, and withheld where it cites what is gone."""
    from newsletter.brief.blocks import cited

    gone = cited(stands.brief) - {article.id for article in articles}
    if not gone or stands.brief.withheld:
        return stands.brief
    reason = "It cites an article that is no longer of this story; edit or release it."
    saved = room.briefs.save(
        replace(stands.brief, withheld=reason),
        sources_sha256=stands.sources,
        made=now,
        note=f"withheld: {reason}",
        base=stands.brief.version,
        held=True,
        expected=stands.brief.version,
    )
    return saved or stands.brief


def _sources_hash(articles: Sequence[Article], config: Config) -> str:
    """A fingerprint of everything a brief is written from."""
    digest = hashlib.sha256(config.brief.model_dump_json().encode())
    for article in articles:
        for part in (article.id, article.title, article.words, article.kind, article.same_as):
            digest.update(part.encode())
            digest.update(b"\0")
    return digest.hexdigest()
