"""A file of unknown origin as records of cells, in bounded memory.

What people upload as "CSV" is sometimes a workbook, in another encoding, or holds a quotation mark
that is never closed and would swallow the rest of the file. Each of these ends as a sentence.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Callable, Iterator
from typing import BinaryIO

from newsletter.errors import AudienceError

MAX_LINE = 65_536
"""The longest line that is read, in characters; a longer one is refused without being kept."""
MAX_RECORD_LINES = 40
"""The most lines one quoted cell may span."""

_CONTAINERS = (
    (b"PK\x03\x04", "is a ZIP archive or an Excel workbook, not CSV"),
    (b"PK\x05\x06", "is an empty ZIP archive, not CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook, not CSV"),
    (b"\x1f\x8b", "is a gzip archive, not CSV"),
    (b"BZh", "is a bzip2 archive, not CSV"),
    (b"7z\xbc\xaf", "is a 7-Zip archive, not CSV"),
    (b"\xfd7zXZ", "is an xz archive, not CSV"),
    (b"%PDF", "is a PDF, not CSV"),
    (b"SQLite format 3", "is a SQLite database, not CSV"),
)
_SAVE_AS = 'Open it in a spreadsheet program and save it as "CSV UTF-8".'


class BrokenRecord(Exception):
    """A record that cannot be read; reading can go on after it."""

    def __init__(self, line: int, value: str, reason: str):
        self.line = line
        self.value = value
        self.reason = reason
        super().__init__(reason)


def open_text(stream: BinaryIO, subject: str) -> io.TextIOWrapper:
    """Find out the encoding of a file and open it as text.

    UTF-8 with or without a byte order mark, and UTF-16 or UTF-32 with one. A file that can be
    rewound is looked through once before, so that a wrong encoding in its last line is known
    before its first row is used. Other encodings are not guessed: a wrong guess spoils names.

    :raises AudienceError: when the file is something else than text, empty, or in another encoding.
    """
    start = _peek(stream, subject)
    for magic, sentence in _CONTAINERS:
        if start.startswith(magic):
            raise AudienceError(subject, sentence, hint=_SAVE_AS)
    encoding = "utf-8-sig"
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        encoding = "utf-32"
    elif start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif start.count(0) > len(start) // 4:
        # UTF-16 without its mark; a stray NUL in one cell spoils that cell only.
        raise AudienceError(subject, "is not UTF-8 text", hint=_SAVE_AS)
    if stream.seekable():
        _check_encoding(stream, encoding, subject)
    return io.TextIOWrapper(stream, encoding=encoding, newline="")


class Records:
    """The records of a text, with the line each begins on.

    Iterating gives lists of cells. A record that cannot be read raises :class:`BrokenRecord` out
    of ``next``; the next call goes on with the line after the broken one.
    """

    def __init__(self, text: io.TextIOWrapper, delimiter: str):
        self._text = text
        self._delimiter = delimiter
        self.begins_row: Callable[[str], bool] = lambda _line: False
        """Says of a line inside a quoted cell whether it is plainly a row of its own."""
        self._number = 0
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._reader = self._new_reader()
        self.line = 0
        """The line the last record began on, from 1."""

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        """Return the cells of the next record.

        :raises BrokenRecord: for a line that is too long or a quotation mark that stays open.
        """
        self._taken.clear()
        self.line = self._number + 1
        try:
            record = next(self._reader)
            if len(self._taken) > 1 and any(map(self.begins_row, self._taken[1:])):
                raise _StillOpen
        except BrokenRecord:
            self._reader = self._new_reader()
            raise
        except csv.Error:
            reason = "cannot be read as CSV"
        except _StillOpen:
            reason = "a quotation mark opens here and is not closed"
        else:
            return record
        # Only the first line is given up; what followed it is read again as lines of its own.
        first, *rest = self._taken
        self._again.extendleft(reversed(rest))
        self._number -= len(rest)
        self._reader = self._new_reader()
        raise BrokenRecord(self.line, first, reason)

    def skip_line(self) -> str:
        """Take one line as it is, before any record is read; empty at the end."""
        line = self._text.readline(MAX_LINE)
        self._number += 1
        return line

    def start_after(self, other: Records) -> None:
        """Count lines on from where another reading of the same text stands."""
        self._number = other._number

    def _new_reader(self) -> Iterator[list[str]]:
        return csv.reader(self._lines(), delimiter=self._delimiter, skipinitialspace=True)

    def _lines(self) -> Iterator[str]:
        readline, taken, again = self._text.readline, self._taken, self._again
        while line := again.popleft() if again else readline(MAX_LINE):
            self._number += 1
            if len(line) >= MAX_LINE and line[-1] not in "\r\n":
                self._skip_rest()
                raise BrokenRecord(self._number, line, f"the line has over {MAX_LINE:,} characters")
            taken.append(line)
            if len(taken) > MAX_RECORD_LINES:
                raise _StillOpen
            yield line
        if len(taken) > 1 and taken[0].count('"') % 2:
            # The file ends inside a quoted cell that began lines ago.
            raise _StillOpen

    def _skip_rest(self) -> None:
        while piece := self._text.readline(MAX_LINE):
            if piece[-1] in "\r\n":
                return


class _StillOpen(Exception):
    pass


def _peek(stream: BinaryIO, subject: str) -> bytes:
    if not stream.seekable():
        peek = getattr(stream, "peek", None)
        return bytes(peek(64)[:64]) if peek else b""
    start = stream.read(4096)
    stream.seek(0)
    if not start.strip(b"\xef\xbb\xbf \t\r\n"):
        raise AudienceError(subject, "is empty")
    return start


def _check_encoding(stream: BinaryIO, encoding: str, subject: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    try:
        while block := stream.read(1 << 18):
            decoder.decode(block)
            line += block.count(b"\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        line += block[: max(error.start, 0)].count(b"\n")
        raise not_utf8(subject, line) from None
    stream.seek(0)


def not_utf8(subject: str, line: int) -> AudienceError:
    """The error for a file in an encoding that would have to be guessed."""
    return AudienceError(
        subject, f"is not UTF-8 text: line {line:,} has other characters", hint=_SAVE_AS
    )
