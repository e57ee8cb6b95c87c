"""The verifier's network in onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.vision.catalogue import ModelError, ModelFolder
from detector.vision.engine import inference_error, open_session
from detector.vision.onnx_runtime import ort
from detector.vision.verifier_card import VerifierCard

INPUT, OUTPUT = "crops", "features"


class OnnxFeatures:
    """A verifier's network run by onnxruntime."""

    def __init__(
        self,
        model: ModelFolder,
        verifier: VerifierCard,
        *,
        providers: Sequence[str] = ("CPUExecutionProvider",),
        threads: int = 0,
    ) -> None:
        """`providers`, `threads`: as for `OnnxEngine`.

        Raises:
            ModelError: The file is not a model, a provider is unavailable, or input or output
                differ from the card.
        """
        self._card = model.card
        path = model.path / verifier.features
        self._session = open_session(path, providers, threads)
        check_network(path, self._session, verifier.input_px, "the card has verifier.input_px")
        batch = self._session.get_inputs()[0].shape[0]
        if isinstance(batch, int) and verifier.batches != (batch,):
            raise ModelError(
                f"{path}: takes batches of {batch} only, the card has verifier.batches = "
                f"{list(verifier.batches)}. Fix the card, or export with a variable batch size"
            )

    def features(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`(n, d)` float32 of `(n, px, px, 3)` uint8 BGR. Raises `EngineError`."""
        try:
            (features,) = self._session.run(None, {INPUT: crops})
        except Exception as error:  # onnxruntime has its own exception types; all mean: blind
            raise inference_error(self._card, error) from error
        return np.asarray(features, dtype=np.float32)


def check_network(path: Path, session: ort.InferenceSession, input_px: int, key: str) -> None:
    """Compare a network's inputs and outputs with a verifier's. Raises `ModelError`.

    `key`: where `input_px` is written.
    """
    inputs = session.get_inputs()
    outputs = [node.name for node in session.get_outputs()]
    taken = [f"{node.name} {node.type}" for node in inputs]
    if taken != [f"{INPUT} tensor(uint8)"] or outputs != [OUTPUT]:
        raise ModelError(
            f"{path}: takes {', '.join(taken)} and gives {', '.join(outputs)}; a verifier "
            f"takes {INPUT} tensor(uint8) and gives {OUTPUT}"
        )
    _, *sides = inputs[0].shape
    pairs = zip(sides, (input_px, input_px, 3), strict=False)
    if len(sides) != 3 or any(isinstance(side, int) and side != own for side, own in pairs):
        raise ModelError(
            f"{path}: takes crops of {sides}, {key} = {input_px}. Fix the "
            f"{key.split()[1]}, or export the verifier again"
        )
