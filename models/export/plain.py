"""The ONNX file that Ultralytics exports of a checkpoint."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from models.training.stages import quiet_tools
from models.workshop import WorkshopError

OPSET = 17  # onnxruntime 1.14 and later run it; nothing in the graph needs a newer one


def open_checkpoint(weights: Path, scratch: Path) -> Any:
    """Ultralytics' model of a copy in `scratch`: it writes beside its input.

    Raises `WorkshopError`: the tools are missing, or it is no detector's checkpoint.
    """
    if not weights.is_file():
        raise WorkshopError(f"{weights}: no such checkpoint (*.pt); check the path")
    os.environ.setdefault("YOLO_VERBOSE", "false")  # it logs to stdout
    quiet_tools()
    try:
        import onnx  # noqa: F401
        from ultralytics import YOLO
    except ImportError as error:
        raise WorkshopError(
            f"exporting needs the train extra ({error.name} is missing): pip install '.[train]'"
        ) from error
    copy = scratch / "weights.pt"
    shutil.copyfile(weights, copy)
    try:
        model = YOLO(str(copy))
    except Exception as error:  # whatever unpickling raises
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WorkshopError(f"{weights}: is no checkpoint of Ultralytics: {reason}") from None
    if model.task != "detect":
        raise WorkshopError(
            f"{weights}: is a model of the task {model.task}, not for detection. Train one of the "
            "task detect"
        )
    return model


def export_plain(weights: Path, scratch: Path, *, end2end: bool = False) -> Path:
    """Write the float32 ONNX file of a checkpoint, for any image size, into `scratch`.

    end2end: the one-to-one head of YOLOv10 and YOLO26, which needs no NMS. Raises `WorkshopError`.
    """
    model = open_checkpoint(weights, scratch)
    try:
        # Ultralytics 8.4.190: nms=False selects the one-to-one head, None the one-to-many.
        return Path(
            model.export(
                format="onnx", dynamic=True, simplify=True, opset=OPSET, imgsz=416,
                device="cpu", nms=False if end2end else None,
            )
        )  # fmt: skip
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WorkshopError(f"{weights}: Ultralytics can't export it: {reason}") from None
