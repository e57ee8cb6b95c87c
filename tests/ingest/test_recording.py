from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.ingest import Recording, SourceError

Video = Callable[..., Path]


def test_every_frame_comes_in_order_with_its_position_in_the_recording(video: Video) -> None:
    path = video(frames=20, fps=25)
    with Recording(str(path)) as recording:
        assert recording.fps == 25
        assert recording.frame_count == 20
        frames = list(recording)
        assert recording.unreadable == []
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.t_mono_ns for frame in frames] == [i * 40_000_000 for i in range(20)]
    assert all(frame.t_utc_ns == frame.t_mono_ns for frame in frames)
    assert {frame.source for frame in frames} == {str(path)}
    levels = [float(frame.image.mean()) for frame in frames]
    np.testing.assert_allclose(levels, [i * 8 for i in range(20)], atol=2)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi"])
def test_a_replay_is_the_same_every_time(video: Video, name: str) -> None:
    path = video(name)

    def replay() -> list[tuple[int, int, bytes]]:
        with Recording(str(path)) as recording:
            return [(f.index, f.t_mono_ns, f.image.tobytes()) for f in recording]

    assert replay() == replay()


def test_a_given_rate_overrides_the_recordings_own(video: Video) -> None:
    with Recording(str(video(fps=25)), fps=10) as recording:
        assert [frame.t_mono_ns for frame in recording][:3] == [0, 100_000_000, 200_000_000]


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_an_invalid_rate_is_refused(fps: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Recording("clip.avi", fps=fps)


def test_a_truncated_video_is_reported(video: Video) -> None:
    whole = video(frames=20, size_px=(320, 240))
    broken = whole.with_name("broken.avi")
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with Recording(str(broken)) as recording:
        count = len(list(recording))
        assert 0 < count < 20
        assert recording.unreadable == [
            f"{broken}: {count} of 20 frames can be read: it is cut off, or damaged in between"
        ]


def test_a_video_without_frames_is_reported(video: Video) -> None:
    empty = video().with_name("empty.avi")
    cv2.VideoWriter(str(empty), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48)).release()
    with Recording(str(empty)) as recording:
        assert list(recording) == []
        assert recording.unreadable == [f"{empty}: has no readable frame"]


def test_an_unreadable_image_keeps_its_index_and_is_reported(tmp_path: Path) -> None:
    for index in range(4):
        cv2.imwrite(str(tmp_path / f"{index}.jpg"), np.full((48, 64, 3), index, np.uint8))
    broken = tmp_path / "2.jpg"
    broken.write_bytes(broken.read_bytes()[:-40])
    with Recording(str(tmp_path)) as recording:
        assert recording.frame_count == 4
        assert [frame.index for frame in recording] == [0, 1, 3]
        (line,) = recording.unreadable
        assert line.startswith(f"{broken}: the image is cut off; ")


def test_the_caller_may_keep_all_frames(video: Video) -> None:
    with Recording(str(video())) as recording:
        frames = list(recording)
    assert len({frame.image.ctypes.data for frame in frames}) == len(frames)


def test_a_second_iteration_continues_after_the_first(video: Video) -> None:
    with Recording(str(video(frames=6))) as recording:
        first = next(iter(recording))
        rest = [frame.index for frame in recording]
    assert (first.index, rest) == (0, [1, 2, 3, 4, 5])


def test_reading_outside_its_with_is_refused(video: Video) -> None:
    with pytest.raises(RuntimeError, match="with Recording"):
        list(Recording(str(video())))


def test_a_recording_without_a_rate_is_refused_unless_fps_is_given(
    video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.ingest.sources.video_file.FASTEST_FPS", 1.0)
    with pytest.raises(SourceError, match="no frame rate; set the rate"), Recording(str(video())):
        pass
    with Recording(str(video()), fps=5) as recording:
        assert recording.fps == 5
