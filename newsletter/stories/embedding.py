"""Embedding: an optional second opinion on how near two articles are.

Grouping works on words. With ``[stories] embedding`` a cosine is added to the links that words
have found: that of a sentence model in a local folder (:mod:`newsletter.stories.onnx_model`), or
of the lexical built-in. It is off by default, for the built-in knows no more than the words do;
docs/grouping.md has the figures.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from newsletter.stories.similarity import Floats, Links
from newsletter.stories.terms import background
from newsletter.stories.words import normal, split_words

BLEND = 0.1
"""How much a full cosine adds to a similarity; links between articles of one event are near 0.2."""


WORDS = "words"
"""What ``[stories] embedding`` calls the lexical built-in."""


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


class Remembered:
    """An embedding that reads every text once, as long as the process lives."""

    def __init__(self, embedding: Embedding, most: int = 50_000) -> None:
        self._embedding = embedding
        self._most = most
        self._known: dict[bytes, Floats] = {}

    def vectors(self, texts: Sequence[str]) -> Floats:
        """What the embedding says, from memory where it was asked before."""
        keys = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if len(self._known) + len(new) > self._most:
            # Old windows go first; a dictionary keeps the order in which it was filled.
            for key in [key for key in self._known if key not in set(keys)]:
                del self._known[key]
        if new:
            self._known |= zip(new, self._embedding.vectors(list(new.values())), strict=True)
        return np.stack([self._known[key] for key in keys]) if keys else np.zeros((0, 1))


def embedding_of(name: str, root: Path) -> Embedding | None:
    """The embedding that ``[stories] embedding`` names; None for an empty name.

    :param root: the folder that a relative path is relative to.
    :raises StoryError: when it names a folder without a sentence model, or the extra is missing.
    """
    if not name:
        return None
    if name == WORDS:
        return HashedWords()
    from newsletter.stories.onnx_model import OnnxModel  # noqa: PLC0415 - an extra

    return Remembered(OnnxModel((root / name).resolve()))


def blended(links: Links, vectors: Floats, weight: float | None = None) -> Links:
    """Links with the cosines of an embedding added to their value.

    What is added is the cosine less the mean cosine of all links, so that an embedding for which
    everything is alike changes nothing. No link is made that words have not found.

    :param weight: ``BLEND`` when not given.
    """
    weight = BLEND if weight is None else weight
    if not len(links.left):
        return links
    cosine = np.einsum("ij,ij->i", vectors[links.left], vectors[links.right])
    return replace(links, value=links.value + weight * (cosine - cosine.mean()))
