"""Cluster: from links between articles to groups of articles.

Two steps. First the two groups with the strongest link are joined, again and again, while the
link is strong enough; a link is the mean similarity of the members, measured against the mean
similarity inside each group, with a slight bonus for big groups. Then every article is taken out
once more, oldest first, and put where it fits best: this mends what an early join got wrong.
Articles an editor has placed are never moved.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from newsletter.stories.similarity import Ints, Links, Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What editors have decided, by position: who stays together, and who stays apart."""

    together: Sequence[Sequence[int]] = ()
    apart: Sequence[tuple[int, int]] = ()

    @property
    def placed(self) -> frozenset[int]:
        """The positions that are not to be moved."""
        return frozenset(position for some in (*self.together, *self.apart) for position in some)


NO_CONSTRAINTS = Constraints()


def cluster(links: Links, method: Method, constraints: Constraints = NO_CONSTRAINTS) -> Ints:
    """The group of each article, as the position of the group's first member."""
    label = np.zeros(links.articles, np.int64)
    for members in _Joining(links, method, constraints).groups():
        label[members] = min(members)
    swept = _Sweep(label, links, method).run(constraints.placed)
    first: dict[int, int] = {}
    for position, group in enumerate(swept):
        first.setdefault(group, position)
    return np.fromiter((first[group] for group in swept), np.int64, links.articles)


@dataclass(slots=True)
class _Group:
    """A group while groups are being joined. ``near`` maps a neighbour to [value, raw] sums."""

    members: list[int]
    within: float = 0.0
    pull: float = 0.0
    near: dict[int, list[float]] = field(default_factory=dict)
    foes: set[int] = field(default_factory=set)


class _Joining:
    """Joins the two groups with the strongest link while it reaches the threshold."""

    def __init__(self, links: Links, method: Method, constraints: Constraints) -> None:
        self._method = method
        self._group = {position: _Group([position]) for position in range(links.articles)}
        self._fresh = links.articles
        for left, right, value, raw in zip(
            links.left.tolist(),
            links.right.tolist(),
            links.value.tolist(),
            links.raw.tolist(),
            strict=True,
        ):
            self._group[left].near[right] = self._group[right].near[left] = [value, raw]
        for left, right in constraints.apart:
            self._group[left].foes.add(right)
            self._group[right].foes.add(left)
        for some in constraints.together:
            whole = some[0]
            for other in some[1:]:
                whole = self._join(whole, other)

    def groups(self) -> list[list[int]]:
        """The members of each group when no link is strong enough any more."""
        group, threshold = self._group, self._method.threshold
        for here in group.values():
            here.pull = self._pull(here)
        heap = [
            (-link, a, b)
            for a, here in group.items()
            for b, sums in here.near.items()
            if a < b and (link := sums[0] * here.pull * group[b].pull) >= threshold
        ]
        heapq.heapify(heap)
        while heap:
            _, a, b = heapq.heappop(heap)
            # Joined groups get a new number, so a link to a number that is gone is stale.
            if a in group and b in group and b not in group[a].foes:
                joined = self._join(a, b)
                here = group[joined]
                here.pull = pull = self._pull(here)
                for other, sums in here.near.items():
                    link = sums[0] * pull * group[other].pull
                    if link >= threshold:
                        heapq.heappush(heap, (-link, other, joined))
        return [here.members for here in group.values()]

    def _pull(self, group: _Group) -> float:
        """How strongly a group takes to others.

        The strength of a link is the similarity between two groups, summed over their members,
        times the pull of both. That makes it the mean similarity between them, bigger groups
        favoured, measured against the mean similarity inside each (with one pair of usual
        similarity added): two tight groups on one topic are two stories, two loose ones as near
        to each other as to themselves are one.
        """
        method, size = self._method, len(group.members)
        tight = (2 * group.within + method.cohesion_prior) / (size * (size - 1) + 1)
        return float((method.usual_cohesion / tight) ** 0.5 / size**method.size_power)

    def _join(self, a: int, b: int) -> int:
        """Make one group of two; returns its number."""
        group = self._group
        if len(group[a].near) < len(group[b].near):
            a, b = b, a
        keep, gone, joined = group.pop(a), group.pop(b), self._fresh
        self._fresh += 1
        _, raw = keep.near.pop(b, (0.0, 0.0))
        gone.near.pop(a, None)
        keep.within += gone.within + raw
        keep.members += gone.members
        for other, sums in gone.near.items():
            del group[other].near[b]
            mine = keep.near.setdefault(other, sums)
            if mine is not sums:
                mine[0] += sums[0]
                mine[1] += sums[1]
        for other, sums in keep.near.items():
            theirs = group[other].near
            theirs.pop(a, None)
            theirs[joined] = sums
        keep.foes = (keep.foes | gone.foes) - {a, b}
        for other in keep.foes:
            group[other].foes -= {a, b}
            group[other].foes.add(joined)
        group[joined] = keep
        return joined


class _Sweep:
    """Takes each article out and puts it into the group it fits best, or alone.

    An article fits a group by its summed similarity to the members over the root of the group's
    own summed similarity: the cosine to the group's centroid.
    """

    def __init__(self, label: Ints, links: Links, method: Method) -> None:
        self._method = method
        articles = links.articles
        ends = np.concatenate([links.left, links.right])
        order = np.argsort(ends, kind="stable")
        self._neighbours = np.concatenate([links.right, links.left])[order].tolist()
        self._values = np.concatenate([links.value, links.value])[order].tolist()
        self._start = np.searchsorted(ends[order], np.arange(articles + 1)).tolist()
        self._group: list[int] = label.tolist()
        inside = label[links.left] == label[links.right]
        size = np.bincount(label, minlength=articles)
        within = np.bincount(label[links.left[inside]], links.value[inside], articles)
        self._size: list[int] = size.tolist()
        self._cohesion: list[float] = (size + 2 * within).tolist()
        self._free = [number for number in range(articles) if not size[number]]

    def run(self, placed: frozenset[int]) -> list[int]:
        """The group of each article after all rounds."""
        due = [
            position
            for position in range(len(self._group))
            if self._start[position] < self._start[position + 1] and position not in placed
        ]
        for _ in range(self._method.sweep_rounds):
            # Only who has a neighbour that went elsewhere can see a better place than before.
            stirred: set[int] = set()
            for position in due:
                if self._moved(position):
                    stirred.update(
                        self._neighbours[self._start[position] : self._start[position + 1]]
                    )
            due = sorted(stirred - placed)
        return self._group

    def _moved(self, position: int) -> bool:
        group, size, cohesion = self._group, self._size, self._cohesion
        fit: dict[int, float] = {}
        known = fit.get
        begin, end = self._start[position], self._start[position + 1]
        neighbours, values = self._neighbours[begin:end], self._values[begin:end]
        for neighbour, value in zip(neighbours, values, strict=True):
            near = group[neighbour]
            fit[near] = known(near, 0.0) + value
        home = group[position]
        size[home] -= 1
        cohesion[home] -= 1 + 2 * fit.get(home, 0.0)
        best, best_value = -1, self._method.sweep_threshold
        for near, total in fit.items():
            if total > 0 and size[near]:
                worth = total / max(cohesion[near], 0.01) ** 0.5
                if worth > best_value or (worth == best_value and near < best):
                    best, best_value = near, worth
        if best < 0:
            best = home if size[home] == 0 else self._free.pop()
        if best != home and size[home] == 0:
            self._free.append(home)
        if size[best] == 0:
            cohesion[best] = 1.0
        else:
            cohesion[best] += 1 + 2 * fit.get(best, 0.0)
        size[best] += 1
        group[position] = best
        return best != home
