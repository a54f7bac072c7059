"""Running the command line as a person does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer as JSON."""
        return json.loads(self.out)


Run = Callable[..., Said]


def run_newsletter(*words: str | Path, cwd: Path, **environment: str) -> Said:
    """Run ``newsletter`` in a folder, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "newsletter", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A new place to work."""
    folder = tmp_path / "place"
    said = run_newsletter("init", folder, cwd=tmp_path)
    assert said.code == 0, said.err
    return folder


@pytest.fixture
def run(place: Path) -> Run:
    """Run a command in that place."""

    def run(*words: str | Path, **environment: str) -> Said:
        return run_newsletter(*words, cwd=place, **environment)

    return run


@pytest.fixture(scope="session")
def sample_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place in which the invented day was drafted; tests that change it copy it first."""
    folder = tmp_path_factory.mktemp("sample") / "place"
    assert run_newsletter("init", folder, cwd=folder.parent).code == 0
    said = run_newsletter("today", "--sample", cwd=folder)
    assert said.code == 0, said.err
    return folder
