"""Embedding: a second opinion that is asked only when given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from newsletter.stories.embedding import HashedWords, blended
from newsletter.stories.group import group
from newsletter.stories.similarity import Floats, Method
from newsletter.stories.window import compare
from tests.stories.make import DAM, DAY, SETTINGS, article, partition


class Constant:
    """An embedding for which everything is alike."""

    def vectors(self, texts: Sequence[str]) -> Floats:
        """The same row for every text."""
        return np.ones((len(texts), 1))


class Oracle:
    """An embedding that knows which of two matters a text is about."""

    def vectors(self, texts: Sequence[str]) -> Floats:
        """One axis for the dam, another for everything else."""
        return np.array([[1.0, 0.0] if "dam" in text.lower() else [0.0, 1.0] for text in texts])


def test_an_embedding_that_knows_nothing_changes_nothing() -> None:
    """Where everything is alike the words decide as before."""
    plain = group(DAY, settings=SETTINGS)
    assert group(DAY, settings=SETTINGS, embedding=Constant()) == plain


def test_an_embedding_moves_links() -> None:
    """Links inside one matter gain, links across matters lose."""
    mixed = [*DAM, article("x", "Ansley engineers crack joke overnight", DAM[0].text[:60])]
    window = compare(mixed, Method(floor=0.0))
    moved = blended(window.links, Oracle().vectors(["dam", "dam", "dam", "other"]))
    change = moved.value - window.links.value
    across = window.links.right == 3
    assert (change[across] < 0).all()
    assert (change[~across] > 0).all()


def test_the_built_in_knows_words() -> None:
    """Texts with the same rare words are near, texts without words are nowhere."""
    rows = HashedWords().vectors(["Harrow Dam crack", "the dam at Harrow", "Senate bill", ""])
    near = rows @ rows.T
    assert near[0, 1] > 0.5 > near[0, 2]
    assert np.allclose(np.diag(near), [1, 1, 1, 0])
    stories = group(DAY, settings=SETTINGS, embedding=HashedWords())
    assert partition(stories) == partition(group(DAY, settings=SETTINGS))
