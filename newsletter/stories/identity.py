"""Identity: which of today's groups is which of yesterday's stories.

A group inherits the id and slug of the story it shares most articles with; the older story wins
ties, and no id is given twice. A group that inherits nothing is named after its first headline.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from newsletter.model import Story

SLUG_LENGTH = 80


def inherit(
    groups: Sequence[Sequence[str]],
    previous: Sequence[Story],
    wanted: Mapping[int, str] | None = None,
) -> dict[int, Story]:
    """The earlier story that each group continues, by the group's place in the sequence.

    :param wanted: story ids that an editor has given to groups; such a group continues that story
        or, where it is not among the earlier ones, none.
    """
    story_of = {article: story for story in previous for article in story.articles}
    by_id = {story.id: story for story in previous}
    claims = [
        (-shared, story.first_seen, story.id, number)
        for number, members in enumerate(groups)
        for story_id, shared in Counter(
            story_of[article].id for article in members if article in story_of
        ).items()
        for story in (by_id[story_id],)
    ]
    heirs: dict[int, Story] = {}
    taken: set[str] = set()
    wanted = wanted or {}
    for number, story_id in sorted(wanted.items()):
        if story_id in by_id and story_id not in taken:
            heirs[number] = by_id[story_id]
            taken.add(story_id)
    for _, _, story_id, number in sorted(claims):
        if number not in wanted and number not in heirs and story_id not in taken:
            heirs[number] = by_id[story_id]
            taken.add(story_id)
    return heirs


def story_id(headline: str, article: str, taken: Collection[str] = ()) -> str:
    """A new story's id, from its first headline and article; another one when that is taken."""
    key = f"{headline}\0{article}"
    while True:
        made = "s-" + hashlib.sha256(key.encode()).hexdigest()[:12]
        if made not in taken:
            return made
        key += "\0"


def slug(headline: str, taken: Collection[str] = ()) -> str:
    """A headline as a piece of a web address: ASCII letters, digits, hyphens, at most 80."""
    plain = unicodedata.normalize("NFKD", headline).encode("ascii", "ignore").decode()
    plain = plain.replace("'", "").lower()
    made = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if len(made) > SLUG_LENGTH:
        made = made[: SLUG_LENGTH + 1].rpartition("-")[0] or made[:SLUG_LENGTH]
    made = made or "story"
    number, candidate = 1, made
    while candidate in taken:
        number += 1
        ending = f"-{number}"
        candidate = made[: SLUG_LENGTH - len(ending)].rstrip("-") + ending
    return candidate
