"""Ratings: three services' files are read, and stay on this machine."""

from __future__ import annotations

import tomllib
from datetime import date

import pytest

from newsletter.config import Source
from newsletter.errors import ConfigError
from newsletter.feeds.ratings import DISAGREE, read_ratings, with_overlay, write_overlay
from newsletter.model import Lean

TODAY = date(2026, 11, 22)
SOURCES = (
    Source(id="paper", name="The Paper", feed="https://feeds.paper.example/rss"),
    Source(id="post", name="Post", feed="https://x.example/f", domains=("post.example",)),
    Source(id="other", name="Other", feed="https://other.example/f"),
)
FILES = {
    "AllSides": b"News Source,URL,Media Bias Rating\nThe Paper,,Lean Left\nPost,https://www.post.example/,Right\n",
    "Media Bias/Fact Check": b"source,domain,bias,factual_reporting\nPaper,paper.example,Left-Center,high\nPost,post.example,Extreme-Right,low\n",
    "Ad Fontes Media": b"Moniker Name,Domain,Vertical Rank,Horizontal Rank\nPaper,paper.example,40.1,-9.5\nPost,post.example,20,24.0\n",
}


@pytest.mark.parametrize("service", sorted(FILES))
def test_each_service_is_known_by_its_columns(service: str) -> None:
    """The same two outlets come out alike, whoever rated them."""
    found = read_ratings(FILES[service], "x.csv")
    assert found.service == service
    overlay = tomllib.loads(write_overlay(found, SOURCES, TODAY))
    outlets = with_overlay({source.id: source.outlet for source in SOURCES}, overlay)
    assert outlets["paper"].lean is Lean.LEAN_LEFT
    assert outlets["post"].lean is Lean.RIGHT
    assert outlets["other"].lean is Lean.UNRATED
    assert service in outlets["paper"].provenance[0]
    assert service.split(maxsplit=1)[0].split("/", maxsplit=1)[0] in overlay["attribution"]


@pytest.mark.parametrize(
    ("score", "lean"),
    [("-30", Lean.LEFT), ("-6.1", Lean.LEAN_LEFT), ("0", Lean.CENTER), ("5.9", Lean.CENTER),
     ("7", Lean.LEAN_RIGHT), ("18", Lean.RIGHT)],
)  # fmt: skip
def test_scores_fall_into_bands(score: str, lean: Lean) -> None:
    """Ad Fontes' numbers become leans at the edges of its own bands."""
    found = read_ratings(f"Moniker Name,Domain,Bias\nA,a.example,{score}\n".encode(), "x.csv")
    assert found.ratings[0].lean is lean


def overlay_of(body: bytes, *sources: Source) -> tuple[dict[str, str], str]:
    """The leans a file gives sources, and the overlay's text."""
    text = write_overlay(read_ratings(body, "x.csv"), sources, TODAY)
    rated = tomllib.loads(text).get("ratings", {})
    return {id_: entry["lean"] for id_, entry in rated.items()}, text


def test_the_news_of_a_paper_is_rated_and_not_its_opinion() -> None:
    """Where a domain has a row for each, an exact name decides, and the news otherwise."""
    body = (
        b"Source Name,Media Bias Rating,URL\n"
        b"Paper (News),Center,paper.example\nPaper (Opinion),Lean Right,paper.example\n"
        b"Post (News),Lean Left,post.example\nPost (Opinion),Left,post.example\n"
    )
    post = Source(id="post", name="Post (Opinion)", feed="https://rss.post.example/f")
    assert overlay_of(body, SOURCES[0], post)[0] == {"paper": "center", "post": "left"}


def test_rows_that_disagree_rate_nobody_and_are_told() -> None:
    """Of two ratings for one outlet none is picked."""
    body = (
        b"Source Name,Media Bias Rating,URL\n"
        b"Paper East,Center,paper.example\nPaper West,Right,paper.example\n"
    )
    rated, text = overlay_of(body, SOURCES[0])
    assert rated == {}
    assert f"{DISAGREE}paper: Paper East center, Paper West right" in text.splitlines()


def test_numbers_and_pages_of_the_service_itself_are_no_ratings_of_it() -> None:
    """A list with words, numbers from 1 to 5 and links to the service's own pages is read."""
    body = (
        b"news_source,rating,rating_num,url\n"
        b"The Paper,left-center,2,https://www.allsides.com/news-source/paper\n"
        b"Post,,5,https://www.allsides.com/news-source/post\n"
    )
    service = Source(id="service", name="Service", feed="https://www.allsides.com/rss")
    rated, _ = overlay_of(body, *SOURCES, service)
    assert rated == {"paper": "lean-left", "post": "right"}


def test_rows_without_a_known_rating_are_passed_over_and_counted() -> None:
    """Mixed and satire are no place on the line."""
    body = b"News Source,Media Bias Rating\nA,Mixed\nB,Center\n"
    found = read_ratings(body, "x.csv")
    assert (len(found.ratings), found.passed_over) == (1, 1)


@pytest.mark.parametrize(
    "body", [b"", b"a,b\n1,2\n", b"News Source,Media Bias Rating\nA,Mixed\n", b"\x00\xff"]
)
def test_other_files_are_refused(body: bytes) -> None:
    """Unknown columns and files without a rating have their sentence."""
    with pytest.raises(ConfigError):
        read_ratings(body, "x.csv")


def test_hostile_cells_cannot_break_the_overlay() -> None:
    """Quotes, line breaks and markup in a cell stay inside their string."""
    body = b'News Source,Media Bias Rating\n"The Paper","left""\n[ratings.x]"\nPost,"<b>Left</b>"\n'
    overlay = tomllib.loads(write_overlay(read_ratings(body, "x.csv"), SOURCES, TODAY))
    assert set(overlay["ratings"]) <= {"paper", "post"}


def test_a_file_that_is_no_overlay_is_refused() -> None:
    """Somebody else's TOML, or a lean that is none, is not taken."""
    outlets = {source.id: source.outlet for source in SOURCES}
    with pytest.raises(ConfigError):
        with_overlay(outlets, {"x": 1})
    with pytest.raises(ConfigError):
        with_overlay(outlets, {"service": "x", "ratings": {"paper": {"lean": "up"}}})
