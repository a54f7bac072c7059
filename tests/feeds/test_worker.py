"""The worker: one conversation a job, whatever the job holds."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from newsletter.feeds.worker import SENT

CONTEXT = {
    "url": "https://example.org/f",
    "feed": "f",
    "outlet": "paper",
    "first_seen": "2026-11-22T12:00:00+00:00",
    "compared_from": "2026-11-20T12:00:00+00:00",
}
GOOD = (
    b'<rss version="2.0"><channel><title>t</title><item><title>Roads</title>'
    b"<link>https://example.org/roads</link></item></channel></rss>"
)


def job(body: bytes, *, ask: bool = False) -> bytes:
    """A job as the parent sends it."""
    head = {
        "bytes": len(body),
        "content_type": "",
        "ask": ask,
        "context": CONTEXT,
    }
    return json.dumps(head).encode() + b"\n" + body


def converse(*said: bytes) -> list[dict[str, Any]]:
    """Everything a worker answers to these jobs."""
    words = "import newsletter.feeds.worker as w; w.main(512, 20)"
    done = subprocess.run(
        [sys.executable, "-c", words], input=b"".join(said), capture_output=True, check=True
    )
    return [json.loads(line) for line in io.BytesIO(done.stdout)]


def test_jobs_are_answered_until_the_pipe_closes() -> None:
    """A bad job is an answer like any other, and the end of input is the end."""
    ready, first, bad, second = converse(job(GOOD), job(b"<html>"), job(GOOD))
    assert ready == {"ready": True}
    assert first == second
    roads = dict(zip(SENT, first["articles"][0], strict=True))
    assert roads["title"] == "Roads"
    assert list(first["marks"]) == [roads["id"]]
    assert bad == {"problem": "the answer is a web page, not a feed"}


def test_only_what_is_asked_for_is_cleaned() -> None:
    """The worker names what it found, and composes nothing that is held already."""
    _, named, articles = converse(job(GOOD, ask=True), b'[""]\n')
    assert len(named["ids"]) == 1
    assert articles["articles"] == []
    assert articles["entries"] == 1


def test_a_worker_cannot_write_files(tmp_path: Path) -> None:
    """Confined before the first job: no file grows, whatever a parser is made to do."""
    words = (
        "import newsletter.feeds.worker as w, sys; w._confine(512); "
        "open(sys.argv[1], 'wb', 0).write(b'x')"
    )
    file = tmp_path / "file"
    subprocess.run([sys.executable, "-c", words, str(file)], capture_output=True, check=False)
    assert file.exists()
    assert file.stat().st_size == 0
