"""What the parts that stay up write: one line an event, for people or for programs.

Everything in the program logs through the standard library; here it is given its form. Words that
belong to a whole piece of work (the request, the job, the issue) are bound once and stand in every
line written meanwhile. Paths of readers' own links never appear: they are keys.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import structlog

from newsletter.config import Config
from newsletter.errors import ConfigError

_QUIET = (
    "apscheduler", "asyncio", "uvicorn.access", "httpx", "httpcore", "urllib3", "procrastinate",
)  # fmt: skip


def configure(config: Config) -> None:
    """Write the log as ``[logging]`` says; a second call replaces the first.

    :raises ConfigError: when the file cannot be written.
    """
    settings = config.logging
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _stamp,
        structlog.processors.format_exc_info,
    ]
    last: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.format == "json"
        else _plain
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    )
    handler = _handler(config)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in list(root.handlers):
        if getattr(old, "of_newsletter", False):
            root.removeHandler(old)
            old.close()
    handler.of_newsletter = True  # type: ignore[attr-defined]  # our own mark
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def bound(**words: str) -> Iterator[None]:
    """Have some words stand in every line that is written within."""
    with structlog.contextvars.bound_contextvars(**{k: v for k, v in words.items() if v}):
        yield


def _handler(config: Config) -> logging.Handler:
    if not config.logging.file:
        return logging.StreamHandler(sys.stderr)
    file = config.path(config.logging.file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return logging.handlers.TimedRotatingFileHandler(
            file,
            when="midnight",
            utc=True,
            encoding="utf-8",
            backupCount=config.retention.logs_days,
        )
    except OSError as error:
        raise ConfigError(
            str(file), f"cannot be written: {error.strerror}", hint="Choose another [logging] file."
        ) from None


def _stamp(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record = event.get("_record")
    moment = datetime.fromtimestamp(record.created, UTC) if record else datetime.now(UTC)
    event["time"] = moment.isoformat(timespec="milliseconds")
    return event


_ORDER = ("time", "level", "logger", "event")


def _plain(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> str:
    """``time level logger words key=value ...``: what a person reads in a terminal."""
    exception = event.pop("exception", "")
    more = " ".join(f"{key}={event[key]}" for key in sorted(event) if key not in _ORDER)
    name = str(event.get("logger", "")).removeprefix("newsletter.")
    line = f"{event['time'][:19]} {event.get('level', ''):<7} {name} {event.get('event', '')}"
    line = " ".join(f"{line}  {more}".split("\n")).rstrip()
    return f"{line}\n{exception}" if exception else line
