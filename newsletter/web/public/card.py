"""The picture of a story for previews elsewhere: name, headline and coverage bar, drawn as PNG.

The only file that imports Pillow. Letters come from a font that is installed with the program, so
a card looks the same on every machine and nothing is fetched. Sides are told apart by their
labels and their place, not by colour alone.
"""

from __future__ import annotations

import io
from functools import lru_cache
from importlib.resources import files

from PIL import Image, ImageDraw, ImageFont

from newsletter.issue.clean import clean
from newsletter.issue.shown import BarView
from newsletter.issue.theme import theme_of
from newsletter.issue.view import bar_view
from newsletter.web.public.pages import Pages
from newsletter.web.public.story import StoryPage

SIZE = WIDTH, HEIGHT = 1200, 630
"""What networks show uncut (1.91 : 1)."""
EDGE = 72
HEADLINE_SIZES = range(72, 39, -4)
MOST_LINES = 4
_DRAWN = ((0x20, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x2010, 0x205E), (0x20A0, 0x20BF))
"""Ranges of characters that the font has: Latin, Greek, Cyrillic, punctuation, currencies."""


def draw_card(pages: Pages, page: StoryPage) -> bytes:
    """The card of a story as a PNG of 1200 by 630.

    A headline in letters that the font has not is left out; name, section and bar remain.
    """
    light = theme_of(pages.site).light
    image = Image.new("RGB", SIZE, light.paper)
    draw = ImageDraw.Draw(image)
    name = clean(pages.site.theme.logo or pages.site.name)
    _text(draw, (EDGE, 56), name, _font("Bold", 40), light.ink)
    for y in (120, 126):
        draw.line((EDGE, y, WIDTH - EDGE, y), fill=light.ink, width=2)
    section = pages.words.section(clean(page.story.section)).upper()
    _text(draw, (EDGE, 152), section, _font("Semibold", 24), light.soft)
    headline = clean(page.brief.headline)
    if all(_has(character) for character in headline):
        size, lines = _fitted(headline)
        for number, line in enumerate(lines):
            place = (EDGE, 192 + number * size * 1.12)
            _text(draw, place, line, _font("Bold", size), light.ink)
    _bar(draw, bar_view(page.brief.coverage, pages.words, full=True), pages)
    out = io.BytesIO()
    # A drawing of few colours: a palette makes it a quarter of the bytes.
    image.quantize(64, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def _bar(draw: ImageDraw.ImageDraw, bar: BarView, pages: Pages) -> None:
    light = theme_of(pages.site).light
    font, x = _font("Semibold", 30), float(EDGE)
    for segment in bar.segments:
        width = (WIDTH - 2 * EDGE) * segment.percent / 100
        if segment.count:
            color = getattr(light, segment.side)
            draw.rectangle((x, 508, x + width - 1, 524), fill=color)
        x += width
    label_x = float(EDGE)
    for segment in bar.segments:
        _text(draw, (label_x, 540), segment.label, font, getattr(light, segment.side))
        label_x += draw.textlength(_drawn(segment.label), font=font) + 48
    if bar.unrated:
        plain = _font("Regular", 30)
        start = WIDTH - EDGE - draw.textlength(_drawn(bar.unrated), font=plain)
        if start > label_x:
            _text(draw, (start, 540), bar.unrated, plain, light.soft)


def _fitted(headline: str) -> tuple[int, list[str]]:
    """The largest size at which a headline fits, and its lines; the last may end in an ellipsis."""
    for size in HEADLINE_SIZES:
        lines = _lines(headline, size)
        if len(lines) <= MOST_LINES and len(lines) * size * 1.12 < 300:
            return size, lines
    return size, [*lines[: MOST_LINES - 1], f"{lines[MOST_LINES - 1]} …"]


def _lines(text: str, size: int) -> list[str]:
    """Break a text at its spaces; a word longer than a line is cut."""
    font, lines = _font("Bold", size), [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= WIDTH - 2 * EDGE:
            lines[-1] = longer
            continue
        while font.getlength(word) > WIDTH - 2 * EDGE:
            word = word[:-1]  # noqa: PLW2901 - shortened until it fits
        lines.append(word)
    return [line for line in lines if line]


def _text(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    font: ImageFont.FreeTypeFont,
    color: str,
) -> None:
    draw.text(place, _drawn(text), font=font, fill=color)


def _drawn(text: str) -> str:
    return "".join(character for character in text if _has(character))


def _has(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _DRAWN)


@lru_cache(maxsize=32)
def _font(weight: str, size: int) -> ImageFont.FreeTypeFont:
    file = files("font_source_serif_pro") / "files" / f"SourceSerifPro-{weight}.ttf"
    return ImageFont.truetype(io.BytesIO(file.read_bytes()), size)
