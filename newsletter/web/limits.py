"""How often somebody may knock: sliding windows in memory, one set per process."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import datetime, timedelta

Rule = tuple[int, timedelta]
"""So many times in so long."""


class Limit:
    """Counts events by key; memory is bounded by forgetting the keys unheard of for longest.

    :param rules: all must hold.
    :param keys: how many keys are remembered.
    """

    def __init__(self, rules: Sequence[Rule], *, keys: int = 50_000):
        self._rules = tuple(rules)
        self._longest = max(window for _, window in rules)
        self._most = max(count for count, _ in rules)
        self._keys = keys
        self._seen: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def allows(self, key: str, now: datetime) -> bool:
        """Count one event, unless that would be one too many."""
        with self._lock:
            times = self._seen.setdefault(key, deque(maxlen=self._most))
            self._seen.move_to_end(key)
            while times and now - times[0] >= self._longest:
                times.popleft()
            for count, window in self._rules:
                if sum(now - time < window for time in times) >= count:
                    return False
            times.append(now)
            while len(self._seen) > self._keys:
                self._seen.popitem(last=False)
            return True
