"""The whole path on the invented day: feeds in, letters out, and every promise on the way."""

from __future__ import annotations

import email
import email.policy
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import run_newsletter


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place in which the invented day was collected, written, approved and sent."""
    folder = tmp_path_factory.mktemp("day") / "place"
    assert run_newsletter("init", folder, cwd=folder.parent).code == 0
    said = run_newsletter("today", "--sample", "--approve", "--send", cwd=folder)
    assert said.code == 0, said.err
    (folder / "said.txt").write_text(said.out)
    return folder


def letters(folder: Path) -> list[Path]:
    """All letters in a place's outbox."""
    return sorted((folder / "outbox").rglob("*.eml"))


def test_the_demo_says_what_it_did(sent: Path) -> None:
    """The output names feeds, articles, stories, reading time, letters and where to look."""
    said = (sent / "said.txt").read_text()
    for word in (
        "collected  94 new articles from 24 feeds",
        "to read",
        "30 letters",
        "Read it:",
        "Next:",
    ):
        assert word in said


def test_the_issue_keeps_to_five_minutes_and_tells_both_sides(sent: Path) -> None:
    """The draft has several stories with both sides and is read within five minutes."""
    facts = run_newsletter("draft", "--json", cwd=sent).json
    assert facts["changed"] is False
    assert facts["seconds"] <= 300
    both = [s for s in facts["stories"] if s["left"] == "ok" and s["right"] == "ok"]
    assert len(both) >= 5
    assert any(s["place"] == "one_sided" for s in facts["stories"])


def test_every_reader_got_exactly_one_letter(sent: Path) -> None:
    """Thirty readers, thirty files, thirty addresses, and the ledger agrees."""
    status = run_newsletter("status", "latest", "--json", cwd=sent).json
    assert status["state"] == "sent"
    assert status["states"] == {"accepted": 30}
    found = [
        email.message_from_bytes(f.read_bytes(), policy=email.policy.default) for f in letters(sent)
    ]
    assert len(found) == len({letter["To"] for letter in found}) == 30


def test_letters_spread_over_the_segments(sent: Path) -> None:
    """The invented readers fall into at least three segments, each reader into one."""
    rows = run_newsletter("segments", "list", "--json", cwd=sent).json
    assert len([row for row in rows if row["readers"]]) >= 3
    said = (sent / "said.txt").read_text()
    assert said.count(" to ") >= 3


def test_a_letter_is_what_mail_programs_ask_for(sent: Path) -> None:
    """Text and HTML, one clean List-Unsubscribe with one-click, no open token, no script."""
    letter = email.message_from_bytes(letters(sent)[0].read_bytes(), policy=email.policy.default)
    assert letter.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["List-Unsubscribe"].startswith("<http")
    text, html = (part.get_content() for part in letter.iter_parts())
    for part in (html, text):
        assert "unsubscribe" in part.lower()
        assert "{{" not in part
        assert "<script" not in part
    assert len(html.encode()) < 60_000


def test_wire_copies_are_one_voice(sent: Path) -> None:
    """Five outlets that print one wire text are linked to the first."""
    collected = (sent / "said.txt").read_text()
    assert "5 wire copies" in collected


def test_the_same_day_again_changes_nothing(sent: Path) -> None:
    """Running the whole day a second time finds nothing new and mails nobody again."""
    before = {file: file.stat().st_mtime_ns for file in letters(sent)}
    said = run_newsletter("today", "--sample", "--approve", "--send", cwd=sent)
    assert said.code == 0, said.err
    assert "collected  0 new articles" in said.out
    assert {file: file.stat().st_mtime_ns for file in letters(sent)} == before


def test_a_killed_send_finishes_without_a_double(tmp_path: Path) -> None:
    """SIGKILL in mid-send, started again: everybody has one letter, nobody two."""
    place = tmp_path / "place"
    assert run_newsletter("init", place, cwd=tmp_path).code == 0
    people = tmp_path / "people.csv"
    people.write_text("email\n" + "".join(f"reader{n}@example.org\n" for n in range(1200)))
    assert run_newsletter("subscribers", "import", people, cwd=place).code == 0
    assert run_newsletter("today", "--sample", "--approve", cwd=place).code == 0
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-m", "newsletter", "send", "latest"],
            cwd=place,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        seen = len(letters(place))
        deadline = time.monotonic() + 30
        while (
            len(letters(place)) <= seen and process.poll() is None and time.monotonic() < deadline
        ):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert run_newsletter("send", "latest", cwd=place).code == 0
    rows = run_newsletter("deliveries", "latest", "--jsonl", cwd=place).out.splitlines()
    assert {json.loads(row)["state"] for row in rows} == {"accepted"}
    assert len(rows) == 1200
    assert len(letters(place)) == 1200
