"""Far: what looks out of place is found from the links alone."""

from __future__ import annotations

import numpy as np

from newsletter.stories.far import far, fits
from newsletter.stories.similarity import Links


def links(articles: int, *pairs: tuple[int, int, float]) -> Links:
    """Links of these positions and similarities."""
    left, right, value = zip(*pairs, strict=True) if pairs else ((), (), ())
    raw = np.array(value, np.float64)
    return Links(
        articles=articles,
        left=np.array(left, np.int64),
        right=np.array(right, np.int64),
        raw=raw,
        value=raw,
        level=np.zeros(articles),
    )


def test_who_is_half_as_near_as_usual_is_far() -> None:
    """Three that are near each other and one that hardly is."""
    some = links(4, (0, 1, 0.4), (0, 2, 0.4), (1, 2, 0.4), (2, 3, 0.1))
    label = np.zeros(4, np.int64)
    assert np.allclose(fits(some, label), [0.8 / 3, 0.8 / 3, 0.9 / 3, 0.1 / 3])
    assert far(some, label).tolist() == [False, False, False, True]


def test_who_is_nearer_to_another_story_is_far() -> None:
    """The mean over the other story counts, and a lone article is no story."""
    label = np.array([0, 0, 2, 2, 4], np.int64)
    torn = links(5, (0, 1, 0.2), (2, 3, 0.5), (1, 2, 0.3), (1, 3, 0.3), (0, 4, 0.9))
    assert far(torn, label).tolist() == [False, True, False, False, False]
    weaker = links(5, (0, 1, 0.2), (2, 3, 0.5), (1, 2, 0.3))
    assert not far(weaker, label).any()


def test_nothing_is_far_from_nothing() -> None:
    """No articles, and articles alone, are no trouble."""
    assert far(links(0), np.zeros(0, np.int64)).tolist() == []
    assert far(links(2), np.array([0, 1], np.int64)).tolist() == [False, False]
