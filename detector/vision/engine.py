"""The engine contract, and the onnxruntime engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from detector.cores import available_cores
from detector.errors import VigitriError
from detector.vision.catalogue import Card, ModelError, ModelFolder
from detector.vision.detections import Detections
from detector.vision.heads import HeadError, HeadReader
from detector.vision.input_tensor import InputTensor
from detector.vision.model_match import check_against_card
from detector.vision.onnx_runtime import ort

_CPU = "CPUExecutionProvider"


class EngineError(VigitriError, RuntimeError):
    """Inference failed. The belt's state is unknown, not clear."""


class Engine(Protocol):
    """Runs a model on images whose sides are multiples of the model's stride."""

    @property
    def card(self) -> Card: ...
    def detect(self, image: NDArray[np.uint8], min_score: float) -> Detections:
        """Detections with at least `min_score`, in px of `image`: `(h, w, 3)` uint8 BGR.

        Raises:
            EngineError: Inference failed; a failure never returns empty detections.
        """
        ...


@runtime_checkable
class PreparingEngine(Protocol):
    """An engine whose first inference pass on an image size is slow."""

    @property
    def sizes_most(self) -> int:
        """Number of sizes worth preparing."""
        ...

    def prepare(self, sizes_px: Iterable[tuple[int, int]]) -> None:
        """Prepare for images of these sizes `(width, height)`. Raises `EngineError`."""
        ...


class OnnxEngine:
    """A model folder run by onnxruntime."""

    def __init__(
        self,
        model: ModelFolder,
        *,
        providers: Sequence[str] = ("CPUExecutionProvider",),
        threads: int = 0,
    ) -> None:
        """Args:
            model: The model folder.
            providers: onnxruntime's execution providers, by preference.
            threads: 0: one per core that this process may use, at most four: with more, a nano
                model gains little and the capture processes starve.

        Raises:
            ModelError: The file is not a model, a provider is unavailable, or input, outputs or
                classes differ from the card.
        """
        self.card = model.card
        self._session = open_session(model.onnx_path, providers, threads)
        check_against_card(self._session, model)
        self._input_tensor = InputTensor(model.card)
        self._outputs = list(model.card.outputs) or None
        self.decoder = HeadDecoder(model.card)

    def detect(self, image: NDArray[np.uint8], min_score: float) -> Detections:
        return self.decoder.decode(self.run(image), min_score, image.shape[:2])

    def run(self, image: NDArray[np.uint8]) -> Sequence[NDArray[Any]]:
        """The outputs for an image, undecoded. Raises `EngineError`."""
        try:
            given: Sequence[NDArray[Any]] = self._session.run(
                self._outputs, self._input_tensor.feed(image)
            )
        except Exception as error:  # onnxruntime has its own exception types; all mean: blind
            raise inference_error(self.card, error) from error
        return given


def inference_error(card: Card, error: Exception) -> EngineError:
    """Another library's exception as a one-line `EngineError`."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return EngineError(f"{card.name}: inference failed: {reason}")


class HeadDecoder:
    """Decodes a model's outputs; detections of harmless classes end here."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self._reader = HeadReader(
            card.head,
            len(card.classes),
            in_shares=card.box_unit == "share",
            logits=card.scores == "logit",
            stride=card.input.stride,
        )
        self._is_hazard = np.array([known.hazard != "none" for known in card.classes])

    def decode(
        self, outputs: Sequence[NDArray[Any]], min_score: float, size_px: tuple[int, int]
    ) -> Detections:
        """`outputs`: in the card's order. `size_px`: height, width of the input.

        Raises `EngineError`: a number is not finite, or a class is not on the card.
        """
        found = self.all_classes(outputs, min_score, size_px)
        if self._is_hazard.all():
            return found
        keep = self._is_hazard[found.classes]
        return Detections(found.boxes_px[keep], found.scores[keep], found.classes[keep])

    def all_classes(
        self, outputs: Sequence[NDArray[Any]], min_score: float, size_px: tuple[int, int]
    ) -> Detections:
        """The same, harmless ones too."""
        name = self.card.name
        if not all(np.isfinite(output).all() for output in outputs):
            raise EngineError(f"{name}: the model's output has numbers that are not finite")
        try:
            found = self._reader.read(outputs, min_score, size_px)
        except HeadError as error:
            raise EngineError(f"{name}: {error}") from None
        known = len(self.card.classes)
        if len(found) and not 0 <= found.classes.min() <= found.classes.max() < known:
            raise EngineError(f"{name}: detected a class that is not on its card")
        return found


def engine_threads(asked: int) -> int:
    """The number of threads for `model.threads`; 0: one per core, at most four."""
    return asked or min(4, available_cores())


def open_session(path: Path, providers: Sequence[str], threads: int) -> ort.InferenceSession:
    """A session of onnxruntime. Raises `ModelError`."""
    missing = [name for name in providers if name not in ort.get_available_providers()]
    if missing:
        raise ModelError(
            f"model.providers: {', '.join(missing)} is not in this onnxruntime, which has "
            f"{', '.join(ort.get_available_providers())}"
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = engine_threads(threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors raise exceptions; warnings do not help the user
    # Spinning threads gain 13 to 17 % on an idle machine and lose up to 80 % beside other work, and
    # a line always has capture, bridge and station beside it (two cores, 0.27 and 0.74 megapixel).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # It announces a second attempt, on the CPU, on stdout: of no use after one on the CPU.
        settings = {"enable_fallback": False} if list(providers) == [_CPU] else {}
        session = ort.InferenceSession(str(path), options, providers=list(providers), **settings)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path}: onnxruntime can't load it: {reason}. Export it again") from None
    idle = [name for name in providers if name not in session.get_providers()]
    if idle:  # onnxruntime silently falls back to others, many times slower
        raise ModelError(
            f"model.providers: {', '.join(idle)} does not start here. Check its libraries and its "
            "device, or remove it from the list"
        )
    return session
