"""Real films of every odd kind, encoded here."""

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

Picture = NDArray[np.uint8]

INTERLACED = {"x264-params": "tff=1", "crf": "1"}
PROGRESSIVE = {"crf": "1"}


def square_at(x_px: int) -> Picture:
    """A white square on grey, `(48, 96, 3)`."""
    picture = np.full((48, 96, 3), 70, np.uint8)
    picture[12:36, x_px : x_px + 24] = 255
    return picture


def woven(moments: Sequence[Picture]) -> Picture:
    """Two moments as an interlaced camera gives them: the upper field, then the lower."""
    picture = moments[0].copy()
    picture[1::2] = moments[1][1::2]
    return picture


def encode(
    path: Path,
    pictures: Sequence[Picture],
    options: dict[str, str],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.options = pix_fmt, options
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def decoded(path: Path) -> list[Picture | None]:
    decoder = Decoder(str(path))
    pictures = []
    while decoder.grab():
        pictures.append(decoder.picture())
    decoder.close()
    return pictures


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("film.mp4", "libx264", INTERLACED),
        ("film.mpg", "mpeg2video", {"flags": "+ildct+ilme", "qscale": "1"}),
    ],
)
def test_an_interlaced_film_shows_each_picture_at_one_moment(
    name: str, codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    film = encode(
        tmp_path / name,
        [woven((square_at(4 * i), square_at(4 * i + 2))) for i in range(16)],
        options,
        codec=codec,
    )
    pictures = decoded(film)
    assert len(pictures) == 16
    for number, picture in enumerate(pictures):
        assert picture is not None
        off = np.abs(picture.astype(int) - square_at(4 * number)).max(axis=2)
        assert np.median(off) < 5, number
        # But for the square's upper and lower rim, which lies between the rows of a field.
        assert off[14:34].mean() < 6, number


def test_a_stream_that_turns_interlaced_goes_on(tmp_path: Path) -> None:
    """OpenCV 5.0 repeats the last progressive picture for ever, and says that all is well."""
    pictures = [square_at(3 * i) for i in range(16)]
    first = encode(tmp_path / "first.h264", pictures, PROGRESSIVE).read_bytes()
    second = encode(tmp_path / "second.h264", pictures, INTERLACED).read_bytes()
    both = tmp_path / "both.h264"
    both.write_bytes(first + second)
    found = decoded(both)
    assert len(found) == 32
    for number, picture in enumerate(found):
        assert picture is not None
        assert np.abs(picture.astype(int) - pictures[number % 16])[14:34].mean() < 6, number


def test_a_damaged_stretch_is_named_and_what_follows_is_seen(tmp_path: Path) -> None:
    film = encode(
        tmp_path / "film.mp4",
        [square_at(2 * i) for i in range(36)],
        {"g": "6", "bf": "0", "preset": "ultrafast"},
    )
    with av.open(str(film)) as container:
        sizes = [(p.pos, p.size) for p in container.demux(video=0) if p.pos is not None and p.size]
    data = bytearray(film.read_bytes())
    for at, size in sizes[12:15]:
        data[at + 5 : at + size] = bytes(size - 5)
    film.write_bytes(data)
    with Recording(str(film)) as recording:
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
def test_a_film_of_a_turned_phone_is_turned_upright(
    corner: tuple[int, int, int, int], turns: int, tmp_path: Path
) -> None:
    film = encode(tmp_path / "film.mp4", [square_at(4)] * 3, PROGRESSIVE)
    data = bytearray(film.read_bytes())
    # ISO/IEC 14496-12, track header: its matrix stands 40 bytes after the version and flags.
    at = data.index(b"tkhd") + 4 + 4 + 36
    a, b, c, d = (value << 16 for value in corner)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    film.write_bytes(data)
    for picture in decoded(film):
        assert picture is not None
        expected = np.rot90(square_at(4), turns)
        assert picture.shape == expected.shape
        assert np.abs(picture.astype(int) - expected).mean() < 6


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.avi", "mjpeg", "yuvj420p"),
        ("b.mp4", "libx264", "yuv420p10le"),
        ("c.mkv", "ffv1", "gray"),
        ("d.mp4", "libx265", "yuv422p"),
    ],
)
def test_a_progressive_film_gives_the_pictures_that_opencv_gives(
    name: str, codec: str, pix_fmt: str, tmp_path: Path
) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    film = encode(
        tmp_path / name, [square_at(i) for i in range(6)], options, codec=codec, pix_fmt=pix_fmt
    )
    theirs = cv2.VideoCapture(str(film), cv2.CAP_FFMPEG)
    for picture in decoded(film):
        readable, expected = theirs.read()
        assert readable
        assert picture is not None
        np.testing.assert_array_equal(picture, expected)


def test_a_picture_goes_where_there_is_room_for_it(tmp_path: Path) -> None:
    film = encode(tmp_path / "film.mp4", [square_at(4)] * 3, PROGRESSIVE)
    source = open_source(str(film))
    room, other = np.zeros((48, 96, 3), np.uint8), np.zeros((10, 10, 3), np.uint8)
    assert source.grab()
    assert source.retrieve(room) is room
    assert source.grab()
    made = source.retrieve(other)
    assert made is not None
    assert made.shape == (48, 96, 3)
    np.testing.assert_array_equal(made, room)
    source.close()


@pytest.mark.parametrize("content", ["sound", "nothing"])
def test_a_file_without_pictures_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
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
