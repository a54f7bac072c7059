"""Running the command line as a person does."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from newsletter.cli.app import main


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
    """Run ``newsletter`` in a folder, through the same ``main`` as the installed command.

    In this process, because loading the program anew takes most of the time of a short command;
    tests/test_whole_day.py, test_wheel.py and test_serve.py start real processes.
    """
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(cwd),
        mock.patch.object(sys, "argv", ["newsletter", *map(str, words)]),
        mock.patch.dict(os.environ, environment),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    return Said(code, out.getvalue(), err.getvalue())


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
