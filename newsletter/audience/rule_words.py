"""The rules of a segment as lines that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def in_words(rule: Mapping[str, Any], depth: int = 0) -> list[str]:
    """A condition as lines, those inside another indented by two spaces a step.

    :param rule: a condition as plain values, as it stands in ``segments.toml``.
    """
    space = "  " * depth
    field = rule.get("field")
    rest = {how: value for how, value in rule.items() if how != "field"}
    if field:
        said = "; ".join(
            f"{how} {', '.join(value) if isinstance(value, list) else value}"
            for how, value in rest.items()
        )
        return [f"{space}{field} {said}"]
    lines: list[str] = []
    for how, inner in rest.items():
        lines.append(f"{space}{how} of")
        for one in inner:
            lines += in_words(one, depth + 1)
    return lines
