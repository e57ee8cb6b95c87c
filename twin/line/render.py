"""Renders a scenario: clip, truth, encoder recording, empty belt and line profile.

    render(Path("twin/scenarios/demo.toml"), Path("out"))

writes `demo.mp4`, `demo.truth.jsonl`, `demo.line.toml`, `encoder.jsonl` and `empty.png`. One folder
holds one clip.
"""

import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import cv2

from twin.line import encoder
from twin.line.clip import ClipWriter
from twin.line.line import SimulatedLine
from twin.line.profile import line_profile
from twin.line.scenario import Scenario, ScenarioError, load


def render(
    scenario: Path,
    out_dir: Path,
    *,
    seed: int | None = None,
    duration_s: float | None = None,
    fps: float | None = None,
    strips: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Renders a scenario file into `out_dir`; `progress(done, total)` counts frames.

    `seed`, `duration_s`, `fps` override the scenario's values; `strips`: a folder of path-traced
    strips that the scenario's `traced.strips` are read from.

    All files are first written to a folder beside `out_dir`. The old truth file is removed first
    and the new one moved last, so that a truth file always belongs to its clip (`clip_sha256`).
    Raises `ScenarioError`, `ClipError`.
    """
    if out_dir.exists() and not out_dir.is_dir():  # checked before the rendering starts
        raise ScenarioError(f"{out_dir}: is a file; give a folder")
    plan = load_with_overrides(scenario, seed=seed, duration_s=duration_s, fps=fps, strips=strips)
    others = [each.name for each in out_dir.glob("*.truth.jsonl")]
    if others and others != [f"{scenario.stem}.truth.jsonl"]:
        raise ScenarioError(
            f"{out_dir}: contains another clip ({others[0]}); use one folder per clip"
        )
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    _clear_drafts(out_dir)
    draft = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-{os.getpid()}-", dir=out_dir.parent))
    try:
        names = _render(plan, scenario.stem, draft, strips or scenario.parent, progress)
        out_dir.mkdir(exist_ok=True)
        (out_dir / names[-1]).unlink(missing_ok=True)
        for name in names:
            (draft / name).replace(out_dir / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _clear_drafts(out_dir: Path) -> None:
    """Removes the drafts of killed renders beside the folder."""
    for draft in out_dir.parent.glob(f".{glob.escape(out_dir.name)}-*-*"):
        pid = draft.name.removeprefix(f".{out_dir.name}-").split("-")[0]
        if not pid.isdigit():
            continue
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            shutil.rmtree(draft, ignore_errors=True)
        except PermissionError:  # belongs to a running process of another user
            continue


def load_with_overrides(
    scenario: Path,
    *,
    seed: int | None = None,
    duration_s: float | None = None,
    fps: float | None = None,
    strips: Path | None = None,
) -> Scenario:
    """Loads a scenario file with overrides, validated as a whole."""
    return load(
        scenario,
        {
            ("seed",): seed,
            ("duration_s",): duration_s,
            ("camera", "fps"): fps,
            ("renderer",): None if strips is None else "traced",
        },
    )


def _render(
    plan: Scenario,
    stem: str,
    draft: Path,
    folder: Path,
    progress: Callable[[int, int], None] | None,
) -> tuple[str, ...]:
    """Writes the files into `draft`; returns their names, the truth file last."""
    clip, truth = f"{stem}.mp4", f"{stem}.truth.jsonl"
    empty, encoder_file, profile = "empty.png", "encoder.jsonl", f"{stem}.line.toml"
    # Opened before the belt is drawn, so that a missing PyAV is reported at once.
    size = (plan.camera.width_px, plan.camera.height_px)
    records, listed = draft / "records", draft / "objects"
    with ClipWriter(draft / clip, size, plan.camera.fps, plan.video) as writer:
        line = SimulatedLine(plan, folder)
        with (
            records.open("w", encoding="utf-8") as frames,
            listed.open("w", encoding="utf-8") as objects,
        ):
            for frame in line.run():
                assert frame.image is not None
                writer.write(frame.image)
                frames.write(_json(frame.truth) + "\n")
                for obj in frame.new_objects:
                    objects.write(f"{',' if objects.tell() else ''}{_json(obj)}")
                if progress is not None:
                    progress(frame.truth["frame"] + 1, plan.frames)
    cv2.imwrite(str(draft / empty), line.empty_belt(), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    header = line.header(clip)
    with (draft / clip).open("rb") as video:
        header["clip_sha256"] = hashlib.file_digest(video, "sha256").hexdigest()
    header |= {"empty_belt": empty, "encoder_file": encoder_file}
    with (draft / encoder_file).open("w", encoding="utf-8") as file:
        for sample in encoder.samples(plan.encoder, line.drive, plan.duration_s, plan.seed):
            file.write(_json(sample) + "\n")
    (draft / profile).write_text(line_profile(stem, plan, line.camera, header), encoding="utf-8")
    with (draft / truth).open("w", encoding="utf-8") as file:
        # The object list is long and known last: it is streamed, not held in memory.
        file.write(f'{_json(header)[:-1]},"objects":[')
        _copy(listed, file)
        file.write("]}\n")
        _copy(records, file)
    records.unlink()
    listed.unlink()
    return clip, empty, encoder_file, profile, truth


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"))


def _copy(source: Path, into: TextIO) -> None:
    with source.open(encoding="utf-8") as file:
        shutil.copyfileobj(file, into)
