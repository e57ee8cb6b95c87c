"""What `vigitri doctor` says about a source."""

from __future__ import annotations

from detector.ingest.capture import CameraProcess
from detector.ingest.health import CameraBlind
from detector.ingest.source import SourceError

PROBE_TIMEOUT_S = 10.0
"""A new process, the slowest camera's connection, and its first key frame."""


def describe_source(url: str, timeout_s: float = PROBE_TIMEOUT_S) -> str:
    """Open `url`, read one picture, and say its size and rate.

    In a capture process, so that a library that hangs or crashes does not take the doctor with it.

    Returns:
        Such as `1920 × 1080 px at 30 fps`.

    Raises:
        SourceError: No picture within `timeout_s`.
    """
    with CameraProcess(url, name="doctor", open_timeout_s=timeout_s) as camera:
        try:
            frame = camera.read_latest(timeout_s)
        except CameraBlind as blind:
            why = blind.reason.removeprefix(f"{camera.source}: ")
            what, _, mend = why.partition("; ")
            mend = mend or f"it had {timeout_s:g} s"
            raise SourceError(url, what, mend) from None
        width_px, height_px = frame.size_px
        rate = f"at {camera.fps:g} fps" if camera.fps else "of unknown rate"
    return f"{width_px} × {height_px} px {rate}"
