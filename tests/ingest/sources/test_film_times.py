"""Each frame of a film has its own time: real films of unusual kinds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest import Recording, SourceError
from detector.ingest.sources.frame_times import FrameTimes
from tests.ingest.films import cut_without_encoding, damage, evenly, greys, noise, write_film

PHONE_S = [*evenly(30, 30), *evenly(20, 10, start_s=1.0)]
"""A phone in the dark: 30 images per second, then 10."""


def read(film: Path) -> tuple[list[float], list[str], list[str]]:
    """The frames' times (s), what could not be read, and what is reported on the times."""
    with Recording(str(film)) as recording:
        times_s = [frame.t_mono_ns / 1e9 for frame in recording]
        return times_s, recording.unreadable, recording.time_notes


@pytest.mark.parametrize("name", ["phone.mp4", "phone.mkv", "phone.mov", "phone.ts"])
def test_each_frame_of_a_varying_rate_has_its_own_time_and_the_change_is_told(
    name: str, tmp_path: Path
) -> None:
    film = write_film(tmp_path / name, greys(50), PHONE_S)
    times_s, unreadable, notes = read(film)
    np.testing.assert_allclose(times_s, PHONE_S, atol=0.001)
    assert unreadable == []
    assert notes == [
        f"{film}: its rate varies, from 30 frames per second at 0.00 s to 10 at 1.00 s; each frame "
        "has its own time"
    ]


@pytest.mark.parametrize("name", ["gap.mp4", "gap.mkv", "gap.ts"])
def test_a_gap_keeps_its_length_and_is_told(name: str, tmp_path: Path) -> None:
    at_s = [*evenly(30, 30), *evenly(30, 30, start_s=61.0)]
    film = write_film(tmp_path / name, greys(60), at_s)
    times_s, unreadable, notes = read(film)
    np.testing.assert_allclose(times_s, at_s, atol=0.001)
    assert unreadable == []
    assert notes == [f"{film}: a gap of 60.0 s after 0.97 s: nothing was recorded"]


def test_several_gaps_are_told_in_one_line(tmp_path: Path) -> None:
    at_s = [start + each for start in (0, 10, 40) for each in evenly(20, 10)]
    film = write_film(tmp_path / "gaps.mp4", greys(60), at_s)
    _, _, notes = read(film)
    assert notes == [
        f"{film}: 2 gaps, the longest of 28.1 s, the first after 1.90 s: nothing was recorded"
    ]


def test_after_a_jump_back_the_times_continue_and_the_jump_is_told(tmp_path: Path) -> None:
    """Two transport streams in one file, the second one older."""
    first = write_film(tmp_path / "a.ts", greys(30), evenly(30, 30, start_s=100))
    second = write_film(tmp_path / "b.ts", greys(30), evenly(30, 30))
    film = tmp_path / "both.ts"
    film.write_bytes(first.read_bytes() + second.read_bytes())
    times_s, unreadable, notes = read(film)
    np.testing.assert_allclose(times_s, evenly(60, 30), atol=0.001)
    assert unreadable == []
    assert notes == [
        f"{film}: its clock jumps back by 101.0 s after 0.97 s: the times of what follows continue "
        "from there"
    ]


@pytest.mark.parametrize("rate", [0.5, 7.5, 24.0, 30.0])
def test_nothing_is_told_of_a_constant_rate(rate: float, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mkv", greys(24), evenly(24, rate))
    times_s, unreadable, notes = read(film)
    np.testing.assert_allclose(times_s, evenly(24, rate), atol=0.001)
    assert (unreadable, notes) == ([], [])


def test_a_rate_that_is_given_replaces_the_films_own_times(tmp_path: Path) -> None:
    film = write_film(tmp_path / "phone.mp4", greys(50), PHONE_S)
    with Recording(str(film), fps=20) as recording:
        assert [frame.t_mono_ns for frame in recording] == [i * 50_000_000 for i in range(50)]
        assert recording.time_notes == []


def test_a_film_that_was_cut_without_encoding_is_whole(tmp_path: Path) -> None:
    """Its index also counts the images that are hidden before the first one that is shown."""
    whole = write_film(tmp_path / "whole.mp4", greys(90), evenly(90, 30), options={"g": "45"})
    film = cut_without_encoding(whole, tmp_path / "cut.mp4", 1.0, 2.5)
    with Recording(str(film)) as recording:
        frames = list(recording)
        assert recording.unreadable == []
        assert recording.frame_count == len(frames) == 45
    assert [round(30 * frame.t_mono_ns / 1e9) for frame in frames] == list(range(45))
    with Recording(str(whole)) as recording:
        shown = [frame.image for frame in recording][30:75]
    for frame, expected in zip(frames, shown, strict=True):
        np.testing.assert_array_equal(frame.image, expected)


def test_frames_after_a_damaged_stretch_keep_their_times_and_the_lost_ones_are_counted(
    tmp_path: Path,
) -> None:
    film = write_film(tmp_path / "film.mp4", greys(90), evenly(90, 30), options={"g": "30"})
    whole, *_ = read(film)
    times_s, unreadable, notes = read(damage(film, range(40, 44)))
    lost = sorted({round(30 * at) for at in whole} - {round(30 * at) for at in times_s})
    assert lost[0] == 40
    assert times_s == [whole[i] for i in range(90) if i not in lost]
    assert unreadable == [
        f"{film}: {len(lost)} of 90 frames cannot be decoded, from {40 / 30:.2f} s to "
        f"{(lost[-1] + 1) / 30:.2f} s"
    ]
    assert notes == []


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_a_film_that_is_cut_off_is_reported_with_its_end(name: str, tmp_path: Path) -> None:
    whole = write_film(
        tmp_path / name, noise(90), evenly(90, 30), container={"movflags": "faststart"}
    )
    film = tmp_path / f"cut-{name}"
    film.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    times_s, unreadable, _ = read(film)
    assert 30 < len(times_s) < 60
    end_s = times_s[-1] + 1 / 30
    assert unreadable[-1] == (
        f"{film}: can be read up to {end_s:.2f} s of 3.00 s: it is cut off, or damaged at its end"
    )


def test_a_bare_stream_has_the_rate_that_its_codec_states(tmp_path: Path) -> None:
    """FFmpeg takes 25 images per second for each."""
    film = write_film(tmp_path / "film.h264", greys(30), evenly(30, 30), ticks=30)
    times_s, unreadable, notes = read(film)
    np.testing.assert_allclose(times_s, evenly(30, 30), atol=1e-6)
    assert unreadable == []
    assert notes == [f"{film}: has no timestamps, only a rate: 30 frames per second"]


@pytest.mark.parametrize(("name", "codec"), [("film.hevc", "libx265"), ("film.mjpeg", "mjpeg")])
def test_a_bare_stream_that_states_no_rate_needs_one(name: str, codec: str, tmp_path: Path) -> None:
    without = {"x265-params": "log-level=none:no-vui-timing-info=1"} if codec == "libx265" else {}
    film = write_film(
        tmp_path / name, greys(12), evenly(12, 30), codec=codec, options=without, ticks=30
    )
    with pytest.raises(SourceError, match="states no frame rate; set the rate"):
        read(film)
    with Recording(str(film), fps=30) as recording:
        assert len(list(recording)) == 12


def test_an_av1_film_is_read(tmp_path: Path) -> None:
    film = write_film(
        tmp_path / "film.mp4", greys(6), evenly(6, 30), codec="libsvtav1", options={"preset": "12"}
    )
    times_s, unreadable, notes = read(film)
    np.testing.assert_allclose(times_s, evenly(6, 30), atol=0.001)
    assert (unreadable, notes) == ([], [])


@pytest.mark.parametrize(("content", "what"), [("sound", "contains audio"), ("", "is empty")])
def test_a_film_without_images_is_refused_as_what_it_is(
    content: str, what: str, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    with av.open(str(film), "w") as container:
        if content:
            stream = container.add_stream("aac", rate=8000)
            silence = np.zeros((1, 1024), np.float32)
            sound = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            sound.sample_rate = 8000
            container.mux(stream.encode(sound))
            container.mux(stream.encode(None))
        else:
            container.add_stream("libx264", rate=30, width=96, height=48)
            container.start_encoding()
    with pytest.raises(SourceError) as refused:
        read(film)
    assert str(refused.value) == f"{film}: no video: it {what}; record it again with images"


@given(
    stamps=st.lists(st.none() | st.integers(0, 10**12), min_size=1, max_size=60),
    damaged=st.sets(st.integers(0, 59)),
)
def test_positions_always_increase(stamps: Sequence[int | None], damaged: set[int]) -> None:
    times = FrameTimes(25.0)
    positions_ns = []
    for number, stamp in enumerate(stamps):
        if number in damaged:
            times.add_damaged()
        positions_ns.append(times.add(stamp))
    assert positions_ns[0] >= 0
    assert all(before < after for before, after in pairwise(positions_ns))
    assert times.lost_frames >= len(damaged & set(range(len(stamps))))
