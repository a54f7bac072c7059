"""Tests of the other mails: each is a folder of three files that says everything twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import TemplateError
from newsletter.issue.lint import lint
from newsletter.issue.mail_examples import mail_examples
from newsletter.issue.markup import Page
from newsletter.issue.render import Renderer
from tests.issue.content import SITE, TAG

TEMPLATES = Path(__file__).parents[2] / "templates"
RENDERER = Renderer(TEMPLATES, SITE)
URL = "https://news.example.org"

VALUES: dict[str, dict[str, Any]] = mail_examples(URL, "The daily issue")


@pytest.mark.parametrize("name", VALUES)
def test_a_mail_is_complete_in_both_parts(name: str) -> None:
    """Every value stands in the HTML and in the text, and every link in both."""
    mail = RENDERER.render_mail(name, VALUES[name], tag=TAG if name == "correction" else "")
    page = Page(mail.html)
    shown = " ".join(page.root.text(hidden=True).split())
    links = {e.attributes["href"] for e in page.elements("a")}
    text = " ".join(mail.text.split())
    assert mail.subject
    assert links
    assert all(link in mail.text for link in links)
    for value in flat(VALUES[name]):
        assert value in shown or value in links
        assert value in text
    assert SITE.postal_address in shown
    assert SITE.postal_address in text


def flat(value: Any) -> list[str]:
    """All texts inside a value."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in flat(part)]
    if isinstance(value, (list, tuple)):
        return [text for part in value for text in flat(part)]
    return [value]


@pytest.mark.parametrize("name", VALUES)
def test_a_mail_passes_the_lint_but_for_what_only_issues_have(name: str) -> None:
    """The checks of issues hold; only the readers' places are a matter of issues."""
    mail = RENDERER.render_mail(name, VALUES[name], tag=TAG if name == "correction" else "")
    own = re.compile(r"unsubscribe link|reader’s own place|characters; 30 to 60")
    found = [f.sentence for f in lint(mail, SITE) if not own.search(f.sentence)]
    assert found == []


def test_a_correction_can_be_sent_like_an_issue() -> None:
    """It has the readers' places, so nobody gets mail without a way out."""
    mail = RENDERER.render_mail("correction", VALUES["correction"], tag=TAG)
    assert not [f for f in lint(mail, SITE) if f.severity == "error"]


def test_a_missing_value_is_named() -> None:
    """No mail leaves with a gap."""
    with pytest.raises(TemplateError, match="confirm_url"):
        RENDERER.render_mail("confirm", {"edition": "The daily issue"})


def test_an_unknown_mail_is_an_error() -> None:
    """The error names the file that is not there."""
    with pytest.raises(TemplateError, match="no-such"):
        RENDERER.render_mail("no-such", {})


def test_the_folders_are_those_tested_here() -> None:
    """A new mail needs its test values."""
    folders = {path.name for path in (TEMPLATES / "email").iterdir() if path.is_dir()}
    assert folders - {"issue", "parts"} == set(VALUES)
    for name in VALUES:
        files = {path.name for path in (TEMPLATES / "email" / name).iterdir()}
        assert files == {"subject.txt", "body.mjml", "body.txt"}
