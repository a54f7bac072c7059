"""Kill -9 of the whole service in the middle of a day: one issue, one letter each."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.service_crash import days, stopped

pytestmark = pytest.mark.crash


def test_a_service_killed_twice_sends_one_issue_once(tmp_path: Path) -> None:
    """After two kills at random moments of a compressed day everybody has one letter."""
    outcome = days(tmp_path, kills=2, readers=60, seed=4)
    assert outcome.kills.total() == 2
    assert outcome.issues == outcome.days
    assert (outcome.doubled, outcome.lost, outcome.unsettled) == (0, 0, 0)


def test_a_stop_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    """Told to end in the middle of a send, the service queues what is left; the next one sends it."""
    _, states, copies = stopped(tmp_path / "place", 400)
    assert set(states) == {"accepted", "queued"}
    assert len(copies) == copies.total() == 400
