"""The page about how everything stands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.database.alerts import Trouble
from newsletter.database.engine import Database
from newsletter.model import Role
from newsletter.newsroom import Newsroom
from newsletter.operations import backup
from newsletter.work import Job, OnProcrastinate
from tests.conftest import ROOT, StillClock
from tests.operations.rooms import sending
from tests.schedule.rooms import configured, room_on
from tests.web.desk.conftest import Signed
from tests.web.desk.person import Person, desk_app, employ
from tests.web.serving import served


@pytest.mark.parametrize("role", ["operator", "admin", "publisher", "editor"])
def test_everybody_of_the_desk_may_see_it(signed: Signed, role: str) -> None:
    """Every role sees how everything stands, linked from every page."""
    person = signed(role)
    assert 'href="/desk/status"' in person.get("/desk").text
    page = person.get("/desk/status").text
    assert "Nothing needs you." in page
    assert "never ran here" in page
    assert "none yet" in page


def test_it_says_what_an_operator_asks(
    room: Newsroom, signed: Signed, clock: StillClock, tmp_path: Path
) -> None:
    """Trouble with its hint, letters by what became of them, the scheduler, the last backup."""
    person = signed("operator")
    issue = sending(room, tmp_path, 6)
    room.ledger.claim(issue.id, owner="o", batch="b", limit=2, now=clock(), stale_seconds=60)
    trouble = Trouble(key="disk:data", sentence="Only 12 MB are <free>", hint="Free some space.")
    room.alerts.report("disk:", [trouble], now=clock())
    room.leaders.lead("scheduler", "one", now=clock(), seconds=3600)
    backup.make(room.config, clock() - timedelta(hours=3))
    page = person.get("/desk/status").text
    assert "Only 12 MB are &lt;free&gt;." in page
    assert "Free some space." in page
    assert "<b>9</b>in the queue" in page
    assert "at work, process" in page
    assert "3 h ago" in page
    assert f'href="/desk/sending/{issue.id}"' in page


def test_it_stays_up_to_date_by_itself(room: Newsroom, signed: Signed) -> None:
    """The page asks for its changing part again, and that part is a whole of its own."""
    person = signed("operator")
    assert 'hx-get="/desk/status/now"' in person.get("/desk/status").text
    room.switches.stop_all("the printer is on fire")
    part = person.get("/desk/status/now").text
    assert part.lstrip().startswith('<div id="standing"')
    assert "All sending is stopped: the printer is on fire." in part


def test_jobs_of_several_machines_are_shown(
    postgres: Database, clock: StillClock, tmp_path: Path
) -> None:
    """With PostgreSQL the page says what waits for workers and how many there are."""
    room = room_on(postgres, clock, tmp_path, zone="UTC")
    room = configured(room, paths={"templates": str(ROOT / "templates")})
    work = OnProcrastinate(room.database.url)
    for job in (Job(name="tidy"), Job(name="send", queue="send"), Job(name="mail", queue="send")):
        work.defer(job)
    work.close(1)
    employ(room, "operator@example.org", Role.OPERATOR, "Operator")
    with served(desk_app(room)) as client:
        person = Person(client)
        person.sign_in("operator@example.org")
        page = person.get("/desk/status").text
    assert "2 send, 1 write waiting; 0 workers at work" in page


def test_strangers_are_sent_to_the_door(signed: Signed) -> None:
    """Who is not signed in sees nothing of it."""
    person = signed("operator")
    person.cookies.clear()
    assert person.get("/desk/status").status == 303
    assert person.get("/desk/status/now").status == 303
