"""Notifications about undeliverable mail: what they say, and that nothing breaks the reading."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_server

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.bounces import MAX_BYTES, read_notices
from newsletter.delivery.mailbox import visit
from newsletter.errors import DatabaseError, TransportError

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
POISON, TOO_EARLY = b"Subject: poison\r\n\r\n", b"Subject: too early\r\n\r\n"
ORIGINAL = "<0123456789abcdef0123456789abcdef@example.org>"


def notification(  # noqa: PLR0917 - a test says what it is about
    status: str = "5.1.1",
    action: str = "failed",
    said: str = "smtp; 550 5.1.1 no such user",
    to: str = "rfc822; ann@example.com",
    original: str = ORIGINAL,
    returned: str = "message/rfc822",
) -> bytes:
    """A notification as mail servers write them."""
    return (
        "From: MAILER-DAEMON@mx.example.net\r\nTo: news@example.org\r\n"
        "Date: Mon, 04 May 2026 11:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nYour letter did not arrive.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example.net\r\n\r\n"
        f"Final-Recipient: {to}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: {said}\r\n\r\n"
        f"--b\r\nContent-Type: {returned}\r\n\r\n"
        f"From: news@example.org\r\nSubject: Both sides\r\nMessage-ID: {original}\r\n\r\nText\r\n"
        "--b--\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("status", "action", "said", "kind"),
    [
        ("5.1.1", "failed", "smtp; 550 no", "bounce"),
        ("5.1.10", "failed", "smtp; 556 null MX", "bounce"),
        ("5.2.1", "failed", "smtp; 550 disabled", "bounce"),
        ("5.4.4", "failed", "smtp; no host", "bounce"),
        ("5.0.0", "failed", "smtp; 550 5.1.1 unknown user", "bounce"),
        ("", "failed", "smtp; 550-5.1.1 unknown user", "bounce"),
        ("5.1.7", "failed", "smtp; 553 sender address syntax", "blocked"),
        ("5.1.8", "failed", "smtp; 550 sender domain not found", "blocked"),
        ("5.0.0", "failed", "smtp; 550 5.1.8 sender rejected", "blocked"),
        ("5.1.0", "failed", "smtp; 550 5.1.0 sender rejected", "blocked"),
        ("5.2.2", "failed", "smtp; 552 full", "blocked"),
        ("5.7.1", "failed", "smtp; 550 policy", "blocked"),
        ("4.4.7", "failed", "smtp; expired", "blocked"),
        ("5.0.0", "failed", "smtp; 550 go away", "blocked"),
        ("4.4.1", "delayed", "smtp; 451 later", "deferred"),
        ("2.0.0", "delivered", "smtp; 250 ok", "delivered"),
    ],
)
def test_kinds(status: str, action: str, said: str, kind: str) -> None:
    """Only a mailbox that is not there ends a reader's mail."""
    [notice] = read_notices(notification(status, action, said), now=NOW)
    assert notice.kind == kind
    assert notice.recipient == "ann@example.com"
    assert notice.message_id == ORIGINAL
    assert notice.at == NOW - timedelta(hours=1)


def test_returned_headers_are_enough() -> None:
    """Servers that return only the headers of a letter are understood as well."""
    [notice] = read_notices(notification(returned="text/rfc822-headers"), now=NOW)
    assert notice.message_id == ORIGINAL


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Subject: out of office\r\n\r\nI am away.",
        notification(original=""),
        notification(to="rfc822; nobody"),
        notification(action="thinking"),
        notification() + b" " * MAX_BYTES,
        notification().replace(b"message/delivery-status", b"text/plain"),
    ],
)
def test_no_notification(raw: bytes) -> None:
    """A message that is no notification about a letter says nothing."""
    assert read_notices(raw, now=NOW) == []


@given(st.binary(max_size=2000))
def test_any_bytes(raw: bytes) -> None:
    """No bytes break the reading."""
    assert isinstance(read_notices(raw, now=NOW), list)


@given(st.data())
def test_damaged(data: st.DataObject) -> None:
    """A notification that was damaged anywhere is read or passed over, and never invents."""
    raw = bytearray(notification())
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.integers(0, 255))
    for notice in read_notices(bytes(raw), now=NOW):
        assert notice.kind in {"bounce", "blocked", "deferred", "delivered"}
        assert notice.at <= NOW
        assert "\n" not in notice.detail


class Imap:
    """A very small IMAP server over TLS: one folder, the commands that a visit needs."""

    def __init__(self, folder: Path, messages: list[bytes]):
        self.messages = messages
        self.flags: dict[int, str] = {}
        self.certificate = folder / "imap.pem"
        self._make_certificate()
        self.listener = create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def _make_certificate(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self.certificate.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))

    def serve(self) -> None:
        """Talk to one client after the other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(raw, server_side=True) as line:
                    self._talk(line)
            except OSError:
                continue

    def _talk(self, line: ssl.SSLSocket) -> None:
        stream = line.makefile("rwb")
        stream.write(b"* OK ready\r\n")
        stream.flush()
        while words := stream.readline().decode().split():
            tag, command, *rest = words
            answer = b""
            good = b"OK"
            if command == "CAPABILITY":
                answer = b"* CAPABILITY IMAP4rev1\r\n"
            elif command == "LOGIN" and rest[1] != '"secret"':
                good = b"NO"
            elif command == "SELECT":
                answer = f"* {len(self.messages)} EXISTS\r\n".encode()
            elif command == "SEARCH":
                new = [str(n) for n in range(1, len(self.messages) + 1) if n not in self.flags]
                answer = f"* SEARCH {' '.join(new)}\r\n".encode()
            elif command == "FETCH":
                body = self.messages[int(rest[0]) - 1]
                answer = f"* {rest[0]} FETCH (BODY[] {{{len(body)}}}\r\n".encode() + body + b")\r\n"
            elif command == "STORE":
                self.flags[int(rest[0])] = rest[2].strip("()\\")
            elif command == "LOGOUT":
                answer = b"* BYE\r\n"
            stream.write(answer + tag.encode() + b" " + good + b" done\r\n")
            stream.flush()


@contextmanager
def imap(folder: Path, messages: list[bytes]) -> Iterator[Imap]:
    """The server, for a while."""
    server = Imap(folder, messages)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.listener.close()


def look(
    server: Imap, *, password: str = "secret", trusted: bool = True
) -> tuple[list[bytes], tuple[int, int]]:
    """One visit to the mailbox."""
    tls = ssl.create_default_context()
    if trusted:
        tls.load_verify_locations(server.certificate)
    taken: list[bytes] = []

    def take(raw: bytes) -> bool:
        taken.append(raw)
        if raw == POISON:
            raise ValueError(raw)
        if raw == TOO_EARLY:
            raise DatabaseError("database", "is locked", again=True)
        return bool(read_notices(raw, now=NOW))

    counts = visit(
        take,
        host="localhost",
        port=server.port,
        username="bounces",
        password=password,
        folder="INBOX",
        timeout=10,
        tls=tls,
    )
    return taken, counts


def test_mailbox(tmp_path: Path) -> None:
    """New messages are read once; what is understood is seen, the rest is flagged for a person."""
    other = b"Subject: hello\r\n\r\nHow do I unsubscribe?\r\n"
    with imap(tmp_path, [notification(), other]) as server:
        taken, counts = look(server)
        assert taken == [notification(), other]
        assert counts == (1, 1)
        assert server.flags == {1: "Seen", 2: "Flagged"}
        assert look(server) == ([], (0, 0))


def test_a_message_that_breaks_the_reading_holds_up_no_other(tmp_path: Path) -> None:
    """It is flagged for a person; where only the moment is wrong, it comes again."""
    with imap(tmp_path, [POISON, notification(), TOO_EARLY]) as server:
        with pytest.raises(DatabaseError):
            look(server)
        assert server.flags == {1: "Flagged", 2: "Seen"}


def test_mailbox_refuses(tmp_path: Path) -> None:
    """A wrong password and a certificate of somebody else are stated, and nothing is read."""
    with imap(tmp_path, [notification()]) as server:
        with pytest.raises(TransportError, match="cannot be read"):
            look(server, password="wrong")
        with pytest.raises(TransportError, match="not trusted"):
            look(server, trusted=False)
        assert server.flags == {}


def test_no_mailbox() -> None:
    """A mailbox that nobody serves is worth another try later."""
    with create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(TransportError) as stated:
        visit(
            lambda _: True,
            host="127.0.0.1",
            port=port,
            username="u",
            password="p",
            folder="INBOX",
            timeout=2,
        )
    assert stated.value.again
