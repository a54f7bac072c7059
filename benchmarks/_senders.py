"""A leader and some workers send the newest issue, in one session that a crash driver kills whole.

    python -m benchmarks._senders --config config.toml --workers 2

Ends as ``newsletter send`` does: 0 when the issue is sent, 3 when letters are left to a person.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

from newsletter.cli.place import NEEDS_A_PERSON
from newsletter.config import load
from newsletter.model import IssueState
from newsletter.newsroom import open_newsroom
from newsletter.pipeline import shares
from newsletter.work import OnProcrastinate


def main() -> int:
    """Hand the letters out and keep the workers running until the issue is over."""
    asked = argparse.ArgumentParser(description="Send the newest issue with several workers.")
    asked.add_argument("--config", type=Path, required=True)
    asked.add_argument("--workers", type=int, default=2)
    options = asked.parse_args()
    command = [sys.executable, "-m", "newsletter", "--config", str(options.config), "worker"]
    room = open_newsroom(load(options.config))
    work = OnProcrastinate(room.database.url)
    running = [
        subprocess.Popen([*command, "--queues", "send"], stdout=subprocess.DEVNULL)
        for _ in range(options.workers)
    ]
    try:
        while shares.hand_out_letters(room, work, "latest").state is IssueState.SENDING:
            for _ in range(10):
                time.sleep(0.2)
                if room.issues.find("latest").state is not IssueState.SENDING:
                    break
            else:
                continue
            break
    finally:
        for one in running:
            one.send_signal(signal.SIGTERM)
        for one in running:
            one.wait()
        work.close(1)
    ended = room.issues.find("latest").state
    room.close()
    return 0 if ended is IssueState.SENT else NEEDS_A_PERSON


if __name__ == "__main__":
    raise SystemExit(main())
