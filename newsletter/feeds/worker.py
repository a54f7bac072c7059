"""The process that reads feeds: bytes in on one pipe, articles out on another.

It is started by :mod:`newsletter.feeds.workers` with a bare environment (no secrets), a memory
limit, no right to write files, and an alarm that ends it should its parent be gone. What it
says travels as JSON, so that a parser gone mad can at worst lie about articles.

One job is a conversation of four lines: a job with a body; the ids found; the titles of those that
are held already; the articles that are new or have another title.
"""

from __future__ import annotations

import gc
import json
import resource
import signal
import sys
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from operator import attrgetter
from typing import Any, BinaryIO

from newsletter.errors import NewsletterError
from newsletter.feeds.articles import Context, Named, archived, compose, identify
from newsletter.feeds.copies import marks_of
from newsletter.feeds.entry import Document
from newsletter.feeds.page import read_page
from newsletter.feeds.parse import parse
from newsletter.feeds.text import line
from newsletter.model import Article

RECURSION = 3_000
SENT = (
    "id", "url", "title", "summary", "text", "author", "published", "dated", "lang", "kind",
    "section",
)  # fmt: skip
"""What is told of an article; outlet, feed and time are the parent's own, whatever happens here."""
_row = attrgetter(*SENT)


def main(memory_mb: int, seconds: float) -> None:
    """Answer jobs until the pipe closes. One failing job is an answer, not an end."""
    # A feed is a few thousand objects that are all gone after it: looking for circles among them
    # again and again would take a twentieth of the time.
    gc.set_threshold(100_000)
    _confine(memory_mb)
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing a library prints may end up among the answers
    _say(answers, {"ready": True})
    while head := jobs.readline():
        job = json.loads(head)
        body = jobs.read(job["bytes"])
        # The parent kills by its own clock; this is for the case that there is no parent left.
        signal.alarm(int(seconds) + 30)
        try:
            if "page" in job:
                _say(answers, asdict(read_page(body, job["page"], job["limit"])))
            else:
                _answer(job, body, jobs, answers)
        except MemoryError:
            _say(
                answers,
                {"problem": "the feed needs more memory to read than is allowed", "last": True},
            )
            return
        except NewsletterError as error:
            _say(answers, {"problem": error.sentence})
        except Exception as error:  # noqa: BLE001 - a parser may raise anything at a hostile body
            _say(answers, {"problem": f"the feed cannot be read ({type(error).__name__})"})
        signal.alarm(0)


def _answer(job: dict[str, Any], body: bytes, jobs: BinaryIO, answers: BinaryIO) -> None:
    said = job["context"]
    for name in ("first_seen", "compared_from"):
        said[name] = said[name] and datetime.fromisoformat(said[name])
    context = Context(**said)
    document = parse(body, context.url, job["content_type"])
    named = identify(document, context)
    held: list[str | None] = [None] * len(named)
    if job["ask"]:
        _say(answers, {"ids": [one.id for one in named]})
        held = json.loads(jobs.readline())
    articles = archived(_wanted(named, held, document, context), context)
    _say(
        answers,
        {
            "title": document.title[:200],
            "entries": len(document.entries),
            "articles": [_row(article) for article in articles],
            "marks": _marks(articles, context.compared_from),
        },
    )


def _wanted(
    named: Iterable[Named], held: Iterable[str | None], document: Document, context: Context
) -> Iterator[Article]:
    """What is new, and what is recent and has another title than the one that is held."""
    for one, title in zip(named, held, strict=True):
        new = title is None
        if new or (title and line(one.entry.title) not in {"", title}):
            article = compose(one, document, context)
            since = context.compared_from
            if article and (new or (since and article.published >= since)):
                yield article


def _marks(articles: list[Article], since: datetime | None) -> dict[str, str]:
    """By id what finds the copies of articles that are recent enough to be compared."""
    recent = [one for one in articles if since and one.published >= since]
    return {id_: b64encode(marks).decode() for id_, marks in marks_of(recent).items()}


def _say(answers: BinaryIO, data: dict[str, Any]) -> None:
    # ASCII only: a lone surrogate that slipped through would otherwise end the process here.
    said = json.dumps(data, separators=(",", ":"), default=datetime.isoformat)
    answers.write(said.encode("ascii") + b"\n")
    answers.flush()


def _confine(memory_mb: int) -> None:
    memory = memory_mb * 1024 * 1024
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        if hard != resource.RLIM_INFINITY:
            resource.setrlimit(limit, (min(value, hard), min(value, hard)))
        else:
            resource.setrlimit(limit, (value, value))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    sys.setrecursionlimit(RECURSION)
