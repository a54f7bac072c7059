"""The wheel holds everything that a place to work needs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project built as a wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return next(folder.glob("*.whl"))


def test_templates_definitions_sample_and_catalogue_travel_along(wheel: Path) -> None:
    """Whatever init lays out, the invented day and the catalogue are inside; tests are not."""
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "newsletter/starter/config.toml",
        "newsletter/starter/templates/email/issue/body.mjml",
        "newsletter/starter/subscribers/segments.toml",
        "newsletter/starter/subscribers/example.csv",
        "newsletter/sample/outlets.toml",
        "newsletter/feeds/outlets/us.toml",
        "newsletter/database/migrations/versions/m0001_first.py",
        "newsletter/py.typed",
    ):
        assert name in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_an_installed_wheel_runs_the_whole_day(wheel: Path, tmp_path: Path) -> None:
    """Installed apart from the source, the wheel makes a place and runs the invented day."""
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def run(*words: str, cwd: Path) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "newsletter", *words],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = "import newsletter; print(newsletter.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert found.stdout.startswith(str(site))
    run("init", "x", cwd=tmp_path)
    said = run("today", "--sample", "--approve", "--send", cwd=tmp_path / "x")
    assert "30 letters (30 accepted)" in said
