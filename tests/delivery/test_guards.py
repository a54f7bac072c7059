"""Guard rails: surprising audiences, worrying answers, and the switch that stops everything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.database.engine import Database
from newsletter.database.switches import Switches
from newsletter.delivery.guards import surprising_growth, worrying_answers


@pytest.mark.parametrize(
    ("readers", "before", "limit", "surprising"),
    [
        (1000, 0, 0.5, False),
        (1500, 1000, 0.5, False),
        (1501, 1000, 0.5, True),
        (150, 60, 0.5, False),
        (161, 60, 0.5, True),
        (10, 1000, 0.5, False),
        (99999, 10, 0, False),
    ],
)
def test_growth(readers: int, before: int, limit: float, surprising: bool) -> None:  # noqa: FBT001
    """More than half again and more than a hundred is a surprise; a first issue never is."""
    assert bool(surprising_growth(readers, before, limit=limit)) == surprising


def test_worry() -> None:
    """Shares are looked at only when enough letters left, and the sentence names the numbers."""
    limits = {"bounce_limit": 0.05, "complaint_limit": 0.003, "judge_after": 200}
    assert not worrying_answers({"accepted": 100, "bounced": 90}, **limits)  # type: ignore[arg-type]
    assert not worrying_answers({"accepted": 190, "bounced": 10}, **limits)  # type: ignore[arg-type]
    said = worrying_answers({"accepted": 189, "bounced": 11, "queued": 9999}, **limits)  # type: ignore[arg-type]
    assert "11 of 200" in said
    assert "complain" not in worrying_answers({"accepted": 999, "complained": 1}, **limits)  # type: ignore[arg-type]
    assert "spam" in worrying_answers({"delivered": 996, "complained": 4}, **limits)  # type: ignore[arg-type]


def test_who_resumes_has_seen_what_was_wrong() -> None:
    """What had bounced by then pauses the issue no second time; as much again does."""
    limits = {"bounce_limit": 0.05, "complaint_limit": 0.003, "judge_after": 200}
    seen = {"accepted": 900, "bounced": 100}
    assert not worrying_answers(seen, seen=seen, **limits)  # type: ignore[arg-type]
    more = {"accepted": 860, "bounced": 140}
    assert not worrying_answers(more, seen=seen, **limits)  # type: ignore[arg-type]
    worse = {"accepted": 840, "bounced": 160}
    said = worrying_answers(worse, seen=seen, **limits)  # type: ignore[arg-type]
    assert said.startswith("60 of 900 letters bounced since it was resumed")
    assert not worrying_answers({"complained": 100}, seen=seen, **limits | {"complaint_limit": 0})  # type: ignore[arg-type]


@given(
    states=st.dictionaries(
        st.sampled_from(["queued", "accepted", "bounced", "complained", "skipped", "unknown"]),
        st.integers(0, 10**6),
    )
)
def test_no_limit_never_worries(states: dict[str, int]) -> None:
    """Limits of 0 stop nothing."""
    assert not worrying_answers(states, bounce_limit=0, complaint_limit=0, judge_after=1)


def test_switch(database: Database) -> None:
    """What is stopped stays stopped for every process until it is let go; reasons are kept."""
    switches = Switches(database)
    assert switches.stopped() == ""
    switches.stop_all("wrong subject")
    assert Switches(database).stopped() == "wrong subject"
    assert switches.start_again()
    assert not switches.start_again()
    switches.note_pause("daily-1", "bounces")
    switches.note_pause("daily-1", "complaints")
    assert switches.pause_of("daily-1") == "complaints"
    assert switches.pause_of("daily-2") == ""
    switches.forget_pause("daily-1")
    assert switches.pause_of("daily-1") == ""
