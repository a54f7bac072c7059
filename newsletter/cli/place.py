"""Where a command runs, and how it speaks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.clock import Clock, system_clock

if TYPE_CHECKING:
    from newsletter.config import Config
    from newsletter.newsroom import Newsroom

NEEDS_A_PERSON = 3
"""The exit status of a command that finished but left something for a person to decide."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON for another program.")]
IssueName = Annotated[
    str, typer.Argument(metavar="ISSUE", help='An id, a date such as 2026-11-22, or "latest".')
]
EditionName = Annotated[str, typer.Option("--edition", help="Which publication.")]


@dataclass(frozen=True, slots=True)
class Place:
    """The configuration file and overrides that a command was called with."""

    file: Path
    overrides: tuple[str, ...] = ()

    def config(self) -> Config:
        """Read the configuration."""
        from newsletter.config import load  # the help page needs none

        return load(self.file, self.overrides)

    @contextmanager
    def newsroom(
        self, *, config: Config | None = None, clock: Clock = system_clock
    ) -> Iterator[Newsroom]:
        """Open the newsroom for one command and close it afterwards."""
        from newsletter.newsroom import open_newsroom  # as above

        room = open_newsroom(config or self.config(), clock=clock)
        try:
            yield room
        finally:
            room.close()


def place(context: typer.Context) -> Place:
    """Return the place a command runs in."""
    found = context.obj
    assert isinstance(found, Place)  # noqa: S101 - set by the callback before any command
    return found


def say(text: str = "") -> None:
    """Print a line of an answer."""
    typer.echo(text)


def aside(text: str) -> None:
    """Print a line about the work, apart from the answer."""
    typer.echo(text, err=True)


def show_json(facts: Any) -> None:
    """Print facts as JSON."""
    typer.echo(json.dumps(facts, ensure_ascii=False, indent=2, default=str))


def count(number: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun: "1 story", "1,024 stories"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def minutes(seconds: int) -> str:
    """Write a reading time: "4 min 40 s"."""
    whole, rest = divmod(seconds, 60)
    return f"{whole} min {rest:02d} s" if whole else f"{rest} s"


class Progress:
    """One line that keeps changing on a terminal, and nothing where output is a file."""

    def __init__(self, noun: str, total: int = 0):
        self._noun = noun
        self._total = total
        self._done = 0
        self._shown = sys.stderr.isatty()

    def step(self, done: int | None = None, note: str = "") -> None:
        """Move on by one, or to a count."""
        self._done = self._done + 1 if done is None else done
        if self._shown:
            of = f" of {self._total:,}" if self._total else ""
            typer.echo(f"\r\x1b[K{self._done:,}{of} {self._noun} {note}"[:100], nl=False, err=True)

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            typer.echo("\r\x1b[K", nl=False, err=True)
