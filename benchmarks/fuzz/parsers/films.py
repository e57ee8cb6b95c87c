"""Films, by FFmpeg through PyAV: a container of each family, with the codecs of cameras."""

from __future__ import annotations

import io
from pathlib import Path
from random import Random

import av
import numpy as np

from benchmarks.fuzz.changes.of_bytes import changed_bytes
from benchmarks.fuzz.parser import FileParser, UnsoundError
from detector.ingest import SourceError
from detector.ingest.sources.video_file import VideoFile

FRAMES_READ = 12
"""A changed film may state any number."""
_KINDS = (
    *(("mp4", "libx264", "yuv420p"), ("matroska", "libx264", "yuv420p")),
    *(("mpegts", "libx264", "yuv420p"), ("h264", "libx264", "yuv420p")),
    *(("avi", "mjpeg", "yuvj420p"), ("mjpeg", "mjpeg", "yuvj422p"), ("mp4", "mpeg4", "yuv420p")),
    *(("matroska", "libx265", "yuv420p"), ("mpegts", "mpeg2video", "yuv420p")),
)
_WORDS = (
    *(b"moov", b"mdat", b"stbl", b"stts", b"stsz", b"stco", b"elst", b"avcC", b"trak", b"tkhd"),
    *(b"\0\0\0\x01\x67", b"\0\0\0\x01\x68", b"\0\0\x01\x65", b"\0\0\x01\xe0", b"\x47\x40\0\x10"),
    *(b"RIFF", b"movi", b"idx1", b"00dc", b"\x1a\x45\xdf\xa3", b"\x1f\x43\xb6\x75", b"\xa3"),
)


class Films(FileParser):
    """Opens each case as a recorded video and reads its first images."""

    refusals = (SourceError,)

    def valid(self) -> list[bytes]:
        return [_film(*kind) for kind in _KINDS if kind[1] in av.codecs_available]

    def changed(self, rng: Random) -> bytes:
        return changed_bytes(rng, self.seeds, words=_WORDS)

    def read(self, path: Path) -> None:
        film = VideoFile(path)
        film.open()
        try:
            for _ in range(FRAMES_READ):
                if not film.grab():
                    break
                image = film.retrieve()
                if image is not None and (image.dtype != np.uint8 or image.ndim != 3):
                    raise UnsoundError(f"an image {image.dtype} {image.shape}")
            _ = film.time_notes, film.unreadable, film.frame_count
        finally:
            film.close()


def _film(container: str, codec: str, pixels: str) -> bytes:
    """A film of four images, 32 x 32 px."""
    data = io.BytesIO()
    with av.open(data, "w", container) as film:
        stream = film.add_stream(codec, 25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, pixels
        if codec == "libx265":
            stream.options = {"x265-params": "log-level=none"}
        rng = np.random.default_rng(1)
        for _ in range(4):
            image = rng.integers(0, 255, (32, 32, 3), np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")):
                film.mux(packet)
        for packet in stream.encode():
            film.mux(packet)
    return data.getvalue()
