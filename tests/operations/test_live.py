"""A configuration that changes while the program runs, and a clock that is set."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.config import load
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.operations.live import LiveRoom, Pulse, jumped
from tests.conftest import ROOT, StillClock


@pytest.fixture
def live(tmp_path: Path, clock: StillClock) -> Iterator[LiveRoom]:
    """A newsroom that follows its files."""
    shutil.copyfile(ROOT / "config.toml", tmp_path / "config.toml")
    (tmp_path / "subscribers").mkdir()
    file = tmp_path / "config.toml"
    words = ["collect.sources=[]"]
    room = open_newsroom(load(file, words), clock=clock)
    yield LiveRoom(room, lambda: load(file, words))
    room.close()


def edit(live: LiveRoom, before: str, after: str) -> None:
    """Change the file as an editor does."""
    file = live().config.file
    file.write_text(file.read_text().replace(before, after))


def test_an_edited_schedule_needs_no_restart(live: LiveRoom) -> None:
    """The next look sees the new hour, keeps the words of the command line, and tells followers."""
    told: list[Newsroom] = []
    live.follow(told.append)
    assert not live.check()
    edit(live, 'send_at = "06:30"', 'send_at = "07:45:30"')
    assert live.check()
    assert f"{live().config.edition('daily').send_at:%H:%M:%S}" == "07:45:30"
    assert live().config.sources == ()
    assert told == [live()]
    assert not live.check()


def test_segments_are_followed_too(live: LiveRoom) -> None:
    """A new segments file is a changed configuration."""
    file = live().config.root / "subscribers" / "segments.toml"
    file.write_text("[segments.uk]\ntitle = 'UK'\n")
    assert live.check()
    assert set(live().config.segments) == {"uk"}


def test_a_broken_file_changes_nothing_and_is_said(live: LiveRoom) -> None:
    """The old configuration goes on, an alert names the key, and mending the file ends it."""
    edit(live, "late_minutes", "late_minuets")
    assert not live.check()
    assert live().config.schedule.late_minutes == 150
    [alert] = live().alerts.open()
    assert "late_minuets" in alert.sentence
    assert not live.check()
    edit(live, "late_minuets", "late_minutes")
    assert live.check()
    assert live().alerts.open() == []


def test_what_needs_a_restart_is_said(live: LiveRoom, caplog: pytest.LogCaptureFixture) -> None:
    """A changed port is named in the log."""
    edit(live, "port = 8000", "port = 8001")
    assert live.check()
    assert "[web] host and port changed" in caplog.text


@pytest.mark.parametrize(
    ("wall", "passed", "jump"),
    [(5, 5, 0.0), (7205, 5, 7200.0), (-7195, 5, -7200.0), (36005, 36005, 0.0), (65, 5, 0.0)],
)
def test_a_set_clock_is_told_from_sleep(wall: float, passed: float, jump: float) -> None:
    """Ten hours asleep pass on both clocks; two hours on one only are a step."""
    assert jumped((1000.0, 50.0), (1000.0 + wall, 50.0 + passed)) == jump


def test_the_pulse_beats_on_after_an_error() -> None:
    """What goes wrong in one beat is logged, and the next one comes."""
    beats: list[float] = []
    enough = threading.Event()

    def beat(jump: float) -> None:
        beats.append(jump)
        if len(beats) >= 3:
            enough.set()
        raise ValueError("a slip")

    pulse = Pulse(beat, seconds=0.01)
    pulse.start()
    assert enough.wait(5)
    pulse.stop()
