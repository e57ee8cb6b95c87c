"""The model at work in OpenVINO (extra `openvino`), in bfloat16 where the CPU multiplies it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.vision.catalogue import ModelError, ModelFolder
from detector.vision.detections import Detections
from detector.vision.engine import Intake, OnnxEngine, decoded, engine_threads, failed
from detector.vision.warp import OUTSIDE_GREY


class OpenVinoEngine:
    """A model folder run by OpenVINO, from the same `model.onnx`.

    One thread, 448 x 800, CPU time against onnxruntime's float32 on an AMD EPYC (Zen 4): bfloat16
    0.59 where the picture's size is fixed, 0.63 where it is not; float32 1.05. So the first size
    that comes, a line's belt view, is compiled for itself, and all others share one model.
    """

    def __init__(self, model: ModelFolder, *, threads: int = 0) -> None:
        """Raises `ModelError` if OpenVINO is missing, or the model is not what its card says."""
        self.card = model.card
        OnnxEngine(model, threads=1)  # loads it once to hold it against its card
        self._core = _core()
        precisions = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self._settings = {
            "INFERENCE_NUM_THREADS": engine_threads(threads),
            "INFERENCE_PRECISION_HINT": "bf16" if "BF16" in precisions else "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
        }
        self._path = str(model.onnx_path)
        self._intake = Intake(model.card)
        self._first_shape: tuple[int, ...] = ()
        self._first: Any = None
        self._any_size: Any = None

    def detect(self, picture: NDArray[np.uint8], min_score: float) -> Detections:
        taken = self._intake.prepared(picture)
        try:
            request = self._request_for(taken.shape)
            output = np.asarray(request.infer([taken])[0])
        except Exception as error:  # OpenVINO raises bare RuntimeErrors, all of them a blind look
            raise failed(self.card, error) from error
        return decoded(self.card, output, min_score)

    def prepare(self, sizes_px: Iterable[tuple[int, int]]) -> None:
        """One look each, at grey: kernels are made for a size when it first comes."""
        for width, height in sizes_px:
            self.detect(np.full((height, width, 3), OUTSIDE_GREY, np.uint8), 1.0)

    def _request_for(self, shape: tuple[int, ...]) -> Any:
        if self._first is None:
            self._first, self._first_shape = self._compiled(shape), shape
        if shape == self._first_shape:
            return self._first
        if self._any_size is None:
            self._any_size = self._compiled(None)
        return self._any_size

    def _compiled(self, shape: tuple[int, ...] | None) -> Any:
        network = self._core.read_model(self._path)
        if shape is not None:
            network.reshape({0: list(shape)})
        return self._core.compile_model(network, "CPU", self._settings).create_infer_request()


def worth_it() -> tuple[bool, str]:
    """Whether it gains anything here, and why: it must be installed, and the CPU know bfloat16."""
    try:
        core = _core()
    except ModelError:
        return False, "OpenVINO is not installed (pip install 'vigitri[openvino]')"
    if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return True, "OpenVINO is installed and the CPU multiplies bfloat16"
    return False, "OpenVINO is installed, but without bfloat16 in the CPU it gains nothing"


def _core() -> Any:
    # `import openvino` (2026.4) imports its telemetry, which writes to the home folder and can
    # phone home; it does without where that package can't be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        from openvino import Core
    except ImportError as error:
        raise ModelError(
            f"model.engine = 'openvino': {error.name} is missing. pip install 'vigitri[openvino]', "
            'or write engine = "onnxruntime"'
        ) from None
    return Core()
