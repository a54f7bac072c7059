"""Correcting a story from the command line, as an editor does it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import run_newsletter


@pytest.fixture
def mailed(sample_place: Path, tmp_path: Path) -> tuple[Path, str]:
    """A place whose issue went to its thirty invented readers, and the slug of its first story."""
    place = tmp_path / "place"
    shutil.copytree(sample_place, place)
    run_newsletter(
        "subscribers", "import", "subscribers/example.csv", "--consent", "form", cwd=place
    )
    assert run_newsletter("approve", "latest", "--by", "Ada Brook", cwd=place).code == 0
    assert run_newsletter("send", "latest", cwd=place).code == 0
    stories = run_newsletter("draft", "--json", cwd=place).json["stories"]
    return place, stories[0]["slug"]


def test_a_correction_is_made_mailed_and_listed(mailed: tuple[Path, str]) -> None:
    """The command says what it did; the list shows it; run again it changes and mails nothing."""
    place, slug = mailed
    words = ("correct", slug, "--text", "The vote was on Monday.", "--by", "Ada Brook")
    first = run_newsletter(*words, "--mail", cwd=place)
    assert first.code == 0, first.err
    assert f"corrected  /stories/{slug}" in first.out
    assert "30 accepted" in first.out
    letters = len(list((place / "outbox").rglob("*.eml")))
    again = run_newsletter(*words, "--mail", cwd=place)
    assert "unchanged" in again.out
    assert len(list((place / "outbox").rglob("*.eml"))) == letters
    listed = run_newsletter("corrections", cwd=place).out
    assert "The vote was on Monday." in listed
    assert ": sent" in listed
    [fact] = run_newsletter("corrections", "--json", cwd=place).json
    assert (fact["by"], list(fact["notices"].values())) == ("Ada Brook", ["sent"])


def test_what_cannot_be_corrected_is_said(mailed: tuple[Path, str]) -> None:
    """An unknown story, absent words and an unknown report are each one sentence."""
    place, slug = mailed
    for words, said in (
        (("no-such-story", "--text", "x"), "no issue that readers have told"),
        ((slug, "--text", "x", "--was", "zebra crossing", "--now", "y"), "does not say"),
        ((slug, "--text", "x", "--was", "zebra"), "go together"),
        ((slug, "--text", "x", "--report", "nope"), "not the number of a report"),
    ):
        answer = run_newsletter("correct", *words, cwd=place)
        assert answer.code == 1
        assert said in answer.err
    assert run_newsletter("corrections", "--json", cwd=place).json == []


def test_every_other_mail_can_be_looked_at(place: Path) -> None:
    """One file of HTML and one of text for each, and an unknown one is said."""
    mails = [folder.name for folder in (place / "templates" / "email").iterdir() if folder.is_dir()]
    for name in sorted(set(mails) - {"issue", "parts"}):
        said = run_newsletter("preview", "--mail", name, "--to", "looked", cwd=place)
        assert said.code == 0, said.err
        html = (place / "looked" / f"{name}.html").read_text()
        assert "<h1" in html
        assert "previewtag" not in html
        assert (place / "looked" / f"{name}.txt").read_text().startswith("Subject: ")
    unknown = run_newsletter("preview", "--mail", "nothing", cwd=place)
    assert (unknown.code, "not one of the mails" in unknown.err) == (1, True)
