"""Bringing people in, choosing among them, and letting them go, on both engines."""

from __future__ import annotations

import csv
import io
import itertools
import stat
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from newsletter.audience.importing import read_rows
from newsletter.audience.segments import condition
from newsletter.config import Segment
from newsletter.database.engine import Database
from newsletter.database.reader_import import CHUNK
from newsletter.database.readers import ImportReport, Readers
from newsletter.database.standing import restand
from newsletter.database.tables import (
    deliveries,
    events,
    issues,
    metadata,
    settings,
    suppressions,
)
from newsletter.database.tables import readers as table
from newsletter.errors import AudienceError
from newsletter.model import Refusal, Row

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Office:
    """Readers with a way to bring in a file."""

    def __init__(self, database: Database, folder: Path):
        self.database = database
        self.readers = Readers(database, compile_segment=condition, clock=lambda: NOW)
        self.refusals = folder / "new" / "refused.csv"
        self._numbers = itertools.count(1)

    def token(self) -> str:
        """Words that look random enough."""
        return f"word-of-a-reader-{next(self._numbers):05}"

    def bring(
        self,
        text: str | Iterable[Row | Refusal],
        *,
        editions: tuple[str, ...] = ("daily",),
        now: datetime = NOW,
        on_progress: Callable[[int], None] | None = None,
    ) -> ImportReport:
        """Import a file, or rows that were read already."""
        rows = read_rows(io.BytesIO(text.encode())) if isinstance(text, str) else text
        return self.readers.import_rows(
            rows,
            source="people.csv",
            consent="paper form",
            editions=editions,
            now=now,
            token=self.token,
            refusals=self.refusals,
            on_progress=on_progress,
        )

    def token_of(self, email: str) -> str:
        """The word in a reader's links."""
        reader = self.readers.by_email(email)
        assert reader
        return reader.token

    def audience(self, segments: dict[str, Segment], edition: str = "daily") -> dict[str, str]:
        """Who would get an edition, by address, with the segment."""
        chosen = self.readers.audience(edition, segments).subquery()
        query = select(table.c.email, chosen.c.segment).join(chosen, chosen.c.id == table.c.id)
        with self.database.reading() as connection:
            rows = connection.execute(query).all()
        assert len({row.email for row in rows}) == len(rows)
        return {row.email: row.segment for row in rows}


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    """An empty list of readers on each engine."""
    return Office(database, tmp_path)


def figures(report: ImportReport) -> tuple[int, int, int, int, int]:
    """Added, updated, unchanged, refused, kept out."""
    return report.added, report.updated, report.unchanged, report.refused, report.kept_out


def test_people_come_in_and_are_shown_whole(office: Office) -> None:
    """An imported person is active, subscribed, and has where their consent came from."""
    report = office.bring(
        "email,name,country,timezone,topics,lists,language\n"
        "Ada@Example.org,Ada,GB,Europe/London,world;politics,vip,en\n"
    )
    assert figures(report) == (1, 0, 0, 0, 0)
    assert report.file is None
    assert not office.refusals.exists()
    assert office.readers.show("ADA@example.org") == {
        "email": "Ada@example.org",
        "state": "active",
        "why": "imported on 2026-11-22 by people.csv: paper form",
        "name": "Ada",
        "country": "GB",
        "language": "en",
        "timezone": "Europe/London",
        "topics": ["politics", "world"],
        "lists": ["vip"],
        "attributes": {},
        "frequency": "daily",
        "format": "html",
        "send_at": "",
        "tracking": False,
        "paused_until": None,
        "last_click": None,
        "joined": "2026-11-22T12:00:00+00:00",
        "source": "people.csv",
        "subscriptions": [
            {"edition": "daily", "state": "active", "since": "2026-11-22T12:00:00+00:00"}
        ],
        "consents": [
            {
                "action": "imported",
                "at": "2026-11-22T12:00:00+00:00",
                "source": "people.csv",
                "detail": "paper form",
                "origin": "",
            }
        ],
        "deliveries": [],
        "events": [],
        "clicks": [],
    }
    assert office.readers.show("nobody@example.org") is None


def test_the_same_file_again_changes_nothing(office: Office) -> None:
    """An import may be repeated: everybody is unchanged, and no consent is written again."""
    text = "email,name,topics\nada@example.org,Ada,x\nbo@example.org,Bo,\n"
    office.bring(text)
    before = office.readers.show("ada@example.org")
    assert figures(office.bring(text, now=NOW + timedelta(days=1))) == (0, 0, 2, 0, 0)
    assert office.readers.show("ada@example.org") == before


def test_what_is_new_is_taken_and_what_is_empty_stays(office: Office) -> None:
    """Filled cells replace, topics are added, empty cells change nothing."""
    office.bring("email,name,country,topics\nada@example.org,Ada,GB,x\n")
    report = office.bring("email,name,country,topics\nADA@example.org,Ada Fenwick,,y\n")
    assert figures(report) == (0, 1, 0, 0, 0)
    facts = office.readers.show("ada@example.org")
    assert facts
    assert (facts["name"], facts["country"], facts["topics"]) == ("Ada Fenwick", "GB", ["x", "y"])
    assert len(facts["consents"]) == 2


def test_another_edition_is_added_beside_the_first(office: Office) -> None:
    """Importing for another edition subscribes people who are there already."""
    office.bring("email\nada@example.org\n")
    assert figures(office.bring("email\nada@example.org\n", editions=("weekly",))) == (
        0,
        1,
        0,
        0,
        0,
    )
    facts = office.readers.show("ada@example.org")
    assert facts
    assert [one["edition"] for one in facts["subscriptions"]] == ["daily", "weekly"]


def test_an_address_twice_in_a_file_is_said(office: Office) -> None:
    """The second row of an address is refused, also far from the first and in another case."""
    report = office.bring("email\nada@example.org\nbo@example.org\nADA@example.org\nbad\n")
    assert figures(report) == (2, 0, 0, 2, 0)
    first = report.examples[0]
    assert (first.line, first.reason) == (4, "the same address is on line 2")

    def many() -> Iterable[Row]:
        for line in range(2, CHUNK + 2):
            yield person(line, f"r{line}@example.org")
        yield person(CHUNK + 2, "r2@example.org")

    report = office.bring(many())
    assert figures(report) == (CHUNK, 0, 0, 1, 0)
    assert report.examples[0].reason == "the same address is on an earlier line"


def person(line: int, email: str) -> Row:
    """A row with an address and nothing else."""
    return Row(line=line, email=email, address_key=email, email_domain="example.org")


def test_nobody_who_left_is_brought_back(office: Office) -> None:
    """Unsubscribed, suppressed and erased people stay away, and are counted as kept out."""
    office.bring("email,name\nada@example.org,Ada\nbo@example.org,Bo\n")
    assert office.readers.unsubscribe(office.token_of("ada@example.org"), how="page", now=NOW)
    gone = office.readers.address_hash("eve@example.org")
    with office.database.begin() as connection:
        connection.execute(
            update(table).where(table.c.email == "bo@example.org").values(state="suppressed")
        )
        connection.execute(insert(suppressions).values(address_hash=gone, reason="erased", at=NOW))
    text = "email,name\nADA@example.org,Someone\nbo@example.org,Someone\nEve@example.org,Eve\n"
    assert figures(office.bring(text)) == (0, 0, 0, 0, 3)
    facts = office.readers.show("ada@example.org")
    assert facts
    assert (facts["state"], facts["name"]) == ("unsubscribed", "Ada")
    assert facts["subscriptions"][0]["state"] == "unsubscribed"
    assert office.readers.show("eve@example.org") is None
    assert office.readers.states() == {"unsubscribed": 1, "suppressed": 1}


def test_an_edition_that_was_left_is_not_joined_again(office: Office) -> None:
    """A person who left one edition and reads another does not get the first one back."""
    office.bring("email\nada@example.org\n", editions=("daily", "weekly"))
    office.readers.unsubscribe(office.token_of("ada@example.org"), how="page", now=NOW)
    with office.database.begin() as connection:
        connection.execute(update(table).values(state="active"))
    assert figures(office.bring("email\nada@example.org\n")) == (0, 0, 1, 0, 0)
    assert office.audience({}) == {}


def test_somebody_who_had_not_confirmed_is_active_after_an_import(office: Office) -> None:
    """The operator's statement of consent does what the confirmation would have done."""
    office.bring("email\nada@example.org\n")
    with office.database.begin() as connection:
        connection.execute(update(table).values(state="pending"))
    assert figures(office.bring("email\nada@example.org\n")) == (0, 1, 0, 0, 0)
    assert office.readers.states() == {"active": 1}


def test_every_refused_row_stands_in_a_file(office: Office) -> None:
    """The report has the first ten; the file, which only its owner can read, has all of them."""
    bad = "".join(f"=bad{number}\n" for number in range(25))
    progress: list[int] = []
    report = office.bring(f"email\nada@example.org\n{bad}", on_progress=progress.append)
    assert figures(report) == (1, 0, 0, 25, 0)
    assert len(report.examples) == 10
    assert report.file == office.refusals
    assert stat.S_IMODE(office.refusals.stat().st_mode) == 0o600
    with office.refusals.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["line"] for row in rows] == [str(line) for line in range(3, 28)]
    assert rows[0]["value"] == "'=bad0"
    assert progress == [26]


def test_a_place_that_cannot_be_written_is_a_stated_error(office: Office, tmp_path: Path) -> None:
    """Refused rows that cannot be written down end in one sentence."""
    (tmp_path / "new").write_text("a file where a folder should be")
    with pytest.raises(AudienceError, match="cannot be written"):
        office.bring("email\nbad\n")


def test_unsubscribing_holds_for_ever_and_twice_is_once(office: Office) -> None:
    """The first time takes a person off everything; the second changes nothing; both say yes."""
    office.bring("email\nada@example.org\n", editions=("daily", "weekly"))
    token = office.token_of("ada@example.org")
    assert office.readers.unsubscribe(token, how="one-click", now=NOW)
    first = office.readers.show("ada@example.org")
    assert office.readers.unsubscribe(token, how="one-click", now=NOW + timedelta(days=900))
    assert office.readers.show("ada@example.org") == first
    assert first
    assert first["state"] == "unsubscribed"
    assert {one["state"] for one in first["subscriptions"]} == {"unsubscribed"}
    assert [(one["action"], one["source"]) for one in first["consents"]] == [
        ("imported", "people.csv"),
        ("unsubscribed", "one-click"),
    ]
    assert not office.readers.unsubscribe("somebody-elses-word", how="one-click", now=NOW)


def test_a_suppressed_address_stays_suppressed(office: Office) -> None:
    """Unsubscribing after a complaint does not weaken the suppression."""
    office.bring("email\nada@example.org\n")
    with office.database.begin() as connection:
        connection.execute(update(table).values(state="suppressed"))
    assert office.readers.unsubscribe(office.token_of("ada@example.org"), how="page", now=NOW)
    assert office.readers.states() == {"suppressed": 1}


def test_a_complaint_is_remembered_also_after_erasure(office: Office) -> None:
    """A suppressed person gets nothing, is logged once, and stays barred when erased."""
    office.bring("email\nada@example.org\n")
    ada = office.readers.by_email("ada@example.org")
    assert ada
    for _ in range(2):
        assert office.readers.suppress(ada.id, reason="complaint", now=NOW)
    assert office.audience({}) == {}
    facts = office.readers.show("ada@example.org")
    assert facts
    assert [(one["action"], one["source"]) for one in facts["consents"]] == [
        ("imported", "people.csv"),
        ("suppressed", "complaint"),
    ]
    office.readers.forget("ada@example.org", now=NOW)
    with office.database.reading() as connection:
        assert connection.execute(select(suppressions.c.reason)).scalars().all() == ["complaint"]
    assert not office.readers.suppress(ada.id, reason="bounce", now=NOW)


def test_a_word_finds_its_reader(office: Office) -> None:
    """The word in a link leads to the person with their topics, any other to nobody."""
    office.bring("email,topics,lists\nada@example.org,x;y,vip\n")
    found = office.readers.by_token(office.token_of("ada@example.org"))
    assert found
    assert (found.email, found.topics, found.lists) == ("ada@example.org", ("x", "y"), ("vip",))
    assert office.readers.by_token("nobody") is None


def test_an_export_can_be_imported_again_and_computes_nothing(
    office: Office, tmp_path: Path
) -> None:
    """Every cell comes back as it was, and no cell begins like a formula."""
    office.bring(
        "email,name,country,timezone,topics,lists,language\n"
        '+ada@example.org,"=HYPERLINK(""x"")",GB,Europe/London,a;b,vip,en\n'
        '=cmd@example.org,"@SUM, ""Bo""",,,,,\n'
    )
    out = io.StringIO(newline="")
    assert office.readers.export(out) == 2
    cells = [cell for row in csv.reader(io.StringIO(out.getvalue(), newline="")) for cell in row]
    assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]
    assert figures(office.bring(out.getvalue())) == (0, 0, 2, 0, 0)


def test_the_key_of_hashes_is_made_once_and_stays(office: Office) -> None:
    """Two openings of one database hide an address alike; another installation does not."""
    first = Readers(office.database).address_hash("ada@example.org")
    assert Readers(office.database).address_hash("ada@example.org") == first
    assert len(first) == 64
    with office.database.begin() as connection:
        connection.execute(settings.delete())
    assert Readers(office.database).address_hash("ada@example.org") != first


def test_an_erased_person_leaves_a_hash_and_nothing_else(office: Office) -> None:
    """Nothing in any table names them; an import keeps them out; their number is not reused."""
    office.bring("email,name,topics\nbo@example.org,Bo,\nada@example.org,Ada Fenwick,x\n")
    found = office.readers.by_email("ada@example.org")
    bo = office.readers.by_email("bo@example.org")
    assert found
    assert bo
    later = found if found.id > bo.id else bo
    name = "ada@example.org" if later is found else "bo@example.org"
    with office.database.begin() as connection:
        connection.execute(
            insert(issues).values(
                id="daily-x",
                edition="daily",
                day=NOW.date(),
                state="sent",
                revision=1,
                created=NOW,
                approved_by="",
                approved_sha256="",
            )
        )
        connection.execute(
            insert(deliveries).values(
                key="k1",
                issue="daily-x",
                reader=later.id,
                segment="",
                variant="",
                state="bounced",
                reason=f"550 no such user <{name}>",
                attempt=1,
                batch="",
                owner="",
                transport="smtp",
                provider_id="",
                changed=NOW,
            )
        )
        connection.execute(
            insert(events).values(
                delivery_key="k1", kind="bounce", at=NOW, received=NOW, detail=f"to {name}"
            )
        )
    assert office.readers.forget(name.upper(), now=NOW)
    assert office.readers.show(name) is None
    with office.database.reading() as connection:
        for one in metadata.sorted_tables:
            text = repr(connection.execute(select(one)).all())
            assert name not in text, one.name
        assert len(connection.execute(select(deliveries)).all()) == 1
    assert figures(office.bring(f"email\n{name}\n")) == (0, 0, 0, 0, 1)
    office.bring("email\nnew@example.org\n")
    new = office.readers.by_email("new@example.org")
    assert new
    assert new.id > later.id
    assert not office.readers.forget("nobody@example.org", now=NOW)


# --------------------------------------------------------------------------- choosing

PEOPLE = (
    "email,country,topics,lists\n"
    "both@example.org,GB,politics;business,\n"
    "uk@example.org,GB,politics,\n"
    "biz@example.org,US,business,\n"
    "staff@example.org,US,business,staff\n"
    "none@example.org,FR,,\n"
)
UK = Segment.model_validate(
    {"where": [{"field": "country", "in": ["GB"]}, {"field": "topics", "any": ["politics"]}]}
)
BUSINESS = Segment.model_validate(
    {"where": [{"field": "topics", "any": ["business"]}], "exclude": ["staff"]}
)
EVERYONE = Segment()


def test_a_reader_comes_once_under_the_first_segment_that_fits(office: Office) -> None:
    """Order decides, and a last segment without conditions takes the rest."""
    office.bring(PEOPLE)
    found = office.audience({"uk": UK, "business": BUSINESS, "everyone": EVERYONE})
    assert found == {
        "both@example.org": "uk",
        "uk@example.org": "uk",
        "biz@example.org": "business",
        "staff@example.org": "everyone",
        "none@example.org": "everyone",
    }
    turned = office.audience({"business": BUSINESS, "uk": UK})
    assert turned == {
        "both@example.org": "business",
        "uk@example.org": "uk",
        "biz@example.org": "business",
    }
    assert office.audience({"everyone": EVERYONE, "uk": UK}) == dict.fromkeys(found, "everyone")


def test_without_segments_everybody_who_subscribes_gets_the_edition(office: Office) -> None:
    """No segment of this edition means all its subscribers, and nobody else's."""
    office.bring(PEOPLE)
    office.bring("email\nweekly@example.org\n", editions=("weekly",))
    weekly = Segment(edition="weekly")
    assert set(office.audience({"weekly": weekly}).values()) == {""}
    assert len(office.audience({})) == 5
    assert office.readers.count_audience("daily", {"uk": UK, "all": EVERYONE}) == {
        "uk": 2,
        "all": 3,
    }
    assert office.audience({"weekly": weekly}, "weekly") == {"weekly@example.org": "weekly"}


@pytest.mark.parametrize("state", ["pending", "paused", "unsubscribed", "suppressed"])
def test_only_active_readers_are_chosen(office: Office, state: str) -> None:
    """Whoever is not active gets nothing and is not counted."""
    office.bring(PEOPLE)
    assert office.readers.count_segment(UK) == 2
    with office.database.begin() as connection:
        connection.execute(
            update(table).where(table.c.email == "both@example.org").values(state=state)
        )
        restand(connection, list(connection.execute(select(table.c.id)).scalars()))
    assert office.readers.count_segment(UK) == 1
    assert "both@example.org" not in office.audience({"uk": UK, "everyone": EVERYONE})
    assert office.readers.count() == 5


def test_segments_with_rules_need_a_compiler(office: Office) -> None:
    """Without one, rules are refused rather than overlooked."""
    with pytest.raises(AudienceError, match="compiler"):
        Readers(office.database).count_segment(UK)
    assert Readers(office.database).count_segment(EVERYONE) == 0
