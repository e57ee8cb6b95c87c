"""The engine contract, and the onnxruntime engine."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from detector.cores import available_cores
from detector.errors import VigitriError
from detector.vision.catalogue import Card, ModelError, ModelFolder
from detector.vision.detections import Detections, from_end_to_end, from_raw_head
from detector.vision.onnx_runtime import ort


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
        _check_against_card(self._session, model)
        self._input_tensor = InputTensor(model.card)

    def detect(self, image: NDArray[np.uint8], min_score: float) -> Detections:
        try:
            (output,) = self._session.run(
                None, {self.card.input.name: self._input_tensor.of(image)}
            )
        except Exception as error:  # onnxruntime has its own exception types; all mean: blind
            raise inference_error(self.card, error) from error
        return decode_output(self.card, output, min_score)


class InputTensor:
    """Converts images to a model's input tensor, in a reused buffer."""

    def __init__(self, card: Card) -> None:
        self._is_nhwc_u8 = card.input.layout == "nhwc_bgr_u8"
        self._planar: NDArray[np.float32] | None = None

    def of(self, image: NDArray[np.uint8]) -> NDArray[np.uint8] | NDArray[np.float32]:
        """`image`, `(h, w, 3)` uint8 BGR, in the card's layout; valid until the next call.

        `(1, h, w, 3)` uint8 BGR, or `(1, 3, h, w)` float32 RGB, 0 to 1.
        """
        if self._is_nhwc_u8:
            return image[None]
        height, width = image.shape[:2]
        if self._planar is None or self._planar.shape[2:] != (height, width):
            self._planar = np.empty((1, 3, height, width), dtype=np.float32)
        rgb = image[..., ::-1].transpose(2, 0, 1)
        np.multiply(rgb, np.float32(1 / 255), out=self._planar[0], casting="unsafe")
        return self._planar


def inference_error(card: Card, error: Exception) -> EngineError:
    """Another library's exception as a one-line `EngineError`."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return EngineError(f"{card.name}: inference failed: {reason}")


def decode_output(card: Card, output: NDArray[np.float32], min_score: float) -> Detections:
    """Decode a model's output, `(1, n, 6)` (end2end head) or `(1, 4 + classes, n)` (raw head).

    Raises:
        EngineError: A number is not finite, or a class is not on the card.
    """
    if not np.isfinite(output).all():
        raise EngineError(f"{card.name}: the model's output has numbers that are not finite")
    decode = from_end_to_end if card.head == "end2end" else from_raw_head
    found = decode(output, min_score)
    if len(found) and not 0 <= found.classes.min() <= found.classes.max() < len(card.classes):
        raise EngineError(f"{card.name}: detected a class that is not on its card")
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
        session = ort.InferenceSession(str(path), options, providers=list(providers))
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


def _check_against_card(session: ort.InferenceSession, model: ModelFolder) -> None:
    card, where = model.card, model.onnx_path
    inputs = {node.name: node for node in session.get_inputs()}
    if list(inputs) != [card.input.name]:
        raise ModelError(f"{where}: takes {list(inputs)}, the card has [{card.input.name!r}]")
    node = inputs[card.input.name]
    flat = card.input.layout == "nhwc_bgr_u8"
    kind = "tensor(uint8)" if flat else "tensor(float)"
    channels = node.shape[3 if flat else 1] if len(node.shape) == 4 else None
    if node.type != kind or channels != 3:
        raise ModelError(
            f"{where}: takes {node.type} {node.shape}, the card's layout is {card.input.layout}"
        )
    sides = node.shape[1:3] if flat else node.shape[2:4]
    for side, expected in zip(sides, card.input.size, strict=True):
        if isinstance(side, int) and side != expected:
            raise ModelError(f"{where}: takes {sides}, the card has size {card.input.size}")
    outputs = session.get_outputs()
    if len(outputs) != 1:
        raise ModelError(f"{where}: gives {len(outputs)} outputs, a YOLO head gives one")
    _check_names(session.get_modelmeta().custom_metadata_map, model)
    side_h, side_w = (size or 4 * card.input.stride for size in card.input.size)
    shape = (1, side_h, side_w, 3) if flat else (1, 3, side_h, side_w)
    probe = np.zeros(shape, dtype=np.uint8 if flat else np.float32)
    try:
        given = session.run(None, {card.input.name: probe})[0].shape
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{where}: can't be run on {probe.shape}: {reason}") from None
    expected_channels = 6 if card.head == "end2end" else 4 + len(card.classes)
    channel_at = 2 if card.head == "end2end" else 1
    if len(given) != 3 or given[channel_at] != expected_channels:
        raise ModelError(
            f"{where}: gives {given}, not a {card.head} head of {len(card.classes)} classes"
        )


def _check_names(metadata: Mapping[str, str], model: ModelFolder) -> None:
    """Ultralytics writes the class list into the file; it must match the card's."""
    if "names" not in metadata:
        return
    try:
        names = ast.literal_eval(metadata["names"])
    except (SyntaxError, ValueError):
        raise ModelError(f"{model.onnx_path}: its class list can't be read") from None
    in_file = list(names.values()) if isinstance(names, dict) else list(names)
    on_card = [known.name for known in model.card.classes]
    if in_file != on_card:
        raise ModelError(
            f"{model.onnx_path}: was trained for {in_file}, the card has {on_card}. Fix the card"
        )
