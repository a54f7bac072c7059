"""Providers' words about people, the journal beside the database, and the sunset rule."""

from __future__ import annotations

import io
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from newsletter.audience.importing import read_rows
from newsletter.database.engine import Database
from newsletter.database.farewell_journal import FarewellJournal
from newsletter.database.farewells import FarewellReport
from newsletter.database.readers import Readers
from newsletter.database.signups import Choice, SignUps, Wish
from newsletter.database.sunset import Sunset
from newsletter.database.tables import readers as table
from newsletter.database.tables import subscriptions, suppressions
from newsletter.errors import DatabaseError
from newsletter.model import Farewell, FarewellKind

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HARD, SOFT = FarewellKind.HARD_BOUNCE, FarewellKind.SOFT_BOUNCE


class Office:
    """Three readers, with a journal."""

    def __init__(self, database: Database, folder: Path):
        self.database = database
        self.folder = folder
        self.readers = Readers(
            database, clock=lambda: NOW, journal=FarewellJournal(folder / "farewells.jsonl")
        )
        self.signups = SignUps(
            database, address_hash=self.readers.address_hash, journal=self.readers.journal
        )
        self._numbers = itertools.count(1)
        self.bring("email\nada@example.org\nbo@example.org\ncy@example.org\n")

    def token(self) -> str:
        """Words that look random enough."""
        return f"word-of-a-reader-{next(self._numbers):05}"

    def bring(self, text: str) -> int:
        """Import; how many were kept out."""
        return self.readers.import_rows(
            read_rows(io.BytesIO(text.encode())),
            source="people.csv",
            consent="paper form",
            editions=("daily",),
            now=NOW,
            token=self.token,
            refusals=self.folder / "refused.csv",
        ).kept_out

    def note(self, kind: FarewellKind, who: str = "ada", at: datetime = NOW) -> FarewellReport:
        """One word about one person, by address."""
        one = Farewell(kind=kind, at=at, email=f"{who}@example.org", detail="550 no such user")
        return self.readers.note_farewells([one], now=at)

    def state(self, who: str = "ada") -> str:
        """A person's state, or "nobody"."""
        facts = self.readers.show(f"{who}@example.org")
        return str(facts["state"]) if facts else "nobody"


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    """On each engine."""
    return Office(database, tmp_path)


@pytest.mark.parametrize(
    ("kind", "state", "why"),
    [
        (HARD, "suppressed", "suppressed on 2026-11-22 by bounce: 550 no such user"),
        (FarewellKind.COMPLAINT, "suppressed", "suppressed on 2026-11-22 by complaint: 550"),
        (FarewellKind.UNSUBSCRIBE, "unsubscribed", "unsubscribed on 2026-11-22 by provider: 550"),
    ],
)
def test_a_farewell_ends_the_mail_at_once_and_says_why(
    office: Office, kind: FarewellKind, state: str, why: str
) -> None:
    """Once is enough, twice is the same, no import brings the person back."""
    first = office.note(kind)
    assert first.suppressed + first.unsubscribed == 1
    before = office.readers.show("ada@example.org")
    assert before
    assert office.note(kind, at=NOW + DAY).left == {}
    assert office.readers.show("ada@example.org") == before
    assert (before["state"], str(before["why"]).startswith(why)) == (state, True)
    assert office.bring("email\nada@example.org\n") == 1
    assert office.state() == state
    assert office.state("bo") == "active"


def test_soft_bounces_count_up_to_a_limit(office: Office) -> None:
    """Five in thirty days are one too many; the same event twice counts once."""
    for number in range(4):
        assert office.note(SOFT, at=NOW + number * DAY).soft == 1
        assert office.note(SOFT, at=NOW + number * DAY).soft == 1
    assert office.state() == "active"
    assert office.note(SOFT, at=NOW + 4 * DAY).suppressed == 1
    assert "5 letters were not taken" in str((office.readers.show("ada@example.org") or {})["why"])


def test_a_mailbox_that_takes_letters_again_starts_anew(office: Office) -> None:
    """A letter that arrives ends the row, and so do thirty days."""
    for number in range(4):
        office.note(SOFT, at=NOW + number * DAY)
    assert office.readers.note_taken([1, 2], now=NOW + 4 * DAY) == 1
    assert office.note(SOFT, at=NOW + 5 * DAY).soft == 1
    for number in range(4):
        office.note(SOFT, "bo", at=NOW + number * DAY)
    assert office.note(SOFT, "bo", at=NOW + 40 * DAY).soft == 1
    assert office.state() == office.state("bo") == "active"


def test_an_event_that_comes_again_revives_no_old_row(office: Office) -> None:
    """Four bounces, a letter that arrived, the four reported again, one more: that is one."""
    for number in range(4):
        office.note(SOFT, at=NOW + number * DAY)
    office.readers.note_taken([1], now=NOW + 4 * DAY)
    for number in range(4):
        office.note(SOFT, at=NOW + number * DAY)
    assert office.note(SOFT, at=NOW + 5 * DAY).suppressed == 0
    assert office.state() == "active"


def test_the_address_of_somebody_unknown_is_barred_all_the_same(office: Office) -> None:
    """A bounce of an erased person keeps the address from coming in again."""
    assert office.note(HARD, "dee").unknown == 1
    assert office.bring("email\ndee@example.org\n") == 1
    assert office.note(FarewellKind.UNSUBSCRIBE, "eve").unknown == 1
    assert office.bring("email\neve@example.org\n") == 0
    none = Farewell(kind=HARD, at=NOW)
    assert office.readers.note_farewells([none], now=NOW).unknown == 1


def test_a_graver_reason_replaces_an_own_act(office: Office) -> None:
    """Who was erased may sign up again; after a complaint to the provider nobody asks them."""
    office.readers.forget("ada@example.org", now=NOW)
    office.note(FarewellKind.COMPLAINT)
    proof = office.readers.proof("ada@example.org")
    assert proof
    assert proof["suppressed"]["reason"] == "complaint"
    assert proof["state"] == "erased"
    assert office.readers.proof("nobody@example.org") is None


def _restore(office: Office) -> None:
    """Put the database back to before anybody left, as an old backup would."""
    with office.database.begin() as connection:
        connection.execute(delete(suppressions))
        connection.execute(update(table).values(state="active", receives="daily"))
        connection.execute(update(subscriptions).values(state="active"))
        connection.exec_driver_sql("DELETE FROM settings WHERE name LIKE 'farewells:%%'")


def test_an_old_backup_brings_nobody_back(office: Office) -> None:
    """After a restore those leave again who had left; who came back by their own act stays."""
    office.note(HARD)
    bo = office.readers.by_email("bo@example.org")
    assert bo
    office.readers.unsubscribe(bo.token, how="one-click", now=NOW)
    cy = office.readers.by_email("cy@example.org")
    assert cy
    office.readers.unsubscribe(cy.token, how="one-click", now=NOW)
    wish = Wish(
        email="cy@example.org", key="cy@example.org", domain="example.org", editions=("daily",)
    )
    again = office.signups.sign_up(wish, now=NOW, token=office.token)
    assert again
    assert office.signups.confirm(again.reader, again.consent, now=NOW)
    assert office.readers.take_in_journal() == 0
    _restore(office)
    assert office.readers.take_in_journal() == 2
    assert [office.state(who) for who in ("ada", "bo", "cy")] == [
        "suppressed",
        "unsubscribed",
        "active",
    ]
    assert office.readers.take_in_journal() == 0
    text = (office.folder / "farewells.jsonl").read_text()
    assert "@" not in text
    assert (office.folder / "farewells.jsonl").stat().st_mode & 0o077 == 0


def test_an_old_backup_brings_nobody_erased_back(office: Office) -> None:
    """Who was erased is erased again, also after leaving first and complaining later."""
    bo = office.readers.by_email("bo@example.org")
    assert bo
    office.readers.unsubscribe(bo.token, how="one-click", now=NOW)
    with office.database.begin() as connection:
        kept = connection.execute(select(table)).mappings().all()
    for who in ("ada", "bo"):
        assert office.readers.forget(f"{who}@example.org", now=NOW)
    office.readers.note_farewells(
        [Farewell(kind=FarewellKind.COMPLAINT, at=NOW, email="ada@example.org")], now=NOW
    )
    with office.database.begin() as connection:
        connection.execute(delete(table))
        connection.execute(insert(table), [dict(row) for row in kept])
        connection.exec_driver_sql("DELETE FROM settings WHERE name LIKE 'farewells:%%'")
    assert office.readers.show("bo@example.org")
    assert office.readers.take_in_journal() == 2
    assert office.readers.show("ada@example.org") is None
    assert office.readers.show("bo@example.org") is None
    assert office.readers.show("cy@example.org")
    proof = office.readers.proof("ada@example.org")
    assert proof
    assert proof["suppressed"]["reason"] == "complaint"


def test_a_journal_that_was_cut_short_is_still_read(office: Office) -> None:
    """A line that a crash cut off, or that is no line of ours, costs only itself."""
    office.note(HARD)
    with (office.folder / "farewells.jsonl").open("a") as stream:
        stream.write('["x"]\n\n{"hash": "ab", "reas')
    _restore(office)
    assert office.readers.take_in_journal() == 1


def test_who_leaves_stays_when_the_journal_cannot_be_written(
    database: Database, tmp_path: Path
) -> None:
    """A disk that takes nothing is said, and nothing is half done."""
    (tmp_path / "way").write_text("a file where a folder should be")
    readers = Readers(database, journal=FarewellJournal(tmp_path / "way" / "farewells.jsonl"))
    office = Office(database, tmp_path)
    ada = office.readers.by_email("ada@example.org")
    assert ada
    with pytest.raises(DatabaseError, match="journal"):
        readers.unsubscribe(ada.token, how="one-click", now=NOW)
    assert office.state() == "active"


def test_the_silent_are_asked_once_and_then_let_go(office: Office) -> None:
    """Only those count whose clicks may be counted, from that day; a click or an answer keeps them."""
    for who in ("ada", "bo"):
        found = office.readers.by_email(f"{who}@example.org")
        assert found
        office.signups.choose(found.token, Choice(tracking=True), now=NOW)
    rule = Sunset(
        office.database, address_hash=office.readers.address_hash, journal=office.readers.journal
    )
    cy = office.readers.by_email("cy@example.org")
    assert cy
    office.signups.choose(cy.token, Choice(tracking=True), now=NOW + 199 * DAY)
    later = NOW + 200 * DAY
    asked = office.readers.by_email("bo@example.org")
    assert asked
    assert office.signups.stay(asked.token, now=later)
    [ada] = rule.silent(since=later - 180 * DAY)
    assert (ada.email, ada.since) == ("ada@example.org", NOW)
    rule.asked(ada.reader, now=later)
    assert rule.silent(since=later) != [ada]
    assert rule.stop(asked_before=later - 14 * DAY, now=later) == 0
    assert rule.stop(asked_before=later, now=later + 14 * DAY) == 1
    assert office.state() == "unsubscribed"
    assert "sunset rule" in str((office.readers.show("ada@example.org") or {})["why"])
    bo = office.readers.by_email("bo@example.org")
    assert bo
    rule.asked(bo.id, now=later)
    assert office.signups.stay(bo.token, now=later)
    assert rule.stop(asked_before=later + DAY, now=later + DAY) == 0
    assert not office.signups.stay("nobodys-word-at-all", now=later)


def test_the_word_kept_for_counting_follows_every_change(office: Office) -> None:
    """Whatever happened, it names the editions that the reader gets by state and subscriptions."""
    office.note(HARD)
    for who, until in (("bo", NOW + 7 * DAY), ("cy", None)):
        found = office.readers.by_email(f"{who}@example.org")
        assert found
        choice = Choice(offered=("daily", "local"), editions=("local",), pause_until=until)
        assert office.signups.choose(found.token, choice, now=NOW)
    assert _words(office) == {"ada": "", "bo": "", "cy": "local"}
    office.signups.tidy(NOW + 7 * DAY)
    assert _words(office) == {"ada": "", "bo": "local", "cy": "local"}
    office.bring("email\nbo@example.org\ndee@example.org\n")
    assert _words(office) == {"ada": "", "bo": "local", "cy": "local", "dee": "daily"}


def _words(office: Office) -> dict[str, str]:
    with office.database.reading() as connection:
        rows = connection.execute(select(table.c.email, table.c.receives)).all()
    return {row.email.split("@")[0]: row.receives for row in rows}
