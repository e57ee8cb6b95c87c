"""The model's detections on one piece of footage, stored so that thresholds can be tried again.

Inference takes nearly all the time, and after it only the monitors of the line's state need the
image. One run of the real pipeline therefore stores every detection down to `FLOOR`, the strip of
each frame, the belt's shift and the monitors' alerts. Any number of replays then use other
thresholds or another tracker.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.footage import Footage
from benchmarks.accuracy.ground_truth import GroundTruth, GroundTruthError
from detector.profile.line import LineProfile
from detector.vision.catalogue import ModelFolder
from detector.vocabulary import SpeedBasis
from detector.wire.messages import Alert

FLOOR = 0.05
"""Lowest stored score."""
_FORMAT = 2
_FOLDER = "detections"
_ARRAYS = (
    "indices", "times_ns", "shifts", "speeds", "strips", "counts", "boxes_px", "scores", "classes",
    "kinds",
)  # fmt: skip


@dataclass(frozen=True)
class RecordedDetections:
    """`n` frames of one piece of footage, `k` inference passes, `d` detections in all."""

    image_size_px: tuple[int, int]
    indices: NDArray[np.int64]
    """`(n,)` frame index in the footage."""
    times_ns: NDArray[np.int64]
    """`(n,)` time since the footage's start."""
    shifts: NDArray[np.float64]
    """`(n, 3)`: dx_mm, dy_mm, 1 where known."""
    speeds: NDArray[np.float64]
    """`(n,)` mm/s, NaN where unknown."""
    speed_basis: list[SpeedBasis]
    strips: NDArray[np.float64]
    """`(n, 4)` strip of the view given to the model, at the thresholds of the recording: first and
    last row in px, from and to in mm; NaN for a frame without inference."""
    counts: NDArray[np.int64]
    """`(k,)` number of detections of each inference pass."""
    boxes_px: NDArray[np.float32]
    """`(d, 4)` x0, y0, x1, y1 in px of the strip."""
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    kinds: NDArray[np.float32]
    """`(d, k)` probability of each of the verifier's kinds; k is 0 without a verifier."""
    line_alerts: list[Alert]
    """Alerts on the line's state (overload, jam), which do not depend on the model's thresholds."""

    def write(self, path: Path) -> None:
        """Write atomically: an interrupted run leaves no partial file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rest = {
            "image_size_px": self.image_size_px,
            "speed_basis": self.speed_basis,
            "line_alerts": [alert.model_dump(mode="json") for alert in self.line_alerts],
        }
        draft = path.with_suffix(".part")
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _ARRAYS}
        with draft.open("wb") as file:
            np.savez_compressed(file, rest=np.array(json.dumps(rest)), **arrays)
        draft.replace(path)

    @classmethod
    def read(cls, path: Path) -> RecordedDetections:
        with np.load(path) as file:
            if "strips" not in file:
                raise GroundTruthError(
                    f"{path}: written by an older Vigitri; remove it and run again"
                )
            rest = json.loads(str(file["rest"]))
            arrays = {name: file[name] for name in _ARRAYS if name in file}
            arrays.setdefault("kinds", np.empty((len(arrays["scores"]), 0), np.float32))
        width, height = rest["image_size_px"]
        alerts = [Alert.model_validate_json(json.dumps(each)) for each in rest["line_alerts"]]
        return cls(
            image_size_px=(width, height),
            speed_basis=rest["speed_basis"],
            line_alerts=alerts,
            **arrays,
        )


@dataclass(frozen=True)
class RecordedFootage:
    """One piece of footage with everything that another evaluation needs."""

    name: str
    profile: LineProfile
    truth: GroundTruth
    detections: RecordedDetections
    about: dict[str, Any]
    """Digests of footage and model, number of inference passes."""


def verifier_sha256(model: ModelFolder) -> list[str]:
    """Digests of the verifier's files; empty without a verifier."""
    card = model.card.verifier
    return [] if card is None else [model.card.files[name] for name in (card.features, card.head)]


def recording_path(
    out: Path, footage: Footage, model: ModelFolder, profile: LineProfile, engine: str
) -> Path:
    """File of the detections of this model, in this engine, on this footage through this profile.

    The engine counts because bfloat16 scores differ from float32 scores.
    """
    view_settings = profile.model_dump_json(include={"belt", "view", "overload"})
    # Files from before there was a choice of engine keep their name (onnxruntime), as do those of
    # a profile without a calibration and with default jam settings.
    other = [] if engine == "onnxruntime" else [engine]
    other += verifier_sha256(model)
    other += [
        getattr(profile, key).model_dump_json()
        for key in ("jam", "calibration")
        if getattr(profile, key) != LineProfile.model_fields[key].default
    ]
    parts = (str(_FORMAT), model.sha256, footage.sha256, str(footage.every), view_settings, *other)
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return out / _FOLDER / f"{footage.name}-{digest[:12]}.npz"


def write_recording(
    path: Path,
    footage: Footage,
    model: ModelFolder,
    profile: LineProfile,
    detections: RecordedDetections,
    *,
    engine: str,
) -> None:
    """Write the detections, and beside them the truth and the profile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    truth = "".join(
        f"{json.dumps(record, separators=(',', ':'))}\n"
        for record in (footage.truth.header, *footage.truth.frames)
    )
    path.with_suffix(".truth.jsonl").write_text(truth, encoding="utf-8")
    about = {
        "name": footage.name,
        "footage_sha256": footage.sha256,
        "model": model.card.name,
        "model_sha256": model.sha256,
        "verifier_sha256": verifier_sha256(model),
        "engine": engine,
        "classes": {known.name: known.threshold for known in model.card.classes},
        "passes": len(detections.counts),
        "passes_per_s": round(footage.truth.fps / footage.every, 3),
        "profile": profile.model_dump(mode="json"),
    }
    path.with_suffix(".json").write_text(f"{json.dumps(about, indent=1)}\n", encoding="utf-8")
    detections.write(path)


def read_recording(path: Path, profile: LineProfile | None = None) -> RecordedFootage:
    """Read what `write_recording` wrote.

    profile: the profile to evaluate with, which may have other thresholds, votes or action points
    than the recorded one; None: the recorded one.
    """
    about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    stored = LineProfile.model_validate_json(json.dumps(about.pop("profile")))
    truth = GroundTruth.read(path.with_suffix(".truth.jsonl"))
    return RecordedFootage(
        about["name"], profile or stored, truth, RecordedDetections.read(path), about
    )


def recorded_footage(out: Path, model: ModelFolder) -> list[RecordedFootage]:
    """All recordings of this model in a folder, by name."""
    found = [read_recording(path) for path in sorted((out / _FOLDER).glob("*.npz"))]
    sought = model.sha256, verifier_sha256(model)
    return [
        each
        for each in found
        if (each.about["model_sha256"], each.about.get("verifier_sha256", [])) == sought
    ]
