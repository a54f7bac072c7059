"""A sentence model of a few words in the files real ones come in, built without any training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

UNKNOWN = "[UNK]"


def write_model(
    folder: Path, words: Mapping[str, Sequence[float]], *, pooled: bool = False
) -> Path:
    """Write ``model.onnx`` and ``tokenizer.json`` in which every word has a vector.

    ``pooled`` makes the model give one vector a text; else it gives one a token, as most do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [UNKNOWN, *words]
    tokenizer = Tokenizer(
        models.WordLevel({name: at for at, name in enumerate(names)}, unk_token=UNKNOWN)
    )
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    size = len(next(iter(words.values())))
    table = np.array([[0.0] * size, *words.values()], np.float32)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["tokens_out"])]
    shape: list[str | int] = ["texts", "tokens", size]
    result = "tokens_out"
    constants = [numpy_helper.from_array(table, "table")]
    if pooled:
        constants.append(numpy_helper.from_array(np.array([1], np.int64), "axes"))
        nodes.append(helper.make_node("ReduceSum", [result, "axes"], ["text_out"], keepdims=0))
        shape, result = ["texts", size], "text_out"
    output = helper.make_tensor_value_info(result, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "tiny", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(folder / "model.onnx"))
    return folder
