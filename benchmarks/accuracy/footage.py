"""Footage with ground truth: rendered to a file, or drawn frame by frame and never written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.ground_truth import GroundTruth, GroundTruthError
from detector.ingest import Frame, Recording
from detector.profile.line import LineProfile

if TYPE_CHECKING:
    from twin.line.scenario import Scenario

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "twin" / "scenarios"
VIEW_MM = 600.0
"""Length of belt watched by a profile that is made from the truth; with a belt width of 0.6 m an
inference pass is then 0.37 megapixel."""
ACTION_MM, ACTING_MS = 3000.0, 500.0
"""Distance from the view's end to the action point of such a line, and its acting time [DOMAIN]."""
_TRAVEL = {
    "left to right": "right",
    "right to left": "left",
    "top to bottom": "down",
    "bottom to top": "up",
}


@dataclass(frozen=True)
class Footage:
    """Frames with ground truth."""

    name: str
    sha256: str
    """Of the clip; for drawn footage, of scenario, seed and the twin's code."""
    truth: GroundTruth
    every: int
    """Every n-th frame goes through the pipeline."""
    images: Callable[[Sequence[int]], Iterator[NDArray[np.uint8]]]
    """The frames with the given ascending indices: `(h, w, 3)` uint8 BGR."""
    empty_belt: Callable[[Path], Path | None]
    """Path of the empty-belt image; for drawn footage it is written into the given folder."""

    def frames(self) -> Iterator[Frame]:
        """The evaluated frames, stamped with their time since the footage's start."""
        for index, image in zip(self.evaluated, self.images(self.evaluated), strict=True):
            at_ns = round(index * 1e9 / self.truth.fps)
            yield Frame(image, index, at_ns, at_ns, self.name)

    @property
    def evaluated(self) -> Sequence[int]:
        """Indices of the evaluated frames."""
        return range(0, len(self.truth.frames), self.every)

    def ordered(self, index: int) -> bool | None:
        """Whether the belt is ordered to run at a frame; None: not in the truth."""
        run = self.truth.frames[index].get("run")
        return None if run is None else bool(run)


def open_footage(
    source: str,
    fps: float | None = None,
    *,
    seed: int | None = None,
    duration_s: float | None = None,
    strips: Path | None = None,
) -> Footage:
    """A scenario (its file, or its name in `twin/scenarios/`), a clip, or a folder of one clip.

    fps: frames per second to evaluate, rounded to a whole step of frames; None: every frame.
    seed, duration_s: override those of a scenario. strips: a folder of path-traced strips, to draw
    scenarios from.
    Raises `GroundTruthError`, `SourceError`, or the twin's own `ValueError`.
    """
    path = Path(source)
    if path.suffix != ".toml" and not path.exists() and (SCENARIOS / f"{source}.toml").is_file():
        path = SCENARIOS / f"{source}.toml"
    if path.suffix == ".toml":
        return _drawn(path, fps, seed, duration_s, strips)
    if path.is_dir():
        clips = sorted(path.glob("*.truth.jsonl"))
        if len(clips) != 1:
            raise GroundTruthError(
                f"{path}: {len(clips)} files *.truth.jsonl; footage has exactly one"
            )
        path = path / GroundTruth.read(clips[0]).header["clip"]
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in SCENARIOS.glob("*.toml")))
        raise GroundTruthError(f"{source}: neither footage nor a scenario. Scenarios: {known}")
    return _rendered(path, fps)


def _rendered(clip: Path, fps: float | None) -> Footage:
    truth = GroundTruth.read(clip.with_name(f"{clip.stem}.truth.jsonl"))
    with clip.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if truth.header.get("clip_sha256", digest) != digest:
        raise GroundTruthError(
            f"{clip}: not the clip that its truth was written for; render it again"
        )

    def images(wanted: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        left = iter(wanted)
        next_one = next(left, None)
        with Recording(str(clip)) as recording:
            for frame in recording:
                _refuse_other_times(clip, frame, truth.fps)
                if frame.index == next_one:
                    yield frame.image
                    next_one = next(left, None)
                    if next_one is None:
                        return

    empty = clip.with_name("empty.png")
    name = clip.parent.name if clip.stem in clip.parent.name else clip.stem
    return Footage(
        name, digest, truth, _step(truth.fps, fps), images,
        lambda _: empty if empty.is_file() else None,
    )  # fmt: skip


def _refuse_other_times(clip: Path, frame: Frame, fps: float) -> None:
    """Raise `GroundTruthError` where a frame is not at the time of its truth."""
    at_s, true_s = frame.t_mono_ns / 1e9, frame.index / fps
    if abs(at_s - true_s) > 0.5 / fps:
        raise GroundTruthError(
            f"{clip}: its frame {frame.index} is at {at_s:.2f} s, and at {true_s:.2f} s in its "
            f"truth, which has {fps:g} frames per second. Use a clip of constant rate"
        )


def _drawn(
    path: Path,
    fps: float | None,
    seed: int | None,
    duration_s: float | None,
    strips: Path | None,
) -> Footage:
    from twin.line.render import load_with_overrides

    plan = load_with_overrides(path, seed=seed, fps=fps, duration_s=duration_s, strips=strips)
    name = path.stem if seed is None else f"{path.stem}-{seed}"
    return simulated(plan, name, strips or path.parent)


def simulated(plan: Scenario, name: str, folder: Path) -> Footage:
    """A scenario, drawn on demand: only evaluated frames are drawn.

    folder: base of the paths of path-traced strips.
    """
    from twin.line.line import SimulatedLine
    from twin.line.supply import traced_folders

    line = SimulatedLine(plan, folder)
    records: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    for step in line.run(images=False):
        records.append(step.truth)
        objects += step.new_objects
    truth = GroundTruth.of([{**line.header(name), "objects": objects}, *records], name)

    def images(wanted: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        for step in line.run(only=wanted):
            assert step.image is not None
            yield step.image

    def empty_belt(folder: Path) -> Path:
        file = folder / f"{name}-{plan.seed}-empty.png"
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), line.empty_belt())
        return file

    digest = hashlib.sha256(plan.model_dump_json().encode())
    for code in sorted((ROOT / "twin").rglob("*.py")):
        digest.update(code.read_bytes())
    if plan.renderer == "traced" and plan.traced is not None:
        for strip in traced_folders(plan.traced.strips, folder):
            digest.update((strip / "picture.png").read_bytes())
    return Footage(name, digest.hexdigest(), truth, 1, images, empty_belt)


def _step(footage_fps: float, fps: float | None) -> int:
    return 1 if fps is None else max(1, round(footage_fps / fps))


def profile_of(
    truth: GroundTruth,
    empty_belt: Path | None,
    *,
    watched_mm: float = VIEW_MM,
    marks: bool = False,
) -> LineProfile:
    """A profile of the line that the truth describes, with surveyed points.

    watched_mm: length of belt in the middle of the view. marks: include the skirt marks, if the
    truth has any.
    """
    header = truth.header
    view_mm, width_mm = header["view_mm"], header["belt_width_mm"]
    watched = min(watched_mm, view_mm)
    y0, y1 = (view_mm - watched) / 2, (view_mm + watched) / 2
    corners = np.array([[[0, y0], [0, y1], [width_mm, y1], [width_mm, y0]]], np.float64)
    to_image = np.linalg.inv(truth.image_to_belt())
    polygon = cv2.perspectiveTransform(corners, to_image)[0]
    areas_px = []
    for left, right in header.get("marks_mm", ()) if marks and empty_belt is not None else ():
        area = np.array([[[left, y0], [left, y1], [right, y1], [right, y0]]], np.float64)
        areas_px.append(cv2.perspectiveTransform(area, to_image)[0].round(1).tolist())
    limit = np.array(header["size_px"], np.float64) - 1
    steps = np.diff(truth.positions_mm)
    steady = bool(len(steps) and np.ptp(steps) < 0.5)
    document: dict[str, Any] = {
        "line": "twin",
        "camera": {"source": "-"},
        "belt": {
            "polygon_px": np.clip(polygon, 0, limit).round(1).tolist(),
            "travel": _TRAVEL[header["travel"]],
            "points": [
                {"px": each["image_px"], "mm": each["belt_mm"]} for each in header["points"]
            ],
            # The speed of a belt that stops and starts is measured from the images.
            "speed_mm_s": header["speed_mm_s"] if steady else None,
        },
        "overload": {"empty_belt": empty_belt, "marks_px": areas_px},
        "action_points": header.get("action_points")
        or [{"name": "action point", "y_mm": view_mm + ACTION_MM, "acting_ms": ACTING_MS}],
    }
    return LineProfile.model_validate(document)
