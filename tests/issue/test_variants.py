"""Tests of which variants an issue has, and that each tells its topics and no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from newsletter.issue.render import Renderer
from newsletter.issue.variants import (
    LONGEST,
    MOST,
    sections_of,
    topics_of,
    variant_name,
    variants_for,
)
from tests.issue.content import CORRECTION, SITE, TAG, content

TEMPLATES = Path(__file__).parents[2] / "templates"
ISSUE = content()
SECTIONS = sections_of(ISSUE)
CHOICES = st.dictionaries(
    st.frozensets(st.sampled_from(SECTIONS)), st.integers(min_value=1, max_value=9), max_size=60
)


@given(CHOICES)
def test_the_most_wanted_choices_are_rendered(chosen: dict[frozenset[str], int]) -> None:
    """Never the whole, never nothing, never too many; and every name says its topics."""
    names = variants_for(ISSUE, chosen)
    assert len(names) == len(set(names)) <= MOST
    assert all(0 < len(name) <= LONGEST for name in names)
    assert all(variant_name(topics_of(name)) == name for name in names)
    assert all(topics_of(name) < frozenset(SECTIONS) for name in names)
    counts = [chosen[topics_of(name)] for name in names]
    assert counts == sorted(counts, reverse=True)


def test_a_variant_tells_its_topics_alone() -> None:
    """Its stories, its contents line and its corrections are those of its topics."""
    corrected = replace(ISSUE, corrections=(CORRECTION,))
    renderer = Renderer(TEMPLATES, SITE)
    politics = renderer.render(corrected, tag=TAG, variant="politics", topics=topics_of("politics"))
    health = renderer.render(corrected, tag=TAG, variant="health", topics=topics_of("health"))
    assert "Assembly keeps the island ferries" in politics.html
    assert "Regulators let two hospital groups merge" not in politics.html
    assert "Regulators let two hospital groups merge" in health.html
    assert CORRECTION.sentence in politics.html
    assert CORRECTION.sentence not in health.html
    assert politics.subject != health.subject
