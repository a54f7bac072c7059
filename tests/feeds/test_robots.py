"""robots.txt: obeyed as RFC 9309 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.robots import EVERYTHING, NOTHING, read_robots

FILE = b"""
User-agent: *
Disallow: /search   # no searching
Disallow: /*/print/
Allow: /search/about

User-agent: GreedyBot
User-agent: BothSidesNewsletter
Disallow: /private
Disallow: /*.pdf$
Allow: /private/open
"""


@pytest.mark.parametrize(
    ("agent", "path", "allowed"),
    [
        ("AnyBot", "/roads.html", True),
        ("AnyBot", "/search?q=roads", False),
        ("AnyBot", "/search/about", True),
        ("AnyBot", "/paper/print/7", False),
        ("AnyBot", "/private", True),
        ("BothSidesNewsletter", "/search", True),
        ("bothsidesnewsletter", "/private/7", False),
        ("BothSidesNewsletter", "/private/open/7", True),
        ("BothSidesNewsletter", "/a/b.pdf", False),
        ("BothSidesNewsletter", "/a/b.pdf?x=1", True),
        ("GreedyBot", "/%70rivate/7", False),
    ],
)
def test_the_longest_rule_of_our_group_decides(agent: str, path: str, allowed: bool) -> None:  # noqa: FBT001 - a table
    """A group that names us replaces the one for everybody; stars and ends are understood."""
    assert read_robots(FILE, agent).allows(f"https://example.org{path}") is allowed


def test_silence_allows_and_nothing_forbids() -> None:
    """An empty file, or an empty rule, allows everything."""
    assert read_robots(b"", "x").allows("https://example.org/a")
    assert read_robots(b"User-agent: *\nDisallow:", "x").allows("https://example.org/a")
    assert EVERYTHING.allows("https://example.org/a")
    assert not NOTHING.allows("https://example.org/a")


@given(st.binary(max_size=300), st.text(max_size=40))
def test_no_file_makes_the_reader_raise(body: bytes, path: str) -> None:
    """Whatever a server calls robots.txt, there is an answer."""
    assert read_robots(b"User-agent: *\nDisallow: /" + body, "x").allows(
        f"https://example.org/{path}".replace("[", "").replace("]", "")
    ) in {True, False}


def test_a_file_full_of_stars_is_matched_quickly() -> None:
    """Patterns cannot be made to take long."""
    rules = read_robots(b"User-agent: *\nDisallow: /" + b"*a" * 900 + b"$", "x")
    assert rules.allows("https://example.org/" + "a" * 800 + "b")
