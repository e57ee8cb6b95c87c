"""One peer on one clip, in a process and an environment of its own.

A program for the peer's Python: it imports nothing of Vigitri. `python worker.py TASK.json` reads
the task (see `contenders.Task`) and writes the measurement to the file that the task names.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before any peer imports onnxruntime

import cv2
import numpy as np

IOU_MAX = 0.6
"""As Vigitri's own non-maximum suppression."""
_GREY = 114

Row = tuple[int, int, float, float, float, float, float]
"""Track (-1: the peer has none), class, score, x0, y0, x1, y1 in px of the image given."""
Look = Callable[[Any], list[Row]]
"""From an image, `(h, w, 3)` uint8 BGR, to what the peer found in it."""


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Run the clip's frames through the peer; see `contenders.Measurement`."""
    cv2.setNumThreads(task["threads"])
    look = PEERS[task["peer"]](task)
    clip = cv2.VideoCapture(task["clip"])
    x0, y0, x1, y1 = task["area_px"]
    rows: list[tuple[int, *tuple[float, ...]]] = []
    frame_ms: list[float] = []
    start_s = cpu_s = 0.0
    for index in range(task["frames"]):
        is_read, image = clip.read()
        if not is_read:
            break
        captured_ns = time.monotonic_ns()
        found = look(image[y0:y1, x0:x1])
        done_ns = time.monotonic_ns()
        if index == 0:
            start_s = (done_ns - task["spawned_ns"]) / 1e9
        if index + 1 == task["warm_up"]:
            cpu_s = _cpu_s()
        if index >= task["warm_up"]:
            frame_ms.append((done_ns - captured_ns) / 1e6)
        rows += [(index, t, c, s, a + x0, b + y0, d + x0, e + y0) for t, c, s, a, b, d, e in found]
    return {
        "frame_ms": frame_ms,
        "cpu_s": _cpu_s() - cpu_s,
        "start_s": start_s,
        "memory_mib": peak_mib(),
        "versions": _versions(VERSIONS[task["peer"]]),
        "rows": rows,
    }


def peak_mib() -> float:
    """Peak resident memory of this process. (`ru_maxrss` begins with that of the parent.)"""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


# --- the networks alone -----------------------------------------------------------------------


def _onnxruntime(task: dict[str, Any]) -> Look:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        task["network"], _session_options(task["threads"]), providers=["CPUExecutionProvider"]
    )
    return _raw(task, lambda tensor: session.run(None, {"images": tensor})[0])


def _openvino(task: dict[str, Any]) -> Look:
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    from openvino import Core

    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": task["threads"]}
    request = Core().compile_model(task["network"], "CPU", settings).create_infer_request()
    return _raw(task, lambda tensor: request.infer({"images": tensor})[0])


def _opencv_dnn(task: dict[str, Any]) -> Look:
    network = cv2.dnn.readNetFromONNX(task["network"])

    def run(tensor: Any) -> Any:
        network.setInput(tensor)
        return network.forward()

    return _raw(task, run)


def _raw(task: dict[str, Any], run: Callable[[Any], Any]) -> Look:
    """With the least that makes boxes of it: letterbox, float planes, threshold, NMS."""
    height, width = task["size_px"]
    padded = np.full((height, width, 3), _GREY, np.uint8)

    def look(image: Any) -> list[Row]:
        scale = min(height / image.shape[0], width / image.shape[1])
        w, h = round(image.shape[1] * scale), round(image.shape[0] * scale)
        cv2.resize(image, (w, h), dst=padded[:h, :w], interpolation=cv2.INTER_LINEAR)
        output = run(cv2.dnn.blobFromImage(padded, 1 / 255, swapRB=True))[0].T
        scores, classes = output[:, 4:].max(axis=1), output[:, 4:].argmax(axis=1)
        keep = scores >= task["min_score"]
        scores, classes = scores[keep], classes[keep]
        boxes = output[keep, :4]
        boxes[:, :2] -= boxes[:, 2:] / 2
        if not len(boxes):
            return []
        kept = cv2.dnn.NMSBoxesBatched(
            boxes.tolist(), scores.tolist(), classes.tolist(), 0.0, IOU_MAX
        )
        boxes[:, 2:] += boxes[:, :2]
        boxes /= scale
        return [(-1, int(classes[n]), float(scores[n]), *boxes[n].tolist()) for n in kept]

    return look


def _session_options(threads: int) -> Any:
    """Without spinning, which burns CPU time between frames: to the peers' advantage."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _limit_threads(threads: int) -> None:
    """For products that give no way to set a session's options."""
    import onnxruntime

    session = onnxruntime.InferenceSession

    def limited(path_or_bytes: Any, sess_options: Any = None, **more: Any) -> Any:
        return session(path_or_bytes, sess_options or _session_options(threads), **more)

    onnxruntime.InferenceSession = limited


# --- whole products ---------------------------------------------------------------------------


def _ultralytics(task: dict[str, Any]) -> Any:
    """Its model, with the threads of the task: its own interface cannot set them."""
    import torch

    if task["engine"] == "openvino":
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        import openvino

        class Core(openvino.Core):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.set_property("CPU", {"INFERENCE_NUM_THREADS": task["threads"]})

        openvino.Core = Core
    else:
        _limit_threads(task["threads"])
    from ultralytics import YOLO

    torch.set_num_threads(task["threads"])
    return YOLO(task["network"], task="detect")


def _predict(task: dict[str, Any]) -> Look:
    model = _ultralytics(task)
    settings = _settings(task, task["min_score"])
    return lambda image: _boxes(model.predict(image, **settings)[0].boxes)


def _track(task: dict[str, Any]) -> Look:
    model = _ultralytics(task)
    # Its trackers pair weak detections with known tracks, down to its own default of 0.1.
    settings = _settings(task, 0.1)
    tracker = f"{task['tracker']}.yaml"
    return lambda image: _boxes(
        model.track(image, persist=True, tracker=tracker, **settings)[0].boxes
    )


def _settings(task: dict[str, Any], min_score: float) -> dict[str, Any]:
    return {
        "imgsz": task["size_px"], "conf": min_score, "iou": IOU_MAX, "device": "cpu",
        "verbose": False,
    }  # fmt: skip


def _boxes(found: Any) -> list[Row]:
    if found is None or not len(found):
        return []
    tracks = [-1] * len(found) if found.id is None else found.id.int().tolist()
    rows = zip(
        tracks, found.cls.int().tolist(), found.conf.tolist(), found.xyxy.tolist(), strict=True
    )
    return [(track, index, score, *box) for track, index, score, box in rows]


def _supervision(task: dict[str, Any]) -> Look:
    """The bare session, `supervision.Detections`, and ByteTrack of `trackers`."""
    import supervision
    from trackers import ByteTrackTracker

    detect = _onnxruntime({**task, "min_score": 0.1})
    high = task["min_score"]  # as Ultralytics' ByteTrack; its own 0.6 and 0.7 lose most objects
    tracker = ByteTrackTracker(
        frame_rate=task["fps"], track_activation_threshold=high, high_conf_det_threshold=high
    )

    def look(image: Any) -> list[Row]:
        rows = detect(image)
        found = supervision.Detections.empty()
        if rows:
            table = np.array(rows, np.float32)
            found = supervision.Detections(
                xyxy=table[:, 3:], confidence=table[:, 2], class_id=table[:, 1].astype(int)
            )
        tracked = tracker.update(found)
        if not len(tracked):
            return []
        parts = (tracked.tracker_id, tracked.class_id, tracked.confidence, tracked.xyxy)
        return [
            (int(track), int(index), float(score), *box.tolist())
            for track, index, score, box in zip(*parts, strict=True)
            if track >= 0
        ]

    return look


def _inference(task: dict[str, Any]) -> Look:
    """Roboflow's model class on a local package: its usual way loads one from its servers."""
    import torch

    folder = Path(task["out"]).with_suffix("")
    folder.mkdir(exist_ok=True)
    (folder / "weights.onnx").unlink(missing_ok=True)
    (folder / "weights.onnx").symlink_to(task["network"])
    (folder / "class_names.txt").write_text("\n".join(task["classes"]), encoding="utf-8")
    height, width = task["size_px"]
    described = {
        "network_input": {
            "training_input_size": {"height": height, "width": width},
            "dynamic_spatial_size_supported": False,
            "color_mode": "rgb",
            "resize_mode": "letterbox",
            "padding_value": _GREY,
            "input_channels": 3,
            "scaling_factor": 255,
        },
        "forward_pass": {"static_batch_size": 1},
        "post_processing": {"type": "nms", "fused": False},
    }
    (folder / "inference_config.json").write_text(json.dumps(described), encoding="utf-8")
    _limit_threads(task["threads"])
    torch.set_num_threads(task["threads"])
    from inference_models.models.yolov8.yolov8_object_detection_onnx import (
        YOLOv8ForObjectDetectionOnnx,
    )

    model = YOLOv8ForObjectDetectionOnnx.from_pretrained(
        str(folder),
        onnx_execution_providers=["CPUExecutionProvider"],
        device=torch.device("cpu"),
    )

    def look(image: Any) -> list[Row]:
        found = model(
            np.ascontiguousarray(image), input_color_format="bgr",
            confidence=task["min_score"], iou_threshold=IOU_MAX,
        )[0]  # fmt: skip
        rows = zip(
            found.class_id.tolist(), found.confidence.tolist(), found.xyxy.tolist(), strict=True
        )
        return [(-1, index, score, *box) for index, score, box in rows]

    return look


PEERS: dict[str, Callable[[dict[str, Any]], Look]] = {
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
    "opencv-dnn": _opencv_dnn,
    "ultralytics-predict": _predict,
    "ultralytics-track": _track,
    "supervision": _supervision,
    "inference": _inference,
}
_OPENCV = ("opencv-python", "opencv-python-headless")
VERSIONS = {
    "onnxruntime": ("onnxruntime", *_OPENCV),
    "openvino": ("openvino", *_OPENCV),
    "opencv-dnn": _OPENCV,
    "ultralytics-predict": ("ultralytics-opencv-headless", "torch", "onnxruntime", "openvino"),
    "ultralytics-track": ("ultralytics-opencv-headless", "torch", "onnxruntime", "openvino"),
    "supervision": ("supervision", "trackers", "onnxruntime"),
    "inference": ("inference-cpu", "inference-models", "torch", "onnxruntime"),
}


if __name__ == "__main__":
    wanted = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Path(wanted["out"]).write_text(json.dumps(measure(wanted)), encoding="utf-8")
