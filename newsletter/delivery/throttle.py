"""The pace of sending: how long to wait, and how long to leave alone what was refused for now.

Pure arithmetic. The one fact that processes share (when the lane is free again) is a row of the
database, reserved through :class:`Lane`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

FIRST_RETRY = 2.0
"""Seconds before a letter that was refused for now is tried a second time."""
LONGEST_RETRY = 900.0
"""Most seconds between two tries."""
LONGEST_PAUSE = 60.0
"""Most seconds that a provider's "slow down" stops everything."""


class Lane(Protocol):
    """Time that all sending processes share."""

    def reserve(
        self, lane: str, *, seconds: float, now: datetime, within: float | None = None
    ) -> datetime:
        """When the lane is free; from then it is taken, unless that is not ``within`` seconds."""
        ...

    def take_turn(
        self,
        lane: str,
        *,
        letters: int,
        per_second: float,
        per_hour: int,
        per_day: int,
        now: datetime,
    ) -> tuple[int, datetime]:
        """How many letters may leave (at most so many), and when; 0: ask again then."""
        ...

    def give_back(
        self, lane: str, *, letters: int, per_second: float, taken: datetime, now: datetime
    ) -> None:
        """Give back letters of a turn that did not leave."""
        ...


def turn(
    lane: Lane,
    name: str,
    *,
    letters: int,
    per_second: float,
    now: datetime,
    within: float | None = None,
) -> float:
    """Seconds to wait before this many letters may leave; 0 without a limit.

    :param within: who would wait for longer than so many seconds takes no turn.
    """
    if per_second <= 0:
        return 0.0
    begin = lane.reserve(name, seconds=letters / per_second, now=now, within=within)
    return max((begin - now).total_seconds(), 0.0)


def retry_after(attempt: int) -> float:
    """Seconds until a letter is tried again after its ``attempt``-th try was refused for now."""
    return float(min(FIRST_RETRY * 2 ** min(max(attempt - 1, 0), 20), LONGEST_RETRY))


def pause(asked: float, times: int) -> float:
    """Seconds to stop everything after the provider asked for it ``times`` times in a row.

    What the provider asks for is believed at first; one that goes on refusing is asked less and
    less often.
    """
    return min(asked * max(1, times - 10), LONGEST_PAUSE)
