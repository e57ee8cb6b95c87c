"""Messages between the detector and its capture process."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from typing import Any

from detector.ingest.capture.latest_frame import WriterEnds
from detector.ingest.health import CameraState
from detector.vocabulary import StampSource

REASON_MOST = 500
"""Characters of a reason that are sent: a camera maker's library may put a dump into its error."""


@dataclass(frozen=True, slots=True)
class LandmarkReference:
    """Where the patches of `Landmarks` are stored, and where they were in the image."""

    file: str
    """An image of all patches, side by side."""
    corners: tuple[tuple[int, int], ...]
    """Left and top of each, reduced px."""
    size_px: tuple[int, int]
    """`(width, height)` of the camera's images; others are not compared."""


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """How a source is read; see the arguments of `CameraProcess`."""

    url: str
    fps: float | None
    loop: bool
    open_timeout_s: float
    frame_timeout_s: float
    """After this time without a new image, the camera is stalled and is reopened. Also the greatest
    age of a frame that is handed out."""
    frozen_after: int | None
    factory: str
    """`module:function` with the signature of `open_source`."""
    name: str
    """The line's name, for the log."""
    kept_px: tuple[tuple[tuple[float, float], ...], ...] | None = None
    """Polygons, image px, outside of which images are masked; None: nothing is masked."""
    landmarks: LandmarkReference | None = None
    """Fixed structures by which a camera that was moved is found; None: it is not checked."""

    def __post_init__(self) -> None:
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps > 0):
            raise ValueError(f"fps is a positive number, not {self.fps}")
        if not (math.isfinite(self.open_timeout_s) and self.open_timeout_s > 0):
            raise ValueError(
                f"open_timeout_s is a positive number of seconds, not {self.open_timeout_s}"
            )
        if self.frozen_after is not None and (self.frozen_after < 0 or self.frozen_after == 1):
            raise ValueError(f"frozen_after is 0 (never) or at least 2, not {self.frozen_after}")


@dataclass(frozen=True, slots=True)
class CaptureSpec:
    """The settings that a capture process reads from its standard input.

    Not on its command line, which every user of the machine can read: the URL may have a password.
    """

    settings: CaptureSettings
    ends: WriterEnds
    tally: int
    """File descriptor of the counters."""
    status: int
    """File descriptor to send `Status` lines to."""
    parent: int
    """Process whose death ends this one."""
    frozen_digest: int | None
    """Digest of the image at which the source last froze."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> CaptureSpec:
        fields: dict[str, Any] = json.loads(text)
        settings, ends = fields.pop("settings"), fields.pop("ends")
        for key in ("buffers", "free"):
            ends[key] = tuple(ends[key])
        if settings["landmarks"] is not None:
            settings["landmarks"] = LandmarkReference(**settings["landmarks"])
        return CaptureSpec(CaptureSettings(**settings), WriterEnds(**ends), **fields)


@dataclass(frozen=True, slots=True)
class Status:
    """One line from the capture process, whenever something changes."""

    state: CameraState
    """STARTING is sent twice, when opening begins and when the source is open, with `at_ns`."""
    reason: str = ""
    final: bool = False
    """The capture process ends after this line."""
    again: bool = True
    """After a final line: whether to try again."""
    at_ns: int = 0
    """CLOCK_MONOTONIC, which both processes share."""
    is_open: bool = False
    fps: float | None = None
    live: bool = True
    colours: str = ""
    frozen_digest: int | None = None
    """With a final FROZEN."""
    refused: bool = False
    """With a final line: the camera refused the login."""
    stamp_source: StampSource | None = None
    """What the times of the frames are taken from, whenever that changes."""
    shift_px: float | None = None
    """How far the camera has moved, whenever that changes; infinite: its landmarks are lost."""

    def send(self, pipe: int) -> None:
        """Write the line; it is shorter than PIPE_BUF, so the write is atomic."""
        reason = " ".join(self.reason.split())
        if len(reason) > REASON_MOST:
            reason = f"{reason[:REASON_MOST]}…"
        fields = asdict(self) | {"reason": reason}
        os.write(pipe, json.dumps(fields).encode() + b"\n")

    @staticmethod
    def from_line(line: bytes) -> Status:
        fields: dict[str, Any] = json.loads(line)
        stamps = fields.pop("stamp_source")
        return Status(
            CameraState(fields.pop("state")),
            stamp_source=stamps and StampSource(stamps),
            **fields,
        )
