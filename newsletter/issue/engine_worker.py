"""The process that the MJML engine runs in: MJML comes in, HTML or a refusal goes out.

The only file that imports the engine, a Rust library that some sources make panic past
``except Exception``, overflow its stack or never end. Run as a script by
:mod:`newsletter.issue.engine`; knows nothing of the rest of the program.

A message is its length in four bytes, then UTF-8. An answer has one byte in front: 0 for HTML,
1 for the reason of a refusal. When the pipe ends, so does the process.
"""

from __future__ import annotations

import contextlib
import struct
import sys
from typing import BinaryIO

from mjml import mjml2html

MEMORY = 1 << 30
"""Bytes of address space; a source that wants more is refused by the system."""


def main(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until nobody asks any more."""
    while len(head := requests.read(4)) == 4:
        source = requests.read(struct.unpack(">I", head)[0]).decode("utf-8", "replace")
        status, text = _answer(source)
        body = text.encode("utf-8", "replace")
        answers.write(struct.pack(">BI", status, len(body)) + body)
        answers.flush()


def _answer(source: str) -> tuple[int, str]:
    try:
        return 0, str(mjml2html(source, fonts={}))
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a Rust panic is not an Exception
        return 1, str(error)


def _limit_memory() -> None:
    """Where the system knows such limits."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - Unix only

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _limit_memory()
    main(sys.stdin.buffer, sys.stdout.buffer)
