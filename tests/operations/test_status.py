"""One look at everything, as people, programs and Prometheus see it."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from newsletter.config import load
from newsletter.database.alerts import Trouble
from newsletter.errors import IssueError
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.operations import doctor, logs, status
from newsletter.operations.metrics import Metrics
from newsletter.operations.plan import plan_send
from tests.conftest import ROOT, StillClock
from tests.operations.rooms import approved, make_issue, sending
from tests.schedule.rooms import at


@pytest.fixture
def room(tmp_path: Path, clock: StillClock) -> Iterator[Newsroom]:
    """A place at six in the morning of its edition."""
    shutil.copyfile(ROOT / "config.toml", tmp_path / "config.toml")
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    clock.now = at("2026-11-22T11:00")
    made = open_newsroom(load(tmp_path / "config.toml", ["collect.sources=[]"]), clock=clock)
    yield made
    made.close()


def test_an_empty_place(room: Newsroom) -> None:
    """Before the first day there is nothing, and that is said without an error."""
    found = status.look(room)
    assert found.issues[0].issue is None
    assert found.leader is None
    assert found.backup is None
    assert [firing.bell for firing in found.bells] == ["send", "draft"]


def test_where_today_is(room: Newsroom, clock: StillClock, tmp_path: Path) -> None:
    """State, moment of sending, queue, doubts, alerts: as values for a program too."""
    issue = sending(room, tmp_path, 6)
    room.ledger.claim(issue.id, owner="o", batch="b", limit=2, now=clock(), stale_seconds=60)
    room.alerts.report("disk:", [Trouble(key="disk:data", sentence="full")], now=clock())
    clock.pass_(minutes=1)
    found = status.look(room)
    assert found.issues[0].waiting == 6
    facts = json.loads(json.dumps(status.as_json(found, {"daily": "America/New_York"})))
    assert facts["issues"][0]["states"] == {"claimed": 2, "queued": 4}
    assert facts["alerts"][0]["key"] == "disk:data"
    assert facts["bells"][0]["local"].endswith("-05:00")


def test_prometheus_reads_it(room: Newsroom, tmp_path: Path) -> None:
    """Every figure of the dashboard is there, and a dead database is a figure too."""
    sending(room, tmp_path)
    figures = Metrics(lambda: room)
    figures.answered(route="/u/{token}", method="POST", code=200, seconds=0.01)
    text = figures.text().decode()
    assert 'newsletter_letters{edition="daily",state="queued"} 4.0' in text
    assert (
        'newsletter_http_requests_total{method="POST",route="/u/{token}",status="200"} 1.0' in text
    )
    board = (ROOT / "deploy" / "grafana" / "newsletter.json").read_text("utf-8")
    rules = (ROOT / "deploy" / "prometheus-rules.yml").read_text("utf-8")
    used = set(re.findall(r"\b(?:newsletter|process)_[a-z_]+", board + rules))
    # A family without a sample has a name in the text all the same.
    missing = {name for name in used if name not in text}
    assert not missing
    assert json.loads(board)["panels"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("08:15", "2026-11-22T13:15"),
        ("2026-11-23T06:00", "2026-11-23T11:00"),
        ("2026-11-22T12:00Z", "2026-11-22T12:00"),
    ],
)
def test_a_sending_at_a_moment_of_its_own(room: Newsroom, words: str, expected: str) -> None:
    """Times are the edition's own unless they say otherwise."""
    issue = approved(room, make_issue(room, "daily", room.local_day("daily")))
    assert status.planned(room, issue) == at("2026-11-22T11:30")
    assert plan_send(room, issue, words, by="cli:test") == at(expected)
    assert status.planned(room, issue) == at(expected)
    assert plan_send(room, issue, "never", by="cli:test") is None
    assert status.planned(room, issue) is None
    assert plan_send(room, issue, "usual", by="cli:test") == at("2026-11-22T11:30")
    assert [entry.action for entry in room.audit.entries()] == ["plan"] * 3


@pytest.mark.parametrize("words", ["5", "tomorrow", "25:00", "05:00", "2026-11-21T08:00"])
def test_a_moment_that_is_none_or_past_is_refused(room: Newsroom, words: str) -> None:
    """One sentence says which."""
    issue = make_issue(room, "daily", room.local_day("daily"))
    with pytest.raises(IssueError, match=r"is not a time|is past"):
        plan_send(room, issue, words, by="cli:test")


def test_the_doctor_looks_at_everything(room: Newsroom) -> None:
    """Every local check says something, and what needs a person is told with what to do."""
    found = doctor.examine(room)
    assert {one.name for one in found} >= set(doctor.LOCAL)
    assert all(one.hint for one in found if one.state != "ok")
    assert not [one for one in found if one.state == "fail"]


def test_the_doctor_finds_what_is_broken(room: Newsroom) -> None:
    """A template that does not compile and a send in the minute of its draft are failures."""
    (room.config.path("templates") / "email" / "alert" / "body.txt").write_text("{% if %}")
    file = room.config.file
    file.write_text(file.read_text().replace('draft_at = "05:30"', 'draft_at = "06:30"'))
    broken = Newsroom(
        config=load(file, ["collect.sources=[]"]), database=room.database, clock=room.clock
    )
    failing = {one.name for one in doctor.examine(broken) if one.state == "fail"}
    assert failing == {"templates", "configuration"}


def lines(room: Newsroom, folder: Path, form: str) -> list[str]:
    """What is written to a log file in a form."""
    changed = {"format": form, "file": f"logs/{form}.log"}
    logging_ = room.config.logging.model_copy(update=changed)
    root = logging.getLogger()
    before = list(root.handlers), root.level
    try:
        logs.configure(room.config.model_copy(update={"logging": logging_}))
        with logs.bound(issue="daily-2026-11-22"):
            logging.getLogger("newsletter.test").warning("sent %s letters", 7)
        try:
            raise ValueError("a\nb")
        except ValueError:
            logging.getLogger("newsletter.test").exception("went wrong")
    finally:
        for handler in set(root.handlers) - set(before[0]):
            root.removeHandler(handler)
            handler.close()
        root.setLevel(before[1])
    return (folder / "logs" / f"{form}.log").read_text("utf-8").splitlines()


def test_logs_for_people_and_for_programs(room: Newsroom, tmp_path: Path) -> None:
    """JSON is one object a line with the words that were bound; plain reads as a sentence."""
    records: list[dict[str, Any]] = [json.loads(line) for line in lines(room, tmp_path, "json")]
    assert records[0]["event"] == "sent 7 letters"
    assert records[0]["issue"] == "daily-2026-11-22"
    assert records[0]["level"] == "warning"
    assert "ValueError" in records[1]["exception"]
    assert "issue" not in records[1]
    plain = lines(room, tmp_path, "plain")
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:]{8} warning test sent 7 letters  issue=daily", plain[0])


def test_a_late_morning_has_no_moment(room: Newsroom, clock: StillClock) -> None:
    """An issue whose send bell has rung goes out by hand only."""
    issue = make_issue(room, "daily", room.local_day("daily"))
    clock.pass_(hours=1)
    room.issues.ring("daily", issue.day, "send", clock())
    assert status.planned(room, issue) is None
    assert clock().tzinfo is UTC
    assert clock() - issue.created == timedelta(hours=1)
