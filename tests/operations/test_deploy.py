"""The files of deploy/ that start the program."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
PROGRAM = "/opt/newsletter/bin/newsletter"


@dataclass(frozen=True, slots=True)
class Container:
    """The script that is ``newsletter`` in a container, around a program that says its words."""

    folder: Path

    def newsletter(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it in the place of the container."""
        program = self.folder / "program"
        program.write_text('#!/bin/sh\necho "$@"; echo "password=${PGPASSWORD:-}"\n')
        program.chmod(0o755)
        place = self.folder / "place"
        place.mkdir(exist_ok=True)
        text = (DEPLOY / "in-container").read_text("utf-8")
        script = self.folder / "script"
        script.write_text(
            text.replace(PROGRAM, str(program)).replace("/srv/newsletter", str(place))
        )
        return subprocess.run(
            ["/bin/sh", str(script), *words],
            env={"PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def container(tmp_path: Path) -> Container:
    """A container's place with nothing in it."""
    return Container(tmp_path)


def test_a_secret_comes_from_its_file(container: Container, tmp_path: Path) -> None:
    """Any command has the password and the database's address, not only the first process."""
    secret = tmp_path / "secret"
    secret.write_text("a long:/@ word")
    url = "postgresql://newsletter@database/newsletter"
    done = container.newsletter("status", PGPASSWORD_FILE=str(secret), DATABASE_URL=url)
    assert done.stdout == f"--set database.url={url} status\npassword=a long:/@ word\n"


def test_a_secret_that_is_not_there_is_said(container: Container) -> None:
    """One sentence with the file and the variable, and nothing is started."""
    done = container.newsletter("run", PGPASSWORD_FILE="/nowhere/secret")
    assert (done.returncode, done.stdout) == (1, "")
    assert "/nowhere/secret, named by PGPASSWORD_FILE, cannot be read" in done.stderr


def test_a_new_volume_gets_a_place(container: Container, tmp_path: Path) -> None:
    """The first start lays one out; a later one, and a command beside it, does not."""
    assert container.newsletter("run").stdout.startswith("init . --set")
    assert not container.newsletter("status").stdout.startswith("init")
    (tmp_path / "place" / "config.toml").touch()
    assert container.newsletter("run").stdout == "run\npassword=\n"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
@pytest.mark.parametrize(
    "unit", sorted(file.name for file in (DEPLOY / "systemd").glob("*.service"))
)
def test_systemd_understands_a_unit(tmp_path: Path, unit: str) -> None:
    """Nothing is said about it, once its program is there."""
    text = (DEPLOY / "systemd" / unit).read_text("utf-8")
    (tmp_path / unit).write_text(text.replace(PROGRAM, "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    about = [line for line in done.stderr.splitlines() if unit in line]
    assert about == []
