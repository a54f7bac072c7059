"""Kill -9 of the whole service at random moments of compressed days, then count.

``newsletter run`` lives through days of seconds: collect, draft, wait for an editor's approval,
send to a stand-in for SendGrid that is never killed and whose memory says what really left. Every
day has kills in each of these phases, each at a random moment of it. After each day there is
exactly one issue, and everybody got it once.

    python -m benchmarks.service_crash             # 50 kills
    python -m benchmarks.service_crash --kills 6   # a short one, as the test runs it
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from newsletter import pipeline
from newsletter.config import load
from newsletter.errors import Conflict
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.sample.server import SampleServer
from tests.delivery.servers import Grid, GridHandler, GridServer

ROOT = Path(__file__).resolve().parents[1]
PHASES = ("starting", "collecting", "drafting", "drafted", "approved", "sending", "sent")
KILLS = ("collecting", "drafting", "drafted", "approved", "sending", "sending", "sending")
"""The phases of one day in which the service is killed, in their order."""
DRAFT_AFTER, SEND_AFTER = 18.0, 19.0


@dataclass
class Outcome:
    """What the days came to."""

    days: int = 0
    issues: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    doubled: int = 0
    lost: int = 0
    letters: int = 0
    unsettled: int = 0


def slowly(grid: Grid, handler: GridHandler, request: dict[str, Any]) -> bool:
    """Take time before and after a request counts, so that kills fall into both."""
    time.sleep(0.03)
    identity = grid.take(request)
    time.sleep(0.03)
    handler.reply(202, None, X_Message_Id=identity)
    return True


def main() -> int:
    """Print the table; how much went wrong."""
    asked = argparse.ArgumentParser(description="Kill the whole service, and count.")
    asked.add_argument("--kills", type=int, default=50)
    asked.add_argument("--readers", type=int, default=600)
    asked.add_argument("--seed", type=int, default=9)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="newsletter-service-") as folder:
        outcome = days(
            Path(folder), kills=options.kills, readers=options.readers, seed=options.seed
        )
    killed = ", ".join(f"{outcome.kills[phase]} {phase}" for phase in PHASES)
    print(f"kills      {outcome.kills.total()} in {outcome.days} days: {killed}")
    print(f"issues     {outcome.issues} for {outcome.days} local dates")
    print(f"letters    {outcome.letters}, {outcome.doubled} doubled, {outcome.lost} lost")
    print(f"in doubt   {outcome.unsettled} letters left to a person")
    return outcome.doubled + outcome.lost + abs(outcome.issues - outcome.days) + outcome.unsettled


def days(folder: Path, *, kills: int, readers: int, seed: int) -> Outcome:
    """Live through days until so many kills have happened."""
    rng = random.Random(seed)
    outcome = Outcome()
    with SampleServer(datetime.now(UTC)) as news:
        while outcome.kills.total() < kills:
            outcome.days += 1
            left = min(len(KILLS), kills - outcome.kills.total())
            phases = [KILLS[one] for one in sorted(rng.sample(range(len(KILLS)), left))]
            _day(folder / f"day{outcome.days}", news, outcome, phases, readers, rng)
    return outcome


def _day(  # noqa: PLR0917
    place: Path,
    news: SampleServer,
    outcome: Outcome,
    phases: Sequence[str],
    readers: int,
    rng: random.Random,
) -> None:
    with GridServer() as provider:
        provider.grid.behaviour = slowly
        drafts = time.time() + DRAFT_AFTER
        held = {"editions.daily.unattended": "hold"}
        more = _soon(DRAFT_AFTER, SEND_AFTER) | held
        make_place(place, news.sources, provider.url, readers, more)
        for wanted in phases:
            service = _start(place)
            _until_phase(place, service, wanted, drafts)
            time.sleep(rng.uniform(0.0, 0.6 if wanted == "sending" else 1.5))
            phase = _phase(place, drafts)
            os.killpg(service.pid, signal.SIGKILL)
            service.wait()
            outcome.kills[phase] += 1
            if phase == "sent":
                break
        service = _start(place)
        try:
            _until_over(place, service)
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(30)
        copies = Counter(provider.grid.addresses())
    config = load(place / "config.toml")
    room = open_newsroom(config)
    issues = [one for one in room.issues.recent(50) if one.edition == "daily"]
    outcome.issues += len(issues)
    outcome.unsettled += sum(room.ledger.states(one.id).get("unknown", 0) for one in issues)
    room.close()
    outcome.letters += copies.total()
    outcome.doubled += sum(count - 1 for count in copies.values())
    outcome.lost += readers - len(copies)
    print(
        f"day {outcome.days}: {outcome.kills.total()} kills so far, {len(issues)} issue, "
        f"{copies.total()} letters to {len(copies)} readers",
        flush=True,
    )


def stopped(place: Path, readers: int) -> tuple[float, dict[str, int], Counter[str]]:
    """Stop a service in the middle of its send, then let another finish it.

    :returns: how many seconds the stop took, where the letters were after it, and in the end how
        many copies went to whom.
    """
    with SampleServer(datetime.now(UTC)) as news, GridServer() as provider:
        provider.grid.behaviour = slowly
        make_place(place, news.sources, provider.url, readers, _soon(8, 14))
        service = _start(place)
        end = time.monotonic() + 120
        while not provider.grid.taken and time.monotonic() < end:
            time.sleep(0.02)
        began = time.monotonic()
        service.send_signal(signal.SIGTERM)
        service.wait(60)
        took = time.monotonic() - began
        room = _look(place)
        found = room.issues.newest("daily")
        states = room.ledger.states(found.id) if found else {}
        room.close()
        service = _start(place)
        _until_over(place, service)
        service.send_signal(signal.SIGTERM)
        service.wait(60)
        return took, states, Counter(provider.grid.addresses())


def make_place(
    place: Path,
    sources: Sequence[Mapping[str, Any]],
    api: str,
    readers: int,
    more: Mapping[str, str],
) -> None:
    """Lay out a place with sources, readers, a stand-in for the provider, and other settings."""
    program = [sys.executable, "-m", "newsletter"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([*program, "init", str(place)], check=True, env=environment, capture_output=True)
    people = "".join(f"reader{number}@example.org\n" for number in range(readers))
    (place / "people.csv").write_text(f"email\n{people}", "utf-8")
    tables = "".join(
        "[[source]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in source.items())
        for source in sources
    )
    (place / "sources.toml").write_text(tables, "utf-8")
    host = urlsplit(sources[0]["feed"]).netloc
    config = {
        "collect.sources": '["sources.toml"]',
        "collect.allow_hosts": f'["{host}"]',
        "editions.daily.zone": "UTC",
        "editions.daily.unattended": "send",
        "editions.daily.remind_minutes": "0",
        "delivery.transport": "sendgrid",
        "delivery.sendgrid.api_url": api,
        "delivery.sendgrid.batch_size": "20",
        "delivery.sendgrid.log_complete_after_seconds": "1.0",
        "schedule.late": "send",
        "backup.enabled": "false",
        **more,
    }
    words = [word for key, value in config.items() for word in ("--set", f"{key}={value}")]
    text = (place / "config.toml").read_text("utf-8")
    from newsletter.cli.start import _with_value

    for word in words[1::2]:
        text = _with_value(text, word)
    (place / "config.toml").write_text(text, "utf-8")
    subprocess.run(
        [*program, "--config", str(place / "config.toml"), "subscribers", "import",
         str(place / "people.csv"), "--consent", "invented"],
        check=True, env=environment, capture_output=True,
    )  # fmt: skip


def _soon(draft: float, send: float) -> dict[str, str]:
    """Settings for a day that begins in so many seconds."""
    now = datetime.now(UTC)
    return {
        "editions.daily.draft_at": f"{now + timedelta(seconds=draft):%H:%M:%S}",
        "editions.daily.send_at": f"{now + timedelta(seconds=send):%H:%M:%S}",
    }


def _start(place: Path) -> subprocess.Popen[bytes]:
    with (place / "service.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "newsletter", "run", "--port", "0"],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(ROOT), "SENDGRID_API_KEY": "SG.good"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _phase(place: Path, drafts: float) -> str:
    room = _look(place)
    try:
        found = room.issues.newest("daily")
        if found is not None:
            return {"draft": "drafted", "approved": "approved", "sending": "sending"}.get(
                found.state, "sent"
            )
        if not room.articles.count():
            return "starting"
        return "collecting" if time.time() < drafts else "drafting"
    finally:
        room.close()


def _until_phase(place: Path, service: subprocess.Popen[bytes], wanted: str, drafts: float) -> None:
    """Wait until the day is so far: seconds say little on a machine that does other things too."""
    end = time.monotonic() + 60
    while time.monotonic() < end and PHASES.index(_phase(place, drafts)) < PHASES.index(wanted):
        if wanted in {"approved", "sending"} and _approve(place) and wanted == "sending":
            _wake(service)
        time.sleep(0.05)


def _approve(place: Path) -> bool:
    """Be the editor: approve the draft as soon as there is one; whether it was done now."""
    room = _look(place)
    try:
        found = room.issues.newest("daily")
        if found is not None and found.state == "draft":
            pipeline.approve(room, found.id, by="editor")
            return True
    except Conflict:
        pass  # It was drafted anew meanwhile; the next look approves that.
    finally:
        room.close()
    return False


def _until_over(place: Path, service: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 150
    while time.monotonic() < end:
        if _approve(place):
            _wake(service)
        room = _look(place)
        try:
            found = room.issues.newest("daily")
            if found is not None and found.state == "sent":
                return
        finally:
            room.close()
        time.sleep(0.5)


def _wake(service: subprocess.Popen[bytes]) -> None:
    """Let the service look at once, not within a minute.

    One that is still starting does not catch the signal yet and would end by it; it looks anyway
    as soon as it has started.
    """
    status = Path(f"/proc/{service.pid}/status").read_text("utf-8")
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    if caught >> (signal.SIGHUP - 1) & 1:
        service.send_signal(signal.SIGHUP)


def _look(place: Path) -> Newsroom:
    return open_newsroom(load(place / "config.toml"))


def _toml(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


if __name__ == "__main__":
    raise SystemExit(main())
