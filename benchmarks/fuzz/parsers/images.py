"""Image files, by the decoder that reads them: OpenCV's own, and libheif."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.fuzz.changes.of_bytes import changed_bytes
from benchmarks.fuzz.parser import FileParser, UnsoundError
from detector.ingest import SourceError, read_image_file

Pixels = NDArray[np.integer[Any] | np.floating[Any]]


def drawn(high: int = 12, wide: int = 16, channels: int = 3, dtype: str = "uint8") -> Pixels:
    """A small image with colours of every size."""
    rng = np.random.default_rng(high * wide)
    most = 255 if dtype == "uint8" else 65535
    image = rng.integers(0, most, (high, wide, channels)).astype(dtype)
    return image[..., 0] if channels == 1 else image


class Images(FileParser):
    """Reads each case as an image file."""

    refusals = (SourceError,)
    suffix = ""
    words: tuple[bytes, ...] = ()

    def valid(self) -> list[bytes]:
        images = [drawn(), drawn(channels=1), drawn(33, 17)]
        return [encoded(self.suffix, image) for image in images]

    def changed(self, rng: Random) -> bytes:
        return changed_bytes(rng, self.seeds, words=self.words)

    def read(self, path: Path) -> None:
        image = read_image_file(path)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise UnsoundError(f"an image {image.dtype} {image.shape}")


def encoded(suffix: str, image: Pixels, *settings: int) -> bytes:
    """An image file."""
    done, data = cv2.imencode(suffix, image, settings)
    assert done
    return data.tobytes()


class Jpeg(Images):
    """JPEG: baseline, progressive, with restart markers and an EXIF orientation."""

    suffix = ".jpg"
    words = (
        b"\xff\xd8",
        b"\xff\xd9",
        b"\xff\xda",
        b"\xff\xe1",
        b"\xff\xc0",
        b"\xff\xff",
        b"Exif\0\0",
    )

    def valid(self) -> list[bytes]:
        progressive = encoded(
            self.suffix, drawn(), cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 1
        )
        plain = encoded(self.suffix, drawn())
        exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
        turned = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]
        return [*super().valid(), progressive, turned]


class Png(Images):
    """PNG of 8 and 16 bits, with an alpha channel and a palette."""

    suffix = ".png"
    words = (b"IHDR", b"IDAT", b"IEND", b"acTL", b"tRNS", b"PLTE", b"eXIf", b"fcTL", b"\0\0\0\0")

    def valid(self) -> list[bytes]:
        more = (drawn(channels=4), drawn(dtype="uint16"), drawn(channels=4, dtype="uint16"))
        return [*super().valid(), *(encoded(self.suffix, image) for image in more)]

    def changed(self, rng: Random) -> bytes:
        data = super().changed(rng)
        return data if rng.random() < 0.3 else _with_checksums(data)


def _with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks have right checksums, so that a change is not refused for its sum."""
    import zlib

    out, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            break
        body = data[at + 4 : at + 8 + length]
        out += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return bytes(out + data[at:])


class Tiff(Images):
    """TIFF: strips, of 8 and 16 bits and of floats, compressed and not, of several pages."""

    suffix = ".tif"
    words = (b"II*\0", b"MM\0*", b"\x00\x01", b"\x03\x00", b"\x04\x00", b"\xff\xff\xff\xff")

    def valid(self) -> list[bytes]:
        kinds = [
            encoded(self.suffix, drawn(), cv2.IMWRITE_TIFF_COMPRESSION, method)
            for method in (1, 5, 8, 32773)
        ]
        done, pages = cv2.imencodemulti(self.suffix, [drawn(), drawn(8, 8)])
        more = (drawn(channels=4), drawn(dtype="uint16"), drawn().astype(np.float32))
        return [
            *kinds,
            *(encoded(self.suffix, image) for image in more),
            *([pages.tobytes()] if done else []),
        ]


class WebP(Images):
    """WebP, lossy, lossless and with alpha."""

    suffix = ".webp"
    words = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"EXIF")

    def valid(self) -> list[bytes]:
        lossless = encoded(self.suffix, drawn(channels=4), cv2.IMWRITE_WEBP_QUALITY, 101)
        return [
            encoded(self.suffix, drawn(), cv2.IMWRITE_WEBP_QUALITY, 60),
            encoded(self.suffix, drawn(channels=4), cv2.IMWRITE_WEBP_QUALITY, 60),
            lossless,
        ]


class Gif(Images):
    """GIF, with one image and with several."""

    suffix = ".gif"
    words = (b"!\xf9\x04", b"!\xff\x0b", b",\0\0\0\0", b";")

    def valid(self) -> list[bytes]:
        moving = cv2.Animation()
        moving.frames, moving.durations = [drawn(8, 8), drawn(8, 8)], [40, 40]
        done, data = cv2.imencodeanimation(self.suffix, moving)
        return [
            encoded(self.suffix, drawn(8, 8)),
            encoded(self.suffix, drawn(20, 9)),
            *([data.tobytes()] if done else []),
        ]


class Bmp(Images):
    """BMP of 24 and 32 bits."""

    suffix = ".bmp"

    def valid(self) -> list[bytes]:
        return [encoded(self.suffix, drawn(channels=n)) for n in (1, 3, 4)]


class Jpeg2000(Images):
    """JPEG 2000."""

    suffix = ".jp2"
    words = (b"jp2h", b"ihdr", b"colr", b"jp2c", b"\xff\x4f", b"\xff\x51", b"\xff\x52", b"\xff\x90")

    def valid(self) -> list[bytes]:
        from PIL import Image  # this build of OpenCV reads it, and does not write it

        files = []
        for image in (drawn(16, 16), drawn(17, 9, 1), drawn(8, 8, 4)):
            data = io.BytesIO()
            Image.fromarray(image).save(data, "JPEG2000")
            files.append(data.getvalue())
        return files


_BOXES = (
    *(b"ftyp", b"meta", b"hdlr", b"pitm", b"iloc", b"iinf", b"infe", b"iprp", b"ipco", b"ispe"),
    *(b"pixi", b"hvcC", b"av1C", b"ipma", b"iref", b"idat", b"mdat", b"irot", b"imir", b"clap"),
    *(b"grid", b"auxC", b"colr", b"dimg"),
)


class Avif(Images):
    """AVIF, also turned and mirrored."""

    suffix = ".avif"
    words = _BOXES

    def valid(self) -> list[bytes]:
        return [encoded(self.suffix, drawn(16, 16)), encoded(self.suffix, drawn(9, 20))]


class Heic(Images):
    """HEIC, also with an alpha channel and two images."""

    words = _BOXES

    def valid(self) -> list[bytes]:
        import pillow_heif

        files = []
        for modes in (["RGB"], ["RGBA"], ["L"], ["RGB", "RGB"]):
            made = pillow_heif.HeifFile()
            for mode in modes:
                image = drawn(16, 16, {"L": 1, "RGB": 3, "RGBA": 4}[mode])
                made.add_frombytes(mode, (16, 16), image.tobytes())
            data = io.BytesIO()
            made.save(data, quality=50)
            files.append(data.getvalue())
        return files
