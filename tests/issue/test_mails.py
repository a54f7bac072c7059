"""Tests of the other mails: each is a folder of three files that says everything twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import TemplateError
from newsletter.issue.lint import lint
from newsletter.issue.markup import Page
from newsletter.issue.render import Renderer
from tests.issue.content import SITE, TAG

TEMPLATES = Path(__file__).parents[2] / "templates"
RENDERER = Renderer(TEMPLATES, SITE)
URL = "https://news.example.org"

VALUES: dict[str, dict[str, Any]] = {
    "confirm": {"edition": "The daily issue", "confirm_url": f"{URL}/confirm/x7"},
    "stay": {
        "since": "1 May 2026",
        "until": "6 December 2026",
        "stay_url": "https://news.example.org/p/word-of-a-reader/stay",
        "preferences_url": "https://news.example.org/p/word-of-a-reader",
        "unsubscribe_url": "https://news.example.org/u/word-of-a-reader",
    },
    "welcome": {
        "edition": "The daily issue",
        "comes": "every day at 06:30",
        "latest_url": f"{URL}/issues/2026-03-18",
        "latest_subject": "Assembly keeps the island ferries running",
        "preferences_url": f"{URL}/p/x7",
        "unsubscribe_url": f"{URL}/u/x7",
    },
    "goodbye": {"edition": "The daily issue"},
    "preferences": {"preferences_url": f"{URL}/p/x7", "unsubscribe_url": f"{URL}/u/x7"},
    "correction": {
        "day": "18 March 2026",
        "corrections": [
            {
                "sentence": "We gave the wrong number of ferry lines.",
                "before": "four ferry lines",
                "after": "three ferry lines",
                "headline": "Assembly keeps the island ferries running",
                "url": f"{URL}/stories/ferry-subsidy",
            }
        ],
    },
    "invite": {
        "role": "editor",
        "link": "https://news.example.org/desk/join/w0rd",
        "until": "2026-11-29 05:00 UTC",
        "reset": "",
    },
    "reminder": {
        "edition": "The daily issue",
        "day": "18 March 2026",
        "deadline": "06:30",
        "desk_url": f"{URL}/desk",
        "headlines": ["Assembly keeps the island ferries running", "State drops the test"],
        "findings": ["The subject has 24 characters; 30 to 60 are shown whole."],
    },
    "alert": {
        "what": "The daily issue has not gone out",
        "at": "18 March 2026, 08:00 EDT",
        "hint": "Approve it on the desk or cancel it.",
        "facts": [("State", "draft"), ("Readers waiting", "12,204")],
        "desk_url": f"{URL}/desk",
    },
}


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
