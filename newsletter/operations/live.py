"""A newsroom whose configuration may change while it works.

The files are looked at every few seconds, and at once on SIGHUP. A changed file that is understood
makes a new newsroom on the same database; one that is not understood changes nothing, is said in
the log and as an alert, and the old configuration goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from newsletter.config import SEGMENTS_FILE, Config
from newsletter.database.alerts import Trouble
from newsletter.errors import ConfigError, DatabaseError, NewsletterError
from newsletter.newsroom import Newsroom

log = logging.getLogger(__name__)

SCOPE = "config:"
PULSE_SECONDS = 5.0
JUMP_SECONDS = 90.0
"""A clock that moved so much more or less than time passed was set."""

Signature = tuple[tuple[str, int, int], ...]


class LiveRoom:
    """Gives the present newsroom.

    :param load: reads the configuration again, with the words of the command line laid over it.
    """

    def __init__(self, room: Newsroom, load: Callable[[], Config]):
        self._room = room
        self._load = load
        self._seen = signature(room.config)
        self._pushed = ""
        self._pushed = self._pushed_now()
        self._followers: list[Callable[[Newsroom], None]] = []
        self._lock = threading.Lock()

    def __call__(self) -> Newsroom:
        """The newsroom as it is now."""
        return self._room

    def follow(self, follower: Callable[[Newsroom], None]) -> None:
        """Have somebody told of each new newsroom."""
        self._followers.append(follower)

    def check(self) -> bool:
        """Read the configuration again if a file of it changed, or if other templates were pushed.

        :returns: whether it was taken.
        """
        changed = signature(self._room.config) != self._seen
        return (changed or self._pushed_now() != self._pushed) and self.reload()

    def _pushed_now(self) -> str:
        try:
            return self._room.template_files.current()
        except DatabaseError:
            return self._pushed

    def reload(self) -> bool:
        """Read the configuration again; whether it was taken."""
        with self._lock:
            before = self._room
            self._seen = signature(before.config)
            self._pushed = self._pushed_now()
            try:
                config = self._load()
            except ConfigError as error:
                log.error("the configuration stays as it was: %s %s", error, error.hint)
                trouble = Trouble(
                    key=f"{SCOPE}unreadable",
                    sentence=f"The changed configuration is not understood: {error}",
                    hint=error.hint or "Mend the file; the old configuration goes on until then.",
                )
                self._report(before, [trouble])
                return False
            self._seen = signature(config)
            for name in needs_restart(before.config, config):
                log.warning("%s changed: that takes effect at the next start", name)
            room = replace(before, config=config)
            self._room = room
        log.info("the configuration was read again")
        self._report(room, [])
        for follower in self._followers:
            try:
                follower(room)
            except NewsletterError as error:
                log.error("the new configuration cannot be used everywhere: %s", error)
        return True

    @staticmethod
    def _report(room: Newsroom, troubles: list[Trouble]) -> None:
        try:
            room.alerts.report(SCOPE, troubles, now=room.clock())
        except NewsletterError as error:
            log.warning("no alert could be kept: %s", error)


def needs_restart(before: Config, after: Config) -> list[str]:
    """Keys whose change a running program cannot follow."""
    pairs = {
        "[database]": (before.database, after.database),
        "[web] host and port": (
            (before.web.host, before.web.port),
            (after.web.host, after.web.port),
        ),
        "[logging]": (before.logging, after.logging),
    }
    return [name for name, (old, new) in pairs.items() if old != new]


def signature(config: Config) -> Signature:
    """What changes when a file of the configuration does: names, times and sizes."""
    named = [config.root / name for name in config.collect.sources if name.endswith(".toml")]
    files = [
        config.file,
        config.path(config.paths.subscribers) / SEGMENTS_FILE,
        config.ratings_file,
        *named,
    ]
    return tuple(_look(file) for file in files)


def _look(file: Path) -> tuple[str, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (str(file), 0, -1)
    return (str(file), found.st_mtime_ns, found.st_size)


class Pulse:
    """Calls something every few seconds of true time, whatever the clock on the wall does.

    :param beat: called with how many seconds the clock was set forward since the last call,
        negative when it was set back, 0.0 when it simply went on.
    """

    def __init__(
        self,
        beat: Callable[[float], None],
        *,
        seconds: float = PULSE_SECONDS,
        wall: Callable[[], float] = time.time,
        passed: Callable[[], float] | None = None,
    ):
        self._beat = beat
        self._seconds = seconds
        self._wall = wall
        self._passed = passed or true_time
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Beat no more."""
        self._stop.set()

    def _run(self) -> None:
        before = (self._wall(), self._passed())
        while not self._stop.wait(self._seconds):
            now = (self._wall(), self._passed())
            try:
                self._beat(jumped(before, now))
            except Exception:
                log.exception("the pulse missed a beat")
            before = now


def jumped(before: tuple[float, float], now: tuple[float, float]) -> float:
    """How many seconds the clock on the wall was set between two looks at it and at true time."""
    shift = (now[0] - before[0]) - (now[1] - before[1])
    return shift if abs(shift) >= JUMP_SECONDS else 0.0


def true_time() -> float:
    """Seconds since the start of the machine, its sleep included where the system counts it."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(clock) if clock is not None else time.monotonic()
