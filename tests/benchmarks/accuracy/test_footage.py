from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.accuracy.footage import open_footage
from benchmarks.accuracy.ground_truth import SCHEMA, GroundTruthError
from tests.ingest.films import evenly, greys, write_film


def footage(folder: Path, times_s: list[float]) -> Path:
    """A clip, and a truth of 30 frames per second."""
    clip = write_film(folder / "clip.mp4", greys(len(times_s)), times_s)
    records = [{"schema": SCHEMA, "clip": clip.name, "fps": 30.0, "objects": []}]
    records += [{"frame": number, "objects": []} for number in range(len(times_s))]
    (folder / "clip.truth.jsonl").write_text("\n".join(map(json.dumps, records)))
    return clip


def test_the_frames_of_a_clip_have_the_times_of_its_truth(tmp_path: Path) -> None:
    frames = list(open_footage(str(footage(tmp_path, evenly(20, 30)))).frames())
    assert [frame.t_mono_ns for frame in frames] == [round(i * 1e9 / 30) for i in range(20)]


def test_a_clip_whose_frames_have_other_times_is_refused(tmp_path: Path) -> None:
    clip = footage(tmp_path, [*evenly(10, 30), *evenly(10, 10, start_s=0.4)])
    with pytest.raises(GroundTruthError) as refused:
        list(open_footage(str(clip)).frames())
    assert str(refused.value) == (
        f"{clip}: its frame 10 is at 0.40 s, and at 0.33 s in its truth, which has 30 frames per "
        "second. Use a clip of constant rate"
    )
