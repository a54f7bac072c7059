"""Limits for receiving domains, held by the SMTP transport."""

from __future__ import annotations

import threading
import time

import pytest

from newsletter.config import SendGrid, Smtp
from newsletter.delivery.transport.smtp import DomainPace, SmtpTransport
from tests.delivery.people import issue_mail, letters
from tests.delivery.servers import MailServer, Postbox

MAIL = issue_mail().prepared("", "b")


class Seconds:
    """A clock of seconds that is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The time it was told."""
        return self.now


def test_turns() -> None:
    """A domain's letters are spread over time, and another domain does not wait for them."""
    seconds = Seconds()
    pace = DomainPace(per_second=2, limits={"fast.example": 10.0}, connections=0, monotonic=seconds)
    assert [pace.turn("slow.example") for _ in range(2)] == [0.0, 0.5]
    assert pace.turn("slow.example") == 1.0
    assert pace.turn("slow.example") == 1.0, "who is sent away takes no turn"
    assert pace.turn("other.example") == 0.0
    assert [pace.turn("fast.example") for _ in range(3)] == pytest.approx([0.0, 0.1, 0.2])
    seconds.now += 1.0
    assert pace.turn("slow.example") == 0.0


def test_no_limit() -> None:
    """Without a limit nobody waits."""
    pace = DomainPace(per_second=0, limits={}, connections=0, monotonic=Seconds())
    assert {pace.turn("a.example") for _ in range(100)} == {0.0}


def test_connections() -> None:
    """No more letters than allowed are under way to one domain at once."""
    pace = DomainPace(per_second=0, limits={}, connections=2, monotonic=Seconds())
    under_way, most, lock = 0, 0, threading.Lock()

    def deliver() -> None:
        nonlocal under_way, most
        with pace.line("a.example"):
            with lock:
                under_way += 1
                most = max(most, under_way)
            time.sleep(0.01)
            with lock:
                under_way -= 1

    threads = [threading.Thread(target=deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 2


def test_deferred_by_itself() -> None:
    """A letter beyond its domain's pace is deferred with its own time, and asks nobody to stop."""
    box = Postbox()
    server = MailServer(box)
    server.start()
    try:
        transport = SmtpTransport(
            host="127.0.0.1",
            port=server.port,
            domain_limits={"example.org": 2.0},
            monotonic=Seconds(),
        )
        outcomes = transport.send(letters(4), MAIL)
        transport.close()
    finally:
        server.end()
    assert [one.state for one in outcomes] == ["accepted", "accepted", "deferred", "deferred"]
    assert [one.wait for one in outcomes] == [0.0] * 4
    assert outcomes[2].later == 1.0
    assert len(box.messages) == 2


def test_words_of_the_configuration() -> None:
    """Limits are written as domain and number; anything else is refused."""
    assert Smtp(domain_limits=("example.com=2.5",)).domain_limits == ("example.com=2.5",)
    with pytest.raises(ValueError, match="pattern"):
        Smtp(domain_limits=("example.com",))
    assert SendGrid().webhook_public_key_env == ""
