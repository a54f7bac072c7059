"""The time, as something that is passed in.

Nothing else in the program asks the operating system for the time of day, so a test, a simulated
year or ``today --sample`` can decide what "now" is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present moment as an aware UTC time."""


def system_clock() -> datetime:
    """The machine's clock, in UTC."""
    return datetime.now(UTC)
