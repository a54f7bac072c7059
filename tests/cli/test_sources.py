"""``sources``: list, OPML both ways, and licensed ratings that stay here."""

from __future__ import annotations

from pathlib import Path

from newsletter.config import load
from newsletter.model import Lean
from newsletter.newsroom import open_newsroom
from tests.cli.conftest import Run


def test_the_list_names_health_lean_and_totals(run: Run) -> None:
    """Every configured feed has its line, and the last line counts them."""
    said = run("sources", "list")
    assert said.code == 0
    assert "90 feeds: 90 new" in said.out
    rows = run("sources", "list", "--json").json
    assert len(rows) == 90
    assert {row["health"] for row in rows} == {"new"}


def test_sources_travel_as_opml(run: Run, place: Path) -> None:
    """What was exported here is known when it is imported again, and new to an empty place."""
    assert run("sources", "export-opml", "--to", "out.opml").code == 0
    assert "Added 0 sources" in run("sources", "import-opml", "out.opml").out
    said = run("--set", "collect.sources=[]", "sources", "import-opml", "out.opml")
    assert "Added 90 sources of 90" in said.out, said.err
    assert "[[source]]" in (place / "config.toml").read_text()


def test_a_file_that_is_no_opml_changes_nothing(run: Run, place: Path) -> None:
    """A broken list is refused and config.toml stays as it was."""
    before = (place / "config.toml").read_text()
    (place / "bad.opml").write_text("<html></html>")
    said = run("sources", "import-opml", "bad.opml")
    assert said.code == 1
    assert "not OPML" in said.err
    assert (place / "config.toml").read_text() == before


def test_imported_ratings_are_used_here_and_never_exported(run: Run, place: Path) -> None:
    """An imported lean replaces ours on this machine, with its source; OPML keeps ours."""
    (place / "config.toml").write_text(
        "[collect]\nsources = []\n[[source]]\nid = 'paper'\nname = 'The Sample Paper'\n"
        "feed = 'https://paper.example/feed'\ndomains = ['paper.example']\nlean = 'left'\n"
    )
    (place / "ratings.csv").write_text(
        "news_source,allsides_bias,url\nThe Sample Paper,Right,https://paper.example\n"
    )
    said = run("sources", "import-ratings", "ratings.csv")
    assert said.code == 0, said.err
    assert "1 outlet of 1 rated" in said.out
    room = open_newsroom(load(place / "config.toml"))
    assert room.outlets["paper"].lean is Lean.RIGHT
    assert room.ratings_attribution
    room.close()
    assert 'newsletterLean="left"' in run("sources", "export-opml").out
