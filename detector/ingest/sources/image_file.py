"""Reads an image file, completely or not at all."""

from __future__ import annotations

import itertools
import stat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector import LARGEST_PIXELS
from detector.ingest.source import Image, SourceError
from detector.ingest.sources import heic_file, jpeg_file, png_file
from detector.ingest.sources.image_kinds import (
    AVIF,
    GIF,
    HEAD_BYTES,
    HEIC,
    IMAGE_SUFFIXES,
    JPEG,
    JPEG_2000,
    PNG,
    TIFF,
    VIDEO,
    WEBP,
    kind_of,
)
from detector.ingest.sources.opencv import cv2

LARGEST_BYTES = 500_000_000
"""A TIFF of 80 megapixels in 16 bits. A larger file is a video, and would be read into memory."""

BEHIND_TRANSPARENT = 114
"""Grey that shows through a transparent image: the grey outside the view, which models know."""

_MEGAPIXELS = LARGEST_PIXELS // 1_000_000
_SCALE = "scale it down, or copy it again from its origin"
_COPY_AGAIN = "copy it again from its origin"
_AS_JPEG = "export it as JPEG, or as PNG of 8 or 16 bits"


class ImageFileError(Exception):
    """What is wrong with the bytes of an image file, and the fix."""

    def __init__(self, why: str, fix: str = _COPY_AGAIN) -> None:
        self.why, self.fix = why, fix
        super().__init__(f"{why}; {fix}")


def read_image_file(path: Path) -> Image:
    """An image file as `(h, w, 3)` uint8 BGR, rotated by its EXIF orientation.

    Of 16 bits per channel, the upper 8 remain; where no value exceeds 12 bits, as industrial
    cameras write them, the upper 8 of those. Transparent pixels show `BEHIND_TRANSPARENT`.

    Raises:
        SourceError: The file is missing, truncated, damaged, not an image, or several.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise SourceError(str(path), "not a file", "name an image file")
        if found.st_size > LARGEST_BYTES:
            raise SourceError(
                str(path),
                f"larger than an image, {found.st_size / 1e6:.0f} MB",
                "use `vigitri replay` for a video",
            )
        data = path.read_bytes()
    except OSError as error:
        fault = (error.strerror or str(error)).lower()
        raise SourceError(str(path), fault, "check the path") from None
    try:
        image = _decode(data)
        count = cv2.imcount(str(path)) if _may_be_several(data) else 1
    except ImageFileError as fault:
        raise SourceError(str(path), fault.why, fault.fix) from None
    if count > 1:
        raise SourceError(
            str(path),
            f"{count} images in one file (an animation, or pages)",
            "save each as a file of its own",
        )
    return image


def _decode(data: bytes) -> Image:
    """Raises `ImageFileError`."""
    if not data:
        raise ImageFileError("the file is empty")
    kind = kind_of(data[:HEAD_BYTES])
    if kind == JPEG:
        # libjpeg fills the missing part of an image with grey and reports success.
        if not jpeg_file.is_whole(data):
            raise ImageFileError("the image is cut off")
        if jpeg_file.pixels(data) > LARGEST_PIXELS:
            raise ImageFileError(f"it states more than {_MEGAPIXELS} megapixels", _SCALE)
        if jpeg_file.is_damaged(data):
            raise ImageFileError(
                "the image is damaged: a part of its data is missing or overwritten"
            )
    if kind == PNG and not png_file.is_whole(data):
        raise ImageFileError("the image is cut off")
    if kind == HEIC:
        return _on_grey(_from_heic(data))
    image = _by_opencv(data, cv2.IMREAD_COLOR | (0 if kind == JPEG else cv2.IMREAD_ANYDEPTH))
    if image is None:
        pixels = None if kind == JPEG else _by_opencv(data, cv2.IMREAD_UNCHANGED)
        raise _not_readable(kind) if pixels is None else _not_of_8_bits(pixels)
    if _may_be_transparent(kind, data):
        pixels = _by_opencv(data, cv2.IMREAD_UNCHANGED)
        if pixels is not None and pixels.ndim == 3 and pixels.shape[2] == 4:
            image = _composited(image, pixels, premultiplied=kind == TIFF)
    if kind == AVIF:
        image = _upright(image, data)
    return _in_8_bits(image)


def _not_readable(kind: str | None) -> ImageFileError:
    if kind is None:
        return ImageFileError(
            "not a readable image", f"give one of {', '.join(sorted(IMAGE_SUFFIXES))}"
        )
    if kind in (JPEG, PNG, TIFF, WEBP, GIF, AVIF, JPEG_2000, "BMP"):
        return ImageFileError(
            f"{kind} that OpenCV cannot read: cut off, of a rare variety, or of more than "
            f"{_MEGAPIXELS} megapixels"
        )
    if kind == VIDEO:
        return ImageFileError("a video, not an image", "use `vigitri replay` for a video")
    return ImageFileError(f"{kind}, not an image that is read", _AS_JPEG)


def _not_of_8_bits(pixels: NDArray[Any]) -> ImageFileError:
    return ImageFileError(f"its pixels are {pixels.dtype}, without a stated white", _AS_JPEG)


def _by_opencv(data: bytes, flags: int) -> NDArray[Any] | None:
    try:
        image: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    return image


def _from_heic(data: bytes) -> Image:
    try:
        return heic_file.decoded(data)
    except ModuleNotFoundError:
        raise ImageFileError(*heic_file.MISSING) from None
    except (ValueError, RuntimeError, EOFError, SyntaxError, IndexError) as error:
        raise ImageFileError(f"the image is damaged ({' '.join(str(error).split())})") from None


def _in_8_bits(image: NDArray[Any]) -> Image:
    if image.dtype == np.uint8:
        return image
    if image.dtype != np.uint16:
        raise _not_of_8_bits(image)
    if int(image.max()) < 1 << 12:
        return (image >> 4).astype(np.uint8)
    return (image >> 8).astype(np.uint8)


def _may_be_several(data: bytes) -> bool:
    kind = kind_of(data[:HEAD_BYTES])
    return kind in (GIF, WEBP, TIFF, AVIF) or (kind == PNG and b"acTL" in _before_pixels(data))


def _may_be_transparent(kind: str | None, data: bytes) -> bool:
    if kind == PNG:  # colour types 4 and 6; or a palette with a transparent colour
        return data[25:26] in (b"\4", b"\6") or b"tRNS" in _before_pixels(data)
    return kind in (GIF, WEBP, TIFF, AVIF, JPEG_2000)


def _before_pixels(data: bytes) -> bytes:
    return data[: data.find(b"IDAT")]


def _on_grey(pixels: Image) -> Image:
    return pixels if pixels.shape[2] == 3 else _composited(pixels[..., :3], pixels)


def _composited(
    image: NDArray[Any], pixels: NDArray[Any], *, premultiplied: bool = False
) -> NDArray[Any]:
    """`image` over grey, by the alpha of `pixels`, BGRA as stored in the file."""
    white = np.iinfo(image.dtype).max
    alpha = _turned_like(image, pixels)
    if int(alpha.min()) == white:
        return image
    share = (alpha / white)[..., np.newaxis]
    front = image if premultiplied else image * share
    return np.rint(front + BEHIND_TRANSPARENT / 255 * white * (1 - share)).astype(image.dtype)


def _turned_like(image: NDArray[Any], pixels: NDArray[Any]) -> NDArray[Any]:
    """The alpha of `pixels` in the orientation of `image`: IMREAD_UNCHANGED ignores EXIF."""
    for quarters, mirrored in itertools.product(range(4), (False, True)):
        turned = np.rot90(pixels[:, ::-1] if mirrored else pixels, quarters)
        if turned.shape[:2] == image.shape[:2] and np.array_equal(turned[..., :3], image):
            return turned[..., 3]
    raise ImageFileError("its transparency does not match its colours", _AS_JPEG)


def _upright(image: NDArray[Any], data: bytes) -> NDArray[Any]:
    """An AVIF as it is meant to be shown; OpenCV (5.0) ignores the properties that say how."""
    header = data[: data.find(b"mdat")]
    at = header.find(b"irot")
    if at >= 0:
        image = np.rot90(image, header[at + 4] & 3)
    at = header.find(b"imir")
    if at >= 0:
        image = image[:, ::-1] if header[at + 4] & 1 else image[::-1]
    return np.ascontiguousarray(image)
