"""What every transport promises, held against real files and real loopback servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from pathlib import Path

import pytest

from newsletter.delivery.letter import PreparedMail
from newsletter.delivery.transport import (
    FolderTransport,
    RecordingTransport,
    SmtpTransport,
    Transport,
)
from newsletter.delivery.transport.recording import accept
from newsletter.delivery.transport.sendgrid import SendGridTransport
from newsletter.errors import TransportError
from newsletter.model import DeliveryState, Letter, Outcome
from tests.delivery.people import delivery, issue_mail, letters
from tests.delivery.servers import GridServer, MailServer, Postbox, take_and_cut

MAIL = issue_mail()
BAD = "reader3@example.org"


@dataclass
class Case:
    """A transport with the means to see what arrived and to make the other side misbehave."""

    name: str
    transport: Transport
    arrived: Callable[[], list[str]]
    refuse: Callable[[str], None]
    lose_answer: Callable[[], None] | None
    gone: Callable[[], None]
    learns: bool = True


@pytest.fixture(params=["recording", "folder", "smtp", "smtp-4", "sendgrid"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    """Each transport in turn."""
    name = str(request.param)
    if name == "recording":
        yield recording()
    elif name == "folder":
        yield folder(tmp_path)
    elif name.startswith("smtp"):
        box = Postbox()
        server = MailServer(box)
        server.start()
        case = smtp(name, box, server, 4 if name == "smtp-4" else 1)
        yield case
        case.transport.close()
        server.end()
    else:
        with GridServer() as server_:
            yield grid(server_)


def recording() -> Case:
    """The recording."""
    bad: set[str] = set()
    lost: list[bool] = []

    def answer(letter: Letter) -> Outcome:
        if letter.to in bad:
            return Outcome(key=letter.key, state=DeliveryState.REJECTED, reason="refused")
        if lost:
            return Outcome(key=letter.key, state=DeliveryState.UNKNOWN, reason="lost")
        return accept(letter)

    def refuse_all(letter: Letter) -> Outcome:
        return Outcome(key=letter.key, state=DeliveryState.DEFERRED, reason="gone")

    transport = RecordingTransport(answer)
    return Case(
        "recording",
        transport,
        lambda: [letter.to for letter in transport.letters],
        bad.add,
        lambda: lost.append(True),
        lambda: setattr(transport, "answer", refuse_all),
    )


def folder(root: Path) -> Case:
    """The folder; a path that leads through a file plays a disk that is gone."""
    transport = FolderTransport(root / "outbox")

    def gone() -> None:
        (root / "file").write_text("in the way")
        transport.root = root / "file" / "outbox"

    def arrived() -> list[str]:
        files = (root / "outbox").glob("*/*.eml")
        return [BytesHeaderParser().parsebytes(file.read_bytes())["To"] for file in files]

    return Case("folder", transport, arrived, lambda _: None, None, gone)


def smtp(name: str, box: Postbox, server: MailServer, connections: int) -> Case:
    """SMTP, over one connection or several."""

    def lose() -> None:
        box.after_data = {f"reader{number}@example.org": "cut" for number in range(100)}

    transport = SmtpTransport(
        host="127.0.0.1", port=server.port, timeout=5, connections=connections
    )
    return Case(
        name,
        transport,
        lambda: [address for address, _ in box.messages],
        lambda address: box.says.update({address: "550 no such user"}),
        lose,
        server.end,
        learns=False,
    )


def grid(server: GridServer) -> Case:
    """SendGrid."""

    def lose() -> None:
        server.grid.behaviour = take_and_cut

    def gone() -> None:
        transport._client.host = "http://127.0.0.1:9"

    transport = SendGridTransport(api_key="SG.good", api_url=server.url, timeout=5)
    return Case("sendgrid", transport, server.grid.addresses, server.grid.bad.add, lose, gone)


def send(case: Case, some: list[Letter]) -> dict[str, Outcome]:
    """Send, and check that there is exactly one outcome for each letter."""
    outcomes = case.transport.send(some, prepared())
    assert Counter(one.key for one in outcomes) == Counter(letter.key for letter in some)
    return {one.key: one for one in outcomes}


def prepared() -> PreparedMail:
    """The shared part of the letters."""
    return MAIL.prepared("", "batch-1")


def states(outcomes: dict[str, Outcome]) -> Counter[str]:
    """How many outcomes of each state."""
    return Counter(one.state.value for one in outcomes.values())


def test_accepted_means_there(case: Case) -> None:
    """What is accepted is there, once, and nothing else is."""
    some = letters(12, MAIL)
    assert states(send(case, some)) == {"accepted": 12}
    assert sorted(case.arrived()) == sorted(letter.to for letter in some)


def test_one_refused_reader(case: Case) -> None:
    """A refused reader is rejected with a reason; nobody else feels it."""
    if case.name == "folder":
        pytest.skip("a folder knows no refused reader")
    case.refuse(BAD)
    some = letters(8, MAIL)
    outcomes = send(case, some)
    assert states(outcomes) == {"accepted": 7, "rejected": 1}
    [rejected] = [one for one in outcomes.values() if one.state is DeliveryState.REJECTED]
    assert rejected.reason
    assert BAD not in case.arrived()


def test_an_address_that_cannot_travel(case: Case) -> None:
    """An address that cannot stand in a letter is rejected alone."""
    if case.name == "recording":
        pytest.skip("a recording takes every address")
    some = [*letters(4, MAIL), *MAIL.letters([delivery(9, email="no body@example.org")])]
    assert states(send(case, some)) == {"accepted": 4, "rejected": 1}
    assert len(case.arrived()) == 4


def test_lost_answer_is_unknown(case: Case) -> None:
    """When the answer is lost the letter is in doubt, and only what is found out changes that."""
    if case.lose_answer is None:
        pytest.skip("a folder loses no answer")
    case.lose_answer()
    some = letters(3, MAIL)
    assert states(send(case, some)) == {"unknown": 3}
    found = case.transport.find(some, batch="batch-1")
    assert states(dict(found)) == ({"accepted": 3} if case.learns else {})
    assert case.transport.can_look == case.learns


def test_nobody_there_is_certain(case: Case) -> None:
    """When nothing can be handed over, nothing is in doubt."""
    case.gone()
    some = letters(3, MAIL)
    if case.name == "folder":
        with pytest.raises(TransportError, match="cannot be written"):
            send(case, some)
    else:
        assert states(send(case, some)) == {"deferred": 3}
    assert case.arrived() == []


def test_not_found_is_not_in_the_answer(case: Case) -> None:
    """Looking for letters that never left finds nothing."""
    assert case.transport.find(letters(3, MAIL), batch="batch-7") == {}


def test_closing_twice(case: Case) -> None:
    """Closing is safe, also when nothing was sent and when it is done twice."""
    case.transport.close()
    case.transport.close()
