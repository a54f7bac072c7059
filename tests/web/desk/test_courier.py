"""Sends started from the desk: never two of one issue at once, and no start that is forgotten."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter import pipeline
from newsletter.model import IssueState
from newsletter.web.desk.courier import Courier
from tests.conftest import StillClock
from tests.web.desk.day import NOON, copy_of, prepare


def test_going_on_while_a_send_stops_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who presses pause and at once "go on" has a send that goes on."""
    (tmp_path / "day").mkdir()
    room = copy_of(
        tmp_path / "day", prepare(tmp_path / "day"), tmp_path / "place", StillClock(NOON)
    )
    issue = room.issues.find("latest")
    pipeline.approve(room, issue.id, by="Pia Lund")
    sends, asked, resumed = pipeline.send, threading.Event(), threading.Event()
    calls: list[str] = []

    def stopping(room: object, name: str, **how: bool) -> object:
        """The first send has seen the pause and is about to return; the others really send."""
        calls.append(name)
        if len(calls) == 1:
            asked.set()
            assert resumed.wait(30)
            return None
        return sends(room, name, **how)  # type: ignore[arg-type]  # a newsroom

    monkeypatch.setattr(pipeline, "send", stopping)
    courier = Courier(room)
    assert courier.send(issue.id)
    assert asked.wait(30)
    room.issues.change(
        room.issues.find(issue.id), replace(room.issues.find(issue.id), state=IssueState.SENDING)
    )
    assert not courier.send(issue.id), "one send of an issue at a time"
    resumed.set()
    while len(calls) < 2 or courier.busy(issue.id):
        threading.Event().wait(0.01)
    courier.close()
    assert len(calls) == 2
    assert room.issues.find(issue.id).state is IssueState.SENT
    room.close()
