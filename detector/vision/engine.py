"""The model at work: onnxruntime, with buffers that are made once."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from detector.errors import VigitriError
from detector.vision.catalogue import Card, ModelError, ModelFolder
from detector.vision.detections import Detections, from_end_to_end, from_raw_head
from detector.vision.onnx_runtime import ort


class EngineError(VigitriError, RuntimeError):
    """The engine failed on a picture. Not an empty belt: nobody has looked."""


class Engine(Protocol):
    """Finds objects in a picture whose sides are multiples of the model's stride."""

    @property
    def card(self) -> Card: ...
    def detect(self, picture: NDArray[np.uint8], min_score: float) -> Detections:
        """`picture`: `(h, w, 3)` uint8 BGR. Raises `EngineError`; never returns nothing instead."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """An engine whose first picture of a size takes long."""

    def prepare(self, sizes_px: Iterable[tuple[int, int]]) -> None:
        """Make ready for pictures of those sizes `(width, height)`. Raises `EngineError`."""
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
        """`threads`: 0 takes one for each core that this process may use, four at most: beyond
        that a nano model gains little and the capture processes starve.

        Raises `ModelError` if the file is no model, a provider is not there, or input, outputs or
        classes are not what the card says.
        """
        self.card = model.card
        self._session = _session(model.onnx_path, providers, threads)
        _check_against_card(self._session, model)
        self._intake = Intake(model.card)

    def detect(self, picture: NDArray[np.uint8], min_score: float) -> Detections:
        try:
            (output,) = self._session.run(
                None, {self.card.input.name: self._intake.prepared(picture)}
            )
        except Exception as error:  # onnxruntime raises its own kinds, all of them a blind look
            raise failed(self.card, error) from error
        return decoded(self.card, output, min_score)


class Intake:
    """Pictures as a model takes them, in a buffer that is made once."""

    def __init__(self, card: Card) -> None:
        self._flat = card.input.layout == "nhwc_bgr_u8"
        self._planar: NDArray[np.float32] | None = None

    def prepared(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8] | NDArray[np.float32]:
        if self._flat:
            return picture[None]
        height, width = picture.shape[:2]
        if self._planar is None or self._planar.shape[2:] != (height, width):
            self._planar = np.empty((1, 3, height, width), dtype=np.float32)
        rgb = picture[..., ::-1].transpose(2, 0, 1)
        np.multiply(rgb, np.float32(1 / 255), out=self._planar[0], casting="unsafe")
        return self._planar


def failed(card: Card, error: Exception) -> EngineError:
    """What another library raised, as one line."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return EngineError(f"{card.name}: inference failed: {reason}")


def decoded(card: Card, output: NDArray[np.float32], min_score: float) -> Detections:
    """What a model's output says. Raises `EngineError` if it can't be meant."""
    if not np.isfinite(output).all():
        raise EngineError(f"{card.name}: inference gave numbers that are not finite")
    decode = from_end_to_end if card.head == "end2end" else from_raw_head
    found = decode(output, min_score)
    if len(found) and not 0 <= found.classes.min() <= found.classes.max() < len(card.classes):
        raise EngineError(f"{card.name}: found a class that its card does not have")
    return found


def engine_threads(asked: int) -> int:
    """What `model.threads` comes to here: 0 is one for each core, four at most."""
    return asked or min(4, available_cores())


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _session(path: Path, providers: Sequence[str], threads: int) -> ort.InferenceSession:
    missing = [name for name in providers if name not in ort.get_available_providers()]
    if missing:
        raise ModelError(
            f"model.providers: {', '.join(missing)} is not in this onnxruntime, which has "
            f"{', '.join(ort.get_available_providers())}"
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = engine_threads(threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors come as exceptions; its warnings are no user's concern
    # Spinning threads gain 13 to 17 % on an idle box and lose up to 80 % beside other work, which a
    # line with its capture, bridge and station always has (two cores, 0.27 and 0.74 megapixel).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path}: onnxruntime can't load it: {reason}. Export it again") from None
    idle = [name for name in providers if name not in session.get_providers()]
    if idle:  # onnxruntime goes on without it, many times slower, and says so to nobody
        raise ModelError(
            f"model.providers: {', '.join(idle)} does not start here: are its libraries and its "
            "device there? Mend them, or leave it out"
        )
    return session


def _check_against_card(session: ort.InferenceSession, model: ModelFolder) -> None:
    card, where = model.card, model.onnx_path
    inputs = {node.name: node for node in session.get_inputs()}
    if list(inputs) != [card.input.name]:
        raise ModelError(f"{where}: takes {list(inputs)}, the card says [{card.input.name!r}]")
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
            raise ModelError(f"{where}: takes {sides}, the card says size {card.input.size}")
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
    """Ultralytics writes the class list into the file; it must be the card's."""
    if "names" not in metadata:
        return
    try:
        names = ast.literal_eval(metadata["names"])
    except (SyntaxError, ValueError):
        raise ModelError(f"{model.onnx_path}: its class list can't be read") from None
    inside = list(names.values()) if isinstance(names, dict) else list(names)
    listed = [known.name for known in model.card.classes]
    if inside != listed:
        raise ModelError(
            f"{model.onnx_path}: was trained for {inside}, the card says {listed}. Mend the card"
        )
