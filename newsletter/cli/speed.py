"""How fast an issue leaves, how long the rest takes, and what holds it up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from newsletter.cli.place import minutes, say

if TYPE_CHECKING:
    from newsletter.model import Issue
    from newsletter.newsroom import Newsroom


def pace_of(room: Newsroom, issue: Issue, states: Mapping[str, int]) -> dict[str, Any]:
    """How fast an issue leaves, how long the rest takes, and what holds it up."""
    open_ = sum(states.get(state, 0) for state in ("queued", "claimed", "handed", "deferred"))
    rate = room.ledger.rate(issue.id, now=room.clock()) if open_ else 0.0
    return {
        "letters_per_second": round(rate, 1),
        "left": open_,
        "seconds_left": round(open_ / rate) if rate else None,
        "stopped": room.switches.stopped(),
        "paused_because": room.switches.pause_of(issue.id),
    }


def say_pace(facts: Mapping[str, Any]) -> None:
    """Say what :func:`pace_of` found, as far as there is something to say."""
    if facts["left"]:
        rest = f"{facts['left']:,} left"
        if facts["seconds_left"] is not None:
            rest += (
                f"; {facts['letters_per_second']:,} letters a second, "
                f"about {minutes(facts['seconds_left'])} to go"
            )
        say(f"  {rest}")
    if facts["stopped"]:
        say(f"  all sending is stopped: {facts['stopped']}")
    if facts["paused_because"]:
        say(f"  it paused itself: {facts['paused_because']}")
