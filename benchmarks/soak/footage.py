"""The demo's belt as a network camera shows it: its film, its profile and its objects."""

from __future__ import annotations

from pathlib import Path

import tomlkit

from benchmarks.line_process import DEMO_CLIP, DEMO_LINE
from detector.ingest import Recording

FPS = 10.0
SIZE = "1280x720"
COUNTS_PER_MM = 10
TRUTH = DEMO_CLIP / "demo.truth.jsonl"


def write_film(path: Path) -> None:
    """Write the demo's clip at the camera's rate, so that the server decodes nothing in vain."""
    from twin.line.clip import ClipWriter
    from twin.line.scenario import Video

    with Recording(str(DEMO_CLIP / "demo.mp4")) as recording:
        every = round(recording.fps / FPS)
        # This preset has no B-frames, with which GStreamer's times of the film begin at 0.2 s.
        with ClipWriter(path, (1280, 720), FPS, Video(preset="ultrafast")) as film:
            for frame in recording:
                if frame.index % every == 0:
                    film.write(frame.image)


def write_profile(path: Path, camera: str) -> None:
    """Write the demo's profile with this camera, and with the encoder of the PLC."""
    document = tomlkit.parse(DEMO_LINE.read_text(encoding="utf-8"))
    document["line"] = "soak"
    document["camera"] = {"source": camera}
    document["belt"]["encoder_counts_per_mm"] = COUNTS_PER_MM
    document["overload"]["empty_belt"] = str(DEMO_CLIP / "empty.png")
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
