"""`CameraProcess` with real processes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detector.ingest import CameraBlind, CameraProcess, CameraState, Frame
from detector.ingest.capture.process import CaptureProcess
from detector.ingest.capture.supervisor import Supervisor
from tests.ingest.capture_camera import AT_ONCE, camera_of
from tests.ingest.films import evenly, greys, write_film

Video = Callable[..., Path]
Pids = Callable[..., set[int]]

pytestmark = pytest.mark.usefixtures("fakes")

PATIENCE_S = 20.0
"""Limit for an expected event; far longer than it takes, because the machine may be busy."""

LEVELS = 251


def until_blind(camera: CameraProcess) -> tuple[list[tuple[int, int]], CameraBlind]:
    """Index and timestamp of each frame up to the next `CameraBlind`, and that error."""
    frames = []
    while True:
        try:
            frame = camera.read_latest(PATIENCE_S)
        except CameraBlind as error:
            return frames, error
        frames.append((frame.index, frame.t_mono_ns))


def blind(camera: CameraProcess, *states: CameraState) -> CameraBlind:
    """Reads until the camera is in one of `states`."""
    while True:
        error = until_blind(camera)[1]
        if error.state in states:
            return error


def seen(camera: CameraProcess, count: int = 1) -> list[Frame]:
    """The next `count` frames, ignoring `CameraBlind`."""
    frames: list[Frame] = []
    while len(frames) < count:
        with contextlib.suppress(CameraBlind):
            frames.append(camera.read_latest(PATIENCE_S))
    return frames


def test_a_recording_plays_as_a_camera_and_every_frame_is_accounted_for(video: Video) -> None:
    path = video(frames=30, fps=100)
    with camera_of(str(path)) as camera:
        frames, end = until_blind(camera)
        health = camera.health
        assert camera.fps == 100
    assert end.state is health.state is CameraState.ENDED
    assert end.reason == f"{path}: the recording has ended after 30 frames"
    assert health.frames_grabbed == 30 == len(frames) + health.frames_overwritten
    assert frames == sorted(set(frames))
    assert frames[-1][0] == 29
    # Played at its own rate: no frame is early.
    for index, t_mono_ns in frames:
        assert t_mono_ns - frames[0][1] >= (index - frames[0][0]) * 10_000_000 - 1_000_000


def test_a_film_plays_at_the_times_of_its_own_frames(tmp_path: Path) -> None:
    at_s = [*evenly(15, 30), *evenly(10, 10, start_s=0.5)]
    film = write_film(tmp_path / "phone.mp4", greys(25), at_s)
    with camera_of(str(film)) as camera:
        frames, end = until_blind(camera)
    assert end.state is CameraState.ENDED
    first, first_ns = frames[0]
    shift_ns = 0  # of a machine that was too slow for an image
    for index, t_mono_ns in frames:
        late_ns = t_mono_ns - first_ns - round((at_s[index] - at_s[first]) * 1e9) - shift_ns
        assert late_ns >= -1_000_000
        shift_ns += max(0, late_ns)
    assert camera.health.frames_late or shift_ns < 1_000_000


def test_during_a_gap_of_a_film_the_camera_stalls_and_then_it_goes_on(tmp_path: Path) -> None:
    """Without a restart: the film would play from its beginning."""
    at_s = [*evenly(10, 30), *evenly(10, 30, start_s=3.5)]
    film = write_film(tmp_path / "gap.mp4", greys(20), at_s)
    with camera_of(str(film)) as camera:
        before, stalled = until_blind(camera)
        after, end = until_blind(camera)
        while end.state is CameraState.STALLED:  # again, every `timeout_s`
            after, end = until_blind(camera)
        assert camera.health.restarts == 0
    assert stalled.state is CameraState.STALLED
    assert re.search(r"gap.mp4: the recording has a gap, 3\.[12] s from now on", stalled.reason)
    assert before[-1][0] == 9
    assert after[0][0] == 10
    assert after[0][1] - before[-1][1] == pytest.approx(3.2e9, abs=0.2e9)
    assert end.state is CameraState.ENDED


def test_the_rate_is_known_once_a_frame_was_read(
    video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, wait_for_end = threading.Event(), Supervisor._wait_for_end

    def delayed(self: Supervisor, child: CaptureProcess) -> bool:
        assert asked.wait(PATIENCE_S)
        return wait_for_end(self, child)

    monkeypatch.setattr(Supervisor, "_wait_for_end", delayed)
    with camera_of(str(video(fps=12.5))) as camera:
        camera.read_latest(PATIENCE_S)
        rate = camera.fps
        asked.set()
    assert rate == 12.5


def test_a_machine_that_is_too_slow_for_a_recording_is_reported(video: Video) -> None:
    with camera_of(str(video(frames=60)), fps=900_000) as camera:
        blind(camera, CameraState.ENDED)
        late = camera.health.frames_late
        assert late > 0
        assert camera.health.reason.endswith(
            f"60 frames; {late} frames were late: this machine is too slow"
        )


def test_a_frame_has_its_own_image_and_its_source(video: Video) -> None:
    path = video(frames=30, fps=100)
    with camera_of(f"file://{path}") as camera:
        for frame in seen(camera, 5):
            assert frame.source == f"file://{path}"
            assert frame.size_px == (64, 48)
        assert abs(float(frame.image.mean()) - frame.index * 8) < 2


def test_a_slow_reader_gets_the_newest_frame_and_missed_ones_are_counted(tmp_path: Path) -> None:
    url = str(tmp_path / "lives")
    with camera_of(url, fake="fast") as camera:
        before = camera.read_latest(PATIENCE_S).index
        while camera.health.frames_grabbed < before + 50:
            pass
        after = camera.read_latest(PATIENCE_S).index
        assert after > before + 40
        assert camera.health.frames_overwritten >= 40


def test_no_image_is_torn_by_a_fast_writer_or_its_death(tmp_path: Path, capture_pids: Pids) -> None:
    url = str(tmp_path / "lives")
    with camera_of(url, fake="fast", backoff=AT_ONCE) as camera:
        indices = []
        for _ in range(4):
            for _ in range(60):
                frame = seen(camera)[0]
                first = np.array(frame.image)
                assert np.all(first == first[0, 0, 0])
                assert np.array_equal(frame.image, first)
                indices.append(frame.index)
            for pid in capture_pids():
                os.kill(pid, signal.SIGKILL)
        assert indices == sorted(set(indices))
        assert camera.health.restarts >= 3


def test_a_killed_capture_process_is_restarted(video: Video, capture_pids: Pids) -> None:
    path = video(frames=200, fps=200)
    with camera_of(str(path), loop=True, backoff=AT_ONCE) as camera:
        before = camera.read_latest(PATIENCE_S).index
        (pid,) = capture_pids()
        os.kill(pid, signal.SIGKILL)
        error = blind(camera, CameraState.RESTARTING)
        assert "SIGKILL" in error.reason
        after = seen(camera)[0]
        assert after.index > before
        assert camera.health.state is CameraState.LIVE
        assert camera.health.restarts >= 1
        assert capture_pids() != {pid}


def test_a_crash_inside_a_library_is_reported_with_its_signal(tmp_path: Path) -> None:
    url = str(tmp_path / "lives")
    with camera_of(url, fake="dies") as camera:
        assert "SIGSEGV" in blind(camera, CameraState.RESTARTING).reason


def test_a_missing_source_is_retried_until_it_appears(video: Video, tmp_path: Path) -> None:
    missing = tmp_path / "clip.avi"
    with camera_of(str(missing), loop=True, backoff=AT_ONCE) as camera:
        error = blind(camera, CameraState.UNREACHABLE)
        assert error.reason.startswith(f"{missing}: no such file; check the path")
        assert camera.health.state is CameraState.UNREACHABLE
        video("clip.avi", fps=100)
        assert seen(camera)[0].size_px == (64, 48)
        assert camera.health.state is CameraState.LIVE
        assert camera.health.restarts >= 1


def test_a_camera_that_refuses_is_retried_and_its_password_is_not_reported(tmp_path: Path) -> None:
    url = str(tmp_path / "lives")
    with camera_of(url, fake="refused_twice", backoff=AT_ONCE) as camera:
        assert blind(camera, CameraState.UNREACHABLE).reason == "rtsp://camera/: refused; wait"
        seen(camera)
        assert camera.health.restarts == 2


@pytest.mark.parametrize("fault", ["hangs_once", "hangs_while_opening_once"])
def test_a_read_that_hangs_is_killed_and_restarted(tmp_path: Path, fault: str) -> None:
    with camera_of(
        str(tmp_path / "lives"),
        open_timeout_s=0.5,
        frame_timeout_s=0.2,
        backoff=AT_ONCE,
        fake=f"{fault}",
    ) as camera:
        assert "hangs" in blind(camera, CameraState.RESTARTING).reason
        assert len(seen(camera, 5)) == 5
        assert camera.health.restarts >= 1


@pytest.fixture
def long_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hanging process is not killed within the test."""
    monkeypatch.setattr("detector.ingest.capture.supervisor.KILL_GRACE_S", 3 * PATIENCE_S)


@pytest.mark.usefixtures("long_grace")
def test_a_stall_is_reported_before_the_process_is_killed(
    tmp_path: Path, capture_pids: Pids
) -> None:
    with camera_of(str(tmp_path / "lives"), frame_timeout_s=0.2, fake="hangs") as camera:
        assert "no image for" in blind(camera, CameraState.STALLED).reason
        assert camera.health.restarts == 0
        assert len(capture_pids()) == 1


@pytest.mark.usefixtures("long_grace")
def test_an_old_image_is_never_handed_out(tmp_path: Path) -> None:
    with camera_of(str(tmp_path / "lives"), frame_timeout_s=0.2, fake="hangs") as camera:
        while camera.health.state is not CameraState.STALLED:
            pass
        with pytest.raises(CameraBlind):
            camera.read_latest(0.0)
        assert camera.health.frames_grabbed == 1 == camera.health.frames_overwritten


def test_a_read_with_a_shorter_timeout_than_the_supervisors_is_blind_too(tmp_path: Path) -> None:
    with camera_of(str(tmp_path / "lives"), fake="hangs") as camera:
        camera.read_latest(PATIENCE_S)
        with pytest.raises(CameraBlind, match=r"no new image for 0\.\d+ s") as error:
            camera.read_latest(0.01)
        assert error.value.state is CameraState.STALLED


def test_the_reason_states_the_age_of_the_last_frame_not_the_wait(
    tmp_path: Path,
) -> None:
    with camera_of(str(tmp_path / "lives"), fake="hangs") as camera:
        taken_ns = camera.read_latest(PATIENCE_S).t_mono_ns
        while time.monotonic_ns() < taken_ns + 300_000_000:
            pass
        with pytest.raises(CameraBlind) as error:
            camera.read_latest(0.005)
        stated = re.search(r"no new image for ([\d.]+) s", error.value.reason)
        assert stated is not None
        assert float(stated[1]) >= 0.29


def test_before_the_first_image_the_camera_is_starting(tmp_path: Path) -> None:
    with (
        camera_of(str(tmp_path / "lives"), fake="fast") as camera,
        pytest.raises(CameraBlind, match="being opened") as error,
    ):
        camera.read_latest(0.0)
    assert error.value.state is CameraState.STARTING


def test_a_frozen_camera_is_reported_and_its_images_are_withheld(tmp_path: Path) -> None:
    url = str(tmp_path / "lives")
    with camera_of(url, frozen_after=4, fake="frozen_until_resumed") as camera:
        assert "the last 4 images are identical" in blind(camera, CameraState.FROZEN).reason
        Path(f"{url}.resume").touch()
        frames, end = until_blind(camera)
        resumed_at = int(Path(f"{url}.resumed").read_text())
        assert end.state is CameraState.ENDED
        assert min(frames)[0] >= resumed_at
        # Without the three different images and the first three identical ones.
        assert camera.health.frames_withheld == resumed_at - 6


def test_a_camera_that_stays_frozen_is_reopened_and_never_live_in_between(video: Video) -> None:
    path = video(levels=[40] * 100, fps=200)
    with camera_of(
        str(path),
        frozen_after=4,
        backoff=AT_ONCE,
        fake="reconnects_soon_when_frozen",
    ) as camera:
        frames, error = until_blind(camera)
        while camera.health.frames_withheld < 8:
            assert error.state is CameraState.FROZEN
            with pytest.raises(CameraBlind) as again:
                camera.read_latest(0.05)
            error = again.value
        health = camera.health
        assert health.restarts >= 1
        assert len(frames) + health.frames_overwritten == 3


def test_a_frozen_camera_stays_frozen_after_it_was_unreachable(
    tmp_path: Path,
) -> None:
    with camera_of(
        str(tmp_path / "lives"),
        frozen_after=4,
        backoff=AT_ONCE,
        fake="frozen_and_once_unreachable",
    ) as camera:
        handed_out = 0
        while camera.health.restarts < 3 or camera.health.state is not CameraState.FROZEN:
            with contextlib.suppress(CameraBlind):
                camera.read_latest(0.05)
                handed_out += 1
        assert handed_out + camera.health.frames_overwritten == 3


def test_recordings_of_still_images_are_not_frozen(video: Video) -> None:
    path = video(levels=[40] * 10, fps=200)
    with camera_of(str(path)) as camera:
        blind(camera, CameraState.ENDED)
        assert camera.health.frames_withheld == 0


def test_a_looped_recording_continues_and_so_do_its_indices(video: Video) -> None:
    path = video(frames=5, fps=200)
    with camera_of(str(path), loop=True) as camera:
        frame = camera.read_latest(PATIENCE_S)
        while frame.index < 12:
            frame = camera.read_latest(PATIENCE_S)
        assert abs(float(frame.image.mean()) - (frame.index % 5) * 8) < 2
        assert camera.health.restarts == 0


def test_a_recording_that_ended_stays_ended(video: Video) -> None:
    with camera_of(str(video(frames=3, fps=200)), backoff=AT_ONCE) as camera:
        blind(camera, CameraState.ENDED)
        with pytest.raises(CameraBlind, match="ended after 3 frames"):
            camera.read_latest(0.05)
        assert camera.health.restarts == 0


def test_a_camera_that_closes_its_stream_is_reopened(tmp_path: Path) -> None:
    url = str(tmp_path / "lives")
    with camera_of(url, fake="closes_after_three", backoff=AT_ONCE) as camera:
        assert "closed the stream" in blind(camera, CameraState.ENDED).reason
        blind(camera, CameraState.ENDED)
        assert camera.health.restarts >= 1


def test_undecodable_images_are_counted_and_the_camera_is_blind(tmp_path: Path) -> None:
    with camera_of(
        str(tmp_path / "lives"),
        open_timeout_s=0.1,
        frame_timeout_s=0.1,
        fake="garbled",
    ) as camera:
        assert "an image is damaged, for 0.1 s" in blind(camera, CameraState.STALLED).reason
        assert camera.health.unreadable
        with pytest.raises(CameraBlind):
            camera.read_latest(0.01)


def test_images_of_changing_size_are_passed_on_whole(tmp_path: Path) -> None:
    url = str(tmp_path / "lives")
    with camera_of(url, fake="shrinking") as camera:
        for _ in range(100):
            frame = camera.read_latest(PATIENCE_S)
            index = frame.index
            assert frame.size_px == (30 + index * 11 % 40, 20 + index * 7 % 50)
            assert np.all(frame.image == index % LEVELS)


def test_an_error_in_a_cameras_own_library_is_reported_without_the_url(tmp_path: Path) -> None:
    url = f"{tmp_path}/secret"
    with camera_of(url, fake="crashes") as camera:
        reason = blind(camera, CameraState.RESTARTING).reason
        assert reason == "the capture process failed: ZeroDivisionError: while opening the source"


def test_a_camera_makers_own_library_logs_like_the_detector(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    url = f"{tmp_path}/lives"
    with camera_of(url, fake="complains") as camera:
        camera.read_latest(PATIENCE_S)
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("Z WARNING belt: camera_maker: the driver dropped a buffer")


def test_the_password_is_not_on_the_command_line(tmp_path: Path, capture_pids: Pids) -> None:
    with camera_of(str(tmp_path / "secret"), fake="fast") as camera:
        camera.read_latest(PATIENCE_S)
        (pid,) = capture_pids()
        assert b"secret" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_the_capture_process_ignores_ctrl_c(tmp_path: Path, capture_pids: Pids) -> None:
    with camera_of(str(tmp_path / "lives"), fake="fast") as camera:
        camera.read_latest(PATIENCE_S)
        (pid,) = capture_pids()
        assert (
            os.getsid(pid) == pid != os.getsid(0)
        )  # a terminal's Ctrl-C does not reach its session
        os.kill(pid, signal.SIGINT)
        seen(camera, 20)
        assert capture_pids() == {pid}


def test_the_last_frame_outlives_the_camera(tmp_path: Path) -> None:
    with camera_of(str(tmp_path / "lives"), fake="fast") as camera:
        frame = camera.read_latest(PATIENCE_S)
    assert np.all(frame.image == frame.index % LEVELS)
    assert camera.health.frames_grabbed > 0
    with pytest.raises(RuntimeError, match="inside its `with`"):
        camera.read_latest(0.0)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"fps": 0.0}, "fps"),
        ({"open_timeout_s": float("nan")}, "open_timeout_s"),
        ({"frozen_after": 1}, "frozen_after"),
    ],
)
def test_invalid_settings_are_refused(wrong: dict[str, float], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        camera_of("clip.avi", **wrong)  # type: ignore[arg-type]
