"""A story's text as a person finds it, and what speaks against a change of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from newsletter.database.briefs import Standing
from newsletter.errors import BriefError, NotFound
from newsletter.model import Article, Brief, BriefVersion, GateFinding, Outlet, Story
from newsletter.newsroom import Newsroom


@dataclass(frozen=True, slots=True)
class Table:
    """One story as a person finds it: its articles as they now are, and the shown version.

    ``outlets`` are those of the database under those of the configuration, because a story of
    the sample day, or of a source that was taken away since, can still be looked at.
    """

    story: Story
    articles: list[Article]
    outlets: dict[str, Outlet]
    stands: Standing

    @staticmethod
    def load(room: Newsroom, story_id: str) -> Table:
        """Load one story.

        :raises NotFound: when there is no such story or it has no text yet.
        """
        story = room.stories.get([story_id]).get(story_id)
        stands = room.briefs.standing([story_id]).get(story_id)
        if story is None or stands is None:
            raise not_there(room, story_id)
        known = room.articles.get(story.articles)
        outlets = room.articles.outlets() | room.outlets
        articles = [
            known[article]
            for article in story.articles
            if article in known and known[article].outlet in outlets
        ]
        return Table(story, articles, outlets, stands)


def speaks_against(room: Newsroom, table: Table, brief: Brief) -> tuple[GateFinding, ...]:
    """What speaks against a text that would follow the shown one.

    Parts that stay as they were have passed before. Nothing of a withheld text is taken as passed.
    """
    from newsletter.brief import gates

    before = table.stands.brief
    return gates.check(
        brief,
        table.articles,
        table.outlets,
        room.config.brief,
        after=None if before.withheld else before,
    )


def overtaken(room: Newsroom, story_id: str, base: int) -> BriefError:
    """Who changed what since a person began."""
    from newsletter.brief.edit import what_changed

    known = {one.version: one for one in room.briefs.versions(story_id)}
    shown = next(one for one in known.values() if one.shown)
    who = shown.by or shown.writer
    parts = ""
    if base in known:
        changed = what_changed(known[base].brief, shown.brief)
        parts = f" ({', '.join(changed)})" if changed else ""
    return BriefError(
        story_id,
        f"version {base} is not the newest: {who} made version {shown.version}"
        f" at {shown.made:%H:%M} UTC{parts}",
        hint="Nothing was stored; look at the newest version and make the change there.",
    )


def version_of(room: Newsroom, story_id: str, version: int) -> BriefVersion:
    """Find one version of a story's text.

    :raises NotFound: when there is none of that number.
    """
    for one in room.briefs.versions(story_id):
        if one.version == version:
            return one
    raise NotFound(f"{story_id} version {version}", "there is no such version")


def not_there(room: Newsroom, story_id: str) -> NotFound:
    """Say whether it is the story or its text that is missing."""
    if room.stories.get([story_id]):
        return NotFound(story_id, "this story has no text yet", hint='Run "newsletter write".')
    return NotFound(
        story_id, "there is no such story", hint='"newsletter story list" names the stories.'
    )


def furniture_lines(room: Newsroom, outlets: Mapping[str, Outlet]) -> frozenset[str]:
    """Lines that outlets print under many articles, over the same window as a run of write."""
    from newsletter.brief.furniture import repeated_lines

    now = room.clock()
    since = now - timedelta(days=room.config.stories.window_days)
    return repeated_lines(room.articles.window(since, now, outlets.keys()))
