"""The long test of the promise: the real program, killed hundreds of times (``make crash``).

An independent driver beside the project (../shared/referee/crash.py) kills the program's whole
session with SIGKILL at random moments and at its disk writes, starts it again, and compares what a
stand-in for the provider really took with what the ledger says. Without the driver nothing is
run, and that is said.

    python -m benchmarks.crash            # everything, an hour or more
    python -m benchmarks.crash --short    # a tenth of the readers and kills
    python -m benchmarks.crash --runs hold,broken
    python -m benchmarks.crash --scale 4 --runs smtp --seed 7
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import json
import os
import shutil
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
SMTP_FAULTS = "rcpt_4xx=0.01,data_4xx=0.01,greeting_4xx=0.02,drop_before=0.005,drop_after=0.005"

# The stand-in's log is complete at once, so what it lacks a second later never arrived there.
# A shell notes when each sender starts: what the stand-in took within a life says whether the
# kill that ended it fell while letters were leaving.
CONTRACT = """
folder_glob = "outbox/**/*.eml"
[commands]
send = [
    "sh", "-c", "date +%s.%N >> {dir}/starts; exec \\"$@\\"", "send",
    "{program}", "--config", "{config}", "send", "latest",
]
ledger = ["{program}", "--config", "{config}", "deliveries", "latest", "--jsonl"]
resolve = [["sleep", "1"], ["{program}", "--config", "{config}", "reconcile", "latest"]]
[config.site]
base_url = "https://news.example.org"
[config.delivery.sendgrid]
log_complete_after_seconds = 1.0
timeout_seconds = 5.0
"""

# One connection waits for the stand-in's answer to each letter, which alone would make 5,000
# letters take seven minutes; and the stand-in takes every letter apart, which takes it 25 ms for
# 60 KB. So there are eight connections, and the letters have headlines and links only.
SMTP_CONTRACT = """
[config.delivery.smtp]
connections = 8
"""
SMALL = {
    "body.mjml": """<mjml lang="{{ lang }}" dir="{{ dir }}"><mj-head>
<mj-title>{{ site.name }}</mj-title>
<mj-preview>{{ preheader }}</mj-preview><mj-raw><meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark"></mj-raw></mj-head>
<mj-body><mj-section><mj-column><mj-text><h1>{{ site.name }}</h1>
{% for story in stories %}{{ story.headline }} {% endfor %}
{{ reader.because }} <a href="{{ reader.preferences }}">{{ t("preferences") }}</a>
<a href="{{ reader.unsubscribe }}">{{ t("unsubscribe") }}</a> {{ site.postal_address }}
</mj-text></mj-column></mj-section></mj-body></mjml>
""",
    "body.txt": """{% for story in stories %}{{ story.headline }}
{% endfor %}
{{ reader.because }}
{{ t("preferences") }}: {{ reader.preferences }}
{{ t("unsubscribe") }}: {{ reader.unsubscribe }}
{{ site.postal_address }}
""",
}


def contracts(folder: Path) -> tuple[Path, Path]:
    """What the driver is told of the program: in general, and for SMTP."""
    general, smtp = folder / "contract.toml", folder / "smtp.toml"
    general.write_text(CONTRACT, "utf-8")
    prepare = [["{program}", "--config", "{config}", "today", "--sample", "--approve"]]
    for name, text in SMALL.items():
        (folder / name).write_text(text, "utf-8")
        there = "{dir}/templates/email/issue/" + name
        prepare.insert(0, ["cp", str(folder / name), there])
    commands = CONTRACT.replace("[commands]", f"[commands]\nprepare = {json.dumps(prepare)}")
    smtp.write_text(commands + SMTP_CONTRACT, "utf-8")
    return general, smtp


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One way to be killed; ``passes`` is what its driver must say of it."""

    name: str
    says: str
    words: tuple[str, ...]
    passes: bool = True
    module: str = "newsletter"


def runs(scale: int, start_up: float) -> list[Run]:
    """All runs; ``scale`` divides readers and kills, ``start_up`` is how long the program takes."""
    many, kills = str(100_000 // scale), str(200 // scale)
    some, few = str(20_000 // scale), str(50 // scale)
    steps = str(max(1, scale // 2))
    # Lives so long, and answers so slow, that most kills fall into the sending.
    lives = ("--horizon", f"{3 * start_up:.1f}", "--latency", "0.5")
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
                *("--workers", "32", "--horizon", f"{3 * start_up:.1f}", "--latency", "0.02"),
                *("--timeout", "7200", "--settle-timeout", "7200"),  # 50 to 200 letters a second
            ),
        ),
        Run(
            name="smtp-faults",
            says="SMTP with cut connections and refusals",
            words=(
                *("--transport", "smtp", "--recipients", some, "--kills", few),
                *("--workers", "32", "--horizon", f"{3 * start_up:.1f}", "--latency", "0.02"),
                *("--faults", SMTP_FAULTS),
            ),
        ),
        Run(
            name="smtp-resend",
            says="SMTP, doubts sent again",
            words=(
                *("--transport", "smtp", "--recipients", some, "--kills", few, "--workers", "32"),
                *("--horizon", f"{3 * start_up:.1f}", "--latency", "0.02", "--policy", "resend"),
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
            words=(
                *("--recipients", "2000", "--batch", "50", "--kills", "20", *lives),
                *("--settle-runs", "1"),
            ),
            passes=False,
            module="tests.crash.broken",
        ),
    ]


def start_up(folder: Path, contract: Path) -> float:
    """Seconds until a sender's first letter leaves, on this machine as it is now."""
    report = folder / "start-up.json"
    words = ["--program", f"{sys.executable} -m newsletter", "--contract", str(contract)]
    words += ["--folder", str(folder / "start-up"), "--report", str(report)]
    words += ["--recipients", "100", "--kills", "0", "--runs", "0", "--latency", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(DRIVER), *words]
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    return float(json.loads(report.read_text())["runs"][0]["startup"])


def in_mid_send(folder: Path) -> tuple[int, int]:
    """Of how many killed senders the stand-in had taken letters, and how many were killed."""
    sending = killed = 0
    for trial in folder.glob("run-*"):
        starts = [float(line) for line in (trial / "work" / "starts").read_text().split()]
        journal = (trial / "journal.jsonl").read_text().splitlines()
        taken = sorted(json.loads(one)["time"] for one in journal if '"kind":"mail"' in one)
        # The last start is the one that ended by itself.
        for begun, ended in itertools.pairwise(starts):
            killed += 1
            at = bisect.bisect_left(taken, begun)
            sending += at < len(taken) and taken[at] < ended
    return sending, killed


def main() -> int:
    """Run the driver for each kind of death; how many did not go as they must."""
    asked = argparse.ArgumentParser(description="Kill the program again and again, and count.")
    asked.add_argument("--short", action="store_true", help="a tenth of readers and kills")
    asked.add_argument("--runs", default="", help="only these, with commas between them")
    asked.add_argument("--scale", type=int, help="divides readers and kills")
    options, more = asked.parse_known_args()  # what is not known here is for the driver
    if not DRIVER.exists():
        print("passed over: no driver at ../shared/referee")
        return 0
    wanted = set(filter(None, options.runs.split(",")))
    failed = 0
    with tempfile.TemporaryDirectory(prefix="newsletter-crash-") as name:
        contract, smtp = contracts(Path(name))
        begins_after = start_up(Path(name), contract)
        print(f"a sender's first letter leaves after {begins_after:.1f} s")
        for run in runs(options.scale or (10 if options.short else 1), begins_after):
            if wanted and run.name not in wanted:
                continue
            print(f"\n-- {run.name}: {run.says}", flush=True)
            program = f"{sys.executable} -m {run.module}"
            command = [sys.executable, str(DRIVER), "--program", program]
            command += ["--contract", str(smtp if run.name.startswith("smtp") else contract)]
            command += ["--folder", str(Path(name) / run.name), "--keep"]
            done = subprocess.run(
                [*command, *run.words, *more],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                check=False,
            )
            as_it_must = (done.returncode == 0) == run.passes and done.returncode != 2
            print(f"   {'as it must be' if as_it_must else 'NOT AS IT MUST BE'}", flush=True)
            failed += not as_it_must
            if "--strace-fsync" not in run.words and run.name != "folder":
                sending, starts = in_mid_send(Path(name) / run.name)
                print(
                    f"   {sending} of {starts} killed senders had letters on their way", flush=True
                )
            shutil.rmtree(Path(name) / run.name, ignore_errors=True)
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
