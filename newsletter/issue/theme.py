"""The colours and letters of everything a reader sees, by day and by night.

Every colour that carries text has at least 4.5 : 1 against its paper (checked in the tests).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from newsletter.config import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours as #rrggbb: ink on paper, softer text, hairlines, links, tint, the three sides."""

    ink: str
    soft: str
    line: str
    paper: str
    tint: str
    link: str
    left: str
    center: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """Font stacks that every machine has something of; nothing is fetched.

    Names stand without quotation marks, so they need no escaping inside a style attribute.
    """

    serif: str = "Georgia,Times New Roman,serif"
    sans: str = "-apple-system,Segoe UI,Helvetica,Arial,sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """A look: the palettes of day and night, and the letters."""

    light: Palette = Palette(
        ink="#1a1a1a",
        soft="#5b616b",
        line="#d9d9d9",
        paper="#ffffff",
        tint="#f6f5f2",
        link="#1f4e79",
        left="#2f5d8a",
        center="#6b7280",
        right="#a4433a",
    )
    dark: Palette = Palette(
        ink="#e8e6e3",
        soft="#a3a9b3",
        line="#3a3a3a",
        paper="#161616",
        tint="#212120",
        link="#9cc4ee",
        left="#7fb0e0",
        center="#a3a9b3",
        right="#e08d83",
    )
    type: Type = Type()


OWN = ("link", "left", "center", "right")
"""The colours that a site may choose; ink, paper and lines stay."""

ENOUGH = 4.5
"""Contrast that text needs against its paper (WCAG 2.2, 1.4.3)."""


def theme_of(site: Site) -> Theme:
    """The look of a site: ours with the site's own colours."""
    own = site.theme
    plain = Theme()
    return replace(
        plain,
        light=replace(plain.light, **{name: getattr(own, name) for name in OWN}),
        dark=replace(plain.dark, **{name: getattr(own, f"{name}_night") for name in OWN}),
    )


def faint(theme: Theme) -> Iterator[tuple[str, float]]:
    """The colours that are too faint to read, with their contrast, worst paper first."""
    for suffix, palette in (("", theme.light), ("_night", theme.dark)):
        for name in (*OWN, "ink", "soft"):
            # The sides' colours never stand in a tinted box, the others do.
            boxes = () if name in {"left", "center", "right"} else (palette.tint,)
            color = getattr(palette, name)
            found = min(contrast(color, paper) for paper in (palette.paper, *boxes))
            if found < ENOUGH:
                yield f"{name}{suffix}", found


def contrast(one: str, two: str) -> float:
    """The contrast ratio of two #rrggbb colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    brighter, darker = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    """One sRGB channel without its gamma."""
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
