"""onnxruntime with its telemetry off; the only module that imports it.

`import onnxruntime` (1.32.0) alone writes a device id and a database below the home folder, and
contacts its maker some seconds later. `disable_telemetry_events()` and ORT_TELEMETRY_DISABLED do
not stop it. ORT_DISABLE_TELEMETRY does, if it is set before the first import; child processes
inherit it. It overrides the environment, because no data may leave the plant.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

__all__ = ["ort", "quantization"]


def quantization() -> Any:
    """The module `onnxruntime.quantization`, which needs the package onnx. Raises `ImportError`."""
    return importlib.import_module("onnxruntime.quantization")
