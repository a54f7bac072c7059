"""The words."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
from pathlib import Path

from newsletter import model
from newsletter.model import Coverage, Lean, Side, SideCoverage


def test_all_words_are_frozen_and_slotted() -> None:
    """Nothing that travels between stages can be changed on the way."""
    words = [
        item
        for _, item in inspect.getmembers(model, inspect.isclass)
        if dataclasses.is_dataclass(item)
    ]
    assert len(words) > 20
    for word in words:
        parameters = word.__dataclass_params__  # type: ignore[attr-defined]  # set by dataclass
        assert parameters.frozen, word
        assert hasattr(word, "__slots__"), word


def test_the_words_need_only_the_standard_library() -> None:
    """model.py imports nothing that is not part of Python."""
    tree = ast.parse(Path(model.__file__).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module
            assert node.module.split(".")[0] in sys.stdlib_module_names


def test_five_leans_fold_to_three_sides_and_unrated_to_none() -> None:
    """Lean-left counts left, lean-right counts right, unrated counts for no side."""
    assert [lean.side for lean in Lean] == [
        Side.LEFT,
        Side.LEFT,
        Side.CENTER,
        Side.RIGHT,
        Side.RIGHT,
        None,
    ]


def test_coverage_adds_up_and_keeps_the_unrated_apart() -> None:
    """Rated families leave the unrated out; all families have them in."""
    coverage = Coverage(
        left=SideCoverage(articles=3, families=2),
        right=SideCoverage(articles=1, families=1),
        unrated=SideCoverage(articles=5, families=4),
    )
    assert (coverage.rated_families, coverage.families, coverage.articles) == (3, 7, 9)
    assert coverage.of(None).families == 4
    assert coverage.of(Side.CENTER).families == 0
