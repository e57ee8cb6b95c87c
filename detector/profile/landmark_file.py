"""The file of the fixed structures beside a line's belt."""

from __future__ import annotations

import hashlib
from pathlib import Path

from detector.profile.line import LineProfile


def landmark_file(folder: Path, profile: LineProfile) -> Path | None:
    """The file beside the profile, which is in `folder`; None: the line has none.

    Raises `ValueError`, one line, if it is not the file that was written with the profile.
    """
    health = profile.calibration.health
    if health is None or health.landmarks is None:
        return None
    file = folder / health.landmarks
    again = "restore it from your backup, or run `vigitri calibrate health` again"
    try:
        content = file.read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ValueError(f"calibration.health.landmarks: {file}: {why}; {again}") from None
    if hashlib.sha256(content).hexdigest() != health.landmarks_sha256:
        raise ValueError(
            f"calibration.health.landmarks: {file} was changed after it was written; {again}"
        )
    return file
