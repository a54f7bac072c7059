"""Far: which articles look out of place in their story, so that an editor looks at them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.stories.similarity import Floats, Ints, Links

FAR = 0.5
"""An article is far when it is nearer to the rest by less than this share of what is usual."""


def fits(links: Links, label: Ints) -> Floats:
    """How near each article is to the other members of its group, in the mean; 0 when alone."""
    inside = label[links.left] == label[links.right]
    total = np.bincount(links.left[inside], links.raw[inside], links.articles)
    total += np.bincount(links.right[inside], links.raw[inside], links.articles)
    others = np.bincount(label, minlength=links.articles)[label] - 1
    return np.asarray(total / np.maximum(others, 1), np.float64)


def far(links: Links, label: Ints) -> NDArray[np.bool_]:
    """Which articles are far from the rest of their group.

    In a group of three or more: those that are nearer to the rest by less than half of what is
    usual there. In any group of two or more: those nearer, in the mean, to another group of two or
    more.
    """
    size = np.bincount(label, minlength=links.articles)
    fit = fits(links, label)
    usual = np.zeros(links.articles)
    order = np.argsort(label, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        if len(members) > 2:
            usual[members] = np.median(fit[members])
    return np.asarray(
        (size[label] > 1) & ((fit < FAR * usual) | (_rival(links, label, size) > fit))
    )


def _rival(links: Links, label: Ints, size: Ints) -> Floats:
    """How near each article is, in the mean, to the nearest other group of two or more."""
    one = np.concatenate([links.left, links.right])
    group = label[np.concatenate([links.right, links.left])]
    value = np.concatenate([links.raw, links.raw])
    outside = (label[one] != group) & (size[group] > 1) & (size[label[one]] > 1)
    if not outside.any():
        return np.zeros(links.articles)
    # One entry for each article and group: entries of one place are summed.
    sums = sparse.csr_matrix(
        (value[outside], (one[outside], group[outside])), shape=(links.articles, links.articles)
    )
    sums.data /= size[sums.indices]
    return np.asarray(sums.max(axis=1).todense(), np.float64).ravel()
