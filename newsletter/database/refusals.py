"""The rows of an import that were refused, in a file of their own."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path
from typing import TextIO

from newsletter.model import Refusal

EXAMPLES = 10


class RefusalFile:
    """The file of all refused rows, made when the first one comes; for its owner's eyes."""

    def __init__(self, path: Path):
        self._path = path
        self._stream: TextIO | None = None
        self.count = 0
        self.examples: list[Refusal] = []

    def __enter__(self) -> RefusalFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream:
            self._stream.close()

    @property
    def path(self) -> Path | None:
        """Where the rows are; None when there are none."""
        return self._path if self.count else None

    def write(self, refusal: Refusal) -> None:
        """Add a row.

        :raises OSError: when the file cannot be written.
        """
        if self._stream is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            self._stream = self._path.open("w", encoding="utf-8", newline="")
            csv.writer(self._stream).writerow(("line", "column", "value", "reason"))
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(refusal)
        csv.writer(self._stream).writerow(
            (refusal.line, guarded(refusal.column), guarded(refusal.value), refusal.reason)
        )


def guarded(cell: str) -> str:
    """A cell that no spreadsheet computes: an apostrophe before anything that looks like a formula.

    The apostrophe is what OWASP recommends against CSV injection; an import takes it off again.
    Full-width forms count too, because some programs fold them.
    """
    if cell and unicodedata.normalize("NFKC", cell[0])[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return "'" + cell
    return cell
