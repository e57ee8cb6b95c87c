"""A GenICam camera: GigE Vision or USB3 Vision, through Aravis."""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import time
from ctypes import byref, c_int, c_size_t

import numpy as np
from numpy.typing import NDArray

from detector.ingest.source import Image, LiveSource, NoAnswerError, SourceError
from detector.ingest.sources import gvcp
from detector.ingest.sources.aravis import (
    FAULTS,
    GIGE,
    WHOLE,
    Aravis,
    AravisError,
    AravisMissingError,
    GenicamDevice,
    list_genicam_devices,
    load_aravis,
)
from detector.ingest.sources.device_clock import DeviceClock
from detector.ingest.sources.genicam_features import GenicamFeatures, explained
from detector.ingest.sources.genicam_settings import parse_genicam
from detector.ingest.sources.pixel_formats import GENICAM_FORMATS
from detector.vocabulary import StampSource

LOOK_EVERY_S = 0.5
"""Wait for an image after which the camera is asked whether it is still there."""

BUFFERS = 4
"""One that is read, one that is filled, and two that wait if this process is not scheduled."""
ID_WRAPS_AT = 65535
"""GigE Vision 1 numbers images from 1 to this."""
MOST_LOST = 1000
"""A greater step of the number is a restart of the camera, and not that number of lost images."""
INSTALL = "pip install 'vigitri[genicam]', or apt install libaravis-0.8-0"
CHECK = "check its power, its cable and its IP address"
_CONTINUOUS = 0  # ARV_ACQUISITION_MODE_CONTINUOUS


class GenicamCamera(LiveSource):
    """A camera named by `genicam://NAME?…` (see `GenicamSettings`).

    An image with a packet lost, and one that is lost whole, by its number, is unreadable.
    """

    def __init__(
        self, url: str, *, fps: float | None, open_timeout_s: float, read_timeout_s: float
    ) -> None:
        super().__init__(url.partition("?")[0])
        self._settings = parse_genicam(url)
        self._fps_asked = fps
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self._aravis: Aravis | None = None
        self._camera: int | None = None
        self._address: str | None = None
        """Of a GigE camera."""
        self._stream: int | None = None
        self._buffer: int | None = None
        """The image just grabbed; None: it was lost whole."""
        self._clock: DeviceClock | None = None
        self._last_id: int | None = None
        self._to_report = 0
        """Images lost whole, that `grab` still has to report."""
        self._next_buffer: int | None = None
        """The image after them."""

    def open(self) -> None:
        self.close()
        try:
            self._aravis = load_aravis()
        except AravisMissingError:
            raise SourceError(self.name, "the library Aravis is not installed", INSTALL) from None
        try:
            self._start(self._aravis)
        except AravisError as error:
            self.close()
            raise SourceError(self.name, *explained(error)) from None
        except SourceError:
            self.close()
            raise

    def grab(self) -> bool:
        aravis, stream = self._aravis, self._stream
        if aravis is None or stream is None:
            return False
        self._release()
        if self._to_report:
            self._to_report -= 1
            return True
        self._buffer, self._next_buffer = self._next_buffer, None
        if self._buffer is not None:
            return True
        buffer = self._wait(aravis, stream)
        if not buffer:
            return False
        while newer := aravis.call("stream_try_pop_buffer", stream):  # out of date by now
            self._note_id(aravis, buffer)
            aravis.call("stream_push_buffer", stream, buffer)
            self.passed_over += 1
            buffer = newer
        self._stamp(aravis, buffer)
        self._to_report = self._note_id(aravis, buffer)
        if self._to_report:
            self._next_buffer = buffer
            self._to_report -= 1
        else:
            self._buffer = buffer
        return True

    def retrieve(self, into: Image | None = None) -> Image | None:
        aravis = self._aravis
        if aravis is None or self._buffer is None:
            self.unreadable.append(f"{self.name}: an image was lost on the way")
            return None
        status = aravis.call("buffer_get_status", self._buffer)
        if status != WHOLE:
            self.unreadable.append(f"{self.name}: {FAULTS.get(status, f'status {status}')}")
            return None
        number = aravis.call("buffer_get_image_pixel_format", self._buffer)
        coded = GENICAM_FORMATS.get(number)
        if coded is None:
            self.unreadable.append(f"{self.name}: pixel format 0x{number:08X} is unknown")
            return None
        padding, rows = c_int(), c_int()
        aravis.call("buffer_get_image_padding", self._buffer, byref(padding), byref(rows))
        size_px = (
            aravis.call("buffer_get_image_width", self._buffer),
            aravis.call("buffer_get_image_height", self._buffer),
        )
        raw = _pixels(aravis, self._buffer)
        image = coded.to_bgr(raw, size_px, padding=padding.value, into=into)
        if image is None:
            self.unreadable.append(f"{self.name}: shorter than its size")
        return image

    def close(self) -> None:
        aravis, self._aravis = self._aravis, None
        if aravis is None:
            return
        if self._is_gone(aravis):
            # Unplugged: Aravis would wait for seconds, in which the camera may be back.
            self._buffer = self._next_buffer = self._stream = self._camera = None
            return
        if self._camera is not None and self._stream is not None:
            with contextlib.suppress(AravisError):  # it may be unplugged
                aravis.call("camera_stop_acquisition", self._camera)
        for buffer in (self._buffer, self._next_buffer, self._stream, self._camera):
            if buffer is not None:
                aravis.call("g_object_unref", buffer)
        self._buffer = self._next_buffer = self._stream = self._camera = None

    def _start(self, aravis: Aravis) -> None:
        camera = self._camera = aravis.call("camera_new", self._called())
        features = GenicamFeatures(aravis, camera, self.name)
        try:
            features.check_control()
        except SourceError:
            # Not unreferenced: that would wait for answers which this camera gives to the other
            # program only, for longer than a capture process may take to open it.
            self._camera = None
            raise
        features.apply(self._settings, self._fps_asked)
        self.colours = features.pixel_format()
        self.fps = features.fps()
        self._clock = features.clock()
        self._dated_by(StampSource.ARRIVAL if self._clock is None else StampSource.DEVICE_CLOCK)
        aravis.call("camera_set_acquisition_mode", camera, _CONTINUOUS)
        payload = aravis.call("camera_get_payload", camera)
        self._stream = aravis.call("camera_create_stream", camera, None, None)
        for _ in range(BUFFERS):
            buffer = aravis.call("buffer_new_allocate", payload)
            aravis.call("stream_push_buffer", self._stream, buffer)
        aravis.call("camera_start_acquisition", camera)

    def _called(self) -> str:
        """What Aravis calls the camera."""
        name = self._settings.name
        with contextlib.suppress(ValueError):
            address = str(ipaddress.ip_address(name))  # asked directly, also in another network
            # Aravis takes seconds to find that no camera answers.
            if not gvcp.answers(address):
                raise NoAnswerError(self.name, "no camera answers there", CHECK)
            self._address = address
            return address
        device = find_genicam(name)
        self._address = device.address if device.protocol == GIGE else None
        return device.address or device.id

    def _wait(self, aravis: Aravis, stream: int) -> int | None:
        """The next image; None after the timeout, or when the camera is gone."""
        until_s = time.monotonic() + self._read_timeout_s
        while (left_s := until_s - time.monotonic()) > 0:
            wait_us = round(min(left_s, LOOK_EVERY_S) * 1e6)
            buffer: int | None = aravis.call("stream_timeout_pop_buffer", stream, wait_us)
            if buffer:
                return buffer
            if self._is_gone(aravis):
                self.unreadable.append(f"{self.name}: it has gone, or started again")
                return None
        return None

    def _is_gone(self, aravis: Aravis) -> bool:
        """A GigE camera that does not answer, or that has forgotten us: it has started again."""
        if self._address is None or self._camera is None:
            return False
        device = aravis.call("camera_get_device", self._camera)
        is_ours = aravis.call("gv_device_is_controller", device)
        return not is_ours or not gvcp.answers(self._address)

    def _stamp(self, aravis: Aravis, buffer: int) -> None:
        """When the image was captured; without a clock of the camera, when its first packet came.

        The whole image arrives later by its length: 5 MB take 45 ms at 1 Gbit/s.
        """
        now_ns = time.monotonic_ns()
        received_utc_ns = aravis.call("buffer_get_system_timestamp", buffer)
        age_ns = time.time_ns() - received_utc_ns
        oldest_ns = round(self._read_timeout_s * 1e9)
        arrived_ns = now_ns - age_ns if 0 <= age_ns <= oldest_ns else now_ns
        self.captured_ns = arrived_ns
        if self._clock is None:
            return
        captured_ns: int | None = None
        with contextlib.suppress(AravisError):  # the camera has gone: `grab` reports that
            stamp_ns = aravis.call("buffer_get_timestamp", buffer)
            captured_ns = self._clock.captured_ns(stamp_ns, now_ns, oldest_ns)
        if captured_ns is None:
            self._clock = None
            self._dated_by(StampSource.ARRIVAL)
        else:
            self.captured_ns = captured_ns

    def _dated_by(self, source: StampSource) -> None:
        self.stamp_source = source
        self.stamp_note = f"{self.name}: the times of its images are taken from: {source}"

    def _note_id(self, aravis: Aravis, buffer: int) -> int:
        """How many images were lost whole before this one."""
        number: int = aravis.call("buffer_get_frame_id", buffer)
        last = self._last_id
        if last is None:
            self._last_id = number
            return 0
        step = number - last
        if step < 0 and last <= ID_WRAPS_AT and number:
            step += ID_WRAPS_AT
        if not 0 < step <= MOST_LOST:
            # A late packet of a broken image opens its number again; a restart counts from 1.
            if aravis.call("buffer_get_status", buffer) == WHOLE:
                self._last_id = number
            return 0
        self._last_id = number
        return step - 1

    def _release(self) -> None:
        """Give the last image's buffer back to the camera."""
        if self._buffer is not None and self._aravis is not None:
            self._aravis.call("stream_push_buffer", self._stream, self._buffer)
            self._buffer = None


def _pixels(aravis: Aravis, buffer: int) -> NDArray[np.uint8]:
    """`(n,)` uint8: the buffer's own memory, valid until it is given back."""
    size = c_size_t()
    address = aravis.call("buffer_get_image_data", buffer, byref(size))
    return np.ctypeslib.as_array((ctypes.c_uint8 * size.value).from_address(address))


def find_genicam(name: str) -> GenicamDevice:
    """The camera that a URL calls `name`; empty: the only one.

    Raises `SourceError`, `AravisMissingError`.
    """
    url = f"genicam://{name}"
    devices = list_genicam_devices()
    matching = [device for device in devices if not name or device.has_name(name)]
    if len(matching) == 1:
        return matching[0]
    others = ", ".join(f"{device.url} ({device.identity})" for device in devices)
    if not others:
        raise NoAnswerError(url, "no camera answers", CHECK)
    if not matching:
        raise NoAnswerError(url, "no such camera", f"there is {others}")
    raise SourceError(url, f"{len(matching)} cameras answer", f"name one of {others}")
