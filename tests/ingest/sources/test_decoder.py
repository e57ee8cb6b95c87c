"""Videos of unusual formats, encoded here."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detector.ingest import Recording, open_source
from detector.ingest.sources.decoder import Decoder
from tests.ingest.films import write_colour

Pixels = NDArray[np.uint8]

INTERLACED = {"x264-params": "tff=1", "crf": "1"}
PROGRESSIVE = {"crf": "1"}


def square_at(x_px: int) -> Pixels:
    """A white square on grey, `(48, 96, 3)`."""
    image = np.full((48, 96, 3), 70, np.uint8)
    image[12:36, x_px : x_px + 24] = 255
    return image


def woven(moments: Sequence[Pixels]) -> Pixels:
    """An interlaced image of two moments: the upper field, then the lower."""
    image = moments[0].copy()
    image[1::2] = moments[1][1::2]
    return image


def encode(
    path: Path,
    images: Sequence[Pixels],
    options: dict[str, str],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt, stream.options = pix_fmt, options
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def decoded(path: Path) -> list[Pixels | None]:
    decoder = Decoder(str(path))
    images = []
    while decoder.grab():
        images.append(decoder.image())
    decoder.close()
    return images


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("clip.mp4", "libx264", INTERLACED),
        ("clip.mpg", "mpeg2video", {"flags": "+ildct+ilme", "qscale": "1"}),
    ],
)
def test_each_image_of_an_interlaced_video_shows_one_moment(
    name: str, codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    clip = encode(
        tmp_path / name,
        [woven((square_at(4 * i), square_at(4 * i + 2))) for i in range(16)],
        options,
        codec=codec,
    )
    images = decoded(clip)
    assert len(images) == 16
    for number, image in enumerate(images):
        assert image is not None
        off = np.abs(image.astype(int) - square_at(4 * number)).max(axis=2)
        assert np.median(off) < 5, number
        # Except at the square's upper and lower edge, which is between the rows of a field.
        assert off[14:34].mean() < 6, number


def test_a_stream_that_becomes_interlaced_is_decoded(tmp_path: Path) -> None:
    """OpenCV 5.0 repeats the last progressive image for ever, and reports success."""
    images = [square_at(3 * i) for i in range(16)]
    first = encode(tmp_path / "first.h264", images, PROGRESSIVE).read_bytes()
    second = encode(tmp_path / "second.h264", images, INTERLACED).read_bytes()
    both = tmp_path / "both.h264"
    both.write_bytes(first + second)
    found = decoded(both)
    assert len(found) == 32
    for number, image in enumerate(found):
        assert image is not None
        assert np.abs(image.astype(int) - images[number % 16])[14:34].mean() < 6, number


def test_a_damaged_stretch_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    clip = encode(
        tmp_path / "clip.mp4",
        [square_at(2 * i) for i in range(36)],
        {"g": "6", "bf": "0", "preset": "ultrafast"},
    )
    with av.open(str(clip)) as container:
        sizes = [(p.pos, p.size) for p in container.demux(video=0) if p.pos is not None and p.size]
    data = bytearray(clip.read_bytes())
    for at, size in sizes[12:15]:
        data[at + 5 : at + size] = bytes(size - 5)
    clip.write_bytes(data)
    with Recording(str(clip)) as recording:
        seen = [frame.image for frame in recording]
        lost = recording.unreadable
    assert lost
    assert all("cannot be decoded" in line for line in lost)
    assert np.abs(seen[-1].astype(int) - square_at(2 * 35)).mean() < 6


@pytest.mark.parametrize(
    ("corner", "turns"),
    [((0, 1, -1, 0), -1), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1)],
    ids=["90", "180", "270"],
)
def test_a_video_of_a_rotated_phone_is_turned_upright(
    corner: tuple[int, int, int, int], turns: int, tmp_path: Path
) -> None:
    clip = encode(tmp_path / "clip.mp4", [square_at(4)] * 3, PROGRESSIVE)
    data = bytearray(clip.read_bytes())
    # ISO/IEC 14496-12, track header: the matrix is 40 bytes after the version and flags.
    at = data.index(b"tkhd") + 4 + 4 + 36
    a, b, c, d = (value << 16 for value in corner)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    clip.write_bytes(data)
    for image in decoded(clip):
        assert image is not None
        expected = np.rot90(square_at(4), turns)
        assert image.shape == expected.shape
        assert np.abs(image.astype(int) - expected).mean() < 6


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.avi", "mjpeg", "yuvj420p"),
        ("b.mp4", "libx264", "yuv420p10le"),
        ("c.mkv", "ffv1", "gray"),
        ("d.mp4", "libx265", "yuv422p"),
    ],
)
def test_a_progressive_video_gives_the_same_images_as_opencv(
    name: str, codec: str, pix_fmt: str, tmp_path: Path
) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    clip = encode(
        tmp_path / name, [square_at(i) for i in range(6)], options, codec=codec, pix_fmt=pix_fmt
    )
    theirs = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG)
    for image in decoded(clip):
        readable, expected = theirs.read()
        assert readable
        assert image is not None
        np.testing.assert_array_equal(image, expected)


def test_an_image_is_decoded_into_a_buffer_of_its_shape(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", [square_at(4)] * 3, PROGRESSIVE)
    source = open_source(str(clip))
    buffer, other = np.zeros((48, 96, 3), np.uint8), np.zeros((10, 10, 3), np.uint8)
    assert source.grab()
    assert source.retrieve(buffer) is buffer
    assert source.grab()
    made = source.retrieve(other)
    assert made is not None
    assert made.shape == (48, 96, 3)
    np.testing.assert_array_equal(made, buffer)
    source.close()


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(
    ("matrix", "name"), [("bt709", "BT.709"), ("smpte170m", "BT.601"), ("bt2020nc", "BT.2020")]
)
def test_colours_are_converted_by_the_films_own_tag(
    matrix: str, name: str, full_range: bool, tmp_path: Path
) -> None:
    """With the matrix of another tag, 30, 200, 60 becomes 34, 225, 70."""
    green = (30, 200, 60)
    clip = write_colour(tmp_path / "clip.mp4", green, matrix, full_range=full_range, tagged=True)
    decoder = Decoder(str(clip))
    assert decoder.colours == (f"{name}, full range" if full_range else name)
    assert decoder.grab()
    image = decoder.image()
    assert image is not None
    assert np.abs(image.astype(int) - green).max() <= 2
    decoder.close()


def test_colours_without_a_tag_are_read_as_bt_601(tmp_path: Path) -> None:
    clip = write_colour(
        tmp_path / "clip.mp4", (30, 200, 60), "smpte170m", full_range=False, tagged=False
    )
    decoder = Decoder(str(clip))
    assert decoder.colours == "without a tag, read as BT.601"
    assert decoder.grab()
    image = decoder.image()
    assert image is not None
    assert np.abs(image.astype(int) - (30, 200, 60)).max() <= 2
    decoder.close()


@pytest.mark.parametrize("content", ["sound", "nothing"])
def test_a_file_without_images_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        if content == "sound":
            stream = container.add_stream("pcm_s16le", rate=8000)
            sound = av.AudioFrame.from_ndarray(
                np.zeros((1, 800), np.int16), format="s16", layout="mono"
            )
            sound.sample_rate = 8000
            container.mux(stream.encode(sound))
    if content == "nothing":
        path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(5000))
    with pytest.raises((av.FFmpegError, OSError)):
        Decoder(str(path))
