"""Films of unusual kinds, made with FFmpeg through PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

TICKS = 90_000
"""Per second: the time base of a transport stream."""


def greys(count: int, size_px: tuple[int, int] = (96, 48)) -> list[Pixels]:
    """Uniform images, `(h, w, 3)`, each of another grey."""
    width, height = size_px
    return [np.full((height, width, 3), 40 + 3 * i % 180, np.uint8) for i in range(count)]


def noise(count: int) -> list[Pixels]:
    """Images of equal size in a film, `(48, 96, 3)`."""
    rng = np.random.default_rng(3)
    return [rng.integers(60, 200, (48, 96, 3)).astype(np.uint8) for _ in range(count)]


def write_film(
    path: Path,
    images: Sequence[Pixels],
    times_s: Sequence[float],
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    ticks: int = TICKS,
    container: dict[str, str] | None = None,
) -> Path:
    """A film whose images have these timestamps, in `ticks` per second.

    options, container: FFmpeg's options of the codec and of the container.
    """
    with av.open(str(path), "w", options=container or {}) as film:
        stream = film.add_stream(codec, rate=30)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.options = {"crf": "1", "bf": "0", "preset": "ultrafast"} | (options or {})
        stream.codec_context.time_base = Fraction(1, ticks)
        for image, at_s in zip(images, times_s, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = round(at_s * ticks), Fraction(1, ticks)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return path


KR_KB = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593)}
"""Shares of red and blue in the brightness, by x264's name of the matrix."""


def write_colour(
    path: Path, bgr: tuple[int, int, int], matrix: str, *, full_range: bool, tagged: bool
) -> Path:
    """A film of one colour that was coded by this matrix, `tagged` with it or not."""
    kr, kb = KR_KB[matrix]
    blue, green, red = (each / 255 for each in bgr)
    y = kr * red + (1 - kr - kb) * green + kb * blue
    u, v = (blue - y) / (2 - 2 * kb), (red - y) / (2 - 2 * kr)
    coded = (255 * y, 128 + 255 * u, 128 + 255 * v)
    if not full_range:
        coded = (16 + 219 * y, 128 + 224 * u, 128 + 224 * v)
    planes = [np.full(size, round(c)) for c, size in zip(coded, (96 * 48, 1152, 1152), strict=True)]
    pixels = np.concatenate(planes).astype(np.uint8).reshape(72, 96)
    tag = f"colormatrix={matrix}:fullrange={'on' if full_range else 'off'}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 48, "yuv420p"
        stream.options = {"crf": "0", "x264-params": tag if tagged else ""}
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="yuv420p")))
        container.mux(stream.encode(None))
    return path


def evenly(count: int, fps: float, start_s: float = 0.0) -> list[float]:
    """Timestamps of a constant rate."""
    return [start_s + index / fps for index in range(count)]


def cut_without_encoding(film: Path, target: Path, start_s: float, end_s: float) -> Path:
    """As `ffmpeg -ss START -i FILM -to END -c copy TARGET`: from the key frame before, the images
    before `start_s` hidden by an edit list."""
    with av.open(str(film)) as source, av.open(str(target), "w") as container:
        stream = source.streams.video[0]
        out = container.add_stream_from_template(stream)
        assert stream.time_base is not None
        ticks = round(start_s / stream.time_base)
        source.seek(ticks, stream=stream)
        for packet in source.demux(stream):
            if packet.dts is None or packet.pts is None or packet.pts * packet.time_base >= end_s:
                continue
            packet.pts, packet.dts = packet.pts - ticks, packet.dts - ticks
            packet.stream = out
            container.mux(packet)
    return target


def damage(film: Path, packets: range) -> Path:
    """Overwrite these packets of a film with zeros, except for their length."""
    with av.open(str(film)) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.pos is not None and p.size]
    data = bytearray(film.read_bytes())
    for number in packets:
        at, size = places[number]
        data[at + 5 : at + size] = bytes(size - 5)
    film.write_bytes(data)
    return film
