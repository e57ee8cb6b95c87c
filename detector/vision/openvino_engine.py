"""The OpenVINO engine (extra `openvino`); uses bfloat16 if the CPU multiplies it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.cores import lacks_bfloat16
from detector.vision.catalogue import ModelError, ModelFolder
from detector.vision.detections import Detections
from detector.vision.engine import (
    HeadDecoder,
    OnnxEngine,
    engine_threads,
    inference_error,
)
from detector.vision.features import OnnxFeatures
from detector.vision.input_tensor import InputTensor
from detector.vision.verifier_card import VerifierCard
from detector.vision.warp import OUTSIDE_GREY


class OpenVinoEngine:
    """A model folder run by OpenVINO, from the same `model.onnx`.

    CPU time relative to onnxruntime's float32 (one thread, 448 x 800, AMD EPYC Zen 4): bfloat16
    0.59, float32 1.05. A model compiled for any size takes 1.2 to 1.3 times as long on strips of
    416 x 128 to 416 x 416 px, and 1.5 to 2 times where the size changes from pass to pass. So each
    size that is prepared is compiled by itself, which takes half a second and 26 MiB, and only
    others share one compiled model.
    """

    sizes_most = 4
    """Number of sizes worth preparing."""

    def __init__(self, model: ModelFolder, *, threads: int = 0) -> None:
        """`threads`: as for `OnnxEngine`.

        Raises:
            ModelError: OpenVINO is missing, or the model does not match its card.
        """
        self.card = model.card
        OnnxEngine(model, threads=1)  # loaded once to compare the model with its card
        self._core = _core()
        self._settings = _settings(self._core, threads)
        self._network = self._core.read_model(str(model.onnx_path))
        self._input_tensor = InputTensor(model.card)
        self._decoder = HeadDecoder(model.card)
        self._requests: dict[tuple[int, ...], Any] = {}
        """By the input's shape."""
        self._any_size: Any = None

    def detect(self, image: NDArray[np.uint8], min_score: float) -> Detections:
        feed = self._input_tensor.feed(image)
        try:
            request = self._request_for(feed[self.card.input.name].shape)
            given = request.infer(feed)
            outputs = [np.asarray(given[name]) for name in self.card.outputs or (0,)]
        except Exception as error:  # OpenVINO raises bare RuntimeErrors; all mean: blind
            raise inference_error(self.card, error) from error
        return self._decoder.decode(outputs, min_score, image.shape[:2])

    def prepare(self, sizes_px: Iterable[tuple[int, int]]) -> None:
        """Compile each size, and run one pass on grey, in which OpenVINO builds the kernels."""
        for width, height in sizes_px:
            grey = np.full((height, width, 3), OUTSIDE_GREY, np.uint8)
            shape = self._input_tensor.feed(grey)[self.card.input.name].shape
            if len(self._requests) < self.sizes_most and shape not in self._requests:
                try:
                    self._requests[shape] = self._compiled(shape)
                except Exception as error:
                    raise inference_error(self.card, error) from error
            self.detect(grey, 1.0)

    def _request_for(self, shape: tuple[int, ...]) -> Any:
        request = self._requests.get(shape)
        if request is not None:
            return request
        if self._any_size is None:
            self._any_size = self._compiled(None)
        return self._any_size

    def _compiled(self, shape: tuple[int, ...] | None) -> Any:
        # A copy: the network itself keeps its free size.
        network = self._network if shape is None else self._network.clone()
        if shape is not None:
            network.reshape({self.card.input.name: list(shape)})
        return self._core.compile_model(network, "CPU", self._settings).create_infer_request()


class OpenVinoFeatures:
    """A verifier's network run by OpenVINO, compiled for each batch size."""

    def __init__(self, model: ModelFolder, verifier: VerifierCard, *, threads: int = 0) -> None:
        """`threads`: as for `OnnxEngine`.

        Raises:
            ModelError: OpenVINO is missing, or the network does not match its card.
        """
        OnnxFeatures(model, verifier, threads=1)  # loaded once to compare it with its card
        self._card, self._core = model.card, _core()
        self._settings = _settings(self._core, threads)
        self._network = self._core.read_model(str(model.path / verifier.features))
        self._requests: dict[int, Any] = {}

    def features(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            request = self._requests.get(len(crops))
            if request is None:
                self._network.reshape({0: list(crops.shape)})
                compiled = self._core.compile_model(self._network, "CPU", self._settings)
                request = self._requests[len(crops)] = compiled.create_infer_request()
            # A copy: the next batch of the same size reuses the request's output.
            return np.array(request.infer([crops])[0], dtype=np.float32)
        except Exception as error:
            raise inference_error(self._card, error) from error


def faster_here() -> tuple[bool, str]:
    """Whether OpenVINO is faster here, and why: if installed, and the CPU multiplies bfloat16.

    It is loaded only where it may be: that takes 25 MiB.
    """
    not_faster = False, "OpenVINO is installed, but not faster, as the CPU lacks bfloat16"
    try:
        if find_spec("openvino") is not None and lacks_bfloat16():
            return not_faster
        core = _core()
    except ModelError:
        return False, "OpenVINO is not installed (pip install 'vigitri[openvino]')"
    if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return True, "OpenVINO is installed and the CPU multiplies bfloat16"
    return not_faster


def _settings(core: Any, threads: int) -> dict[str, Any]:
    precisions = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return {
        "INFERENCE_NUM_THREADS": engine_threads(threads),
        "INFERENCE_PRECISION_HINT": "bf16" if "BF16" in precisions else "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
    }


def _core() -> Any:
    # `import openvino` (2026.4) imports its telemetry, which writes to the home folder and can
    # phone home; it works without it if that package can't be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        from openvino import Core
    except ImportError as error:
        raise ModelError(
            f"model.engine = 'openvino': {error.name} is missing. pip install 'vigitri[openvino]', "
            'or set engine = "onnxruntime"'
        ) from None
    return Core()
