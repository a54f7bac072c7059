"""The same transports against independent stand-ins beside the project, where there are any."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter.delivery.transport import SmtpTransport
from newsletter.delivery.transport.sendgrid import SendGridTransport
from newsletter.model import DeliveryState
from tests.delivery.people import issue_mail, letters, rendered

MAIL = issue_mail(rendered(subject="Café =?utf-8?q?x=0D=0ABcc=3A_evil=40example=2Ecom?= 日本"))
Start = Callable[..., int]


@pytest.fixture
def start(shared: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts a stand-in on a free port and says which."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(program: str, *more: str) -> int:
        path = shared / "referee" / program
        if not path.exists():
            pytest.skip(f"no {program} in ../shared/referee")
        port = free_port()
        words = ["--port", str(port), "--journal", str(tmp_path / "journal.jsonl"), *more]
        process = subprocess.Popen([sys.executable, str(path), *words], stdout=subprocess.PIPE)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline()
        return port

    yield begin
    for process in running:
        process.terminate()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def counts(port: int) -> dict[str, Any]:
    """What the stand-in counted."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/referee/counts", timeout=10) as reply:
        return dict(json.load(reply))


def test_no_issue_found_in_our_mail(start: Start) -> None:
    """A strict SMTP server that offers pipelining finds nothing wrong with our letters."""
    control = free_port()
    port = start("smtpsink.py", "--control", str(control), "--reject", "reader3@example.org")
    transport = SmtpTransport(host="127.0.0.1", port=port, connections=3)
    outcomes = transport.send(letters(12, MAIL), MAIL.prepared("", "b"))
    transport.close()
    states = [one.state for one in outcomes]
    assert states.count(DeliveryState.ACCEPTED) == 11
    assert states.count(DeliveryState.REJECTED) == 1
    seen = counts(control)
    assert seen["issues"] == {}
    assert seen["defects"] == {}
    assert seen["accepted"] == seen["addresses"] == 11


def test_no_warning_about_our_requests(start: Start) -> None:
    """A strict stand-in for SendGrid takes our requests without a warning, and its log has them."""
    port = start("esp.py")
    transport = SendGridTransport(api_key="SG.x", api_url=f"http://127.0.0.1:{port}/v3")
    some = letters(1000, MAIL)
    outcomes = transport.send(some, MAIL.prepared("", "own-1"))
    assert {one.state for one in outcomes} == {DeliveryState.ACCEPTED}
    seen = counts(port)
    assert seen["warnings"] == {}
    assert seen["refused"] == {}
    assert seen["accepted"] == 1000
    assert len(transport.find(some, batch="own-1")) == 1000
    assert transport.find(some, batch="own-2") == {}
