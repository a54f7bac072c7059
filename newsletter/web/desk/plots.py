"""Plots drawn on the server: a line over time, bars by name. Numbers in, a drawing's parts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 132
LEFT, BOTTOM, TOP, RIGHT = 48, 22, 12, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One value where it stands: the middle of a dot, or the foot of a bar."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A drawing: marks, the points of a line, and the highest value. ``aloud`` says it in words."""

    marks: tuple[Mark, ...]
    points: str
    top: int
    aloud: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    ceiling: int = TOP
    floor: int = HEIGHT - BOTTOM
    end: int = WIDTH - RIGHT


def line(values: Sequence[tuple[str, int]]) -> Plot:
    """Values over time, oldest first."""
    top = _round_up(max((value for _, value in values), default=0))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(values) - 1)
    marks = tuple(
        Mark(
            x=round(LEFT + at * step, 1),
            y=round(_height(value, top), 1),
            width=0,
            height=0,
            label=label,
            value=value,
        )
        for at, (label, value) in enumerate(values)
    )
    return Plot(
        marks=marks,
        points=" ".join(f"{mark.x},{mark.y}" for mark in marks),
        top=top,
        aloud=_aloud(values),
    )


def bars(values: Sequence[tuple[str, int]]) -> Plot:
    """Values by name, side by side."""
    top = _round_up(max((value for _, value in values), default=0))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(values))
    marks = []
    for at, (label, value) in enumerate(values):
        y = _height(value, top)
        marks.append(
            Mark(
                x=round(LEFT + at * step + step * 0.2, 1),
                y=round(y, 1),
                width=round(step * 0.6, 1),
                height=round(HEIGHT - BOTTOM - y, 1),
                label=label,
                value=value,
            )
        )
    return Plot(marks=tuple(marks), points="", top=top, aloud=_aloud(values))


def _height(value: int, top: int) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top


def _round_up(value: int) -> int:
    """The next 1, 2 or 5 with zeros, so that the axis ends at a number people read."""
    if value <= 1:
        return 1
    unit = int(10 ** (len(str(value)) - 1))
    return next(step * unit for step in (1, 2, 5, 10) if step * unit >= value)


def _aloud(values: Sequence[tuple[str, int]]) -> str:
    if not values:
        return "No values yet."
    return "; ".join(f"{label}: {value:,}" for label, value in values[-12:])
