"""Decodes a network camera's stream: each image with its times, and none that is damaged."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping
from typing import Any

import av
from av.codec.context import Flags

from detector.ingest.sources.capture_times import Arrival
from detector.ingest.sources.decoder import Decoder
from detector.ingest.sources.reference_gaps import ReferenceGaps

_PARSED = {"rtsp", "mpegts"}
"""Containers in which FFmpeg finds an image's end by the beginning of the next one, and so delivers
it one period late; at that moment the next one's first bytes have arrived. (Not Motion JPEG.)"""
_NO_TIMESTAMPS = {"mpjpeg"}
"""Motion JPEG over HTTP has no timestamps: FFmpeg generates them at 25 a second."""


class StreamDecoder(Decoder):
    """The images of a network camera.

    An H.264 or H.265 image is painted on earlier ones: after a damaged or missing one, all are
    damaged until the next key frame, most of them without a sign from FFmpeg. They are not given
    out.
    """

    def __init__(
        self, url: str, *, options: Mapping[str, str], timeouts_s: tuple[float, float]
    ) -> None:
        """As `Decoder`, with one thread: with several, images come later by one each."""
        self.delivered_s = 0.0
        """When FFmpeg gave the last image (s, CLOCK_MONOTONIC)."""
        self.busy_s = 0.0
        """Time between the last two deliveries in which nothing was waited for (s)."""
        self.arrival: Arrival | None = None
        """The last image's times; None: it is damaged, or its times are lost."""
        self._awaits_key_frame = False
        self._is_after_loss = False
        super().__init__(url, options=options, timeouts_s=timeouts_s, threads=1)
        codec = self._stream.codec_context
        codec.flags |= Flags.copy_opaque  # the packet's times come out with its image
        self._has_timestamps = self.format not in _NO_TIMESTAMPS
        self._is_parsed = self.format in _PARSED and codec.name != "mjpeg"
        is_h264 = codec.name == "h264"
        self._gaps = ReferenceGaps(codec.extradata or b"") if is_h264 else None

    @property
    def is_damaged(self) -> bool:
        return super().is_damaged or self._is_after_loss

    @property
    def damage(self) -> str:
        """What is wrong with the image just grabbed, for a person."""
        if self._is_after_loss and not super().is_damaged:
            return "shows an earlier image's damage, until the next key frame"
        return "cannot be decoded; part of it is missing"

    def grab(self) -> bool:
        grabbed = super().grab()
        frame = self._frame
        self.arrival = None
        if frame is None:
            self._awaits_key_frame = True
        else:
            if isinstance(frame.opaque, Arrival):
                self.arrival = frame.opaque
            if frame.is_corrupt:
                self._awaits_key_frame = True
            elif frame.key_frame:
                self._awaits_key_frame = False
        self._is_after_loss = self._awaits_key_frame
        return grabbed

    def _decoded(self) -> Iterator[av.VideoFrame | None]:
        begun_s: float | None = None
        packets = self._container.demux(self._stream)
        while True:
            asked_s = time.monotonic()
            self.busy_s = asked_s - self.delivered_s
            packet = next(packets, None)
            if packet is None:
                return
            self.delivered_s = time.monotonic()
            if begun_s is None or not self._is_parsed:
                begun_s = self.delivered_s
            packet.opaque = Arrival(begun_s, self._taken_s(packet), _sent_s(packet))
            begun_s = self.delivered_s
            if packet.is_corrupt or self._is_after_gap(packet):
                self._awaits_key_frame = True
            try:
                yield from packet.decode()
            except av.InvalidDataError:
                yield None

    def _is_after_gap(self, packet: Any) -> bool:
        if self._gaps is None or not packet.size:
            return False
        return self._gaps.is_after_gap(memoryview(packet))

    def _taken_s(self, packet: Any) -> float | None:
        if packet.pts is None or not self._has_timestamps:
            return None
        return float(packet.pts * packet.time_base)


def _sent_s(packet: Any) -> float | None:
    """The sender's time of day for this image, as CLOCK_MONOTONIC; None: it has sent no report.

    By FFmpeg's "producer reference time": microseconds since 1970, from RTCP's sender report.
    """
    if not packet.has_sidedata("prft"):
        return None
    since_1970_us: int = struct.unpack_from("=q", bytes(packet.get_sidedata("prft")))[0]
    return since_1970_us / 1e6 - time.time() + time.monotonic()
