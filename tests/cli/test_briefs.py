"""A story's text by hand, from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Said, run_newsletter


@pytest.fixture
def drafted(sample_place: Path, tmp_path: Path) -> Path:
    """A copy of the place in which the invented day was drafted."""
    shutil.copytree(sample_place, tmp_path / "place")
    return tmp_path / "place"


def test_a_text_is_read_changed_and_given_back(drafted: Path, tmp_path: Path) -> None:
    """Show, edit, versions, restore, withhold, release and evidence work on one story."""

    def run(*words: str | Path) -> Said:
        said = run_newsletter("story", *words, cwd=drafted)
        assert said.code == 0, said.err
        return said

    story = run("list", "--json").json[0]["story"]
    text = run("show", story, "--json").json
    text["deck"] = ""
    file = tmp_path / "edit.json"
    file.write_text(json.dumps(text))
    assert run("edit", story, "--from", file, "--check", "--base", "1", "--by", "Ada").out == (
        "0 findings\n"
    )
    said = run("edit", story, "--from", file, "--base", "1", "--by", "Ada", "--note", "Shorter")
    assert said.out == "Version 2 is Ada's and is kept until released.\n"
    late = run_newsletter(
        "story", "edit", story, "--headline", "Roads", "--base", "1", "--by", "Bea", cwd=drafted
    )
    assert late.code == 1
    assert "Ada made version 2" in late.err
    assert "(deck)" in late.err
    assert "Ada (extract)  [shown, held]  Shorter" in run("versions", story).out
    assert run("rewrite", story, "deck", "--by", "Bea").out == "Version 3 has a new deck.\n"
    assert "version 2 said" in run("restore", story, "2", "--by", "Ada").out
    assert run("withhold", story, "Wait for the court", "--by", "Bea").out.startswith("Withheld: W")
    assert "Bea's and is kept" in run("release", story, "--by", "Bea").out
    assert "the writer's" in run("release", story, "--by", "Bea").out
    newest = run("versions", story, "--json").json
    assert [one["by"] for one in newest] == ["Bea", "Bea", "Bea", "Ada", "Bea", "Ada", ""]
    for where in ("left", "right", "overview"):
        found = run("evidence", story, where, "--json").json
        assert any(one["used"] for one in found)
        assert found == sorted(found, key=lambda one: -one["value"])


def test_wrong_edits_are_said_in_a_sentence(drafted: Path, tmp_path: Path) -> None:
    """A file that is no edit, an unknown story and an invented sum end with one line and 1."""
    story = run_newsletter("story", "list", "--json", cwd=drafted).json[0]["story"]
    for name, content in (("list", "[]"), ("odd", '{"overview": 3}'), ("broken", "{")):
        (tmp_path / name).write_text(content)
    for words, sentence in (
        (["edit", story, "--from", tmp_path / "list"], "is not a JSON object"),
        (["edit", story, "--from", tmp_path / "broken"], "is not JSON"),
        (["edit", story, "--from", tmp_path / "odd"], "overview"),
        (["edit", story, "--from", tmp_path / "none"], "no such file"),
        (["edit", "nothing", "--deck", ""], "there is no such story"),
        (["edit", story, "--deck", "It costs $77 billion."], "does not pass: deck: No cited"),
    ):
        said = run_newsletter("story", *words, "--base", "1", "--by", "Ada", cwd=drafted)
        assert said.code == 1
        assert sentence in said.err
    assert len(run_newsletter("story", "versions", story, "--json", cwd=drafted).json) == 1
