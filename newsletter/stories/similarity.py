"""Similarity: how near two articles are, as one number with the noise of the day taken off.

Four cosines between two articles: title and lead, title of one against body of the other (both
ways), neighbouring word pairs, titles alone. Two articles of one outlet are discounted, for an
outlet's style is not an event. From each similarity the *level* of the two articles is taken off:
how near each is to everything published around it. A round-up is near to everything and near to
nothing; a paragraph on a new planet is far from everything and needs little to match.

Articles further apart in time than ``reach`` days are not compared at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newsletter.stories.terms import LEAD_WORDS, Background, Tokens

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BLOCK = 256
"""Articles compared at once with all that lie within reach; bounds memory in a full window."""
PRETEND_DOCUMENTS = 1000
"""Background assumed for a language without one, so that two lone articles still have weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """Every constant of the grouping. One setting serves all sources; see docs/grouping.md.

    ``threshold`` is the only one operators turn (``[stories] coarseness``).
    """

    lead: float = 0.45
    title_body: float = 0.25
    pairs: float = 0.20
    title: float = 0.10
    same_outlet: float = 0.6
    common: float = 0.30
    """Words in a larger share of all documents are ignored."""
    reach_days: float = 2.0
    fading: float = 0.25
    """Similarity fades by this rate a day: tomorrow's report of the same words is less the same."""
    floor: float = 0.05
    """Weaker similarities are chance and are dropped."""
    level_prior: float = 0.05
    level_weight: float = 20.0
    """The level of an article with few neighbours is drawn towards the prior, as by so many."""
    threshold: float = 0.08
    size_power: float = 0.88
    """1 would be the mean similarity; below it big groups attract more."""
    cohesion_prior: float = 0.20
    usual_cohesion: float = 0.128
    """Scales links so that the threshold stays near 0.08; no decision depends on it alone."""
    sweep_threshold: float = 0.04
    sweep_rounds: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each term is worth, in a window seen against a background."""

    documents: int
    word: Floats
    method: Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Which articles of a window are near to each other.

    ``left``, ``right`` are positions (left < right), ``raw`` the similarity, faded with the time
    between the two, ``value`` the same with both levels taken off. ``level`` has one entry
    an article.
    """

    articles: int
    left: Ints
    right: Ints
    raw: Floats
    value: Floats
    level: Floats


def weigh(tokens: Tokens, background: Background, method: Method) -> Weights:
    """Inverse document frequencies of the words of a window; zero for those too common."""
    articles = len(tokens.title)
    words = len(tokens.names)
    present = _counts([[*t, *b] for t, b in zip(tokens.title, tokens.body, strict=True)], words)
    known = background.frequency
    frequency = np.bincount(present.indices, minlength=words) + np.fromiter(
        (known.get(name, 0) for name in tokens.names), np.float64, words
    )
    documents = articles + max(background.documents, PRETEND_DOCUMENTS)
    word = np.log(documents / np.maximum(frequency, 1.0))
    word[frequency > method.common * documents] = 0.0
    return Weights(documents=documents, word=word, method=method)


def features(tokens: Tokens, weights: Weights) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Two matrices, one row an article, so that ``first @ second.T`` is the similarity.

    They differ in two blocks of columns only: where one has the title the other has the body.
    """
    method = weights.method
    words = len(tokens.names)
    leads = [body[:LEAD_WORDS] for body in tokens.body]
    title = _weighted(_counts(tokens.title, words), weights.word)
    body = _weighted(_counts(tokens.body, words), weights.word)
    both = [[*t, *b] for t, b in zip(tokens.title, leads, strict=True)]
    lead = _weighted(_counts(both, words), weights.word)
    pair = _pairs(tokens.title, leads, words, weights)
    own = [
        lead * method.lead**0.5,
        pair * method.pairs**0.5,
        title * method.title**0.5,
    ]
    half = (method.title_body / 2) ** 0.5
    first = sparse.hstack([*own, title * half, body * half], format="csr", dtype=np.float32)
    second = sparse.hstack([*own, body * half, title * half], format="csr", dtype=np.float32)
    return first, second


def term_vectors(lists: Sequence[Sequence[int]], weights: Weights) -> sparse.csr_matrix:
    """Lists of term numbers as weighted vectors of length one."""
    return _weighted(_counts(lists, len(weights.word)), weights.word)


def links(
    first: sparse.csr_matrix,
    second: sparse.csr_matrix,
    *,
    outlets: Ints,
    days: Floats,
    method: Method,
) -> Links:
    """Compare articles that lie within reach of each other.

    :param outlets: a number per outlet, one an article.
    :param days: times of publication in days, ascending.
    """
    articles = len(days)
    total = np.zeros(articles)
    kept: list[tuple[Ints, Ints, Floats]] = []
    begin = np.searchsorted(days, days - method.reach_days - 1e-6)
    for top in range(0, articles, _BLOCK):
        end = min(top + _BLOCK, articles)
        low = int(begin[top])
        found = (first[top:end] @ second[low:end].T).tocoo()
        right = found.row.astype(np.int64) + top
        left = found.col.astype(np.int64) + low
        near = (left < right) & (left >= begin[right])
        left, right = left[near], right[near]
        value = found.data[near].astype(np.float64)
        value[outlets[left] == outlets[right]] *= method.same_outlet
        total += np.bincount(left, value, articles) + np.bincount(right, value, articles)
        strong = value >= method.floor
        kept.append((left[strong], right[strong], value[strong]))
    others = np.searchsorted(days, days + method.reach_days + 1e-6) - begin - 1
    level = (total + method.level_weight * method.level_prior) / (others + method.level_weight)
    left = np.concatenate([part[0] for part in kept]) if kept else np.zeros(0, np.int64)
    right = np.concatenate([part[1] for part in kept]) if kept else np.zeros(0, np.int64)
    raw = np.concatenate([part[2] for part in kept]) if kept else np.zeros(0)
    order = np.lexsort((left, right))
    left, right, raw = left[order], right[order], raw[order]
    faded = raw * np.exp(-method.fading * (days[right] - days[left]))
    return Links(
        articles=articles,
        left=left,
        right=right,
        raw=faded,
        value=faded - (level[left] + level[right]) / 2,
        level=level,
    )


def _counts(lists: Sequence[Sequence[int]], columns: int) -> sparse.csr_matrix:
    """How often each number stands in each list, as a matrix of one row a list."""
    ends = np.cumsum([0, *map(len, lists)])
    numbers = np.fromiter(chain.from_iterable(lists), np.int32, int(ends[-1]))
    ones = np.ones(len(numbers), np.float32)
    matrix = sparse.csr_matrix((ones, numbers, ends), shape=(len(lists), max(columns, 1)))
    matrix.sum_duplicates()
    return matrix


def _weighted(counts: sparse.csr_matrix, worth: Floats) -> sparse.csr_matrix:
    """Counts as ``(1 + ln count) * worth``, each row of length one."""
    matrix = counts.copy()
    if len(worth) == 0:
        return matrix
    matrix.data = (1 + np.log(matrix.data)) * worth[matrix.indices].astype(np.float32)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    length = np.sqrt(np.bincount(rows, matrix.data.astype(np.float64) ** 2, matrix.shape[0]))
    length[length == 0] = 1.0
    matrix.data = (matrix.data / length[rows]).astype(np.float32)
    matrix.eliminate_zeros()
    return matrix


def _pairs(
    titles: Sequence[Sequence[int]],
    leads: Sequence[Sequence[int]],
    words: int,
    weights: Weights,
) -> sparse.csr_matrix:
    """Neighbouring words of titles and leads, weighted by how rare the pair is in the window."""
    lists = [
        [a * words + b for part in both for a, b in pairwise(part)]
        for both in zip(titles, leads, strict=True)
    ]
    ends = np.cumsum([0, *map(len, lists)])
    flat = np.fromiter(chain.from_iterable(lists), np.int64, int(ends[-1]))
    names, numbers = np.unique(flat, return_inverse=True)
    ones = np.ones(len(flat), np.float32)
    shape = (len(lists), max(len(names), 1))
    counts = sparse.csr_matrix((ones, numbers.astype(np.int32), ends), shape=shape)
    counts.sum_duplicates()
    frequency = np.bincount(counts.indices, minlength=shape[1])
    return _weighted(counts, np.log(weights.documents / np.maximum(frequency, 1.0)))
