"""The long test of the promise: the real program, killed hundreds of times (``make crash``).

An independent driver beside the project (../shared/referee/crash.py) kills the program's whole
session with SIGKILL at random moments and at its disk writes, starts it again, and compares what a
stand-in for the provider really took with what the ledger says. Without the driver nothing is
run, and that is said.

    python -m benchmarks.crash            # everything, an hour or more
    python -m benchmarks.crash short      # a tenth of the readers and kills
    python -m benchmarks.crash --runs hold,broken
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DRIVER = ROOT.parent / "shared" / "referee" / "crash.py"
FAULTS = (
    "accept_then_reset=0.02,accept_then_500=0.02,hang=0.01,burst_429=0.01:5,half_answer=0.02,"
    "refuse_500=0.02"
)

# The stand-in's log is complete at once, so what it lacks a second later never arrived there.
CONTRACT = """
folder_glob = "outbox/**/*.eml"
[commands]
ledger = ["{program}", "--config", "{config}", "deliveries", "latest", "--jsonl"]
resolve = [["sleep", "1"], ["{program}", "--config", "{config}", "reconcile", "latest"]]
[config.site]
base_url = "https://news.example.org"
[config.delivery.sendgrid]
log_complete_after_seconds = 1.0
timeout_seconds = 5.0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One way to be killed; ``passes`` is what its driver must say of it."""

    name: str
    says: str
    words: tuple[str, ...]
    passes: bool = True
    module: str = "newsletter"


def runs(scale: int) -> list[Run]:
    """All runs; ``scale`` divides readers and kills."""
    many, kills = str(100_000 // scale), str(200 // scale)
    some, few = str(20_000 // scale), str(50 // scale)
    steps = str(max(1, scale // 2))
    # Short lives and slow answers, so that kills fall into the sending and not only before it.
    lives = ("--horizon", "4", "--latency", "0.2")
    strace = ("--recipients", "100", "--batch", "20", "--latency", "0", "--strace-fsync")
    return [
        Run(
            name="hold",
            says="SendGrid, doubts held and settled from the log",
            words=(
                *("--recipients", many, "--batch", "250", "--kills", kills, *lives),
                *("--settle-runs", "5"),
            ),
        ),
        Run(
            name="resend",
            says="SendGrid, doubts sent again",
            words=(
                *("--recipients", some, "--batch", "100", "--kills", few, *lives),
                *("--policy", "resend"),
            ),
        ),
        Run(
            name="faults",
            says="SendGrid with lost, late and cut answers",
            words=(
                *("--recipients", some, "--batch", "100", "--kills", few, *lives),
                *("--faults", FAULTS, "--settle-runs", "8"),
            ),
        ),
        Run(
            name="smtp",
            says="SMTP, where doubt stays doubt",
            words=(
                *("--transport", "smtp", "--recipients", many, "--kills", kills),
                *("--horizon", "4"),
            ),
        ),
        Run(
            name="folder",
            says="files, where presence is proof",
            words=("--transport", "folder", "--recipients", some, "--batch", "100", "--kills", few),
        ),
        Run(
            name="syncs",
            says="killed at the N-th write to disk",
            words=(*strace, "--strace-max", "400", "--strace-step", steps, "--settle-runs", "5"),
        ),
        Run(
            name="broken",
            says="a ledger broken on purpose, which must not pass",
            words=("--recipients", "2000", "--batch", "50", "--kills", "20", "--latency", "0.1"),
            passes=False,
            module="tests.crash.broken",
        ),
    ]


def main() -> int:
    """Run the driver for each kind of death; how many did not go as they must."""
    asked = argparse.ArgumentParser(description="Kill the program again and again, and count.")
    asked.add_argument("size", nargs="?", choices=("long", "short"), default="long")
    asked.add_argument("--runs", default="", help="only these, with commas between them")
    options = asked.parse_args()
    if not DRIVER.exists():
        print("passed over: no driver at ../shared/referee")
        return 0
    wanted = set(filter(None, options.runs.split(",")))
    failed = 0
    with tempfile.TemporaryDirectory(prefix="newsletter-crash-") as name:
        contract = Path(name) / "contract.toml"
        contract.write_text(CONTRACT, "utf-8")
        for run in runs(10 if options.size == "short" else 1):
            if wanted and run.name not in wanted:
                continue
            print(f"\n-- {run.name}: {run.says}", flush=True)
            program = f"{sys.executable} -m {run.module}"
            command = [sys.executable, str(DRIVER), "--program", program]
            command += ["--contract", str(contract), "--folder", str(Path(name) / run.name)]
            done = subprocess.run(
                [*command, *run.words],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                check=False,
            )
            as_it_must = (done.returncode == 0) == run.passes and done.returncode != 2
            print(f"   {'as it must be' if as_it_must else 'NOT AS IT MUST BE'}", flush=True)
            failed += not as_it_must
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
