"""The score of a real letter by SpamAssassin's own offline rules, where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.issue.test_lint_letter import LETTER

MOST = 0.5
"""Points; 5.0 make a letter spam."""


def test_spamassassin_has_nothing_to_say() -> None:
    """The issue of the invented day, without any network test."""
    program = shutil.which("spamassassin")
    if program is None:
        pytest.skip("SpamAssassin is not installed: apt-get install spamassassin")
    done = subprocess.run(
        [program, "-L", "-t"], input=LETTER, capture_output=True, timeout=120, check=True
    )
    said = done.stdout.decode("utf-8", "replace")
    score = re.search(r"Content analysis details:\s+\((-?[\d.]+) points", said)
    assert score, said[-2000:]
    assert float(score.group(1)) <= MOST, said[said.index("Content analysis") :]
