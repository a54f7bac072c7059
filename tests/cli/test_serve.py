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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import run_newsletter


@dataclass(frozen=True, slots=True)
class Served:
    """A running program and where it is."""

    process: subprocess.Popen[str]
    address: str
    folder: Path

    @property
    def log(self) -> str:
        """What it said so far."""
        return (self.folder / "log").read_text("utf-8")

    def eventually(self, look: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + 60
        while not look():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)

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


STARTED = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, and children inherit that
from newsletter.__main__ import main
os.kill(os.getpid(), signal.SIGHUP)
sys.argv = ["newsletter", *sys.argv[1:]]
main()
"""
"""The program, told to read its files again before it did anything else."""


@pytest.fixture
def served(sample_place: Path, tmp_path: Path) -> Iterator[Served]:
    """``newsletter run`` in a place whose issue of the day was approved."""
    folder = tmp_path / "place"
    shutil.copytree(sample_place, folder)
    assert run_newsletter("approve", "latest", cwd=folder).code == 0
    port = free_port()
    command = [sys.executable, "-c", STARTED, "--set", "collect.sources=[]", "run"]
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.bind(str(folder / "notify"))
    systemd.settimeout(60)
    with systemd, (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "NOTIFY_SOCKET": str(folder / "notify"),
            },
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        found = Served(process, f"http://127.0.0.1:{port}", folder)
        try:
            assert systemd.recv(64) == b"READY=1"
        except TimeoutError:
            process.kill()
            pytest.fail(found.log)
    yield found
    if process.poll() is None:
        process.kill()
    process.wait()


def test_pages_health_and_a_quiet_end(served: Served) -> None:
    """The latest issue is shown, health answers, SIGHUP reads the files anew, SIGTERM ends it."""
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
    # One SIGHUP came while it started, and was kept until it could be heard.
    served.eventually(lambda: served.log.count("the configuration was read again") == 1)
    file = served.folder / "config.toml"
    file.write_text(file.read_text().replace('name = "', 'name = "Our own '))
    template = served.folder / "templates" / "web" / "error.html"
    template.write_text(template.read_text().replace("{% block main %}", "{% block main %}Oh dear"))
    served.process.send_signal(signal.SIGHUP)
    served.eventually(lambda: "Our own" in served.get("/nothing-here")[1])
    assert "Oh dear" in served.get("/nothing-here")[1]
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(15) == 0


def test_other_commands_end_with_their_terminal(tmp_path: Path) -> None:
    """What does not stay up has nothing to read again: SIGHUP ends it, as ever."""
    command = [sys.executable, "-c", STARTED, "schedule"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGHUP


def test_a_taken_port_is_said(sample_place: Path) -> None:
    """A second program on the same port says so in one sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = run_newsletter("web", "--port", port, cwd=sample_place)
    assert said.code == 1
    assert "cannot be served" in said.err
    assert "Traceback" not in said.err
