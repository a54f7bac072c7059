"""Embedding: an optional second opinion on how near two articles are.

Grouping works on words. Whoever has a sentence model may hand in its vectors: a cosine is then
added to the links that words have found. It is off unless given, for the built-in one, which knows
no more than the words do, gains nothing (docs/grouping.md has the figures).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from newsletter.stories.similarity import Floats, Links
from newsletter.stories.terms import background
from newsletter.stories.words import normal, split_words

BLEND = 0.1
"""How much a full cosine adds to a similarity; links between articles of one event are near 0.2."""


class Embedding(Protocol):
    """Turns texts into vectors, so that texts of one meaning point one way."""

    def vectors(self, texts: Sequence[str]) -> Floats:
        """One row of length one (or all zero) for each text."""
        ...


class HashedWords:
    """The lexical built-in: weighted words, hashed to a fixed number of dimensions.

    Needs no model and no fitting; the same text has the same vector in every run.
    """

    def __init__(self, dimensions: int = 512, lang: str = "en") -> None:
        self._dimensions = dimensions
        self._lang = lang
        self._background = background(lang)

    def vectors(self, texts: Sequence[str]) -> Floats:
        """One row of length one for each text, all zero where a text has no words."""
        rows = np.zeros((len(texts), self._dimensions))
        documents = max(self._background.documents, 1000)
        known = self._background.frequency
        for row, text in zip(rows, texts, strict=True):
            for term in {normal(word, self._lang) for word in split_words(text.lower())} - {""}:
                code = zlib.crc32(term.encode())
                sign = 1.0 if code & 1 else -1.0
                row[(code >> 1) % self._dimensions] += sign * np.log(
                    documents / (known.get(term, 0) + 1)
                )
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.where(length == 0, 1.0, length), np.float64)


def blended(links: Links, vectors: Floats, weight: float = BLEND) -> Links:
    """Links with the cosines of an embedding added to their value.

    What is added is the cosine less the mean cosine of all links, so that an embedding for which
    everything is alike changes nothing. No link is made that words have not found.
    """
    if not len(links.left):
        return links
    cosine = np.einsum("ij,ij->i", vectors[links.left], vectors[links.right])
    return replace(links, value=links.value + weight * (cosine - cosine.mean()))
