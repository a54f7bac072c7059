"""The doctor, against stand-ins of what stands outside: a provider, and a web address with TLS."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from urllib.error import URLError

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from newsletter.config import load
from newsletter.database.engine import Database
from newsletter.errors import ConfigError
from newsletter.newsroom import Newsroom
from newsletter.operations import doctor, machine, outside, place
from newsletter.operations.findings import Finding
from tests.conftest import ROOT, StillClock
from tests.schedule.rooms import room_on

SENDING = ["mail.send", "email_activity.read"]


@contextmanager
def answering(
    path: str, status: int, body: object, context: ssl.SSLContext | None = None
) -> Iterator[str]:
    """A server that answers one address; anything else is not there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raw = json.dumps(body).encode() if self.path == path else b"{}"
            self.send_response(status if self.path == path else 404)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    scheme = "http" if context is None else "https"
    try:
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def with_config(room: Newsroom, *overrides: str) -> Newsroom:
    """The room with other settings."""
    file = room.config.root / "config.toml"
    if not file.exists():
        file.write_text((ROOT / "config.toml").read_text("utf-8"), "utf-8")
    config = load(file, ["collect.sources=[]", *overrides])
    return Newsroom(config=config, database=room.database, clock=room.clock)


@pytest.fixture
def room(sqlite: object, clock: StillClock, tmp_path: Path) -> Newsroom:
    """A place of its own."""
    return room_on(sqlite, clock, tmp_path, zone="UTC")  # type: ignore[arg-type]  # a Database


def states(found: Iterator[Finding]) -> list[tuple[str, str]]:
    """Names and states; whatever is not ok says what to do."""
    lines = list(found)
    assert all(one.hint for one in lines if one.state != "ok")
    return [(one.name, one.state) for one in lines]


@pytest.mark.parametrize(
    ("rights", "seconds", "expected"),
    [
        (SENDING, 0, [("provider", "ok"), ("key rights", "ok")]),
        (["mail.send", "messages.read"], 60, [("provider", "ok"), ("key rights", "ok")]),
        (["mail.send"], 0, [("provider", "ok"), ("key rights", "warn")]),
        (["mail.send"], 60, [("provider", "ok"), ("key rights", "fail")]),
        ([*SENDING, "api_keys.create"], 0, [("provider", "ok"), ("key rights", "warn")]),
    ],
)
def test_every_right_that_the_configuration_needs(
    room: Newsroom,
    monkeypatch: pytest.MonkeyPatch,
    rights: list[str],
    seconds: int,
    expected: list[tuple[str, str]],
) -> None:
    """Sending, reading the log where reconcile counts on it, and no right over the account."""
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.good")
    with answering("/v3/scopes", 200, {"scopes": rights}) as url:
        asked = with_config(
            room, "delivery.transport='sendgrid'", f"delivery.sendgrid.api_url='{url}'",
            f"delivery.sendgrid.log_complete_after_seconds={seconds}",
        )  # fmt: skip
        assert states(outside.provider(asked)) == expected


@pytest.mark.parametrize(("status", "scopes"), [(401, []), (200, ["stats.read"]), (200, [])])
def test_a_key_that_cannot_send_fails(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch, status: int, scopes: list[str]
) -> None:
    """A key that is unknown or may not send is one failure with a hint, not a traceback."""
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.bad")
    with answering("/v3/scopes", status, {"scopes": scopes}) as url:
        asked = with_config(
            room, "delivery.transport='sendgrid'", f"delivery.sendgrid.api_url='{url}'"
        )
        monkeypatch.setattr(doctor, "LOCAL", {})
        monkeypatch.setattr(doctor, "ONLINE", {"provider": outside.provider})
        found = [one for one in doctor.examine(asked, online=True) if one.name == "provider"]
    assert [one.state for one in found] == ["fail"]
    assert found[0].hint


def p256() -> str:
    """A key as the provider shows it."""
    raw = (
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(("make", "state"), [(p256, "ok"), (lambda: "c29tZXRoaW5n", "fail")])
def test_the_key_of_the_webhook(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch, make: Callable[[], str], state: str
) -> None:
    """The key is read as the hook reads it, from a file or from the environment."""
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.good")
    monkeypatch.setenv("HOOK_KEY", make())
    (room.config.root / "hook.pub").write_text(make() + "\n")
    for named in ("webhook_public_key_env='HOOK_KEY'", "webhook_public_key_file='hook.pub'"):
        asked = with_config(room, "delivery.transport='sendgrid'", f"delivery.sendgrid.{named}")
        assert ("webhook", state) in states(place.sending(asked))


def certificate(folder: Path, days: float) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that ends in so many days, and what serves with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    ends = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=90))
        .not_valid_after(ends)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / "cert.pem"
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize(
    ("days", "body", "expected"),
    [
        (60.5, {"version": "1"}, {("public address", "ok"), ("TLS", "ok")}),
        (7.5, {"version": "1"}, {("public address", "ok"), ("TLS", "warn")}),
        (0.5, {"version": "1"}, {("public address", "ok"), ("TLS", "fail")}),
        (60.5, {"hello": "1"}, {("public address", "fail"), ("TLS", "ok")}),
        (-1.0, {"version": "1"}, {("TLS", "fail")}),
    ],
)
def test_the_public_address_and_its_certificate(  # noqa: PLR0917 - cases and fixtures
    room: Newsroom,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    days: float,
    body: dict[str, str],
    expected: set[tuple[str, str]],
) -> None:
    """Whether it is this program that answers, by a certificate that lasts."""
    context = certificate(tmp_path, days)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with answering("/healthz", 200, body, context) as url:
        asked = with_config(room, f"site.base_url='{url}'")
        asked = Newsroom(
            config=asked.config, database=asked.database, clock=lambda: datetime.now(UTC)
        )
        assert set(states(outside.public_address(asked))) == expected


def test_a_clock_that_differs_from_the_database(
    postgres: Database, clock: StillClock, tmp_path: Path
) -> None:
    """A machine with a clock of its own would take living senders for dead: it must not begin."""
    clock.now = datetime.now(UTC)
    right = room_on(postgres, clock, tmp_path, zone="UTC")
    assert states(machine.clock(right)) == [("clock", "ok")]
    machine.refuse_a_wrong_clock(right)
    clock.pass_(minutes=3)
    [found] = machine.clock(right)
    assert found.state == "fail"
    assert "ahead of the database's" in found.says
    clock.pass_(minutes=-6)
    with pytest.raises(ConfigError, match="behind the database's"):
        machine.refuse_a_wrong_clock(right)


def test_a_clock_that_differs_from_the_world(
    room: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that is off against what the public address says is a warning."""
    context = certificate(tmp_path, 60.5)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with answering("/healthz", 200, {"version": "1"}, context) as url:
        asked = with_config(room, f"site.base_url='{url}'")
        asked = Newsroom(
            config=asked.config,
            database=asked.database,
            clock=lambda: datetime.now(UTC) + timedelta(minutes=5),
        )
        assert ("clock", "warn") in states(outside.public_address(asked))


def test_an_address_without_tls(room: Newsroom) -> None:
    """A public address without TLS fails once letters leave, and warns before."""
    for transport, state in (("folder", "warn"), ("smtp", "fail")):
        asked = with_config(
            room, "site.base_url='http://news.example.net'", f"delivery.transport='{transport}'"
        )
        assert ("configuration", state) in states(place.configuration(asked))


def test_a_name_that_nobody_knows(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public address that cannot be looked up is said in words, not as a number of the system."""

    def unknown(*_: object, **__: object) -> None:
        raise URLError(socket.gaierror(-2, "Name or service not known"))

    monkeypatch.setattr("urllib.request.urlopen", unknown)
    asked = with_config(room, "site.base_url='https://news.example.net'")
    [found] = outside.public_address(asked)
    assert (found.state, found.says) == (
        "fail",
        "https://news.example.net does not answer: its name is not known",
    )
