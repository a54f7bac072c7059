"""A sentence model in a local folder is really run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from newsletter.errors import StoryError
from newsletter.stories.embedding import HashedWords, Remembered, embedding_of
from newsletter.stories.group import group
from tests.cli.conftest import run_newsletter
from tests.stories.make import DAM, DAY, SETTINGS, article, partition

pytest.importorskip("onnxruntime", reason="the extra embedding is not installed")
onnx = pytest.importorskip("onnx", reason="onnx is not installed")

MEANINGS = {"dam": (1.0, 0.0), "reservoir": (0.9, 0.1), "lunch": (0.0, 1.0), "meal": (0.1, 0.9)}


@pytest.mark.parametrize("pooled", [False, True])
def test_texts_of_one_meaning_point_one_way(tmp_path: Path, *, pooled: bool) -> None:
    """Vectors have length one, do not depend on their neighbours, and are zero for no words."""
    from newsletter.stories.onnx_model import OnnxModel
    from tests.stories.tiny_model import write_model

    model = OnnxModel(write_model(tmp_path, MEANINGS, pooled=pooled))
    texts = ["The dam", "reservoir " * 9, "A meal of lunch", "", "nothing known"]
    rows = model.vectors(texts)
    near = rows @ rows.T
    assert near[0, 1] > 0.95
    assert near[0, 2] < 0.2
    assert np.allclose(np.diag(near), [1, 1, 1, 0, 0])
    for text, row in zip(texts, rows, strict=True):
        assert np.allclose(model.vectors([text]), row, atol=1e-6)
    assert len(model.vectors([])) == 0
    many = model.vectors([f"dam {n}" for n in range(70)])
    assert np.allclose(many, rows[0])


def test_a_configured_model_decides_with_the_words(tmp_path: Path) -> None:
    """A report that shares words and a place stands alone when the model says it means another."""
    from tests.stories.tiny_model import write_model

    meanings = dict.fromkeys(("dam", "reservoir", "spillway", "crack", "lunches"), (1.0, 0.0))
    meanings |= dict.fromkeys(("families", "hill", "school", "slept"), (0.0, 1.0))
    write_model(tmp_path / "model", meanings)
    odd = article(
        "odd", "Families wait on the hill", "Families slept in a school above Ansley.", hours=6
    )
    dam = frozenset(a.id for a in DAM)
    assert dam | {"odd"} in partition(group([*DAY, odd], settings=SETTINGS))
    embedding = embedding_of("model", tmp_path)
    found = partition(group([*DAY, odd], settings=SETTINGS, embedding=embedding))
    assert {dam, frozenset({"odd"})} <= found


def test_the_command_reads_the_folder_from_the_configuration(tmp_path: Path) -> None:
    """``[stories] embedding`` reaches ``group --from``, and a folder without a model is said."""
    from tests.stories.tiny_model import write_model

    write_model(tmp_path / "model", MEANINGS)
    lines = "".join(
        json.dumps(
            {
                "id": a.id,
                "source": a.outlet,
                "title": a.title,
                "text": a.text,
                "published": a.published.isoformat(),
            }
        )
        + "\n"
        for a in DAY
    )
    (tmp_path / "a.jsonl").write_text(lines, "utf-8")
    (tmp_path / "config.toml").write_text('[stories]\nembedding = "model"\n', "utf-8")
    words = ["group", "--from", "a.jsonl", "--to", "s.jsonl"]
    said = run_newsletter(*words, cwd=tmp_path)
    assert said.code == 0, said.err
    assert len((tmp_path / "s.jsonl").read_text().splitlines()) == 3
    said = run_newsletter("--set", "stories.embedding=none-here", *words, cwd=tmp_path)
    assert said.code == 1
    assert "holds no sentence model" in said.err


def test_what_is_no_model_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken files, strange inputs and a missing extra each have a sentence and a hint."""
    from newsletter.stories.onnx_model import OnnxModel
    from tests.stories.tiny_model import write_model

    broken = write_model(tmp_path / "broken", MEANINGS)
    (broken / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(StoryError, match="cannot be read") as caught:
        OnnxModel(broken)
    assert caught.value.hint
    strange = write_model(tmp_path / "strange", MEANINGS)
    model = onnx.load(str(strange / "model.onnx"))
    for place in (model.graph.input[1],):
        place.name = "pixel_values"
    onnx.save(model, str(strange / "model.onnx"))
    with pytest.raises(StoryError, match="pixel_values"):
        OnnxModel(strange)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(StoryError, match="not installed"):
        OnnxModel(broken)


def test_every_text_is_read_once() -> None:
    """What is remembered equals what was read, and old texts make room for new ones."""
    asked: list[str] = []

    class Counting(HashedWords):
        def vectors(self, texts):  # type: ignore[no-untyped-def]  # the protocol's signature
            asked.extend(texts)
            return super().vectors(texts)

    remembered = Remembered(Counting(), most=3)
    first = remembered.vectors(["a dam", "a bill", "a dam"])
    assert np.allclose(first, HashedWords().vectors(["a dam", "a bill", "a dam"]))
    remembered.vectors(["a bill", "a dam"])
    assert asked == ["a dam", "a bill"]
    remembered.vectors(["a whale", "a quake", "a dam"])
    remembered.vectors(["a bill"])
    assert asked == ["a dam", "a bill", "a whale", "a quake", "a bill"]
    assert len(remembered.vectors([])) == 0


def test_names_of_embeddings() -> None:
    """Nothing for nothing, the built-in by name, a folder otherwise."""
    assert embedding_of("", Path()) is None
    assert isinstance(embedding_of("words", Path()), HashedWords)
