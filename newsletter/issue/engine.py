"""MJML to HTML in a process of its own, so that no source can take this process along.

The process is started when it is first needed, kept for the next source, and replaced when it
dies or does not answer in time. Passing an issue through the pipe and back costs a fifth of a
millisecond.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

from newsletter.errors import TemplateError

SECONDS = 20.0
"""An issue takes some milliseconds; what takes so long never ends."""

_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
_WORKER = Path(__file__).with_name("engine_worker.py")


class Engine:
    """Asks one worker process, one source at a time; safe to share between threads."""

    def __init__(self, seconds: float = SECONDS):
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        atexit.register(self.close)

    def html(self, source: str) -> str:
        """Turn MJML into HTML.

        :raises TemplateError: when the engine refuses the source, dies over it, or does not end.
        """
        body = source.encode("utf-8", "replace")
        with self._lock:
            process = self._running()
            try:
                status, answer = self._ask(process, struct.pack(">I", len(body)) + body)
            except (OSError, EOFError, TimeoutError) as error:
                self._drop()
                late = isinstance(error, TimeoutError)
                what = f"did not answer in {self._seconds:g} s" if late else "broke down over it"
                raise TemplateError("MJML", f"the engine {what}") from None
        if status:
            raise TemplateError("MJML", f"the engine refused it: {answer[:200].rstrip('.')}")
        return answer

    def close(self) -> None:
        """End the worker; the next source starts a new one."""
        with self._lock:
            self._drop()

    def _running(self) -> subprocess.Popen[bytes]:
        # A forked child must not talk into its parent's pipe.
        if self._process is not None and self._owner != os.getpid():
            self._process = None
        if self._process is None or self._process.poll() is not None:
            self._drop()
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own file
                    [sys.executable, "-I", str(_WORKER)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    # Keys of this process are none of its business.
                    env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                )
            except OSError as error:
                raise TemplateError(
                    "MJML", f"its process cannot be started: {error.strerror}"
                ) from None
            self._owner = os.getpid()
        return self._process

    def _ask(self, process: subprocess.Popen[bytes], message: bytes) -> tuple[int, str]:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        end = time.monotonic() + self._seconds
        # The worker reads all of a message before it writes, so this cannot block for ever.
        process.stdin.write(message)
        process.stdin.flush()
        status, size = struct.unpack(">BI", _read(process.stdout.fileno(), 5, end))
        return status, _read(process.stdout.fileno(), size, end).decode("utf-8", "replace")

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.kill()
        process.wait()


def _read(pipe: int, size: int, end: float) -> bytes:
    """Exactly so many bytes, before a moment of the monotonic clock."""
    parts: list[bytes] = []
    while size:
        ready, _, _ = select.select([pipe], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            raise TimeoutError
        part = os.read(pipe, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
