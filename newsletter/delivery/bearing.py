"""How a transport bears itself: it takes letters, asks for time, refuses, or falls silent.

An outage must cost little. A provider that takes requests and answers none of them would put a
thousand readers in doubt with each; so after the first such hand-over a single letter is tried at
a time, less and less often, and after a few of these the send stops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from newsletter.delivery.throttle import pause, retry_after
from newsletter.model import DeliveryState, Outcome

SILENT = 4
"""So many hand-overs one after the other of which nobody knows anything, and it is an outage."""
FALL_BACK_AFTER = timedelta(seconds=60)
"""So long without one letter taken, and a second transport takes over where there is one."""

_NOTHING = {DeliveryState.UNKNOWN, DeliveryState.DEFERRED}


@dataclass(slots=True)
class Bearing:
    """What the last answers of one transport say about it.

    ``silent`` counts the hand-overs that left letters in doubt since one was taken; such as were
    under way together count once. ``asked`` counts the times in a row that we were told to wait.
    """

    jitter: Random
    silent: int = 0
    asked: int = 0
    nothing_since: datetime | None = None

    def hear(self, outcomes: Sequence[Outcome], *, silent: int, now: datetime) -> float:
        """Take note of the answers to one hand-over; for how many seconds everything rests.

        :param silent: what ``silent`` was when the letters were handed over.
        """
        # A letter that was put off by our own pace says nothing about the transport.
        states = {one.state for one in outcomes if not one.later}
        works = DeliveryState.ACCEPTED in states or not states & _NOTHING
        if works and states:
            self.silent, self.asked, self.nothing_since = 0, 0, None
        elif states:
            self.nothing_since = self.nothing_since or now
        lost = not works and DeliveryState.UNKNOWN in states
        if lost:
            self.silent = max(self.silent, silent + 1)
        if wait := max((one.wait for one in outcomes), default=0.0):
            self.asked += not works
            return pause(wait, self.asked)
        return retry_after(self.silent) * self.jitter.uniform(0.5, 1.0) if lost else 0.0

    @property
    def is_silent(self) -> bool:
        """Whether it is time to stop asking."""
        return self.silent >= SILENT

    def takes_nothing(self, now: datetime) -> bool:
        """Whether it has taken no letter for so long that another transport should."""
        since = self.nothing_since
        return self.is_silent or (since is not None and now - since >= FALL_BACK_AFTER)
