"""A USB or CSI camera of this machine, through Video4Linux."""

from __future__ import annotations

import os
import stat
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from detector.ingest.source import READ_TIMEOUT_S, Image, LiveSource, SourceError
from detector.ingest.sources.image_folder import natural_key
from detector.ingest.sources.opencv import cv2
from detector.vocabulary import StampSource

_SYSFS = Path("/sys/class/video4linux")
_VIDIOC_QUERYCAP = 0x80685600  # _IOR('V', 0, struct v4l2_capability), 104 bytes
_DEVICE_CAPS_OFFSET = 88
_CAN_CAPTURE = 0x1 | 0x1000  # V4L2_CAP_VIDEO_CAPTURE, ..._MPLANE
_MARK, _MARK_STEP_PX = (1, 254, 3), 16
"""A colour that no belt has everywhere, and the distance between the pixels that are set to it."""
_SETTINGS = {"width", "height", "fourcc"}


@dataclass(frozen=True, slots=True)
class V4l2Device:
    """A device node that captures images, as `vigitri doctor` lists it."""

    url: str
    """Such as `v4l2:///dev/video0`."""
    model: str
    """The driver's name for the camera."""
    fault: str = ""
    """Why it cannot be used, and the fix; empty if it can."""


class V4l2Camera(LiveSource):
    """A V4L2 device: `v4l2:///dev/video0`, or `…?width=1920&height=1080&fourcc=MJPG`.

    Without `width`, `height` and `fourcc` the driver keeps its current settings. OpenCV converts
    MJPG, YUYV, UYVY, NV12, GREY, RGB3, BGR3 and 8-bit Bayer (BA81, GBRG, GRBG, RGGB) to BGR.
    """

    def __init__(self, url: str, *, fps: float | None = None) -> None:
        super().__init__(url)
        self.fps = fps
        self._capture: cv2.VideoCapture | None = None
        address = urlsplit(url)
        self._device = Path(f"/{(address.netloc + address.path).lstrip('/')}")
        self._parameters = _parameters(url, address.query, fps)

    def open(self) -> None:
        fault = device_fault(self._device)
        if fault is not None:
            raise SourceError(self.name, *fault)
        self._capture = cv2.VideoCapture(str(self._device), cv2.CAP_V4L2, self._parameters)
        if not self._capture.isOpened():
            self.close()
            raise SourceError(
                self.name,
                "gives no video, or not in the requested size, rate and fourcc",
                f"is another program using it (fuser {self._device})? "
                f"which formats has it (v4l2-ctl -d {self._device} --list-formats-ext)?",
            )
        differences = _differences(self._capture, self._parameters)
        if differences:
            self.close()
            raise SourceError(
                self.name,
                f"the driver chose {' and '.join(differences)}",
                f"see v4l2-ctl -d {self._device} --list-formats-ext for what the camera has",
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = rate if rate > 0 else None

    def grab(self) -> bool:
        if self._capture is None or not self._capture.grab():
            return False
        # The driver's time, by CLOCK_MONOTONIC as the interface has it; some drivers give another.
        now_ns = time.monotonic_ns()
        captured_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        is_time = 0 <= now_ns - captured_ns <= READ_TIMEOUT_S * 1e9
        self.captured_ns = captured_ns if is_time else None
        self.stamp_source = StampSource.DRIVER if is_time else StampSource.ARRIVAL
        return True

    def retrieve(self, into: Image | None = None) -> Image | None:
        assert self._capture is not None, "retrieve follows a grab that was True"
        # OpenCV is known to report success without writing an image: then the marks remain.
        marks = None if into is None else into[::_MARK_STEP_PX, ::_MARK_STEP_PX]
        if marks is not None:
            marks[:] = _MARK
        readable, image = self._capture.retrieve(into)
        unwritten = image is into and marks is not None and bool((marks == _MARK).all())
        if not readable or image is None or not image.size or unwritten:
            self.unreadable.append(f"{self.name}: an image cannot be decoded")
            return None
        return image.astype("uint8", copy=False)

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None


def _differences(capture: cv2.VideoCapture, parameters: list[int]) -> list[str]:
    """What the driver chose instead: it may take any size and format near the one asked for."""
    differences = []
    for prop, asked in zip(parameters[::2], parameters[1::2], strict=True):
        given = int(capture.get(prop))
        if prop == cv2.CAP_PROP_FPS or given == asked:
            continue
        if prop == cv2.CAP_PROP_FOURCC:
            code, wanted = (number.to_bytes(4, "little").decode() for number in (given, asked))
            differences.append(f"fourcc={code} in place of {wanted}")
        else:
            what = "width" if prop == cv2.CAP_PROP_FRAME_WIDTH else "height"
            differences.append(f"{what}={given} in place of {asked}")
    return differences


def list_v4l2_devices(sysfs: Path = _SYSFS, dev: Path = Path("/dev")) -> list[V4l2Device]:
    """The cameras of this machine, in natural order, without metadata nodes."""
    if not sysfs.is_dir():
        return []
    devices = []
    for node in sorted(sysfs.iterdir(), key=lambda path: natural_key(path.name)):
        if not node.name.startswith("video"):
            continue
        device = dev / node.name
        fault = device_fault(device)
        if fault is None and not _can_capture(device):
            continue
        model = (node / "name").read_text().strip() if (node / "name").is_file() else node.name
        devices.append(V4l2Device(f"v4l2://{device}", model, "; ".join(fault) if fault else ""))
    return devices


def device_fault(device: Path) -> tuple[str, str] | None:
    """Why `device` cannot be used, and the fix; None if it can."""
    if not device.exists():
        others = ", ".join(sorted(str(path) for path in device.parent.glob("video*")))
        return "no such device", f"there is {others}" if others else "is the camera plugged in?"
    if not stat.S_ISCHR(device.stat().st_mode):
        return "not a camera device", "use v4l2:///dev/video0, or a plain path for a recording"
    if not os.access(device, os.R_OK | os.W_OK):
        return (
            "this user has no permission to use it",
            "sudo usermod -aG video $USER, then log in again",
        )
    return None


def _parameters(url: str, query: str, fps: float | None) -> list[int]:
    settings = {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()}
    unknown = sorted(settings.keys() - _SETTINGS)
    if unknown:
        raise SourceError(
            url, f"unknown setting {unknown[0]}", "a V4L2 camera takes width, height and fourcc"
        )
    parameters: list[int] = []
    if "fourcc" in settings:  # first: the driver picks sizes and rates by format
        code = settings["fourcc"].upper().ljust(4)
        if len(code) != 4 or not code.isascii():
            raise SourceError(url, f"fourcc {code} is not four letters", "such as MJPG or YUYV")
        parameters += [cv2.CAP_PROP_FOURCC, int.from_bytes(code.encode(), "little")]
    for key, prop in (
        ("width", cv2.CAP_PROP_FRAME_WIDTH),
        ("height", cv2.CAP_PROP_FRAME_HEIGHT),
    ):
        if key in settings:
            if not settings[key].isdecimal() or int(settings[key]) == 0:
                raise SourceError(url, f"{key}={settings[key]} is not a size", "give whole pixels")
            parameters += [prop, int(settings[key])]
    if fps is not None:
        parameters += [cv2.CAP_PROP_FPS, round(fps)]
    return parameters


def _can_capture(device: Path) -> bool:
    import fcntl

    answer = bytearray(104)
    try:
        handle = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return True  # listed; opening it reports the fault
    try:
        fcntl.ioctl(handle, _VIDIOC_QUERYCAP, answer)
    except OSError:
        return False
    finally:
        os.close(handle)
    (capabilities,) = struct.unpack_from("=I", answer, _DEVICE_CAPS_OFFSET)
    return bool(capabilities & _CAN_CAPTURE)
