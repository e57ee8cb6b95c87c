"""How a camera is, and the error that says that it sees nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detector.errors import VigitriError


class CameraState(StrEnum):
    """What a camera is doing; only `live` gives pictures."""

    STARTING = "starting"
    """Being opened for the first time."""
    LIVE = "live"
    STALLED = "stalled"
    """Open, but no new picture in time."""
    FROZEN = "frozen"
    """Gives the same picture over and over."""
    ENDED = "ended"
    """A recording came to its end, or a camera closed the stream."""
    UNREACHABLE = "unreachable"
    """Cannot be opened."""
    RESTARTING = "restarting"
    """The capture process died or was killed, and starts again."""


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """A camera at one moment. The counts go on over restarts."""

    state: CameraState
    reason: str
    """For the person beside the belt: what is wrong and the mend. Empty when live and well."""
    frames_grabbed: int
    """Handed out + overwritten + withheld + unreadable + at most one waiting."""
    frames_overwritten: int
    """Never seen, because a newer one came first or the capture process died with it."""
    restarts: int
    """Times that the capture process was started again."""
    unreadable: int
    """Pictures that could not be decoded."""
    frames_withheld: int = 0
    """Not handed out, because they were the same frozen picture, or had queued up on the way and
    were of the past."""
    frames_late: int = 0
    """Of a recording played in real time: shown later than a camera would have, because this
    machine cannot decode it in time."""


class CameraBlind(VigitriError):  # noqa: N818 - a state of the camera, named as in the design
    """No new picture: nobody is looking at the belt.

    Raised by `CameraProcess.read_latest`, and never to be taken for an empty belt.
    """

    def __init__(self, state: CameraState, reason: str) -> None:
        self.state = state
        self.reason = reason
        super().__init__(f"{state.value}: {reason}")
