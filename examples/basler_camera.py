"""A Basler camera through Basler's own library, pypylon, in place of Vigitri's GenICam.

In the profile, with this file beside it (docs/cameras.md):

    [camera]
    source = "python://basler_camera.py:open_camera?serial=40123456"

Install the library beside Vigitri: `pip install pypylon`. With PYLON_CAMEMU=1 in the environment
it emulates a camera of serial number 0815-0000, to try this without one.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from pypylon import genicam, pylon

from detector.ingest import Image, LiveSource, SourceError


class BaslerCamera(LiveSource):
    """One camera; `grab` waits for an image, `retrieve` converts it, both in one thread."""

    def __init__(self, url: str, *, fps: float | None, read_timeout_s: float) -> None:
        super().__init__(url)
        wanted = parse_qs(urlsplit(url).query)
        self._serial = wanted.get("serial", [""])[-1]
        self._exposure_us = wanted.get("exposure_us", [""])[-1]
        self._fps_asked = fps
        self._timeout_ms = round(read_timeout_s * 1000)
        self._camera: Any = None
        self._result: Any = None
        self._converter = pylon.ImageFormatConverter()
        self._converter.OutputPixelFormat = pylon.PixelType_BGR8packed

    def open(self) -> None:
        try:
            self._camera = pylon.InstantCamera(self._device())
            self._camera.Open()
            if self._exposure_us:
                self._camera.ExposureTime.Value = float(self._exposure_us)
            if self._fps_asked is not None:
                self._camera.AcquisitionFrameRateEnable.Value = True
                self._camera.AcquisitionFrameRate.Value = self._fps_asked
            # Old images are skipped: Vigitri looks at the newest one.
            self._camera.StartGrabbing(pylon.GrabStrategy_LatestImageOnly)
        except genicam.GenericException as error:
            self.close()
            why = str(error).partition(" : ")[0]
            raise SourceError(self.name, why, "is another program using it?") from None
        self.fps = self._fps_asked
        self.colours = self._camera.PixelFormat.Value

    def grab(self) -> bool:
        """False after the timeout, and when the camera was unplugged: Vigitri opens it again."""
        self._release()
        try:
            self._result = self._camera.RetrieveResult(
                self._timeout_ms, pylon.TimeoutHandling_Return
            )
        except genicam.GenericException:
            return False
        # The image is here now. A time of the camera's own belongs into `captured_ns` only after
        # it was compared with CLOCK_MONOTONIC; then `stamp_source = StampSource.DEVICE_CLOCK`.
        self.captured_ns = time.monotonic_ns()
        return self._result is not None and self._result.IsValid()

    def retrieve(self, into: Image | None = None) -> Image | None:
        """`(height, width, 3)` uint8 BGR; None, and one line more, if a part of it was lost."""
        if not self._result.GrabSucceeded():
            self.unreadable.append(f"{self.name}: {self._result.ErrorDescription}")
            return None
        image = self._converter.Convert(self._result).GetArray()
        if into is None or into.shape != image.shape:
            return image
        np.copyto(into, image)
        return into

    def close(self) -> None:
        self._release()
        if self._camera is not None:
            self._camera.Close()
            self._camera = None

    def _release(self) -> None:
        if self._result is not None:
            self._result.Release()
            self._result = None

    def _device(self) -> Any:
        factory = pylon.TlFactory.GetInstance()
        devices = factory.EnumerateDevices()
        for device in devices:
            if self._serial in {"", device.GetSerialNumber()}:
                return factory.CreateDevice(device)
        there = ", ".join(device.GetSerialNumber() for device in devices)
        why = f"no camera with serial={self._serial}"
        raise SourceError(self.name, why, f"there is {there}" if there else "check its power")


def open_camera(
    url: str, *, fps: float | None, open_timeout_s: float, read_timeout_s: float
) -> BaslerCamera:
    """What the profile names: returns the camera, open."""
    del open_timeout_s  # pylon has no such limit; Vigitri ends this process if it takes longer
    camera = BaslerCamera(url, fps=fps, read_timeout_s=read_timeout_s)
    camera.open()
    return camera
