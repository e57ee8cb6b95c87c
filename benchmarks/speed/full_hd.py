"""A camera of 1920 x 1080 at 30 frames/s: the demo's clip, enlarged.

Twice the pixels to decode and to copy; the belt view is the demo's, so that the model's share is
the same. Written once, into `out/full-hd` (needs PyAV, as the twin does).
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.line_process import DEMO_CLIP, ROOT
from detector.cli_support.progress import progress_bar
from detector.ingest import Recording

LINE = Path(__file__).parent / "full_hd.toml"
SIZE_PX = (1920, 1080)
FRAMES = 900
"""30 s, with hazards and an overload."""


def full_hd_line(
    folder: Path = ROOT / "out" / "full-hd", clip: Path = DEMO_CLIP / "demo.mp4"
) -> Path:
    """The profile of that line; writes its clip if it is missing."""
    if not (folder / clip.name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        with Recording(str(clip.parent / "empty.png"), fps=1) as empty:
            image = next(iter(empty)).image
            cv2.imwrite(str(folder / "empty.png"), _enlarged(image))
        _enlarge(clip, folder / clip.name)  # last: if it exists, everything exists
    return LINE


def _enlarge(clip: Path, large: Path) -> None:
    from twin.line.clip import ClipWriter
    from twin.line.scenario import Video

    draft = large.with_stem(f"{large.stem}-draft")
    video = Video(crf=24, preset="ultrafast")
    with (
        Recording(str(clip)) as recording,
        ClipWriter(draft, SIZE_PX, 30, video) as writer,
        progress_bar("a 1080p clip") as advance,
    ):
        for number, frame in enumerate(islice(recording, FRAMES), start=1):
            writer.write(_enlarged(frame.image))
            advance(number, FRAMES)
    draft.rename(large)


def _enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(image, SIZE_PX, interpolation=cv2.INTER_CUBIC), np.uint8)
