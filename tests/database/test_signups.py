"""Signing up, confirming, choosing, and what time does by itself; on both engines."""

from __future__ import annotations

import io
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from newsletter.audience.importing import read_rows
from newsletter.database.engine import Database
from newsletter.database.readers import ImportReport, Readers
from newsletter.database.signups import Choice, Invitation, SignUps, Wish
from newsletter.database.tables import consents, suppressions
from newsletter.database.tables import readers as table

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Desk:
    """Sign-ups and readers of one database."""

    def __init__(self, database: Database, folder: Path):
        self.database = database
        self.folder = folder
        self.readers = Readers(database)
        self.signups = SignUps(database, address_hash=self.readers.address_hash)
        self._numbers = itertools.count(1)

    def token(self) -> str:
        """Words that look random enough."""
        return f"word-of-a-reader-{next(self._numbers):05}"

    def ask(
        self, email: str = "ada@example.org", *, now: datetime = NOW, topics: tuple[str, ...] = ()
    ) -> Invitation | None:
        """Fill in the form."""
        wish = Wish(
            email=email,
            key=email.casefold(),
            domain="example.org",
            editions=("daily",),
            topics=topics,
            terms="terms of November",
            origin="192.0.2.7",
        )
        return self.signups.sign_up(wish, now=now, token=self.token)

    def join(self, email: str = "ada@example.org") -> str:
        """Sign up and confirm."""
        invitation = self.ask(email)
        assert invitation
        done = self.signups.confirm(invitation.reader, invitation.consent, now=NOW)
        assert done
        return done.token

    def bring(self, text: str) -> ImportReport:
        """Import a file."""
        return self.readers.import_rows(
            read_rows(io.BytesIO(text.encode())),
            source="people.csv",
            consent="paper form",
            editions=("daily",),
            now=NOW,
            token=self.token,
            refusals=self.folder / "refused.csv",
        )

    def facts(self, email: str = "ada@example.org") -> dict[str, object]:
        """What is kept about somebody."""
        found = self.readers.show(email)
        assert found
        return found

    def state(self, email: str = "ada@example.org") -> object:
        """A person's state."""
        return self.facts(email)["state"]


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    """An empty list on each engine."""
    return Desk(database, tmp_path)


def test_nobody_is_active_before_they_confirm(desk: Desk) -> None:
    """A sign-up makes a pending person, the confirmation an active one, with proof of both."""
    invitation = desk.ask(topics=("politics",))
    assert invitation
    assert desk.state() == "pending"
    done = desk.signups.confirm(
        invitation.reader, invitation.consent, now=NOW + DAY, origin="192.0.2.8"
    )
    assert done
    assert done.fresh
    facts = desk.facts()
    assert facts["state"] == "active"
    assert facts["topics"] == ["politics"]
    with desk.database.reading() as connection:
        lines = connection.execute(select(consents).order_by(consents.c.id)).all()
    assert [(line.action, line.detail, line.origin) for line in lines] == [
        ("confirmation-sent", "terms of November", "192.0.2.7"),
        ("confirmed", "terms of November", "192.0.2.8"),
    ]


def test_confirming_twice_is_confirming_once(desk: Desk) -> None:
    """The second press of the button changes nothing and writes nothing."""
    invitation = desk.ask()
    assert invitation
    desk.signups.confirm(invitation.reader, invitation.consent, now=NOW)
    before = desk.facts()
    again = desk.signups.confirm(invitation.reader, invitation.consent, now=NOW + DAY)
    assert again
    assert not again.fresh
    assert desk.facts() == before


def test_ten_thousand_sign_ups_for_one_victim_send_one_mail(desk: Desk) -> None:
    """One confirmation a day, three in all, whoever fills in the form and how often."""
    sent = [desk.ask() for _ in range(100)]
    assert sum(one is not None for one in sent) == 1
    assert desk.ask(now=NOW + DAY - timedelta(seconds=1)) is None
    assert desk.ask(now=NOW + DAY)
    assert desk.ask(now=NOW + 2 * DAY)
    assert desk.ask(now=NOW + 300 * DAY) is None


@pytest.mark.parametrize("state", ["active", "paused", "suppressed"])
def test_who_gets_mail_or_must_not_is_not_written_to(desk: Desk, state: str) -> None:
    """An active, paused or suppressed person gets no confirmation, and stays as they are."""
    desk.join()
    with desk.database.begin() as connection:
        connection.execute(update(table).values(state=state))
    assert desk.ask(now=NOW + 5 * DAY) is None
    assert desk.state() == state


@pytest.mark.parametrize(
    ("reason", "sent"), [("complaint", False), ("bounce", False), ("erased", True)]
)
def test_a_suppressed_address_is_written_to_only_if_its_owner_left(
    desk: Desk, reason: str, *, sent: bool
) -> None:
    """After a complaint nothing is sent; who was erased may come back by their own act."""
    row = {
        "address_hash": desk.readers.address_hash("ada@example.org"),
        "reason": reason,
        "at": NOW,
    }
    with desk.database.begin() as connection:
        connection.execute(insert(suppressions).values(row))
    assert (desk.ask() is not None) is sent
    assert (desk.readers.show("ada@example.org") is not None) is sent
    if sent:
        invitation = desk.ask(now=NOW + DAY)
        assert invitation
        assert desk.signups.confirm(invitation.reader, invitation.consent, now=NOW + DAY)
        with desk.database.reading() as connection:
            assert not connection.execute(select(suppressions)).all()


def test_who_left_comes_back_only_by_confirming(desk: Desk) -> None:
    """A form does not bring anybody back, the button does; the old link does not."""
    old = desk.ask()
    assert old
    done = desk.signups.confirm(old.reader, old.consent, now=NOW)
    assert done
    assert desk.readers.unsubscribe(done.token, how="one-click", now=NOW)
    assert desk.signups.confirm(old.reader, old.consent, now=NOW) is None
    new = desk.ask(now=NOW + 9 * DAY, topics=("sport",))
    assert new
    assert desk.state() == "unsubscribed"
    assert desk.facts()["topics"] == []
    assert desk.signups.confirm(new.reader, new.consent, now=NOW + 9 * DAY)
    assert desk.state() == "active"


def test_a_confirmation_is_good_for_its_own_person_only(desk: Desk) -> None:
    """Another person's line, another kind of line, or none at all confirms nobody."""
    ada, bo = desk.ask(), desk.ask("bo@example.org")
    assert ada
    assert bo
    assert desk.signups.confirm(ada.reader, bo.consent, now=NOW) is None
    assert desk.signups.confirm(ada.reader, 999, now=NOW) is None
    assert desk.signups.confirm(999, ada.consent, now=NOW) is None
    assert desk.state() == desk.state("bo@example.org") == "pending"


def test_choices_are_kept_and_a_pause_ends_by_itself(desk: Desk) -> None:
    """Topics are replaced, a pause takes a person off until its day, and the log says so."""
    token = desk.join()
    until = NOW + 7 * DAY
    assert desk.signups.choose(token, Choice(topics=("world", "sport"), pause_until=until), now=NOW)
    assert desk.state() == "paused"
    assert desk.facts()["topics"] == ["sport", "world"]
    assert desk.signups.tidy(until - timedelta(seconds=1))["woken"] == 0
    assert desk.signups.tidy(until)["woken"] == 1
    assert desk.state() == "active"
    assert desk.signups.choose(token, Choice(), now=until)
    assert desk.facts()["topics"] == []
    assert not desk.signups.choose("nobodys-word", Choice(), now=NOW)
    desk.readers.unsubscribe(token, how="page", now=NOW)
    assert not desk.signups.choose(token, Choice(topics=("world",)), now=NOW)
    assert desk.state() == "unsubscribed"


def test_a_file_does_not_overrule_a_persons_own_choice(desk: Desk) -> None:
    """Who chose topics keeps them when an old list with others is imported again."""
    token = desk.join()
    desk.signups.choose(token, Choice(topics=("world",)), now=NOW)
    report = desk.bring("email,topics,lists\nada@example.org,sport,vip\n")
    assert report.updated == 1
    assert desk.facts()["topics"] == ["world"]
    assert desk.facts()["lists"] == ["vip"]


def test_an_import_completes_a_sign_up(desk: Desk) -> None:
    """A pending person whom the operator imports is active, and subscribed."""
    desk.ask()
    assert desk.bring("email\nada@example.org\n").updated == 1
    assert desk.state() == "active"
    with desk.database.reading() as connection:
        assert len(connection.execute(desk.readers.audience("daily", {})).all()) == 1


def test_what_nobody_answered_is_forgotten(desk: Desk) -> None:
    """After seven days a pending sign-up is gone, after thirty the origin of a consent."""
    desk.ask("bo@example.org")
    desk.join()
    assert desk.signups.tidy(NOW + 7 * DAY) == {"woken": 0, "expired": 0, "origins": 0}
    assert desk.signups.tidy(NOW + 7 * DAY + timedelta(seconds=1))["expired"] == 1
    assert desk.readers.show("bo@example.org") is None
    assert desk.signups.tidy(NOW + 31 * DAY)["origins"] == 1
    assert desk.state() == "active"
    assert desk.ask("bo@example.org", now=NOW + 31 * DAY)
