"""A sentence model in ONNX form, read from a local folder; the extra ``embedding``.

The folder holds ``model.onnx`` (or ``onnx/model.onnx``) and ``tokenizer.json``, as sentence models
are commonly published. Nothing is ever downloaded. The model runs on the processor, in one thread
for each core given to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from newsletter.errors import StoryError
from newsletter.stories.similarity import Floats

LONGEST = 256
"""Tokens read of a text; sentence models are trained on about so many."""
TOGETHER = 32
"""Texts that go through the model at once; more costs memory and gains no time."""

_KNOWN_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


class OnnxModel:
    """Turns texts into vectors of length one with a sentence model.

    A model that gives one vector a text is taken at its word; where it gives one a token, their
    mean is taken.

    :raises StoryError: when the extra is not installed, or the folder holds no such model.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import onnxruntime  # noqa: PLC0415 - an extra that few need
            from tokenizers import Tokenizer  # noqa: PLC0415
        except ImportError:
            raise StoryError(
                str(folder),
                "needs onnxruntime and tokenizers, which are not installed",
                hint='Install the extra: pip install "both-sides-newsletter[embedding]".',
            ) from None
        model = next(
            (
                file
                for name in ("model.onnx", "onnx/model.onnx")
                if (file := folder / name).is_file()
            ),
            None,
        )
        words = folder / "tokenizer.json"
        if model is None or not words.is_file():
            raise StoryError(
                str(folder),
                "holds no sentence model",
                hint="The folder needs model.onnx and tokenizer.json; see docs/grouping.md.",
            )
        try:
            self._tokenizer = Tokenizer.from_file(str(words))
            self._session = onnxruntime.InferenceSession(
                str(model), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001 - both raise bare exceptions for a broken file
            raise StoryError(
                str(folder),
                f"holds a model that cannot be read ({str(error).splitlines()[0][:120]})",
                hint="Copy the model anew, or leave [stories] embedding empty.",
            ) from None
        self._tokenizer.enable_truncation(LONGEST)
        self._tokenizer.no_padding()
        self._inputs = [one.name for one in self._session.get_inputs()]
        unknown = set(self._inputs) - _KNOWN_INPUTS
        if unknown:
            raise StoryError(
                str(folder),
                f'holds a model that asks for "{min(unknown)}", which no sentence model does',
                hint=f"Known inputs are {', '.join(sorted(_KNOWN_INPUTS))}.",
            )

    def vectors(self, texts: Sequence[str]) -> Floats:
        """One row of length one for each text, all zero where a text has no words."""
        order = sorted(range(len(texts)), key=lambda at: (len(texts[at]), at))
        rows: dict[int, Floats] = {}
        # Texts of like length together: padding is work for nothing.
        for begin in range(0, len(order), TOGETHER):
            some = order[begin : begin + TOGETHER]
            rows |= zip(some, self._run([texts[at] for at in some]), strict=True)
        if not rows:
            return np.zeros((0, 1))
        return np.stack([rows[at] for at in range(len(texts))])

    def _run(self, texts: Sequence[str]) -> Floats:
        encoded = self._tokenizer.encode_batch(list(texts))
        width = max(1, *(len(one.ids) for one in encoded))
        ids, mask = np.zeros((2, len(texts), width), np.int64)
        for row, one in enumerate(encoded):
            ids[row, : len(one.ids)] = one.ids
            mask[row, : len(one.ids)] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        outputs = self._session.run(None, {name: given[name] for name in self._inputs})
        whole = [output for output in outputs if output.ndim == 2]
        if whole:
            rows = np.asarray(whole[-1], np.float64)
        else:
            weight = mask[..., None].astype(np.float64)
            rows = (outputs[0] * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1.0)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.where(length == 0, 1.0, length), np.float64)
