"""``newsletter run``: pages, health and bells in one process, and a quiet end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import run_newsletter


@dataclass(frozen=True, slots=True)
class Served:
    """A running program and where it is."""

    process: subprocess.Popen[str]
    address: str

    def get(self, path: str) -> tuple[int, str]:
        """Fetch a page; error pages too."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def served(sample_place: Path, tmp_path: Path) -> Iterator[Served]:
    """``newsletter run`` in a place whose issue of the day was approved."""
    folder = tmp_path / "place"
    shutil.copytree(sample_place, folder)
    assert run_newsletter("approve", "latest", cwd=folder).code == 0
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "newsletter", "--set", "collect.sources=[]", "run", "--port", str(port)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    found = Served(process, f"http://127.0.0.1:{port}")
    deadline = time.monotonic() + 60
    while True:
        try:
            found.get("/healthz")
            break
        except OSError:
            assert process.poll() is None, process.stdout.read() if process.stdout else ""
            assert time.monotonic() < deadline
            time.sleep(0.1)
    yield found
    if process.poll() is None:
        process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def test_pages_health_and_a_quiet_end(served: Served) -> None:
    """The latest issue is shown, health answers, an unknown page is friendly, SIGTERM ends it."""
    status, text = served.get("/healthz")
    assert status == 200
    assert json.loads(text)["database"] == "ok"
    status, page = served.get("/")
    assert status == 200
    assert "Senate passes" in page
    assert "_unsubscribe_" not in page
    found = re.search(r"/issues/\d{4}-\d{2}-\d{2}", page)
    assert found
    status, issue = served.get(found.group())
    assert status == 200
    assert 'href="/stories/' in issue
    assert not re.search(r'<a [^>]*href="https://news\.example\.org', issue)
    assert served.get("/nothing-here")[0] == 404
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(15) == 0


def test_a_taken_port_is_said(sample_place: Path) -> None:
    """A second program on the same port says so in one sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = run_newsletter("web", "--port", port, cwd=sample_place)
    assert said.code == 1
    assert "cannot be served" in said.err
    assert "Traceback" not in said.err
