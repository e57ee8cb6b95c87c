"""From a camera, a stream or a recording to a stamped `Frame`.

with Recording("shift.mp4") as recording:              # every frame, the same every time
    for frame in recording: ...

with CameraProcess("rtsp://…", name="infeed") as camera:  # the newest frame, or a reason
    frame = camera.read_latest(timeout_s=0.1)
"""

from detector.ingest.capture.camera_process import CameraProcess
from detector.ingest.frame import Frame
from detector.ingest.health import CameraBlind, CameraHealth, CameraState
from detector.ingest.identity import camera_identity
from detector.ingest.names import without_credentials
from detector.ingest.probe import describe_source
from detector.ingest.recording import Recording
from detector.ingest.source import Image, LiveSource, Source, SourceError
from detector.ingest.sources.aravis import (
    AravisMissingError,
    GenicamDevice,
    list_genicam_devices,
)
from detector.ingest.sources.image_file import read_image_file
from detector.ingest.sources.image_kinds import images_not_read, is_image
from detector.ingest.sources.opening import open_source
from detector.ingest.sources.v4l2 import V4l2Device, list_v4l2_devices
from detector.vocabulary import StampSource

__all__ = [
    "AravisMissingError",
    "CameraBlind",
    "CameraHealth",
    "CameraProcess",
    "CameraState",
    "Frame",
    "GenicamDevice",
    "Image",
    "LiveSource",
    "Recording",
    "Source",
    "SourceError",
    "StampSource",
    "V4l2Device",
    "camera_identity",
    "describe_source",
    "images_not_read",
    "is_image",
    "list_genicam_devices",
    "list_v4l2_devices",
    "open_source",
    "read_image_file",
    "without_credentials",
]
