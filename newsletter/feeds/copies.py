"""Find the same text twice: agency copy that many outlets print is one voice, not many.

::

    article --> marks, a few hundred bytes      kept as long as the window, beside the article
    marks of the window --> pairs that share most of theirs --> where marks are few, their texts

A mark is the hash of a few words in a row. Of all marks of a text every third is kept, chosen by
its value, so that two texts that share words share marks (Broder, "On the resemblance and
containment of documents", 1997). A round reads the marks of the window and the texts of a few
candidates, never the texts of the window.
"""

from __future__ import annotations

import re
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from newsletter.model import Article

SHINGLE = 4
"""Words in a row that count as one mark of a text."""
SAMPLED = 3
"""One mark in so many is kept."""
ENOUGH = 12
"""So many marks of the shorter text decide by themselves; with fewer the texts are compared."""
HEAD_WORDS = 300
"""The beginning of a text that is looked at; outlets cut agency copy from its end."""
HEAD_CHARACTERS = 8 * HEAD_WORDS
FEWEST_WORDS = 18
"""Shorter texts are copies only when title and text are the same."""
SHARE = 0.7
"""How much of the shorter text's marks the longer must hold."""
PROPOSED = 0.6
"""The same share among few marks, which makes it worth comparing the texts."""
FIRST = 8
"""Of all texts with one mark, so many of the earliest are taken for possible originals."""
FIRST_OF_MANY = 3
"""The same where thousands of articles are new at once; a few copies more are missed then."""
TOGETHER = 400
"""Pairs whose texts are fetched at once."""
FEW = 5_000
"""Up to so many new articles the window is looked through for their marks first."""
MANY_WORDS = 5_000
"""From so many words on, loading numpy takes less time than doing without it."""
MOST_HASHES = 100_000
"""Words whose hashes are kept in memory, a few megabytes."""
LATER_TOGETHER = 10_000
HELD_TOGETHER = 10_000
"""Articles that are looked at or whose pairs are counted at once, so that memory stays flat."""

_Sequences = set[tuple[bytes, ...]]
_MIX = 0x9E3779B1  # the golden ratio's 32 bits, as in Knuth's multiplicative hashing
_WORD = re.compile(r"[^\W_]+")
_LOWER = bytes(
    number if number >= 128 else ord(chr(number).lower()) if chr(number).isalnum() else 0x20
    for number in range(256)
)
_ASCII = bytes(range(128))
_NO_MORE = _ASCII + b" " * 128
_PUNCTUATION = b"\xe2\x80"
"""How the signs from U+2000 to U+203F begin in UTF-8; none of them belongs to a word."""


Marked = tuple[str, bytes]
"""An article's id and its marks."""
Held = tuple[str, str, bytes]
"""An article's id, the id of the first article with its text (its own or another), its marks."""
Text = tuple[str, str]
"""An article's title and the first :data:`HEAD_CHARACTERS` of the longest text there is of it."""
Texts = Callable[[Sequence[str]], Mapping[str, Text]]
"""Texts by article id, for those that have to be compared word by word."""


def marks_of(articles: Iterable[Article], *, many: int = MANY_WORDS) -> dict[str, bytes]:
    """By id, sampled hashes of the word sequences of texts, ascending unsigned 32-bit numbers.

    A short text has one mark, over all of its title and text. Nothing that could tell copies
    apart gives no marks.

    :param many: from so many words on they are reckoned all at once; the marks are the same.
    """
    found: dict[str, bytes] = {}
    long: dict[str, list[bytes]] = {}
    for article in articles:
        words = _words(article.words)
        if len(words) >= FEWEST_WORDS:
            long[article.id] = words
            continue
        exact = _exact(article.title, words)
        found[article.id] = array("I", [zlib.crc32(exact)] if exact else []).tobytes()
    if sum(map(len, long.values())) < many:
        for id_, words in long.items():
            kept = {mark for mark in _shingles_of(words) if mark % SAMPLED == 0}
            found[id_] = array("I", sorted(kept)).tobytes()
    else:
        found.update(zip(long, _sampled(list(long.values())), strict=True))
    return found


def find_copies(new: Iterable[Marked], held: Iterable[Held], texts: Texts) -> dict[str, str]:
    """Which of the new articles are near-identical copies, and of which article.

    :param new: id and marks of what was not yet compared, the earliest published first.
    :param held: id, original and marks of the window's articles that were; those that are copies
        stand for their original. They count as earlier than all that is new.

    Answers the copy's id and the id of the first original. A text counts as a copy when seven
    tenths of its word sequences stand in the other; an excerpt is a copy of its full text. Time
    grows with the number of marks in the window times its logarithm.
    """
    new = list(new)
    few = len(new) <= FEW
    window = _Window()
    for id_, original, marks in _near(held, new) if few else held:
        window.add(id_, original, marks)
    known = len(window.ids)
    for id_, marks in new:
        window.add(id_, id_, marks)
    copies: dict[str, str] = {}
    proposed = _proposed(window, known, FIRST if few else FIRST_OF_MANY)
    while batch := list(islice(proposed, TOGETHER)):
        _compare(batch, window, texts, copies)
    return copies


def _near(held: Iterable[Held], new: Sequence[Marked]) -> Iterator[Held]:
    """Those of the window that share a mark with what is new; nearly none does in most rounds."""
    import numpy as np  # noqa: PLC0415 - loading it takes longer than a round without news

    wanted = {mark for _, marks in new for mark in _numbers(marks)}
    begun = np.zeros(1 << 20, np.bool_)
    begun[np.fromiter(wanted, np.uint32, len(wanted)) >> np.uint32(12)] = True
    rest = iter(held)
    while piece := list(islice(rest, HELD_TOGETHER)):
        flat = np.frombuffer(b"".join([marks for _, _, marks in piece]), np.uint32)
        ends = np.cumsum([len(marks) // 4 for _, _, marks in piece])
        # All that begin as a wanted mark does are found at once; the few are looked at closely.
        hits = np.flatnonzero(begun[flat >> np.uint32(12)])
        for place in np.unique(np.searchsorted(ends, hits, side="right")).tolist():
            if not wanted.isdisjoint(_numbers(piece[place][2])):
                yield piece[place]


def _compare(
    batch: Sequence[tuple[int, int, bool]], window: _Window, texts: Texts, copies: dict[str, str]
) -> None:
    """Settle some pairs; pairs of one article stand together, the best first."""
    ids, roots = window.ids, window.roots
    doubtful = {place for later, first, sure in batch if not sure for place in (later, first)}
    named = {ids[place] for place in doubtful}
    # Of an article that was found to be a copy the original is looked at instead.
    named |= {copies[name] for name in named if name in copies}
    shelf = _Shelf(texts(sorted(named)) if named else {})
    for later, first, sure in batch:
        id_, shown = ids[later], copies.get(ids[first], ids[first])
        root = copies.get(roots[first], roots[first])
        if id_ in copies or root == id_:
            continue
        if sure or shelf.alike(id_, shown if shown in shelf else root):
            copies[id_] = root


class _Window:
    """Articles in the order in which they may be originals of one another, with all their marks."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.roots: list[str] = []
        self.sizes = array("I")
        self.marks = bytearray()
        self._seen: set[str] = set()

    def add(self, id_: str, root: str, marks: bytes) -> None:
        """Add one; of those that share an original one is enough."""
        if root != id_:
            if root in self._seen:
                return
            self._seen.add(root)
        self.ids.append(id_)
        self.roots.append(id_ if root == id_ else root)
        self.sizes.append(len(marks) // 4)
        self.marks += marks


def _proposed(window: _Window, known: int, most: int) -> Iterator[tuple[int, int, bool]]:
    """Pairs of a place from ``known`` on and an earlier one it may be a copy of, best first.

    The third says whether their marks are enough to be sure. ``most`` earlier ones are looked at
    for each mark.
    """
    if not window.marks:
        return
    # Loading numpy takes longer than the rest where nothing is new.
    import numpy as np  # noqa: PLC0415 - see above

    flat = np.frombuffer(window.marks, np.uint32)
    sizes = np.frombuffer(window.sizes, np.uint32)
    owner = np.repeat(np.arange(len(sizes), dtype=np.uint32), sizes)
    both = (flat.astype(np.uint64) << np.uint64(32)) | owner
    del flat, owner
    both.sort()
    mark, who = (both >> np.uint64(32)).astype(np.uint32), both.astype(np.uint32)
    del both
    starts = np.flatnonzero(np.concatenate(([True], mark[1:] != mark[:-1]))).astype(np.uint32)
    start = np.repeat(starts, np.diff(np.append(starts, len(mark))).astype(np.int64))
    rank = np.arange(len(mark), dtype=np.uint32) - start
    del mark, starts
    for low in range(known, len(sizes), LATER_TOGETHER):
        here = (who >= low) & (who < low + LATER_TOGETHER)
        pairs = []
        for place in range(most):
            later = here & (rank > place)
            pairs.append(
                (who[later].astype(np.uint64) << np.uint64(32)) | who[start[later] + place]
            )
        pair, counts = np.unique(np.concatenate(pairs), return_counts=True)
        later, first = (pair >> np.uint64(32)).astype(np.uint32), pair.astype(np.uint32)
        fewest = np.minimum(sizes[later], sizes[first])
        near = counts >= np.where(fewest < ENOUGH, PROPOSED, SHARE) * fewest
        later, first, counts, sure = later[near], first[near], counts[near], fewest[near] >= ENOUGH
        order = np.lexsort((first, -counts, later))
        yield from zip(
            later[order].tolist(), first[order].tolist(), sure[order].tolist(), strict=True
        )


class _Shelf:
    """Texts to compare, each cut into its word sequences once."""

    def __init__(self, texts: Mapping[str, Text]):
        self._texts = texts
        self._cut: dict[str, _Sequences | bytes] = {}

    def __contains__(self, id_: str) -> bool:
        return id_ in self._texts

    def alike(self, one: str, other: str) -> bool:
        if one not in self._texts or other not in self._texts:
            return False
        first, second = self._of(one), self._of(other)
        if isinstance(first, bytes) or isinstance(second, bytes):
            return first == second
        return len(first & second) >= SHARE * min(len(first), len(second))

    def _of(self, id_: str) -> _Sequences | bytes:
        if id_ not in self._cut:
            title, text = self._texts[id_]
            words = _words(text)
            self._cut[id_] = (
                _exact(title, words)
                if len(words) < FEWEST_WORDS
                else set(zip(*(words[place:] for place in range(SHINGLE)), strict=False))
            )
        return self._cut[id_]


def _numbers(marks: bytes) -> memoryview[int]:
    return memoryview(marks).cast("I")


def _words(text: str) -> list[bytes]:
    """The first words of a text in lower case: letters and digits, in UTF-8."""
    text = text[:HEAD_CHARACTERS]
    plain = text.encode("utf-8", "replace").translate(_LOWER)
    beyond = plain.translate(None, _ASCII)
    if not beyond:
        return plain.split()[:HEAD_WORDS]
    if len(beyond) == 3 * beyond.count(_PUNCTUATION):
        # English texts hold quotes and dashes beside ASCII; those part words as spaces do.
        return plain.translate(_NO_MORE).split()[:HEAD_WORDS]
    return [word.encode() for word in _WORD.findall(text.lower())[:HEAD_WORDS]]


class _Hashes(dict[bytes, int]):
    """The hash of each word that was met."""

    def __missing__(self, word: bytes) -> int:
        if len(self) >= MOST_HASHES:
            self.clear()
        # crc32 and not hash(): marks are stored and must be the same in every process.
        found = self[word] = zlib.crc32(word)
        return found


_hash_of = _Hashes().__getitem__


def _shingles_of(words: Sequence[bytes]) -> list[int]:
    """The hash of every few words in a row: :func:`_sampled` for few words, without numpy."""
    found = []
    hashes = list(map(_hash_of, words))
    for place in range(len(hashes) - SHINGLE + 1):
        mixed = 0
        for one in hashes[place : place + SHINGLE]:
            mixed = (mixed * _MIX + one) & 0xFFFF_FFFF
            mixed ^= mixed >> 15
        mixed = mixed * _MIX & 0xFFFF_FFFF
        found.append(mixed ^ mixed >> 16)
    return found


def _sampled(texts: Sequence[Sequence[bytes]]) -> Iterator[bytes]:
    """The marks of each of many texts."""
    import numpy as np  # noqa: PLC0415 - loading it takes longer than most rounds

    sizes = [len(words) for words in texts]
    hashes = chain.from_iterable(map(_hash_of, words) for words in texts)
    flat = np.fromiter(hashes, np.uint32, sum(sizes))
    owner = np.repeat(np.arange(len(texts), dtype=np.uint32), sizes)
    most = max(len(flat) - SHINGLE + 1, 0)
    mixed = np.zeros(most, np.uint32)
    for place in range(SHINGLE):
        mixed = mixed * np.uint32(_MIX) + flat[place : place + most]
        mixed ^= mixed >> np.uint32(15)
    mixed = mixed * np.uint32(_MIX)
    mixed ^= mixed >> np.uint32(16)
    kept = (mixed % SAMPLED == 0) & (owner[:most] == owner[SHINGLE - 1 :][:most])
    both = (owner[:most][kept].astype(np.uint64) << np.uint64(32)) | mixed[kept]
    both.sort()
    both = both[np.append(True, both[1:] != both[:-1])] if len(both) else both
    ends = np.searchsorted(both >> np.uint64(32), np.arange(len(texts)), side="right").tolist()
    marks = both.astype(np.uint32)
    for start, end in zip([0, *ends], ends, strict=False):
        yield marks[start:end].tobytes()


def _exact(title: str, words: Sequence[bytes]) -> bytes:
    """The whole of a short article; nothing where it says too little to be anybody's copy."""
    head = _WORD.findall(title.lower())
    body = b" ".join(words)
    return b"%b\n%b" % (" ".join(head).encode(), body) if body or len(head) > 5 else b""
