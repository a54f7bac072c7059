"""What mail programs lack of what the mail uses is named in the documents, and why it is no loss."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.issue.test_lint_letter import LETTER

PROGRAMS = ("gmail", "outlook", "apple-mail", "yahoo", "thunderbird")


def test_every_feature_that_a_large_program_lacks_is_explained(
    shared: Path, tmp_path: Path
) -> None:
    """Read from a whole letter against the facts of caniemail; nothing is explained in vain."""
    letter = tmp_path / "letter.eml"
    letter.write_bytes(LETTER)
    done = subprocess.run(
        [sys.executable, str(shared / "score" / "issue_html.py"), str(letter), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    [report] = json.loads(done.stdout)
    assert (report["hard"], report["warnings"]) == (0, 0)
    missing = {
        one["feature"]
        for one in report["support"]
        if any(name.split()[0] in PROGRAMS for name in one["major_without"])
    }
    table = (ROOT / "docs" / "mail-clients.md").read_text("utf-8")
    explained = set(re.findall(r"`((?:css|html)-[a-z0-9-]+)`", table))
    assert missing == explained
    assert f"{len(report['support']) - len(missing)} of {len(report['support'])}" in table
