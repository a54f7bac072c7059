"""The pace and the places that a receiving domain has, for all sending processes together.

Receivers count what comes to them, not which of our processes it came from. So turns and places
are kept where all processes see them (:class:`DomainLane`; the database satisfies it). A turn is
a moment at which one letter may leave; they are fetched for a quarter of a second at a time. A
place is the right to have one letter under way; it is kept for a second, then given back, so that
the others get it too. A place of a process that died is free again when its lease is over.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from newsletter.clock import Clock
from newsletter.delivery.throttle import LONGEST_RETRY

LONGEST_TURN = 0.5
"""Most seconds a letter waits in line for its domain; one that would wait longer is deferred."""
LONGEST_SINGLE_TURN = 10.0
"""The same for a single mail, which must not be stuck behind an issue: it takes its turn."""
FETCHED = 0.25
"""Turns for so many seconds are fetched at once; older ones are let go."""
KEPT = 1.0
"""Seconds after which a place goes back to all."""
LOOK_EVERY = 0.05
"""Seconds between two looks at whether a place is free."""
MAX_NAME = 28
"""Longest name of a lane, so that it fits its column with the number of a place behind it."""

Place = tuple[str, datetime]
"""A place by its name, and until when it is ours without another word."""


class DomainLane(Protocol):
    """What all sending processes share."""

    def reserve(
        self, lane: str, *, seconds: float, now: datetime, within: float | None = None
    ) -> datetime:
        """When the lane is free; from then it is taken, unless that is not ``within`` seconds."""
        ...

    def take_place(self, lane: str, *, places: int, seconds: float, now: datetime) -> Place | None:
        """One of a lane's places for so many seconds; None when all are taken."""
        ...

    def leave_place(self, place: Place, *, now: datetime) -> None:
        """Give a place back."""
        ...


@dataclass(slots=True)
class _Domain:
    """What this process knows of one domain."""

    name: str
    turns: deque[datetime] = field(default_factory=deque)
    looked: datetime | None = None
    taken_until: datetime | None = None
    back: datetime | None = None
    idle: list[tuple[Place, datetime]] = field(default_factory=list)
    free: threading.Semaphore | None = None


class DomainPace:
    """The limits of receiving domains.

    :param per_second: most letters a second to one domain; ``limits`` has other numbers for
        single ones. 0: any.
    :param connections: most letters under way at once to one domain; 0: any.
    :param lease: seconds for which a place is taken; longer than any letter needs.
    """

    def __init__(
        self,
        lane: DomainLane,
        *,
        clock: Clock,
        sleep: Callable[[float], None],
        per_second: float = 0,
        limits: Mapping[str, float] | None = None,
        connections: int = 0,
        lease: float = 120,
    ):
        self._lane = lane
        self._clock = clock
        self._sleep = sleep
        self._per_second = per_second
        self._limits = limits or {}
        self._connections = connections
        self._lease = lease
        self._domains: dict[str, _Domain] = {}
        self._lock = threading.Lock()

    def turn(self, domain: str, *, single: bool = False) -> float:
        """Wait for a letter's turn; 0, or after how many seconds to come again without one.

        Letters that are sent away come again one after another, not all at once.
        """
        limit = self._limits.get(domain, self._per_second)
        if not limit:
            return 0.0
        with self._lock:
            now = self._clock()
            known = self._known(domain, now)
            while known.turns and (now - known.turns[0]).total_seconds() > FETCHED:
                known.turns.popleft()
            longest = LONGEST_SINGLE_TURN if single else LONGEST_TURN
            if not known.turns:
                begin = self._fetch(known, limit, longest, now)
                if (begin - now).total_seconds() > longest:
                    behind = max(begin, known.back or begin)
                    known.back = behind + timedelta(seconds=1 / limit)
                    return min((behind - now).total_seconds(), LONGEST_RETRY)
            wait = (known.turns.popleft() - now).total_seconds()
        if wait > 0:
            self._sleep(wait)
        return 0.0

    @contextlib.contextmanager
    def place(self, domain: str, *, single: bool = False) -> Iterator[bool]:
        """One of the places that a domain has; False when none becomes free in time."""
        if not self._connections:
            yield True
            return
        with self._lock:
            known = self._known(domain, self._clock())
            if known.free is None:
                known.free = threading.Semaphore(self._connections)
        with known.free:
            taken = self._take(known, LONGEST_SINGLE_TURN if single else LONGEST_TURN)
            try:
                yield taken is not None
            finally:
                if taken is not None:
                    with self._lock:
                        known.idle.append(taken)

    def give_back(self, *, after: float = KEPT) -> None:
        """Give back the places that nobody here uses and that were kept for so many seconds."""
        if not self._connections:
            return
        now = self._clock()
        leaving: list[Place] = []
        with self._lock:
            for known in self._domains.values():
                old = [one for one in known.idle if (now - one[1]).total_seconds() >= after]
                known.idle = [one for one in known.idle if one not in old]
                leaving += [place for place, _ in old]
        for place in leaving:
            self._lane.leave_place(place, now=now)

    def _known(self, domain: str, now: datetime) -> _Domain:
        found = self._domains.get(domain)
        if found is None:
            found = self._domains[domain] = _Domain(lane_of(domain))
        if found.looked is not None and now < found.looked:
            # The clock was set back: what was fetched by it would keep us waiting for as long.
            found.turns.clear()
            found.idle.clear()
            found.taken_until = found.back = None
        found.looked = now
        return found

    def _fetch(self, known: _Domain, limit: float, longest: float, now: datetime) -> datetime:
        """Fetch turns, unless the first of them is too far away; when that is."""
        taken = known.taken_until
        if taken is not None and (taken - now).total_seconds() > longest:
            return taken  # it never becomes free earlier, so there is no need to ask
        number = max(1, int(limit * FETCHED))
        begin = self._lane.reserve(known.name, seconds=number / limit, now=now, within=longest)
        known.taken_until = begin
        if (begin - now).total_seconds() <= longest:
            known.turns.extend(begin + timedelta(seconds=i / limit) for i in range(number))
        return begin

    def _take(self, known: _Domain, longest: float) -> tuple[Place, datetime] | None:
        waited = 0.0
        while True:
            now = self._clock()
            with self._lock:
                while known.idle:
                    kept = known.idle.pop()
                    # Used to its end, a lease could pass in the middle of a letter.
                    if (now - kept[1]).total_seconds() < self._lease / 2:
                        return kept
                    self._lane.leave_place(kept[0], now=now)
            found = self._lane.take_place(
                known.name, places=self._connections, seconds=self._lease, now=now
            )
            if found is not None:
                return found, now
            if waited >= longest:
                return None
            self._sleep(LOOK_EVERY)
            waited += LOOK_EVERY


def lane_of(domain: str) -> str:
    """The name under which a domain's pace is kept."""
    name = f"@{domain}"
    if len(name) <= MAX_NAME:
        return name
    return f"@{hashlib.sha256(domain.encode()).hexdigest()[: MAX_NAME - 1]}"
