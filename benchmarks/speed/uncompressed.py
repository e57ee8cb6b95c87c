"""An uncompressed clip, for a camera that sends raw images."""

from __future__ import annotations

from pathlib import Path

import cv2

from detector.cli_support.progress import progress_bar
from detector.ingest import Recording, SourceError


def uncompressed(clip: Path) -> Path:
    """The same images as 4:2:0 in an AVI, 3 MB each at 1080p; written if it is missing.

    Raises `SourceError` if the clip can't be read, or OpenCV can't write such a file.
    """
    large = clip.with_name(f"{clip.stem}-uncompressed.avi")
    if large.exists():
        return large
    draft = large.with_stem(f"{large.stem}-draft")
    with Recording(str(clip)) as recording, progress_bar("uncompressed") as advance:
        writer: cv2.VideoWriter | None = None
        for number, frame in enumerate(recording, start=1):
            if writer is None:
                code = cv2.VideoWriter.fourcc(*"I420")
                writer = cv2.VideoWriter(
                    str(draft), cv2.CAP_FFMPEG, code, recording.fps, frame.size_px
                )
            writer.write(frame.image)
            advance(number, recording.frame_count)
    if writer is None or not writer.isOpened():
        raise SourceError(str(draft), "can't be written", "free some gigabytes of disk space")
    writer.release()
    draft.rename(large)
    return large
