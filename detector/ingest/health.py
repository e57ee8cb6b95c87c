"""The state of a camera, and the error that reports it blind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detector.errors import VigitriError
from detector.vocabulary import StampSource


class CameraState(StrEnum):
    """State of a camera; only `live` gives frames."""

    STARTING = "starting"
    """Being opened for the first time."""
    LIVE = "live"
    STALLED = "stalled"
    """Open, but no new frame in time."""
    FROZEN = "frozen"
    """Repeats one image."""
    ENDED = "ended"
    """The recording has ended, or the camera closed the stream."""
    UNREACHABLE = "unreachable"
    """Cannot be opened."""
    RESTARTING = "restarting"
    """The capture process died or was killed, and is restarted."""


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """State and counters of a camera. The counters continue over restarts."""

    state: CameraState
    reason: str
    """The fault and its fix, for a person at the line. Empty when live without a fault."""
    frames_grabbed: int
    """Read + overwritten + withheld + unreadable + at most one waiting."""
    frames_overwritten: int
    """Lost because a newer frame replaced them or the capture process died."""
    restarts: int
    """Restarts of the capture process."""
    unreadable: int
    """Images that could not be decoded."""
    frames_withheld: int = 0
    """Not handed out, because the camera was frozen or they had queued up and were out of date."""
    frames_late: int = 0
    """For a recording played in real time: shown too late, because this machine cannot decode it
    in time."""
    stamp_source: StampSource | None = None
    """What the times of its frames are taken from; None: not known, or not of the network."""


class CameraBlind(VigitriError):  # noqa: N818 - a state of the camera, named as in the design
    """No new frame: vision is unavailable. The belt's state is unknown, not clear.

    Raised by `CameraProcess.read_latest`.
    """

    def __init__(self, state: CameraState, reason: str) -> None:
        self.state = state
        self.reason = reason
        super().__init__(f"{state.value}: {reason}")
