"""``newsletter story``: what an editor sees and decides from the command line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Said, run_newsletter

Run = Callable[..., Said]


@pytest.fixture
def here(sample_place: Path, tmp_path: Path) -> Run:
    """Run a command in a copy of the drafted day."""
    folder = tmp_path / "place"
    shutil.copytree(sample_place, folder)

    def run(*words: str | Path) -> Said:
        return run_newsletter(*words, cwd=folder)

    return run


def listed(run: Run) -> list[dict[str, Any]]:
    """The stories that "story list" shows."""
    found: list[dict[str, Any]] = run("story", "list", "--json").json
    return found


def test_merging_is_told_and_listed_and_undone(here: Run) -> None:
    """Every step names the stories as they then stand."""
    first, second = listed(here)[:2]
    said = here("story", "merge", first["story"], second["story"], "--by", "Ed")
    assert said.code == 0, said.err
    assert f"{second['story']} merged into {first['story']}" in said.out
    (lock,) = here("story", "locks", "--json").json
    assert (lock["by"], lock["kind"]) == ("Ed", "merge")
    merged = {one["story"]: one for one in listed(here)}
    assert len(merged[first["story"]]["articles"]) == len(first["articles"] + second["articles"])
    assert second["story"] not in merged
    said = here("story", "unlock", str(lock["id"]))
    assert said.code == 0, said.err
    assert listed(here)[:2] == [first, second]
    assert "No decision" in here("story", "locks").out


def test_splitting_moving_and_renaming_are_told(here: Run) -> None:
    """Each prints what holds from now on, and "story locks" shows all of it in order."""
    first, second = listed(here)[:2]
    gone, moved = first["articles"][:2]
    said = here("story", "split", first["story"], gone, "--title", "A story of its own")
    assert "A story of its own" in said.out
    said = here("story", "move", moved, second["story"])
    assert f"{moved} moved from {first['story']} to {second['story']}" in said.out
    said = here("story", "rename", second["story"], "Two at once", "--json")
    assert said.json["stories"][0]["headline"] == "Two at once"
    kinds = [line.split("  ")[2].split()[-1] for line in here("story", "locks").out.splitlines()]
    assert len(kinds) == 4
    explained = here("story", "explain", second["story"])
    assert "an editor put it here (move)" in explained.out


def test_a_contradiction_is_told(here: Run) -> None:
    """The newest decision wins, and the answer says which one it overrules."""
    first = listed(here)[0]
    parted = here("story", "split", first["story"], first["articles"][0], "--json").json
    new = parted["stories"][1]["id"]
    said = here("story", "merge", first["story"], new)
    assert "overrules the split of" in said.out
    assert f"(lock {parted['lock']['id']})" in said.out


def test_a_pin_is_shown_and_taken_off(here: Run) -> None:
    """A pinned story leads the next draft and is marked in the list."""
    last = listed(here)[-1]["story"]
    assert here("story", "pin", last).code == 0
    assert f"{last}" in next(
        line for line in here("story", "list").out.splitlines() if "(pinned)" in line
    )
    assert here("story", "unpin", last).code == 0
    said = here("story", "unpin", last)
    assert (said.code, "is not pinned" in said.err) == (1, True)


def test_articles_are_corrected(here: Run) -> None:
    """A kind and a date an editor gives are printed back, and can be taken back."""
    article = listed(here)[0]["articles"][0]
    before = here("story", "redate", article, "feed").out
    assert "opinion" in here("story", "mark", article, "opinion").out
    said = here("story", "redate", article, "2020-02-03T04:05+01:00")
    assert "2020-02-03 03:05 UTC" in said.out
    here("story", "mark", article, "feed")
    assert here("story", "redate", article, "feed").out == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("merge", "s-0", "s-1"), "there is no such story"),
        (("move", "a-0", "s-0"), "there is no such story"),
        (("unlock", "77"), "is not the number of a lock"),
        (("locks", "s-0"), "there is no such story"),
        (("mark", "a-0", "gossip"), "is not a kind of article"),
        (("mark", "a-0", "news"), "there is no such article"),
        (("redate", "a-0", "yesterday"), "is not a date and time"),
        (("explain", "s-0"), "there is no such story"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    here: Run, words: tuple[str, ...], sentence: str
) -> None:
    """Exit 1, a sentence and a hint; never a traceback."""
    said = here("story", *words)
    assert said.code == 1
    assert sentence in said.err
    assert "hint:" in said.err
    assert "Traceback" not in said.err


def test_placing_what_arrives_is_told(here: Run) -> None:
    """With nothing new there is nothing to place, and the answer says so."""
    assert "0 new articles" in here("group", "--arriving").out
    assert here("group", "--arriving", "--json").json["articles"] == 0
