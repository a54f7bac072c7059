"""Golden files: what mails look like to the byte, so that no change goes unseen.

To accept a change, run the tests with ``RENEW_GOLDEN=1`` and read the difference before you
commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from newsletter.issue.render import Renderer
from tests.issue.content import SITE, TAG, content
from tests.issue.test_mails import VALUES

GOLDEN = Path(__file__).parent / "golden"
TEMPLATES = Path(__file__).parents[2] / "templates"


def rendered() -> dict[str, str]:
    """Every golden file's name and what it should hold now."""
    renderer = Renderer(TEMPLATES, SITE)
    issue = renderer.render(content(), tag=TAG)
    files = {
        "issue.html": issue.html,
        "issue.txt": f"Subject: {issue.subject}\nPreheader: {issue.preheader}\n\n{issue.text}",
    }
    spanish = Renderer(TEMPLATES, SITE.model_copy(update={"language": "es"}))
    files["issue.es.txt"] = spanish.render(content(), tag=TAG).text
    for name, values in VALUES.items():
        mail = renderer.render_mail(name, values, tag=TAG if name == "correction" else "")
        files[f"{name}.txt"] = f"Subject: {mail.subject}\n\n{mail.text}"
    files["confirm.html"] = renderer.render_mail("confirm", VALUES["confirm"]).html
    return files


FILES = rendered()


@pytest.mark.parametrize("name", FILES)
def test_a_mail_is_what_it_was(name: str) -> None:
    """Nothing of a mail changes by accident."""
    file = GOLDEN / name
    if os.environ.get("RENEW_GOLDEN"):
        file.write_text(FILES[name], "utf-8")
    assert FILES[name] == file.read_text("utf-8")


def test_there_is_no_golden_file_nobody_compares() -> None:
    """A file left over would look like a promise."""
    assert {file.name for file in GOLDEN.iterdir()} == set(FILES)
