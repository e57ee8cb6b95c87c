from __future__ import annotations

import io
import os
import struct
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageOps

from detector.ingest import SourceError, read_image_file
from detector.ingest.sources.image_file import (
    BEHIND_TRANSPARENT,
    LARGEST_BYTES,
    ImageFileError,
    _decode,
)

NOISE = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
SMOOTH = cv2.resize(NOISE[:6, :8], (64, 48))


def encoded(suffix: str, *options: int) -> bytes:
    return bytes(cv2.imencode(suffix, NOISE, list(options))[1])


JPEG = encoded(".jpg")
PROGRESSIVE = encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
RESTARTING = encoded(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 2)


def decoded(data: bytes) -> tuple[np.ndarray[Any, Any] | None, str]:
    try:
        return _decode(data), ""
    except ImageFileError as fault:
        return None, fault.why


def pillow(pixels: np.ndarray[Any, Any], kind: str, **options: Any) -> bytes:
    """BGR(A) or grey pixels, written by Pillow."""
    file = io.BytesIO()
    order = [2, 1, 0, 3][: pixels.shape[2]] if pixels.ndim == 3 else ...
    Pillow.fromarray(pixels[..., order]).save(file, kind, **options)
    return file.getvalue()


def test_a_file_that_is_too_large_and_a_pipe_are_refused(tmp_path: Path) -> None:
    clip, pipe = tmp_path / "clip.png", tmp_path / "pipe.png"
    clip.touch()
    os.truncate(clip, LARGEST_BYTES + 1)
    with pytest.raises(SourceError, match="larger than an image, 500 MB; use `vigitri replay`"):
        read_image_file(clip)
    os.mkfifo(pipe)  # reading it would wait for ever
    with pytest.raises(SourceError, match="not a file; name an image file"):
        read_image_file(pipe)


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE, RESTARTING], ids=["plain", "prog", "rst"])
def test_a_complete_jpeg_is_read_even_with_trailing_data(data: bytes) -> None:
    for tail in (b"", b"\0" * 100, b"\xff\xda\x12"):
        image, fault = decoded(data + tail)
        assert fault == ""
        assert image is not None
        assert image.shape == NOISE.shape


@given(data=st.sampled_from([JPEG, PROGRESSIVE, RESTARTING]), cut=st.floats(0, 1))
def test_no_truncated_jpeg_is_read(data: bytes, cut: float) -> None:
    image, fault = decoded(data[: int(cut * (len(data) - 1))])
    assert image is None
    assert fault


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".tif"])
def test_an_image_of_another_format_cut_off_in_the_middle_is_not_read(suffix: str) -> None:
    data = encoded(suffix)
    assert decoded(data)[0] is not None
    assert decoded(data[: len(data) * 2 // 3])[0] is None
    assert decoded(b"")[1] == "the file is empty"


LOSSLESS = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True, "exact": True}, "JPEG2000": {}}


@pytest.mark.parametrize("kind", [*LOSSLESS, "GIF", "AVIF", "BMP", "JPEG"])
def test_an_image_of_each_kind_shows_what_was_saved(kind: str) -> None:
    image, fault = decoded(pillow(SMOOTH, kind, **LOSSLESS.get(kind, {})))
    assert fault == ""
    assert image is not None
    allowed = 0 if kind in {*LOSSLESS, "BMP"} else 10
    assert np.abs(image.astype(int) - SMOOTH).mean() <= allowed


def rows_of_alpha(dtype: type[np.unsignedinteger[Any]]) -> np.ndarray[Any, Any]:
    """Opaque at the top, half transparent, and transparent at the bottom."""
    white = int(np.iinfo(dtype).max)
    alpha = np.repeat(np.array([white, white // 2, 0], dtype), 16)[:, np.newaxis]
    colours = SMOOTH.astype(dtype) * (white // 255)
    return np.dstack([colours, np.broadcast_to(alpha, (48, 64))])


def over_grey() -> np.ndarray[Any, Any]:
    share = np.repeat([1, 0.5, 0], 16)[:, np.newaxis, np.newaxis]
    return SMOOTH * share + BEHIND_TRANSPARENT * (1 - share)


@pytest.mark.parametrize("kind", [*LOSSLESS, "AVIF"])
def test_what_is_transparent_shows_the_grey_that_models_know(kind: str) -> None:
    image, _ = decoded(pillow(rows_of_alpha(np.uint8), kind, **LOSSLESS.get(kind, {})))
    assert image is not None
    assert np.abs(image - over_grey()).max() < (24 if kind == "AVIF" else 1.5)


def test_transparency_in_16_bits_and_in_a_palette_is_composited_too() -> None:
    image, _ = decoded(bytes(cv2.imencode(".png", rows_of_alpha(np.uint16))[1]))
    assert image is not None
    assert np.abs(image - over_grey()).max() < 1.5
    half = np.zeros((48, 64), np.uint8)
    half[24:] = 1
    for kind in ("PNG", "GIF"):
        file = io.BytesIO()
        palette = Pillow.fromarray(half).convert("P")
        palette.putpalette([255, 0, 0, 0, 0, 255])
        palette.save(file, kind, transparency=0)
        image, _ = decoded(file.getvalue())
        assert image is not None
        assert image[0, 0].tolist() == [BEHIND_TRANSPARENT] * 3
        assert image[47, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_an_image_is_shown_upright(kind: str, orientation: int) -> None:
    tags = Pillow.Exif()
    tags[0x112] = orientation
    pixels = rows_of_alpha(np.uint8) if kind in {"PNG", "WEBP"} else SMOOTH
    options = {"quality": 98, "subsampling": 0} if kind == "JPEG" else LOSSLESS.get(kind, {})
    image, _ = decoded(pillow(pixels, kind, exif=tags, **options))
    shown = Pillow.fromarray((over_grey() if kind in {"PNG", "WEBP"} else SMOOTH).astype(np.uint8))
    shown.getexif()[0x112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(shown))
    assert image is not None
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).mean() < 6


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_of_16_bits_the_upper_8_are_shown_also_if_only_12_are_used(suffix: str) -> None:
    for factor in (257, 16):
        data = bytes(cv2.imencode(suffix, SMOOTH.astype(np.uint16) * factor)[1])
        image, _ = decoded(data)
        assert image is not None
        assert np.abs(image.astype(int) - SMOOTH).max() <= 1


def test_floating_point_is_refused_by_name(tmp_path: Path) -> None:
    for pixels in (SMOOTH, SMOOTH[..., 0]):
        cv2.imwrite(str(tmp_path / "a.tif"), pixels.astype(np.float32) / 255)
        with pytest.raises(SourceError, match="its pixels are float32, without a stated white"):
            read_image_file(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_a_file_with_several_images_is_refused_with_their_number(tmp_path: Path, kind: str) -> None:
    others = [Pillow.fromarray(SMOOTH[:, ::-1].copy()), Pillow.fromarray(SMOOTH[::-1].copy())]
    path = tmp_path / f"several.{kind.lower()}"
    path.write_bytes(pillow(SMOOTH, kind, save_all=True, append_images=others))
    with pytest.raises(SourceError, match=r"3 images in one file .*; save each as a file of its"):
        read_image_file(path)


@pytest.mark.parametrize("options", [[], [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]], ids=["plain", "rst"])
@pytest.mark.parametrize("at", [0.1, 0.5, 0.8])
def test_a_jpeg_with_a_stretch_missing_or_overwritten_is_not_read(
    options: list[int], at: float
) -> None:
    data = bytes(cv2.imencode(".jpg", cv2.resize(NOISE, (640, 480)), options)[1])
    scan = data.rindex(b"\xff\xda") + 14
    gap = scan + int(at * (len(data) - scan - 700))
    other = NOISE.tobytes()[:512]
    for damaged in (
        data[:gap] + data[gap + 600 :],
        data[:gap] + data[-2:],
        data[:gap] + other + data[gap + len(other) :],
    ):
        image, fault = decoded(damaged)
        assert image is None
        assert fault in {
            "the image is cut off",  # what was written over it looks like the end of the data
            "the image is damaged: a part of its data is missing or overwritten",
        }


def test_an_image_is_read_whatever_jpeg_a_program_wrote() -> None:
    for options in (
        {"progressive": True},
        {"subsampling": 0},
        {"subsampling": "4:1:1"},
        {"keep_rgb": True},
        {"optimize": True},
        {"restart_marker_rows": 1},
        {"quality": 1},
    ):
        assert decoded(pillow(SMOOTH, "JPEG", **options))[1] == "", options
    for mode in ("L", "CMYK"):
        file = io.BytesIO()
        Pillow.fromarray(SMOOTH).convert(mode).save(file, "JPEG")
        assert decoded(file.getvalue())[1] == ""
    # Webcams pad their images in front of the end marker.
    assert decoded(JPEG[:-2] + bytes(4) + JPEG[-2:])[1] == ""


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff\x0a" + bytes(40), "JPEG XL, not an image that is read; export it as JPEG"),
        (b"8BPS" + bytes(40), "a Photoshop document, not an image that is read; export it"),
        (b"<!DOCTYPE html><title>Sign in</title>", "a web page, not an image that is read"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS, without the file"),
        (
            b"\0\0\0\x18ftypisom" + bytes(40),
            "a video, not an image; use `vigitri replay` for a vid",
        ),
        (b"\x1aE\xdf\xa3" + bytes(40), "a video, not an image; use `vigitri replay` for a video"),
        (b"what is this", r"not a readable image; give one of \.avif, \.bmp"),
        (
            b"II*\0" + bytes(40),
            "TIFF that OpenCV cannot read: cut off, of a rare variety, or of more than",
        ),
    ],
)
def test_the_error_says_what_the_file_is(tmp_path: Path, data: bytes, expected: str) -> None:
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(SourceError, match=expected):
        read_image_file(tmp_path / "a.jpg")


def heic(pixels: np.ndarray[Any, Any], orientation: int = 1, **options: Any) -> bytes:
    """As an iPhone writes it: upright by a property of the file, in tiles."""
    pillow_heif = pytest.importorskip("pillow_heif")
    tags = Pillow.Exif()
    tags[0x112] = orientation
    image = pillow_heif.from_pillow(Pillow.fromarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]))
    image.info["exif"] = tags.tobytes()
    file = io.BytesIO()
    image.save(file, quality=95, **options)
    return file.getvalue()


def test_an_iphones_heic_is_read_upright_and_with_all_its_tiles() -> None:
    large = cv2.resize(SMOOTH, (640, 480))
    image, _ = decoded(heic(large, orientation=6, tile_size=256))
    assert image is not None
    assert np.abs(image.astype(int) - np.rot90(large, -1)).mean() < 3
    image, _ = decoded(heic(rows_of_alpha(np.uint8)))
    assert image is not None
    assert np.abs(image - over_grey()).mean() < 3


def test_a_heic_is_named_if_it_is_damaged_or_the_extra_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "IMG_0001.HEIC"
    path.write_bytes(struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + NOISE.tobytes()[:3000])
    pytest.importorskip("pillow_heif")
    with pytest.raises(SourceError, match=r"the image is damaged \(Invalid input"):
        read_image_file(path)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(SourceError, match=r"HEIC, which needs pillow-heif; pip install 'vigitri\["):
        read_image_file(path)


def test_an_image_of_more_pixels_than_are_read_is_refused_by_its_header() -> None:
    at = JPEG.index(b"\xff\xc0") + 5
    huge = JPEG[:at] + b"\x7d\0\x7d\0" + JPEG[at + 4 :]
    _, why = decoded(huge)
    assert why == "it states more than 134 megapixels"


@pytest.mark.parametrize("at", [8, 16, 33, -12])
def test_a_png_with_a_wrong_length_or_too_little_data_for_its_size_is_cut_off(at: int) -> None:
    png = encoded(".png")
    # The length of the first chunk, the width, the length of the second chunk and of the last.
    changed = png[:at] + b"\1\0" + png[at + 2 :]
    assert decoded(changed) == (None, "the image is cut off")


def test_a_heic_without_an_image_that_is_shown_is_refused() -> None:
    data = bytearray(heic(NOISE))
    data[data.index(b"infe") + 7] = 1  # hidden
    image, why = decoded(bytes(data))
    assert image is None
    assert why.startswith("the image is damaged")
