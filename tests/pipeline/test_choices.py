"""What readers chose decides who gets an issue, when, and in which form."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from newsletter.database.engine import Database
from newsletter.database.readers import Readers
from newsletter.database.signups import Choice, SignUps
from newsletter.database.waves import chosen_times
from tests.conftest import StillClock
from tests.database.test_farewells import NOW, Office

SUNDAY, MONDAY = date(2026, 11, 22), date(2026, 11, 23)


@pytest.fixture
def office(database: Database, tmp_path: Path, clock: StillClock) -> Office:
    """Ada reads daily, Bo on weekdays, Cy once a week and as plain text."""
    found = Office(database, tmp_path)
    chosen = {
        "ada": Choice(),
        "bo": Choice(frequency="weekdays", send_at="07:30", timezone="Asia/Tokyo"),
        "cy": Choice(frequency="weekly", format="text"),
    }
    for who, choice in chosen.items():
        reader = found.readers.by_email(f"{who}@example.org")
        assert reader
        assert found.signups.choose(reader.token, choice, now=clock())
    return found


def who(office: Office, **options: object) -> dict[str, str]:
    """The readers of an issue, with their variant."""
    with office.database.reading() as connection:
        rows = connection.execute(office.readers.audience("daily", {}, **options)).all()  # type: ignore[arg-type]  # options by name
    names = {1: "ada", 2: "bo", 3: "cy"}
    return {names[row.id]: row.variant for row in rows}


def test_the_day_of_an_issue_decides_about_frequency(office: Office) -> None:
    """On Sunday who reads daily, on Monday also who reads on weekdays, the digest the others."""
    assert set(who(office, day=SUNDAY)) == {"ada"}
    assert set(who(office, day=MONDAY)) == {"ada", "bo"}
    assert set(who(office)) == {"ada", "bo", "cy"}
    digest = office.readers.audience("weekly", {}, day=SUNDAY, digest_of="daily")
    with office.database.reading() as connection:
        assert [row.id for row in connection.execute(digest)] == [3]


def test_who_wants_plain_text_gets_it_where_it_is_made(office: Office) -> None:
    """The variant is given out only when the issue has it."""
    assert who(office)["cy"] == ""
    assert who(office, variants=("text",)) == {"ada": "", "bo": "", "cy": "text"}


def test_a_time_of_ones_own_is_known_to_the_send(office: Office) -> None:
    """Each pair of zone and time that was chosen is found once."""
    assert chosen_times(office.database) == [("Asia/Tokyo", "07:30")]


def test_leaving_goes_before_every_choice(office: Office) -> None:
    """Who unsubscribed gets nothing, however they chose."""
    office.readers.unsubscribe_address("ada@example.org", how="test", now=NOW)
    assert set(who(office, day=MONDAY)) == {"bo"}
    assert isinstance(office.readers, Readers)
    assert isinstance(office.signups, SignUps)
