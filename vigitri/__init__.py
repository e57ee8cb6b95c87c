"""Vigitri for your own program: listen to a line's alarms and answer them.

    import vigitri

    with vigitri.Line("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5557") as line:
        for event in line:
            print(event)

This is the public, typed interface (see `detector.client` for what it does for you). The packages
`detector` and `calibration` beside it are the implementation and may change in any version.
"""

from detector import __version__
from detector.client import (
    Alert,
    AlertVanished,
    AsyncLine,
    ClientKeys,
    DetectorRestarted,
    EndpointError,
    Event,
    Evidence,
    EvidenceFeed,
    FrameDetections,
    Gap,
    GapFilled,
    Heartbeat,
    KeyFileError,
    Line,
    LineFacts,
    LineState,
    LiveImage,
    Metrics,
    Position,
    Received,
    ReceivedEvidence,
    ReceivedLive,
    Reply,
    VisionChanged,
    VisionState,
    load_keys,
)
from detector.errors import VigitriError

__all__ = [
    "Alert",
    "AlertVanished",
    "AsyncLine",
    "ClientKeys",
    "DetectorRestarted",
    "EndpointError",
    "Event",
    "Evidence",
    "EvidenceFeed",
    "FrameDetections",
    "Gap",
    "GapFilled",
    "Heartbeat",
    "KeyFileError",
    "Line",
    "LineFacts",
    "LineState",
    "LiveImage",
    "Metrics",
    "Position",
    "Received",
    "ReceivedEvidence",
    "ReceivedLive",
    "Reply",
    "VigitriError",
    "VisionChanged",
    "VisionState",
    "__version__",
    "load_keys",
]
