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
from itertools import islice

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
SHORT = 400
"""Up to so many characters two texts are copies only where their titles are related, too: what
every item of a paper says instead of its text (how to subscribe) is no longer than this."""
TITLES_SHARE = 0.25
"""How many of the shorter title's long words a related title has; outlets rewrite headlines."""
LONG_WORD = 5
"""Letters of a title's word that say what it is about; no more of it are compared (stemming)."""
FIRST = 8
"""Of all texts with one mark, so many of the earliest are taken for possible originals."""
FIRST_OF_MANY = 3
"""The same where thousands of articles are new at once; a few copies more are missed then."""
TOGETHER = 400
"""Pairs whose texts are fetched at once."""
FEW = 5_000
"""Up to so many new articles the window is looked through for their marks first."""
MANY_BYTES = 30_000
"""From so much text on, loading numpy takes less time than doing without it."""
LATER_TOGETHER = 10_000
HELD_TOGETHER = 10_000
"""Articles that are looked at or whose pairs are counted at once, so that memory stays flat."""

_Sequences = set[tuple[bytes, ...]]
_MIX = 0x9E3779B97F4A7C15  # the golden ratio's 64 bits, as in Knuth's multiplicative hashing
_64_BITS = 0xFFFF_FFFF_FFFF_FFFF
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
Text = tuple[str, str, str]
"""Outlet and title of an article, the first :data:`HEAD_CHARACTERS` of its longest text."""
Texts = Callable[[Sequence[str]], Mapping[str, Text]]
"""Texts by article id, for those that have to be compared word by word."""


def marks_of(articles: Iterable[Article], *, many: int = MANY_BYTES) -> dict[str, bytes]:
    """By id, sampled hashes of the word sequences of texts, ascending unsigned 32-bit numbers.

    A short text has one mark, over all of its title and text. Nothing that could tell copies
    apart gives no marks.

    :param many: from so many bytes on they are reckoned all at once; the marks are the same.
    """
    plain = [(article, _plain(article.words)) for article in articles]
    texts = [text for _, text in plain]
    sampled = _sampled_at_once if sum(map(len, texts)) >= many else _sampled_in_turn
    found: dict[str, bytes] = {}
    for (article, text), marks in zip(plain, sampled(texts), strict=True):
        found[article.id] = _only_mark(article.title, text) if marks is None else marks
    return found


def find_copies(new: Iterable[Marked], held: Iterable[Held], texts: Texts) -> dict[str, str]:
    """Which of the new articles are near-identical copies, and of which article.

    :param new: id and marks of what was not yet compared, the earliest published first.
    :param held: id, original and marks of the window's articles that were; those that are copies
        stand for their original. They count as earlier than all that is new.

    Answers the copy's id and the id of the first original. A text counts as a copy when seven
    tenths of its word sequences stand in the other; an excerpt is a copy of its full text. Where
    one of them is short their titles must be related, and within one outlet the same. Time grows
    with the number of marks in the window times its logarithm.
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
    named = {ids[place] for later, first, _ in batch for place in (later, first)}
    # Of an article that was found to be a copy the original is looked at instead.
    named |= {copies[name] for name in named if name in copies}
    shelf = _Shelf(texts(sorted(named)))
    for later, first, sure in batch:
        id_, shown = ids[later], copies.get(ids[first], ids[first])
        root = copies.get(roots[first], roots[first])
        if id_ in copies or root == id_:
            continue
        if shelf.alike(id_, shown if shown in shelf else root, sure=sure):
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

    sizes = np.frombuffer(window.sizes, np.uint32)
    # In place as far as it goes: this is where a round with much news takes most of its memory.
    both = np.frombuffer(window.marks, np.uint32).astype(np.uint64)
    both <<= np.uint64(32)
    both |= np.repeat(np.arange(len(sizes), dtype=np.uint32), sizes)
    both.sort()
    who = both.astype(np.uint32)
    both >>= np.uint64(32)
    first = np.append(True, both[1:] != both[:-1])
    del both
    start = np.flatnonzero(first).astype(np.uint32)[np.cumsum(first, dtype=np.uint32) - 1]
    del first
    rank = np.arange(len(who), dtype=np.uint32)
    rank -= start
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

    def alike(self, one: str, other: str, *, sure: bool) -> bool:
        """Whether they are copies; ``sure`` says that their marks are enough to share a text."""
        if one not in self._texts or other not in self._texts:
            return False
        if not _may_be_copies(self._texts[one], self._texts[other]):
            return False
        if sure:
            return True
        first, second = self._of(one), self._of(other)
        if isinstance(first, bytes) or isinstance(second, bytes):
            return first == second
        return len(first & second) >= SHARE * min(len(first), len(second))

    def _of(self, id_: str) -> _Sequences | bytes:
        if id_ not in self._cut:
            _, title, text = self._texts[id_]
            words = _words(text)
            self._cut[id_] = (
                _exact(title, words)
                if len(words) < FEWEST_WORDS
                else set(zip(*(words[place:] for place in range(SHINGLE)), strict=False))
            )
        return self._cut[id_]


def _may_be_copies(one: Text, other: Text) -> bool:
    """Whether what stands round two texts lets them be copies of one another."""
    first, second = (_WORD.findall(text[1].lower()) for text in (one, other))
    if first == second:
        return True
    if one[0] == other[0]:
        return False
    if min(len(one[2]), len(other[2])) > SHORT:
        return True
    said, again = (
        {word[:LONG_WORD] for word in title if len(word) >= LONG_WORD} for title in (first, second)
    )
    return len(said & again) >= max(TITLES_SHARE * min(len(said), len(again)), 1)


def _numbers(marks: bytes) -> memoryview[int]:
    return memoryview(marks).cast("I")


def _only_mark(title: str, text: bytes) -> bytes:
    """The mark of a short article."""
    exact = _exact(title, text.split())
    return array("I", [zlib.crc32(exact)] if exact else []).tobytes()


def _words(text: str) -> list[bytes]:
    """The first words of a text in lower case: letters and digits, in UTF-8."""
    return _plain(text).split()[:HEAD_WORDS]


def _plain(text: str) -> bytes:
    """The beginning of a text in lower case, with nothing but words and spaces in it."""
    text = text[:HEAD_CHARACTERS]
    plain = text.encode("utf-8", "replace").translate(_LOWER)
    beyond = plain.translate(None, _ASCII)
    if not beyond:
        return plain
    if len(beyond) == 3 * beyond.count(_PUNCTUATION):
        # English texts hold quotes and dashes beside ASCII; those part words as spaces do.
        return plain.translate(_NO_MORE)
    return " ".join(_WORD.findall(text.lower())).encode()


def _sampled_in_turn(texts: Iterable[bytes]) -> Iterator[bytes | None]:
    """The marks of each text; None where it has too few words.

    A word counts as its first and its last eight bytes, which machines take as one number each.
    """
    for text in texts:
        words = text.split()[:HEAD_WORDS]
        if len(words) < FEWEST_WORDS:
            yield None
            continue
        numbers = [
            int.from_bytes(word[:8], "little") + int.from_bytes(word[-8:], "little") * _MIX
            for word in words
        ]
        kept = set()
        for place in range(len(words) - SHINGLE + 1):
            mixed = 0
            for number in numbers[place : place + SHINGLE]:
                mixed = (mixed * _MIX + number) & _64_BITS
                mixed ^= mixed >> 29
            mark = (mixed * _MIX & _64_BITS) >> 32
            if mark % SAMPLED == 0:
                kept.add(mark)
        yield array("I", sorted(kept)).tobytes()


def _sampled_at_once(texts: Sequence[bytes]) -> Iterator[bytes | None]:
    """The same for many texts, without a step for each word."""
    import numpy as np  # noqa: PLC0415 - loading it takes longer than most rounds

    # Room at both ends, so that eight bytes may be read from every word on and up to its end.
    whole = np.frombuffer(b"%b%b%b" % (b" " * 8, b" ".join(texts), b" " * 8), np.uint8)
    inside = whole > np.uint8(0x20)
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    text_ends = np.cumsum([len(text) + 1 for text in texts]) + 8
    word_ends = np.searchsorted(starts, text_ends)
    counts = np.diff(word_ends, prepend=0)
    owner = np.repeat(np.arange(len(texts), dtype=np.uint32), counts)
    within = np.arange(len(starts)) - np.repeat(word_ends - counts, counts) < HEAD_WORDS
    starts, ends, owner = starts[within], ends[within], owner[within]
    eight = np.ndarray(len(whole) - 7, np.dtype("<u8"), whole, strides=(1,))
    beyond = (8 * (8 - np.minimum(ends - starts, 8))).astype(np.uint64)
    numbers = (eight[starts] << beyond >> beyond) + (eight[ends - 8] >> beyond) * np.uint64(_MIX)
    most = max(len(numbers) - SHINGLE + 1, 0)
    mixed = np.zeros(most, np.uint64)
    for place in range(SHINGLE):
        mixed = mixed * np.uint64(_MIX) + numbers[place : place + most]
        mixed ^= mixed >> np.uint64(29)
    marks = (mixed * np.uint64(_MIX)) >> np.uint64(32)
    kept = (marks % np.uint64(SAMPLED) == 0) & (owner[:most] == owner[SHINGLE - 1 :][:most])
    both = (owner[:most][kept].astype(np.uint64) << np.uint64(32)) | marks[kept]
    both.sort()
    both = both[np.append(True, both[1:] != both[:-1])] if len(both) else both
    ends = np.searchsorted(both >> np.uint64(32), np.arange(len(texts)), side="right").tolist()
    packed = both.astype(np.uint32)
    for start, end, words in zip([0, *ends], ends, counts.tolist(), strict=False):
        yield packed[start:end].tobytes() if words >= FEWEST_WORDS else None


def _exact(title: str, words: Sequence[bytes]) -> bytes:
    """The whole of a short article; nothing where it says too little to be anybody's copy."""
    head = _WORD.findall(title.lower())
    body = b" ".join(words)
    return b"%b\n%b" % (" ".join(head).encode(), body) if body or len(head) > 5 else b""
