"""How many words of a brief a reader sees, so that an issue can keep its time.

The composer trims by whole bullets and whole stories; these counts are exact for the text of the
brief, while kickers, bars and links are the composer's own.
"""

from __future__ import annotations

from newsletter.brief import wording
from newsletter.model import Brief, Place, Side


def words(brief: Brief, place: Place) -> int:
    """Visible words of a brief in a place of an issue.

    A top story shows headline, deck, overview and the bullets of all sides; a short one headline
    and deck; a one-sided one headline, deck and the bullets of the sides that speak.
    """
    count = wording.words(brief.headline) + wording.words(brief.deck)
    if place is Place.SHORT:
        return count
    if place is Place.TOP:
        count += sum(wording.words(sentence.text) for sentence in brief.overview)
    return count + sum(bullet_words(brief, side) for side in Side)


def bullet_words(brief: Brief, side: Side) -> int:
    """Words of all bullets of one side."""
    return sum(wording.words(bullet.text) for bullet in brief.of(side).bullets)
