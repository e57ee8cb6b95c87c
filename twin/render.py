"""A scenario rendered: the clip, its truth and the empty belt.

    render(Path("twin/scenarios/demo.toml"), Path("out"))

writes `demo.mp4`, `demo.truth.jsonl` and `empty.png` (named after the scenario's file).
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from twin import truth
from twin.camera import BeltCamera
from twin.clip import ClipWriter
from twin.development import develop
from twin.heap import lay_out
from twin.scenario import Scenario, load
from twin.strip import Strip, bare_strip


@dataclass(frozen=True)
class Scene:
    """A laid-out belt and the camera above it; the same seed gives the same scene."""

    scenario: Scenario
    camera: BeltCamera
    strip: Strip
    bare: Strip


def build_scene(scenario: Scenario) -> Scene:
    """Draws the belt, puts everything on it and develops it as the camera would."""
    rng = np.random.default_rng(scenario.seed)
    camera = BeltCamera(scenario, rng)
    margin = camera.margin_mm()
    belt = scenario.belt
    strip, bare = (
        bare_strip(
            -camera.view_mm - margin,
            scenario.run_mm + margin if full else margin,
            belt.width_mm,
            scenario.camera.px_per_mm,
            loop_mm=belt.loop_mm,
            texture=belt.texture,
            rng=np.random.default_rng((scenario.seed, 1)),
        )
        for full in (True, False)
    )
    lay_out(scenario, strip, rng)
    for each in (strip, bare):
        develop(each, scenario.camera.shutter_ms, belt.speed_mm_s)
    return Scene(scenario, camera, strip, bare)


def render(
    scenario: Path,
    out_dir: Path,
    *,
    seed: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Renders a scenario file into `out_dir`; `progress(done, total)` counts frames.

    Everything is made in a folder beside `out_dir` first. The truth is moved last and an older one
    is removed first, so that a truth file always belongs to the clip beside it (`clip_sha256`).
    """
    plan = load(scenario)
    if seed is not None:
        plan = plan.model_copy(update={"seed": seed})
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-", dir=out_dir.parent))
    try:
        names = _render(plan, scenario.stem, draft, progress)
        out_dir.mkdir(exist_ok=True)
        (out_dir / names[-1]).unlink(missing_ok=True)
        for name in names:
            (draft / name).replace(out_dir / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _render(
    plan: Scenario, stem: str, draft: Path, progress: Callable[[int, int], None] | None
) -> tuple[str, ...]:
    """Writes the three files into `draft`; returns their names, the truth last."""
    clip, empty, told = f"{stem}.mp4", "empty.png", f"{stem}.truth.jsonl"
    # Opened before the belt is drawn: a missing PyAV is told at once.
    size = (plan.camera.width_px, plan.camera.height_px)
    with ClipWriter(draft / clip, size, plan.camera.fps, plan.video) as writer:
        scene = build_scene(plan)
        for index in range(plan.frames):
            position_mm = index / plan.camera.fps * plan.belt.speed_mm_s
            writer.write(scene.camera.frame(scene.strip, position_mm, index))
            if progress is not None:
                progress(index + 1, plan.frames)
    reference = scene.camera.frame(scene.bare, 0.0, 0, grain=False)
    cv2.imwrite(str(draft / empty), reference, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    first = truth.header(plan, scene.camera, scene.strip, clip)
    first["clip_sha256"] = hashlib.sha256((draft / clip).read_bytes()).hexdigest()
    with (draft / told).open("w", encoding="utf-8") as lines:
        for record in (first, *truth.frames(plan, scene.camera, scene.strip)):
            lines.write(json.dumps(record, separators=(",", ":")) + "\n")
    return clip, empty, told
