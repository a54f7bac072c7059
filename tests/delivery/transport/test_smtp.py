"""SMTP: encryption that verifies, answers that mean one reader, doubt only where there is doubt."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from newsletter.delivery.transport.smtp import SmtpTransport, _is_this_machine
from newsletter.errors import TransportError
from newsletter.model import DeliveryState
from tests.delivery.people import issue_mail, letters, rendered
from tests.delivery.servers import MailServer, Postbox

MAIL = issue_mail()
PREPARED = MAIL.prepared("", "b")


@pytest.fixture(params=[False, True], ids=["by-turns", "pipelining"])
def box(request: pytest.FixtureRequest) -> Postbox:
    """Where letters arrive, one answer at a time or several commands at once."""
    return Postbox(pipelining=bool(request.param))


@pytest.fixture
def server(box: Postbox) -> Iterator[MailServer]:
    """A plain server."""
    running = MailServer(box)
    running.start()
    yield running
    running.end()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and its key, in one file, trusted by nobody yet."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.org")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    """What the server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def trusting(certificate: Path) -> ssl.SSLContext:
    """A client's context that trusts the certificate and checks the name."""
    return ssl.create_default_context(cafile=str(certificate))


def test_what_arrives_is_what_was_joined(server: MailServer, box: Postbox) -> None:
    """The bytes that arrive are the letter's own, dots at line starts included."""
    transport = SmtpTransport(host="127.0.0.1", port=server.port)
    some = letters(3, MAIL)
    transport.send(some, PREPARED)
    transport.close()
    assert [raw for _, raw in box.messages] == [PREPARED.message(letter) for letter in some]
    assert set(box.senders) == {"news@example.org"}
    message = BytesParser().parsebytes(box.messages[0][1])
    assert not message.defects


def test_a_dot_alone(server: MailServer, box: Postbox) -> None:
    """A line that is a single dot does not end the letter."""
    page = rendered()
    odd = issue_mail(
        type(page)(
            subject="s",
            preheader="",
            html=page.html,
            text=".\n..\n.end\n" + page.text,
            tag=page.tag,
        )
    )
    transport = SmtpTransport(host="127.0.0.1", port=server.port)
    [outcome] = transport.send(letters(1, odd), odd.prepared("", "b"))
    transport.close()
    assert outcome.state is DeliveryState.ACCEPTED
    [(_, raw)] = box.messages
    assert raw == odd.prepared("", "b").message(letters(1, odd)[0])


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("450 mailbox busy", DeliveryState.DEFERRED),
        ("452 too many", DeliveryState.DEFERRED),
        ("421 closing", DeliveryState.DEFERRED),
        ("550 no such user", DeliveryState.REJECTED),
        ("553 not allowed", DeliveryState.REJECTED),
    ],
)
def test_answers_about_one_reader(
    server: MailServer, box: Postbox, answer: str, state: DeliveryState
) -> None:
    """4xx is for later, 5xx is for good, and either is about this reader only."""
    box.says["reader2@example.org"] = answer
    transport = SmtpTransport(host="127.0.0.1", port=server.port)
    outcomes = transport.send(letters(3, MAIL), PREPARED)
    transport.close()
    assert [one.state for one in outcomes] == [
        DeliveryState.ACCEPTED,
        state,
        DeliveryState.ACCEPTED,
    ]
    assert answer[:3] in outcomes[1].reason


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("451 try later", DeliveryState.DEFERRED),
        ("554 refused", DeliveryState.REJECTED),
        ("cut", DeliveryState.UNKNOWN),
        ("cut before", DeliveryState.UNKNOWN),
    ],
)
def test_answers_after_the_letter(
    server: MailServer, box: Postbox, answer: str, state: DeliveryState
) -> None:
    """Only a connection that breaks after the letter leaves doubt; the next one is made anew."""
    box.after_data["reader1@example.org"] = answer
    transport = SmtpTransport(host="127.0.0.1", port=server.port)
    outcomes = transport.send(letters(2, MAIL), PREPARED)
    transport.close()
    assert [one.state for one in outcomes] == [state, DeliveryState.ACCEPTED]


def test_a_server_that_hung_up_meanwhile(server: MailServer, box: Postbox) -> None:
    """An idle connection that the server ended is noticed before a letter is risked on it."""
    transport = SmtpTransport(host="127.0.0.1", port=server.port)
    transport.send(letters(1, MAIL), PREPARED)
    server.end()
    again = MailServer(box)
    again.start()
    transport.port = again.port
    [outcome] = transport.send(letters(1, MAIL), PREPARED)
    transport.close()
    again.end()
    assert outcome.state is DeliveryState.ACCEPTED


def test_connections_are_renewed(server: MailServer, box: Postbox) -> None:
    """After so many letters a connection is made anew, and no letter is lost by it."""
    transport = SmtpTransport(host="127.0.0.1", port=server.port, letters_per_connection=2)
    outcomes = transport.send(letters(5, MAIL), PREPARED)
    transport.close()
    assert {one.state for one in outcomes} == {DeliveryState.ACCEPTED}
    assert len(box.messages) == 5


def test_sender_refused_is_nobody(box: Postbox) -> None:
    """A refused sender address is our fault: an error with a hint, no reader rejected."""

    class Strict(Postbox):
        async def handle_MAIL(self, *_: object) -> str:  # noqa: N802
            return "550 sender not allowed"

    running = MailServer(Strict())
    running.start()
    transport = SmtpTransport(host="127.0.0.1", port=running.port)
    with pytest.raises(TransportError, match="sender not allowed"):
        transport.send(letters(2, MAIL), PREPARED)
    transport.close()
    running.end()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encryption_is_verified(box: Postbox, certificate: Path, security: str) -> None:
    """A certificate that nobody vouches for ends the send; one that is trusted carries it."""
    context = server_context(certificate)
    running = (
        MailServer(box, tls_context=context, require_starttls=True)
        if security == "starttls"
        else MailServer(box, ssl_context=context)
    )
    running.start()
    kind = "starttls" if security == "starttls" else "tls"
    careful = SmtpTransport(host="127.0.0.1", port=running.port, security=kind)  # type: ignore[arg-type]
    with pytest.raises(TransportError, match="not trusted"):
        careful.send(letters(1, MAIL), PREPARED)
    careful.close()
    assert box.messages == []
    told = SmtpTransport(
        host="127.0.0.1",
        port=running.port,
        security=kind,  # type: ignore[arg-type]
        tls=trusting(certificate),
    )
    outcomes = told.send(letters(2, MAIL), PREPARED)
    told.close()
    running.end()
    assert {one.state for one in outcomes} == {DeliveryState.ACCEPTED}


def test_no_starttls_no_letter(server: MailServer, box: Postbox) -> None:
    """When STARTTLS is wanted and not offered, nothing goes in the clear."""
    transport = SmtpTransport(host="127.0.0.1", port=server.port, security="starttls")
    with pytest.raises(TransportError, match="STARTTLS"):
        transport.send(letters(1, MAIL), PREPARED)
    transport.close()
    assert box.messages == []


@pytest.mark.parametrize(("password", "fine"), [("secret", True), ("guess", False)])
def test_user_name_and_password(
    box: Postbox, certificate: Path, password: str, *, fine: bool
) -> None:
    """The right password carries letters; a wrong one is an error, not a reader's fault."""

    def check(
        _server: object, _session: object, _envelope: object, _how: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data == LoginPassword(b"ann", b"secret"), handled=False)

    running = MailServer(
        box,
        tls_context=server_context(certificate),
        authenticator=check,
        auth_required=True,
        require_starttls=True,
    )
    running.start()
    transport = SmtpTransport(
        host="127.0.0.1",
        port=running.port,
        security="starttls",
        username="ann",
        password=password,
        tls=trusting(certificate),
    )
    try:
        if fine:
            [outcome] = transport.send(letters(1, MAIL), PREPARED)
            assert outcome.state is DeliveryState.ACCEPTED
        else:
            with pytest.raises(TransportError, match="user name and password"):
                transport.send(letters(1, MAIL), PREPARED)
    finally:
        transport.close()
        running.end()


def test_no_password_in_the_clear(box: Postbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without encryption name and password go to a server on this machine and nowhere else."""
    running = MailServer(box, auth_require_tls=False)
    running.start()
    transport = SmtpTransport(host="127.0.0.1", port=running.port, username="ann", password="x")
    try:
        with pytest.raises(TransportError, match="refuses our user name"):
            transport.check()
        monkeypatch.setattr("newsletter.delivery.transport.smtp._is_this_machine", lambda _: False)
        with pytest.raises(TransportError, match="in the clear"):
            transport.check()
    finally:
        transport.close()
        running.end()


def test_what_this_machine_is() -> None:
    """A line to a loopback address is one, a line that ended is none."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as line,
    ):
        assert _is_this_machine(line)
    assert not _is_this_machine(None)
