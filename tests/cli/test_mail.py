"""``newsletter mail``: the lane of single mails from the command line."""

from __future__ import annotations

from pathlib import Path

from newsletter import pipeline
from newsletter.config import load
from newsletter.newsroom import open_newsroom
from tests.cli.conftest import Run


def test_delivers_what_waits(place: Path, run: Run) -> None:
    """A posted mail leaves as a file with the command, and the list shows it without an address."""
    room = open_newsroom(load(place / "config.toml"))
    values = {"edition": "Daily", "confirm_url": "https://news.example.org/confirm/w"}
    assert pipeline.post_mail(room, "confirm", "ana@example.org", values, "confirm-1")
    assert not pipeline.post_mail(room, "confirm", "ana@example.org", values, "confirm-1")
    room.close()
    said = run("mail", "--json")
    assert said.code == 0, said.err
    assert said.json["states"] == {"accepted": 1}
    [letter] = (place / "outbox" / "confirm").glob("*.eml")
    raw = letter.read_bytes()
    assert b"ana@example.org" in raw
    assert b"List-Unsubscribe" not in raw
    listed = run("mail", "--list")
    assert "confirm-1" in listed.out
    assert "ana@" not in listed.out


def test_says_when_the_way_is_blocked(place: Path, run: Run) -> None:
    """A mail that cannot leave stays, and the exit status asks for a person."""
    room = open_newsroom(load(place / "config.toml"))
    pipeline.post_mail(
        room, "confirm", "ana@example.org", {"edition": "Daily", "confirm_url": "x"}, "confirm-1"
    )
    room.close()
    (place / "outbox").write_text("in the way")
    said = run("mail")
    assert said.code == 3
    assert "not delivered for now" in said.err
    assert "1 deferred" in said.out
