"""The nginx of deploy/ before the pages: whose address is believed."""

from __future__ import annotations

import http.client
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import select

from newsletter.database.tables import consents
from newsletter.newsroom import Newsroom
from newsletter.web.app import create_app
from tests.conftest import ROOT
from tests.schedule.rooms import configured
from tests.web.serving import Client, served

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed here")

WHOLE = """
daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy, as visitors of several addresses reach it."""

    port: int

    def sign_up(self, email: str, *, by: str, claims: str = "") -> int:
        """Send the form from an address of this machine, with a claim about it."""
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        asked = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=trusting, source_address=(by, 0), timeout=20
        )
        given = {"Content-Type": "application/x-www-form-urlencoded", "Host": "news.example.org"}
        if claims:
            given |= {"X-Forwarded-For": claims, "X-Real-IP": claims, "Forwarded": f"for={claims}"}
        try:
            asked.request("POST", "/subscribe", urlencode({"email": email}), given)
            return asked.getresponse().status
        finally:
            asked.close()


def certificate(folder: Path) -> None:
    """Lay down a certificate that nobody signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "news.example.org")])
    began = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(began)
        .not_valid_after(began + timedelta(days=9))
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.fixture
def pages(room: Newsroom) -> Iterator[Client]:
    """The pages, whose form may be sent at once."""
    with served(create_app(configured(room, audience={"form_seconds": 0}))) as found:
        yield found


@pytest.fixture
def proxy(pages: Client, tmp_path: Path) -> Iterator[Proxy]:
    """Nginx with the sample of deploy/, on other ports and with files of this test."""
    assert NGINX
    folder = tmp_path / "nginx"
    folder.mkdir()
    certificate(folder)
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        plain, port = one.getsockname()[1], two.getsockname()[1]
    site = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    site = re.sub(r"listen \[::\].*", "", site)
    for before, after in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{port} ssl http2;"),
        ("/etc/letsencrypt/live/news.example.org", str(folder)),
        ("/var/log/nginx", str(folder)),
        ("http://127.0.0.1:8000", f"http://127.0.0.1:{pages.port}"),
    ):
        assert before in site
        site = site.replace(before, after)
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(WHOLE.format(folder=folder))
    running = subprocess.Popen(
        [NGINX, "-c", str(folder / "nginx.conf"), "-p", str(folder)], stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 20
        while not (folder / "pid").exists():
            assert running.poll() is None, (folder / "error.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield Proxy(port)
    finally:
        running.terminate()
        running.wait(10)


def test_limits_and_the_log_know_the_reader_and_believe_no_claim(
    proxy: Proxy, room: Newsroom
) -> None:
    """Who claims another address at each try is stopped as one; others are not; consents are true."""
    tries = [
        proxy.sign_up(f"r{n}@readers.example.org", by="127.0.0.2", claims=f"9.9.9.{n}")
        for n in range(7)
    ]
    assert tries == [200] * 5 + [429] * 2
    assert proxy.sign_up("other@readers.example.org", by="127.0.0.3") == 200
    seen = {""}
    deadline = time.monotonic() + 20
    while "127.0.0.3" not in seen:  # what is noted after the answer
        assert time.monotonic() < deadline, seen
        with room.database.reading() as connection:
            seen |= set(connection.scalars(select(consents.c.origin)))
    assert seen == {"", "127.0.0.2", "127.0.0.3"}
