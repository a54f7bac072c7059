"""Sending from the command line: tests, guard rails, the big switch, the pace, doubt, bounces."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from newsletter.config import load
from newsletter.database.tables import deliveries, readers
from newsletter.newsroom import Newsroom, open_newsroom
from tests.cli.conftest import Run, Said, run_newsletter
from tests.delivery.test_bounces import notification


@pytest.fixture
def desk(sample_place: Path, tmp_path: Path) -> Path:
    """A place with an approved issue and thirty readers."""
    folder = tmp_path / "desk"
    shutil.copytree(sample_place, folder)
    assert run_newsletter("approve", "latest", cwd=folder).code == 0
    example = folder / "subscribers" / "example.csv"
    said = run_newsletter("subscribers", "import", example, "--consent", "invented", cwd=folder)
    assert said.code == 0, said.err
    return folder


@pytest.fixture
def do(desk: Path) -> Run:
    """Run a command there."""

    def do(*words: str | Path, **environment: str) -> Said:
        return run_newsletter(*words, cwd=desk, **environment)

    return do


def within(desk: Path, act: Callable[[Newsroom], None]) -> None:
    """Do something to the place's newsroom."""
    room = open_newsroom(load(desk / "config.toml"))
    act(room)
    room.close()


def letters(desk: Path) -> list[Path]:
    """Every letter in the outbox."""
    return sorted((desk / "outbox").rglob("*.eml"))


def test_test_copies(desk: Path, do: Run) -> None:
    """A test goes to the testers only, is marked, and leaves the issue as it was."""
    said = do("send", "latest", "--test")
    assert said.code == 1
    assert "testers" in said.err
    assert do("editors", "testers", "--add", "not an address").code == 1
    assert do("editors", "testers", "--add", "eve@example.org").out.split() == ["eve@example.org"]
    said = do("send", "latest", "--test")
    assert said.code == 0, said.err
    assert do("editors", "testers", "--remove", "eve@example.org").out == ""
    assert do("send", "latest", "--test", "--to", "bo@example.org").code == 0
    subjects = [
        re.search(rb"^Subject: (.*)", one.read_bytes(), re.MULTILINE) for one in letters(desk)
    ]
    assert [bool(one and b"[Test]" in one[1]) for one in subjects] == [True, True]
    assert do("status", "latest", "--json").json["state"] == "approved"


def test_stop_all(desk: Path, do: Run) -> None:
    """While all sending is stopped no letter leaves; afterwards it does."""
    assert do("stop-all", "--because", "wrong sponsor").code == 0
    said = do("send", "latest")
    assert said.code == 1
    assert "wrong sponsor" in said.err
    assert letters(desk) == []
    assert do("status", "latest", "--json").json["stopped"] == "wrong sponsor"
    assert do("start-again").code == 0
    assert do("send", "latest").code == 0
    assert len(letters(desk)) == 30


def test_growth(desk: Path, do: Run) -> None:
    """An audience that grew by half and more is refused with a hint, until somebody expects it."""
    assert do("send", "latest").code == 0

    def pretend(room: Newsroom) -> None:
        issue = room.issues.find("latest")
        with room.database.begin() as connection:
            row = connection.exec_driver_sql("SELECT * FROM issues").mappings().one()
            columns = {**row, "id": "daily-before", "day": "2026-01-01"}
            names = ", ".join(f'"{name}"' for name in columns)
            marks = ", ".join("?" * len(columns))
            connection.exec_driver_sql(
                f"INSERT INTO issues ({names}) VALUES ({marks})", tuple(columns.values())
            )
            connection.exec_driver_sql("UPDATE deliveries SET issue='daily-before' WHERE id = 1")
            connection.exec_driver_sql("DELETE FROM deliveries WHERE issue != 'daily-before'")
            connection.exec_driver_sql("DELETE FROM settings WHERE name LIKE 'frozen:%'")
            connection.execute(
                update(deliveries).where(deliveries.c.issue == issue.id).values(state="queued")
            )
            connection.exec_driver_sql(
                "UPDATE issues SET state='approved', send_started=NULL WHERE id != 'daily-before'"
            )
        people = "".join(f"new{number}@example.org,\n" for number in range(200))
        (desk / "more.csv").write_text("email,name\n" + people)

    within(desk, pretend)
    assert do("subscribers", "import", "more.csv", "--consent", "fair").code == 0
    said = do("send", _open_issue(desk))
    assert said.code == 1
    assert "--expect-growth" in said.err
    assert do("send", _open_issue(desk), "--expect-growth").code == 0
    assert len(letters(desk)) == 30 + 230


def _open_issue(desk: Path) -> str:
    found: list[str] = []

    def look(room: Newsroom) -> None:
        found.extend(one.id for one in room.issues.recent() if one.id != "daily-before")

    within(desk, look)
    return found[0]


def test_pace(desk: Path, do: Run) -> None:
    """A limit and a plan are kept, shown, and obeyed; what is not a plan is refused."""
    assert "no limit" in do("pace").out
    said = do("pace", "--warm-up", "10,20,40", "--per-hour", "500")
    assert said.code == 0, said.err
    facts = do("pace", "--json").json
    assert (facts["today"], facts["per_hour"], facts["plan"]) == (10, 500, [10, 20, 40])
    said = do("--set", "delivery.deadline_hours=0.0003", "send", "latest")
    assert said.code == 3
    assert len(letters(desk)) == 10
    assert do("pace", "--json").json["sent"]["day"] == 10
    assert do("pace", "--warm-up", "ten").code == 1
    assert do("pace", "--warm-up", "none").code == 0
    assert do("send", "latest").code == 0
    assert len(letters(desk)) == 30


def test_doubt(desk: Path, do: Run) -> None:
    """Doubt is looked up first; what is left waits for a decision, and only that is sent again."""
    assert do("send", "latest").code == 0

    def lose(room: Newsroom) -> None:
        with room.database.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE deliveries SET state='unknown', batch='' WHERE id <= 6"
            )
            connection.exec_driver_sql("UPDATE issues SET state='partly_sent'")
            rows = connection.execute(
                select(deliveries.c.key).where(deliveries.c.id.in_([1, 2, 3, 4]))
            )
            for row in rows:
                for file in (desk / "outbox").rglob(f"{row.key}.eml"):
                    file.unlink()

    within(desk, lose)
    said = do("reconcile", "latest", "--json")
    assert said.code == 3
    assert said.json["found"] == 2
    assert said.json["states"]["unknown"] == 4
    assert do("reconcile", "latest", "--resend", "--write-off").code == 2

    def keep_two(room: Newsroom) -> None:
        with room.database.begin() as connection:
            connection.execute(
                update(deliveries).where(deliveries.c.id <= 2).values(state="accepted")
            )

    within(desk, keep_two)
    said = do("reconcile", "latest", "--resend", "--by", "Ana")
    assert said.code == 0
    assert "newsletter send" in said.out
    assert do("send", "latest").code == 0
    assert len(letters(desk)) == 28
    assert do("status", "latest", "--json").json["states"] == {"accepted": 30}


def test_write_off(desk: Path, do: Run) -> None:
    """What is written off is closed with a name and a reason, and the issue is sent."""
    assert do("send", "latest").code == 0

    def lose(room: Newsroom) -> None:
        with room.database.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE deliveries SET state='unknown', transport='gone' WHERE id <= 3"
            )
            connection.exec_driver_sql("UPDATE issues SET state='partly_sent'")

    within(desk, lose)
    said = do("reconcile", "latest", "--write-off", "--by", "Ana")
    assert said.code == 0, said.err
    assert "not in use any more" in said.err
    listed = do("deliveries", "latest", "--state", "rejected", "--jsonl").out.splitlines()
    assert len(listed) == 3
    assert "Ana" in json.loads(listed[0])["reason"]
    assert do("status", "latest", "--json").json["state"] == "sent"


def test_bounces(desk: Path, do: Run) -> None:
    """A notification about a letter of ours suppresses its reader; a made-up one changes nothing."""
    assert do("send", "latest").code == 0
    letter = letters(desk)[0].read_bytes()
    found = re.search(rb"^Message-ID: (\S+)", letter, re.MULTILINE)
    to = re.search(rb"^To:.*?([^\s<>]+@[^\s<>]+)", letter, re.MULTILINE)
    assert found
    assert to
    identity, address = found[1].decode(), to[1].decode()
    (desk / "made-up.eml").write_bytes(notification(to=f"rfc822; {address}"))
    (desk / "real.eml").write_bytes(notification(to=f"rfc822; {address}", original=identity))
    said = do("bounces", "--dsn", "made-up.eml")
    assert said.code == 3
    assert do("subscribers", "show", address, "--json").json["state"] == "active"
    said = do("bounces", "--dsn", "real.eml", "--json")
    assert said.json == {"taken": 1, "passed_over": 0}
    assert do("subscribers", "show", address, "--json").json["state"] == "suppressed"
    assert do("bounces").code == 2
    assert do("bounces", "--imap").code == 1


def test_status_says_what_is_left(desk: Path, do: Run) -> None:
    """A send that was stopped by its deadline says how many are left."""

    def later(room: Newsroom) -> None:
        with room.database.begin() as connection:
            connection.execute(update(readers).values(state="active"))

    within(desk, later)
    assert do("pace", "--per-hour", "12").code == 0
    assert do("--set", "delivery.deadline_hours=0.0003", "send", "latest").code == 3
    facts = do("status", "latest", "--json").json
    assert facts["left"] == 18
    assert facts["letters_per_second"] > 0
    assert "18 left" in do("status", "latest").out
