"""What the model saw of one piece of footage, kept: thresholds and rules are tried again on it.

The model takes nearly all the time, and nothing after it needs the picture but the monitors of the
line's own state. So one run of the real pipeline keeps every detection down to `FLOOR`, what was
looked at in each frame, the belt's shift and what the monitors said; any number of runs of the same
pipeline then go over what was kept, with other thresholds or another way to follow tracks.
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
from benchmarks.accuracy.ground_truth import Truth, TruthError
from detector.profile.line import LineProfile
from detector.vision.catalogue import ModelFolder
from detector.vocabulary import SpeedBasis
from detector.wire.messages import Alert

FLOOR = 0.05
"""Lowest score that is kept."""
_FORMAT = 2
_FOLDER = "looks"
_ARRAYS = (
    "indices", "times_ns", "shifts", "speeds", "strips", "counts", "boxes_px", "scores", "classes"
)  # fmt: skip


@dataclass(frozen=True)
class Remembered:
    """`n` frames of one piece of footage, `k` looks at it, `d` detections in all."""

    image_size_px: tuple[int, int]
    indices: NDArray[np.int64]
    """`(n,)` frame of the footage."""
    times_ns: NDArray[np.int64]
    """`(n,)` its place in the footage."""
    shifts: NDArray[np.float64]
    """`(n, 3)`: dx_mm, dy_mm, 1 where known."""
    speeds: NDArray[np.float64]
    """`(n,)` mm/s, NaN where unknown."""
    speed_basis: list[SpeedBasis]
    strips: NDArray[np.float64]
    """`(n, 4)` what of the view was looked at, by the thresholds of that time: rows from and to,
    mm from and to; NaN where nothing was."""
    counts: NDArray[np.int64]
    """`(k,)` detections of each look."""
    boxes_px: NDArray[np.float32]
    """`(d, 4)` px of what was looked at."""
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    line_alerts: list[Alert]
    """On states of the line (overload, jam): they do not depend on the model's thresholds."""

    def write(self, path: Path) -> None:
        """In one piece: a run that is interrupted leaves nothing half-valid."""
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
    def read(cls, path: Path) -> Remembered:
        with np.load(path) as kept:
            if "strips" not in kept:
                raise TruthError(f"{path}: was kept by an older Vigitri; remove it and look again")
            rest = json.loads(str(kept["rest"]))
            arrays = {name: kept[name] for name in _ARRAYS}
        width, height = rest["image_size_px"]
        alerts = [Alert.model_validate_json(json.dumps(each)) for each in rest["line_alerts"]]
        return cls(
            image_size_px=(width, height),
            speed_basis=rest["speed_basis"],
            line_alerts=alerts,
            **arrays,
        )


@dataclass(frozen=True)
class Watched:
    """One piece of footage with all that is needed to judge a line on it again."""

    name: str
    profile: LineProfile
    truth: Truth
    seen: Remembered
    about: dict[str, Any]
    """Footage and model by their digests, and how many frames were looked at."""


def place_of(
    out: Path, footage: Footage, model: ModelFolder, profile: LineProfile, engine: str
) -> Path:
    """Where the looks at this footage, by this model in this engine, through this profile's view
    are kept: bfloat16 scores are not float32's."""
    seen_through = profile.model_dump_json(include={"belt", "view", "overload"})
    # What onnxruntime saw keeps the name that it had before there was a choice; so does what was
    # seen by the profile's own plane, and with the jam settings that a line has without a word.
    other = [] if engine == "onnxruntime" else [engine]
    other += [
        getattr(profile, key).model_dump_json()
        for key in ("jam", "calibration")
        if getattr(profile, key) != LineProfile.model_fields[key].default
    ]
    parts = (str(_FORMAT), model.sha256, footage.sha256, str(footage.every), seen_through, *other)
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return out / _FOLDER / f"{footage.name}-{digest[:12]}.npz"


def keep(
    path: Path,
    footage: Footage,
    model: ModelFolder,
    profile: LineProfile,
    seen: Remembered,
    *,
    engine: str,
) -> None:
    """Write what was seen, and beside it the truth and the line that it is judged by."""
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
        "engine": engine,
        "classes": {known.name: known.threshold for known in model.card.classes},
        "looks": len(seen.counts),
        "looks_per_s": round(footage.truth.fps / footage.every, 3),
        "profile": profile.model_dump(mode="json"),
    }
    path.with_suffix(".json").write_text(f"{json.dumps(about, indent=1)}\n", encoding="utf-8")
    seen.write(path)


def watched(path: Path, profile: LineProfile | None = None) -> Watched:
    """What `keep` wrote. `profile`: the line that it is judged by now, which may have other
    thresholds, votes or action points than the one that looked; None: that one."""
    about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    kept = LineProfile.model_validate_json(json.dumps(about.pop("profile")))
    truth = Truth.read(path.with_suffix(".truth.jsonl"))
    return Watched(about["name"], profile or kept, truth, Remembered.read(path), about)


def all_watched(out: Path, model: ModelFolder) -> list[Watched]:
    """All footage that this model has looked at in that folder, by name."""
    found = [watched(path) for path in sorted((out / _FOLDER).glob("*.npz"))]
    return [each for each in found if each.about["model_sha256"] == model.sha256]
