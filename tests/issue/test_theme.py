"""Tests of colours: readable by day and by night, and the site's own where it has some."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.config import ThemeColors
from newsletter.issue.lint import lint
from newsletter.issue.render import Renderer
from newsletter.issue.theme import Theme, contrast, faint, theme_of
from tests.issue.content import SITE, TAG, content

TEMPLATES = Path(__file__).parents[2] / "templates"
OWN = SITE.model_copy(
    update={"theme": ThemeColors(logo="Both Sides", left="#00509d", left_night="#8ac4ff")}
)


@pytest.mark.parametrize(
    ("one", "two", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#ffffff", "#ffffff", 1.0), ("#777777", "#ffffff", 4.48)],
)
def test_contrast_is_that_of_wcag(one: str, two: str, ratio: float) -> None:
    """Known pairs have their known ratios, in either order."""
    assert contrast(one, two) == pytest.approx(ratio, abs=0.01)
    assert contrast(two, one) == contrast(one, two)


def test_our_own_colours_can_be_read() -> None:
    """Every colour that carries text has 4.5 : 1, by day and by night."""
    assert list(faint(Theme())) == []


def test_the_defaults_of_the_configuration_are_our_own_colours() -> None:
    """A site that says nothing looks as designed."""
    assert theme_of(SITE) == Theme()


def test_a_site_has_its_own_colours_and_logo_without_editing_templates() -> None:
    """Colours stand in the HTML for day and night, the logo in the masthead."""
    html = Renderer(TEMPLATES, OWN).render(content(), tag=TAG).html
    assert "#00509d" in html
    assert "#8ac4ff" in html
    assert Theme().light.left not in html
    assert ">Both Sides</h1>" in html


def test_a_colour_too_faint_to_read_is_named() -> None:
    """The editor is told which key to change."""
    pale = SITE.model_copy(update={"theme": ThemeColors(right="#ffcccc")})
    rendered = Renderer(TEMPLATES, pale).render(content(), tag=TAG)
    (finding,) = lint(rendered, pale)
    assert finding.severity == "warning"
    assert "[site.theme] right" in finding.sentence
