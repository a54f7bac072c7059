"""A morning with an outage in it, on a clock of its own: told once, over by itself, nobody lost.

``python -m benchmarks.outages`` makes the same outages really, against a running service.
"""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import event, update

from newsletter.database.engine import open_database
from newsletter.database.tables import feeds
from newsletter.delivery.transport.recording import RecordingTransport, accept
from newsletter.errors import DatabaseError
from newsletter.model import DeliveryState, IssueState, Letter, Outcome
from newsletter.newsroom import Newsroom
from newsletter.operations.watch import Watch
from newsletter.schedule import Arrows, Scheduler, ring_due
from tests.conftest import StillClock
from tests.operations.rooms import Heard, approved, give_feeds, make_issue, people, room_on
from tests.schedule.rooms import at, configured
from tests.schedule.test_scheduler import Kept

TODAY = date(2026, 11, 22)
READERS = 300


class WithProvider(Newsroom):
    """A newsroom whose provider is here and can be away."""

    provider: RecordingTransport

    def transport(self, name: str = "") -> RecordingTransport:
        """The one provider."""
        return self.provider


@dataclass(slots=True)
class Morning:
    """A house whose scheduler looks every other minute, whatever is broken."""

    room: Newsroom
    clock: StillClock
    heard: Heard
    eye: Watch
    scheduler: Scheduler
    provider: RecordingTransport
    pragma: str = ""
    away: bool = False
    plan: dict[str, Callable[[], object]] = field(default_factory=dict)

    def answer(self, letter: Letter) -> Outcome:
        """What the provider says of a letter."""
        if self.away:
            why = "connection refused"
            return Outcome(key=letter.key, state=DeliveryState.DEFERRED, reason=why)
        return accept(letter)

    def look(self) -> None:
        """What happens beside the bells: time passes, something breaks or is mended, one looks."""
        self.clock.pass_(minutes=2)
        self.plan.pop(f"{self.clock():%H:%M}", lambda: None)()
        self.scheduler.lead()
        self.eye.look(self.room)

    def live(self, **plan: Callable[[], object]) -> None:
        """Live through the morning; ``at_0620=...`` is what happens then."""
        self.plan = {f"{name[3:5]}:{name[5:]}": act for name, act in plan.items()}
        for _ in range(75):
            self.look()
            try:
                ring_due(self.room, arrows=Arrows(draft=draft, approve=approved))
            except DatabaseError:
                continue  # as the scheduler does: it is tried again at the next look
        assert not self.plan

    def ends_well(self, key: str, words: str) -> None:
        """Assert what every outage promises."""
        assert self.heard.said.count((key, False)) == 1, self.heard.notices
        assert self.heard.said.count((key, True)) == 1, self.heard.notices
        assert any(words in one.sentence for one in self.heard.notices if one.key == key)
        assert self.room.alerts.open() == []
        copies = Counter(letter.to for letter in self.provider.letters)
        assert (len(copies), set(copies.values())) == (READERS, {1})
        [issue] = self.room.issues.recent(5)
        assert issue.state is IssueState.SENT
        assert self.room.ledger.states(issue.id) == {"accepted": READERS}


def draft(room: Newsroom, edition: str, day: date) -> None:
    """An issue that needs nobody's approval."""
    approved(room, make_issue(room, edition, day))


@pytest.fixture
def morning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Morning]:
    """A quarter past five on a day whose issue goes out at half past six."""
    clock = StillClock(at("2026-11-22T05:15"))
    database = open_database(f"sqlite:///{tmp_path}/news.sqlite")
    plain = room_on(database, clock, tmp_path, zone="UTC", draft_at="05:30", send_at="06:30")
    plain = configured(plain, collect={"sources": ()}, backup={"enabled": False})
    room = WithProvider(config=plain.config, database=database, clock=clock)
    heard = Heard()
    eye = Watch(lambda _: [heard])
    scheduler = Scheduler(room, Kept(), watch=eye)
    found = Morning(room, clock, heard, eye, scheduler, RecordingTransport(batch_size=50))
    found.provider.answer = found.answer
    object.__setattr__(room, "provider", found.provider)
    people(room, READERS, tmp_path)
    # A sender that waits for its provider waits on the same clock.
    waiting = types.SimpleNamespace(sleep=lambda _: found.look())
    monkeypatch.setattr("newsletter.pipeline.letters.time", waiting)

    @event.listens_for(database.engine, "checkout")
    def lent(connection: object, *_: object) -> None:
        connection.execute("PRAGMA query_only=OFF")  # type: ignore[attr-defined]  # the driver's own
        connection.execute("PRAGMA max_page_count=1000000")  # type: ignore[attr-defined]
        if found.pragma:
            connection.execute(found.pragma)  # type: ignore[attr-defined]

    yield found
    database.close()


def test_a_disk_that_is_full_over_the_send(morning: Morning) -> None:
    """Nothing can be laid out or written; when there is room again the issue goes out, late."""

    def fill() -> None:
        database = morning.room.database
        with database.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE ballast (x)")
            connection.exec_driver_sql("INSERT INTO ballast VALUES (zeroblob(100000))")
        morning.pragma = "PRAGMA max_page_count=1"

    morning.live(at_0621=fill, at_0655=lambda: setattr(morning, "pragma", ""))
    morning.ends_well("bell:send:daily:2026-11-22", "the disk is full")


def test_a_database_that_takes_no_writing(morning: Morning) -> None:
    """From before the draft to after the send time: told past the database, made up for."""
    morning.live(
        at_0521=lambda: setattr(morning, "pragma", "PRAGMA query_only=ON"),
        at_0701=lambda: setattr(morning, "pragma", ""),
    )
    morning.ends_well("database:down", "cannot be written")


def test_a_clock_that_is_set_two_hours_forward(morning: Morning) -> None:
    """The issue goes out at once, not again when the clock is put right."""

    def shift(hours: int) -> None:
        morning.clock.pass_(hours=hours)
        morning.scheduler.clock_was_set(3600.0 * hours)

    morning.live(at_0601=lambda: shift(2), at_0811=lambda: shift(-2))
    morning.ends_well("clock:jump", "forward by 2.0 hours")


def test_names_that_cannot_be_looked_up(morning: Morning) -> None:
    """One alert about this machine instead of one a source; the issue goes out all the same."""
    with_feeds = give_feeds(morning.room, morning.clock, bad=0, days=0)
    asked = with_feeds.feeds
    object.__setattr__(morning.room, "feeds", asked)

    def fail(failures: int) -> None:
        problem = "the server's name does not resolve" if failures else ""
        values = {"failures": failures, "problem": problem}
        with morning.room.database.begin() as connection:
            connection.execute(update(feeds).values(**values))

    morning.live(at_0521=lambda: fail(3), at_0641=lambda: fail(0))
    morning.ends_well("source:most", "10 of 10 sources fail together")


def test_a_provider_that_is_away_for_an_hour(morning: Morning) -> None:
    """Letters wait and are told of at their deadline; each leaves once when it is back."""
    morning.live(
        at_0629=lambda: setattr(morning, "away", True),
        at_0731=lambda: setattr(morning, "away", False),
    )
    morning.ends_well("issue:daily-2026-11-22:unsent", f"{READERS} letters wait")
