from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.ingest import Image, SourceError, StampSource, list_v4l2_devices, open_source
from detector.ingest.sources.v4l2 import V4l2Camera, device_fault


def test_a_missing_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no such device; is the camera plugged in\?"):
        open_source(f"v4l2://{tmp_path}/video7")
    (tmp_path / "video0").touch()
    with pytest.raises(SourceError, match=f"no such device; there is {tmp_path}/video0"):
        open_source(f"v4l2://{tmp_path}/video7")


def test_a_regular_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    with pytest.raises(SourceError, match="not a camera device"):
        open_source(f"v4l2://{tmp_path}/video0")


def test_a_device_of_another_kind_gives_no_video() -> None:
    with pytest.raises(SourceError, match="gives no video"):
        open_source("v4l2:///dev/null")


def test_a_device_without_permission_names_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    fault = device_fault(Path("/dev/null"))
    assert fault is not None
    assert "usermod -aG video" in fault[1]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("widht=1920", "unknown setting widht"),
        ("width=wide", "width=wide is not a size"),
        ("height=0", "height=0 is not a size"),
        ("fourcc=H264X", "not four letters"),
    ],
)
def test_an_invalid_setting_is_refused(query: str, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        V4l2Camera(f"v4l2:///dev/video0?{query}")


def test_the_format_is_set_before_size_and_rate() -> None:
    camera = V4l2Camera("v4l2:///dev/video0?width=1920&height=1080&fourcc=mjpg", fps=30)
    mjpg = int.from_bytes(b"MJPG", "little")
    assert camera._parameters == [6, mjpg, 3, 1920, 4, 1080, 5, 30]


class Careless:
    """A `cv2.VideoCapture` that reports success each time, and writes every second image."""

    def __init__(self) -> None:
        self.asked = 0

    def retrieve(self, into: Image | None) -> tuple[bool, Image]:
        self.asked += 1
        image = np.zeros((48, 64, 3), np.uint8) if into is None else into
        if self.asked % 2:
            image[:] = 90
        return True, image


def test_an_image_that_was_reported_but_not_written_is_unreadable() -> None:
    camera = V4l2Camera("v4l2:///dev/video0")
    camera._capture = Careless()  # type: ignore[assignment]
    buffer = np.full((48, 64, 3), 90, np.uint8)
    readable = [camera.retrieve(buffer) is buffer for _ in range(4)]
    assert readable == [True, False, True, False]
    assert len(camera.unreadable) == 2


class Driver:
    """A `cv2.VideoCapture` with these properties."""

    def __init__(self, properties: dict[int, float]) -> None:
        self._properties = properties

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def grab(self) -> bool:
        return True

    def get(self, prop: int) -> float:
        return self._properties.get(prop, 0.0)

    def release(self) -> None:
        pass


YUYV = int.from_bytes(b"YUYV", "little")


def test_a_size_or_format_that_the_driver_replaces_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {cv2.CAP_PROP_FOURCC: YUYV, cv2.CAP_PROP_FRAME_WIDTH: 640, cv2.CAP_PROP_FPS: 15}
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Driver(given))
    chosen = "fourcc=YUYV in place of MJPG and width=640 in place of 1920"
    with pytest.raises(SourceError, match=f"the driver chose {chosen}; see v4l2-ctl"):
        open_source("v4l2:///dev/null?width=1920&fourcc=MJPG", fps=30)
    open_source("v4l2:///dev/null?width=640&fourcc=YUYV", fps=30).close()


def test_an_image_is_dated_by_the_driver_if_that_is_our_clock() -> None:
    camera, properties = V4l2Camera("v4l2:///dev/video0"), dict[int, float]()
    camera._capture = Driver(properties)  # type: ignore[assignment]
    captured_ms = time.monotonic_ns() // 1_000_000 - 20
    properties[cv2.CAP_PROP_POS_MSEC] = captured_ms
    assert camera.grab()
    assert (camera.captured_ns, camera.stamp_source) == (
        captured_ms * 1_000_000,
        StampSource.DRIVER,
    )
    for other in (0.0, time.time() * 1e3, captured_ms - 60_000):  # none, UTC, too old
        properties[cv2.CAP_PROP_POS_MSEC] = other
        assert camera.grab()
        assert (camera.captured_ns, camera.stamp_source) == (None, StampSource.ARRIVAL)


def test_devices_are_listed_in_natural_order_with_their_faults(tmp_path: Path) -> None:
    sysfs, dev = tmp_path / "sys", tmp_path / "dev"
    dev.mkdir()
    for number in (10, 9):
        (sysfs / f"video{number}").mkdir(parents=True)
        (sysfs / f"video{number}" / "name").write_text(f"Camera {number}\n")
    (sysfs / "v4l-subdev0").mkdir()
    found = list_v4l2_devices(sysfs, dev)
    assert [device.url for device in found] == [f"v4l2://{dev}/video9", f"v4l2://{dev}/video10"]
    assert [device.model for device in found] == ["Camera 9", "Camera 10"]
    assert all("no such device" in device.fault for device in found)
    assert list_v4l2_devices(tmp_path / "none", dev) == []
