"""Run every benchmark, one after the other, each in a process of its own: ``make bench``.

``python -m benchmarks collect render`` runs some. A benchmark that needs something which is not
here (the large sets of real articles, another program to compare with) says so and is passed over.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

LONG = {"crash", "disasters", "outages"}
"""Run by name only (``make crash``): they take an hour, or many minutes."""


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all of them; return how many failed."""
    folder = Path(__file__).parent
    known = sorted(file.stem for file in folder.glob("*.py") if not file.stem.startswith("_"))
    for name in set(names) - set(known):
        print(f"no benchmark is called {name}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    failed = []
    for name in names or [name for name in known if name not in LONG]:
        print(f"\n== {name}", flush=True)
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False)
        if done.returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
