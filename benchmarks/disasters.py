"""The real program when its disk is full at the N-th write, and after an old backup came back.

The provider is a small server of ours that is never killed and whose memory says what really left.

*Full*: strace makes the N-th write of ``newsletter send`` to the database, and every later one,
fail with ENOSPC, for one N after the other until a send gets through untouched; each time a send
on a disk with room then goes on. Without strace this part is passed over.

*Restored*: a backup is made, most of the issue is sent, the backup is put back in the middle of
the send, and every command that an operator may run is run.

    python -m benchmarks.disasters               # every seventh write: some minutes
    python -m benchmarks.disasters --step 1      # every write
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from newsletter.config import load
from newsletter.newsroom import open_newsroom
from tests.delivery.servers import Grid, GridHandler, GridServer

ROOT = Path(__file__).resolve().parents[1]
READERS = 100
BATCH = 20
DATABASE = ("newsletter.sqlite", "newsletter.sqlite-wal")


def newsletter(
    place: Path, api: str, *words: str, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a command of the program."""
    settings = (
        'delivery.transport="sendgrid"',
        f'delivery.sendgrid.api_url="{api}"',
        f"delivery.sendgrid.batch_size={BATCH}",
        "delivery.sendgrid.log_complete_after_seconds=0.5",
    )
    given = [word for one in settings for word in ("--set", one)]
    return subprocess.run(
        [*before, sys.executable, "-m", "newsletter", *given, *words],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SENDGRID_API_KEY": "SG.good"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def prepare(place: Path) -> None:
    """A place with readers and an approved issue."""
    command = [sys.executable, "-m", "newsletter", "init", str(place)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=-3)
    people = "".join(f"reader{number}@example.org\n" for number in range(READERS))
    (place / "people.csv").write_text(f"email\n{people}", "utf-8")
    for words in (
        ("subscribers", "import", "people.csv", "--consent", "invented"),
        ("today", "--sample", "--approve"),
    ):
        done = newsletter(place, "http://127.0.0.1:9", *words)
        assert done.returncode == 0, done.stderr


def states(place: Path) -> dict[str, int]:
    """Where the letters are."""
    room = open_newsroom(load(place / "config.toml"))
    try:
        return room.ledger.states(room.issues.find("latest").id)
    finally:
        room.close()


def full(prepared: Path, folder: Path, *, step: int, seconds: float) -> int:
    """Fail at one write after the other; how many times something was wrong."""
    strace = shutil.which("strace")
    if strace is None:
        print("full disk           passed over: strace is not on the PATH")
        return 0
    wrong = tried = stopped = 0
    number, untouched, end = 1, False, time.monotonic() + seconds
    while not untouched and time.monotonic() < end:
        place = folder / f"full{number}"
        shutil.copytree(prepared, place)
        paths = [word for name in DATABASE for word in ("-P", str(place / "data" / name))]
        (place / "data" / DATABASE[1]).touch()  # strace must find the file to know it
        fails = f"inject=pwrite64:error=ENOSPC:when={number}+"
        with GridServer() as provider:
            done = newsletter(
                place, provider.url, "send", "latest",
                before=(strace, "-f", "-qq", "-o", "/dev/null", *paths, "-e", fails, "--"),
            )  # fmt: skip
            untouched = done.returncode == 0
            stopped += not untouched
            for _ in range(4):
                time.sleep(0.5)
                if newsletter(place, provider.url, "send", "latest").returncode == 0:
                    break
            copies = Counter(provider.grid.addresses())
        tried += 1
        clean = "Traceback" not in done.stderr
        if copies.total() != READERS or len(copies) != READERS or not clean:
            wrong += 1
            print(f"write {number}: {copies.total()} letters to {len(copies)} readers")
            print(f"  {states(place)} {done.stderr[-500:]}")
        shutil.rmtree(place)
        number += step
    last = "the last of them untouched" if untouched else "and time was over"
    print(
        f"full disk           {tried} sends, full from write 1, {1 + step}, ... {number - step} on,"
        f" {stopped} of them stopped, {last}: {wrong} with a letter twice, lost, or a traceback"
    )
    return wrong


def restored(prepared: Path, folder: Path) -> int:
    """Put a backup back in the middle of a send; how many letters came twice."""
    place = folder / "restored"
    shutil.copytree(prepared, place)
    with GridServer() as provider:

        def then_stop(grid: Grid, handler: GridHandler, _: dict[str, Any]) -> bool:
            if len(grid.taken) < allowed:
                return False
            handler.reply(503, {"errors": [{"field": None, "message": "later"}]})
            return True

        allowed = 2
        provider.grid.behaviour = then_stop
        short = ("--set", "delivery.deadline_hours=0.001")
        newsletter(place, provider.url, *short, "send", "latest")
        assert newsletter(place, provider.url, "backup").returncode == 0
        [backup] = sorted((place / "data" / "backups").glob("*.sqlite*"))[-1:]
        before, allowed = len(provider.grid.addresses()), 4
        newsletter(place, provider.url, *short, "send", "latest")
        left = len(provider.grid.addresses()) - before
        provider.grid.behaviour = None
        newsletter(place, provider.url, "restore", str(backup))
        refused = newsletter(place, provider.url, "send", "latest").returncode == 1
        newsletter(place, provider.url, "reconcile", "latest")
        newsletter(place, provider.url, "restore", "--release")
        for _ in range(3):
            newsletter(place, provider.url, "send", "latest")
            newsletter(place, provider.url, "reconcile", "latest")
            time.sleep(0.6)
        copies = Counter(provider.grid.addresses())
    found = states(place)
    doubled = copies.total() - len(copies)
    held = found.get("unknown", 0)
    print(
        f"old backup put back {before} had left when it was made, {left} more before it came back: "
        f"{doubled} twice, {held} held in doubt, the rest {found}"
    )
    return doubled + (not refused) + (len(copies) + held < READERS)


def main() -> int:
    """Print what happened; how much was wrong."""
    asked = argparse.ArgumentParser(description="A full disk, and an old backup.")
    asked.add_argument("--step", type=int, default=7)
    asked.add_argument("--seconds", type=float, default=480)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="newsletter-disasters-") as name:
        prepared = Path(name) / "prepared"
        prepare(prepared)
        wrong = restored(prepared, Path(name))
        return wrong + full(prepared, Path(name), step=options.step, seconds=options.seconds)


if __name__ == "__main__":
    raise SystemExit(main())
