"""Limits of receiving domains hold for all sending processes together."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.config import Config, Delivery, Smtp
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import Database, open_database
from newsletter.delivery.domains import MAX_NAME, DomainPace, lane_of
from newsletter.delivery.transport import SmtpTransport, make_transport
from tests.delivery.people import NOON, Watch, issue_mail, letters
from tests.delivery.servers import MailServer, Postbox

MAIL = issue_mail()


def pace(database: Database, watch: Watch, **limits: object) -> DomainPace:
    """One process's view of the domains."""
    return DomainPace(
        DeliveryLedger(database),
        clock=watch,
        sleep=watch.sleep,
        **limits,  # type: ignore[arg-type]
    )


def leaves_at(one: DomainPace, watch: Watch, domain: str) -> float:
    """How long a letter waited for its turn; negative seconds when it was sent away."""
    before = watch.now
    later = one.turn(domain)
    return -later if later else (watch.now - before).total_seconds()


def test_turns(database: Database) -> None:
    """Letters of two processes to one domain follow one another; other domains do not wait."""
    watch = Watch()
    one = pace(database, watch, per_second=2, limits={"fast.example": 10.0})
    two = pace(database, watch, per_second=2, limits={"fast.example": 10.0})
    assert leaves_at(one, watch, "slow.example") == 0.0
    assert leaves_at(two, watch, "slow.example") == 0.5
    assert leaves_at(one, watch, "slow.example") == 0.5
    assert leaves_at(two, watch, "other.example") == 0.0
    begun = watch.now
    for process in (one, two, two, one):
        assert process.turn("fast.example") == 0.0
    assert (watch.now - begun).total_seconds() == pytest.approx(0.3)


def test_sent_away(sqlite: Database) -> None:
    """Who would wait for long is sent away, takes no turn, and comes again after those before."""
    watch = Watch()
    one, two = pace(sqlite, watch, per_second=0.5), pace(sqlite, watch, per_second=0.5)
    assert one.turn("a.example") == 0.0
    assert [two.turn("a.example") for _ in range(3)] == [2.0, 4.0, 6.0]
    watch.now += timedelta(seconds=2)
    assert leaves_at(one, watch, "a.example") == 0.0


def test_a_clock_set_back_lets_letters_go(sqlite: Database) -> None:
    """Turns, places and waits that were fetched a day ahead hold nobody up when it is right again."""
    watch = Watch(NOON + timedelta(days=1))
    one = pace(sqlite, watch, per_second=0.5, connections=1, lease=130)
    with one.place("a.example") as free:
        assert free
    assert [one.turn("a.example") for _ in range(3)] == [0.0, 2.0, 4.0]
    watch.now = NOON
    with one.place("a.example") as free:
        assert free
    assert leaves_at(one, watch, "a.example") == 0.0
    assert pace(sqlite, watch, per_second=0.5).turn("a.example") == 2.0


def test_a_single_mail_takes_its_turn(sqlite: Database) -> None:
    """A confirmation is not sent away while an issue fills its domain's pace."""
    watch = Watch()
    issue, single = pace(sqlite, watch, per_second=0.5), pace(sqlite, watch, per_second=0.5)
    assert issue.turn("a.example") == 0.0
    assert issue.turn("a.example") > 0
    before = watch.now
    assert single.turn("a.example", single=True) == 0.0
    assert watch.now - before == timedelta(seconds=2)


def test_old_turns_are_let_go(sqlite: Database) -> None:
    """Turns that a process fetched and did not use cannot be saved for later."""
    watch = Watch()
    one, two = pace(sqlite, watch, per_second=100), pace(sqlite, watch, per_second=100)
    assert one.turn("a.example") == 0.0
    watch.now += timedelta(seconds=5)
    begun = watch.now
    for _ in range(25):
        assert two.turn("a.example") == 0.0
    for _ in range(25):
        assert one.turn("a.example") == 0.0
    assert watch.now - begun >= timedelta(seconds=0.48)


def test_places(database: Database) -> None:
    """Two processes together have no more letters under way to a domain than it has places."""
    watch = Watch()
    one, two = pace(database, watch, connections=2), pace(database, watch, connections=2)
    with ExitStack() as held:
        assert held.enter_context(one.place("a.example"))
        assert held.enter_context(two.place("a.example"))
        with two.place("a.example") as third:
            assert not third, "both places are taken"
        with two.place("b.example") as other:
            assert other
    with two.place("a.example") as kept, two.place("a.example") as second:
        assert kept
        assert not second, "a place is kept for a while by who had it"
    watch.now += timedelta(seconds=2)
    one.give_back()
    with two.place("a.example") as kept, two.place("a.example") as second:
        assert kept
        assert second


def test_a_place_of_the_dead(sqlite: Database) -> None:
    """A place of a process that was killed is free again when its lease is over."""
    watch = Watch()
    dead, other = (pace(sqlite, watch, connections=1, lease=60) for _ in range(2))
    with dead.place("a.example"):
        pass
    with other.place("a.example") as there:
        assert not there
    watch.now += timedelta(seconds=61)
    with other.place("a.example") as there:
        assert there
        dead.give_back(after=0)
        third = pace(sqlite, watch, connections=1, lease=60)
        with third.place("a.example") as stolen:
            assert not stolen, "what somebody else has by now is not given back"


def test_no_limit(sqlite: Database) -> None:
    """Without a limit nobody waits, and nothing is asked of the database."""
    sqlite.close()
    free = pace(sqlite, Watch())
    assert free.turn("a.example") == 0.0
    with free.place("a.example") as there:
        assert there


def test_long_names() -> None:
    """The lane of a domain with a long name fits its column, and is its own."""
    one, two = (lane_of(f"{letter * 60}.example.org") for letter in "ab")
    assert max(map(len, (one, two))) <= MAX_NAME
    assert one != two
    assert lane_of("example.org") == "@example.org"


@pytest.fixture
def box() -> Iterator[tuple[Postbox, MailServer]]:
    """A mail server that notes when each letter came."""
    box = Postbox()
    server = MailServer(box)
    server.start()
    yield box, server
    server.end()


def test_deferred_by_itself(sqlite: Database, box: tuple[Postbox, MailServer]) -> None:
    """A letter beyond its domain's pace is deferred with its own time, and asks nobody to stop."""
    watch = Watch()
    transport = SmtpTransport(
        host="127.0.0.1",
        port=box[1].port,
        domains=pace(sqlite, watch, limits={"example.org": 0.5}),
    )
    outcomes = transport.send(letters(3), MAIL.prepared("", "b"))
    transport.close()
    assert [one.state for one in outcomes] == ["accepted", "deferred", "deferred"]
    assert [one.wait for one in outcomes] == [0.0] * 3
    assert [one.later for one in outcomes] == [0.0, 2.0, 4.0]
    assert len(box[0].messages) == 1


def send_some(url: str, port: int, count: int) -> None:
    """What a sending process does, at a moment that does not pass."""
    database = open_database(url)
    smtp = Smtp(port=port, domain_limits=("example.org=20",), connections=2)
    transport = make_transport(
        Config(root=Path(), file=Path("none"), delivery=Delivery(transport="smtp", smtp=smtp)),
        lane=DeliveryLedger(database),
        clock=lambda: NOON,
        sleep=lambda _: None,
    )
    transport.send(letters(count, MAIL), MAIL.prepared("", "b"))
    transport.close()
    database.close()


def test_two_processes(database: Database, box: tuple[Postbox, MailServer]) -> None:
    """Two real processes that share a database keep a domain's pace together."""
    url = database.engine.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("forkserver")
    processes = [context.Process(target=send_some, args=(url, box[1].port, 20)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    # Five letters each at 0, 0.25 and 0.5 seconds; each for itself would have sent fifteen.
    assert len(box[0].messages) == 15


def test_words_of_the_configuration() -> None:
    """Limits are written as domain and number; anything else is refused."""
    assert Smtp(domain_limits=("example.com=2.5",)).domain_limits == ("example.com=2.5",)
    with pytest.raises(ValueError, match="pattern"):
        Smtp(domain_limits=("example.com",))
