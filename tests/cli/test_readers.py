"""The commands about readers and segments."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_a_person_is_added_shown_and_forgotten_for_good(run: Run, place: Path) -> None:
    """After an erasure no import brings the person back, and the command says so in a sentence."""
    assert run("subscribers", "add", "Ada@example.org", "--topics", "world;sport").code == 0
    assert "unchanged" in run("subscribers", "add", "ada@example.org").out
    facts = run("subscribers", "show", "ada@example.org", "--json").json
    assert (facts["state"], facts["topics"]) == ("active", ["sport", "world"])
    assert run("subscribers", "forget", "ADA@example.org").code == 0
    assert run("subscribers", "forget", "ada@example.org").code == 1
    back = run("subscribers", "add", "ada@example.org")
    assert back.code == 1
    assert "is left alone" in back.err
    bad = run("subscribers", "add", "nobody")
    assert (bad.code, "Traceback" in bad.err) == (1, False)
    assert not list((place / "data").glob("import-refused*"))


def test_segments_are_shown_with_their_rules_and_readers(run: Run, place: Path) -> None:
    """The example people spread over all four segments, and each shows what it asks for."""
    said = run("subscribers", "import", place / "subscribers" / "example.csv", "--json")
    assert said.json["added"] == 30
    shown = run("segments", "show", "business", "--json").json
    assert shown["exclude"] == ["staff"]
    assert 0 < shown["readers"] < 30
    assert "topics any politics, world" in run("segments", "show", "uk-mornings").out
    assert run("segments", "show", "nobody").code == 1
    assert all(row["readers"] for row in run("segments", "list", "--json").json)


def test_reports_are_listed_and_answered(run: Run) -> None:
    """An empty list says so, and a number that is nobody's is a stated error."""
    assert run("reports", "list").out == "No report waits for an answer.\n"
    assert run("reports", "list", "--json").json == []
    said = run("reports", "answer", "abcdefghijkl", "closed", "Nothing was wrong.")
    assert (said.code, "is not the number of a report" in said.err) == (1, True)
