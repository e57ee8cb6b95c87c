"""Network cameras on loopback: real sockets, real H.264 over RTSP, real JPEG over HTTP."""

from __future__ import annotations

import contextlib
import re
import socket
import string
import threading
import time
import unittest.mock
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest import (
    CameraBlind,
    CameraProcess,
    CameraState,
    Frame,
    SourceError,
    describe_source,
    open_source,
)
from detector.ingest.sources import capture_times
from detector.ingest.sources.network_stream import NetworkStream
from detector.vocabulary import StampSource
from tests.ingest.capture_camera import AT_ONCE, camera_of
from tests.ingest.network_cameras import (
    FPS,
    PATIENCE_S,
    belt_url,
    h264,
    jpegs,
    server,
    silent,
)


def reads(camera: CameraProcess, count: int) -> list[Frame]:
    return [camera.read_latest(PATIENCE_S) for _ in range(count)]


def blind(camera: CameraProcess, state: CameraState) -> CameraBlind:
    while True:
        try:
            camera.read_latest(PATIENCE_S)
        except CameraBlind as error:
            if error.state is state:
                return error


def test_an_rtsp_camera_is_read_with_its_login_and_reported_without_it() -> None:
    with server(h264) as port, camera_of(belt_url(port)) as camera:
        frames = reads(camera, 10)
        assert frames[-1].source == f"rtsp://127.0.0.1:{port}/belt"
        assert frames[-1].size_px == (64, 48)
        assert camera.health.state is CameraState.LIVE
        assert camera.fps == FPS
        stamps = [frame.t_mono_ns for frame in frames]
        assert stamps == sorted(set(stamps))


def test_a_wrong_password_is_reported_but_not_printed() -> None:
    with server(h264) as port, pytest.raises(SourceError) as error:
        open_source(f"rtsp://operator:wrong@127.0.0.1:{port}/belt")
    assert str(error.value).startswith(
        f"rtsp://127.0.0.1:{port}/belt: refuses the login; check user and password"
    )


def test_a_wrong_path_is_told_from_a_wrong_password() -> None:
    with server(h264) as port, pytest.raises(SourceError, match="has no stream at this path"):
        open_source(f"{belt_url(port)}/gone")


def test_after_three_refusals_the_next_attempt_is_minutes_later() -> None:
    asked = []

    def counted(client: socket.socket, stop: threading.Event) -> None:
        asked.append(client)
        h264(client, stop)

    with (
        server(counted) as port,
        camera_of(f"rtsp://operator:wrong@127.0.0.1:{port}/belt", backoff=AT_ONCE) as camera,
    ):
        while "3 refusals: the next attempt is in 3 min" not in camera.health.reason:
            with contextlib.suppress(CameraBlind):
                camera.read_latest(0.05)
        assert camera.health.state is CameraState.UNREACHABLE
    assert len(asked) == 3  # and no more connections than attempts


def test_after_a_missing_image_none_is_given_until_the_next_key_frame() -> None:
    """FFmpeg gives them all, with the damage that the missing image causes and no sign of it."""
    lost = 103  # the image 110 is a key frame
    with server(partial(h264, lost={lost})) as port:
        source = open_source(belt_url(port))
        readable = []
        while source.grab() and len(readable) < 130:
            readable.append(source.retrieve() is not None)
        source.close()
    first, count = readable.index(False), readable.count(False)
    assert readable[first : first + count] == [False] * count  # one stretch
    assert 110 - lost - 2 <= count <= 110 - lost - 1  # FFmpeg may keep one back
    assert "until the next key frame" in source.unreadable[-1]


def test_a_size_that_changes_gives_images_of_that_size_and_not_scaled_ones() -> None:
    with server(partial(h264, resized_at=100)) as port:
        source = open_source(belt_url(port))
        sizes: list[tuple[int, ...]] = []
        while sizes[-1:] != [(64, 96, 3)] and source.grab():
            image = source.retrieve()
            if image is not None:
                sizes.append(image.shape)
        source.close()
    assert sizes == [(48, 64, 3)] * (len(sizes) - 1) + [(64, 96, 3)]
    assert len(sizes) > 10


@pytest.mark.parametrize(
    ("behind_s", "expected"),
    [
        (0.0, StampSource.SENDER_CLOCK),
        (7200.0, StampSource.MEDIA_CLOCK),
        (-7200.0, StampSource.MEDIA_CLOCK),
        (None, StampSource.MEDIA_CLOCK),
    ],
)
def test_images_are_dated_by_the_senders_clock_if_it_can_be_right(
    behind_s: float | None, expected: StampSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_times, "BUCKET_S", 0.1)
    # Whatever else runs here:
    monkeypatch.setattr(capture_times, "BELIEVED_RATE", 10.0)
    monkeypatch.setattr(capture_times, "LONGEST_TRANSIT_S", 30.0)
    monkeypatch.setattr(capture_times, "AHEAD_S", 30.0)
    with server(partial(h264, behind_s=behind_s)) as port:
        source = open_source(belt_url(port))
        assert isinstance(source, NetworkStream)
        last_ns = 0
        for _ in range(200):
            assert source.grab()
            assert source.captured_ns is not None
            assert last_ns < source.captured_ns < time.monotonic_ns()
            last_ns = source.captured_ns
            is_noted = behind_s in (None, 0.0) or "set it by NTP" in source.stamp_note
            if source.stamp_source is expected and is_noted:
                break
        assert source.stamp_source is expected
        if behind_s:
            word = "slow" if behind_s > 0 else "fast"
            assert re.search(rf"time of day is 7(200|199)\.\d\d s {word}", source.stamp_note)
        source.close()


def test_an_http_camera_is_read() -> None:
    with (
        server(jpegs) as port,
        camera_of(f"http://127.0.0.1:{port}/mjpg") as camera,
    ):
        frame = reads(camera, 5)[-1]
        assert np.ptp(frame.image) <= 2
        assert camera.health.state is CameraState.LIVE


def test_a_stream_without_data_is_stalled_and_reopened() -> None:
    with (
        server(partial(jpegs, images=20, hang=True)) as port,
        camera_of(f"http://127.0.0.1:{port}/mjpg", frame_timeout_s=0.3, backoff=AT_ONCE) as camera,
    ):
        reads(camera, 1)
        assert "no image for" in blind(camera, CameraState.STALLED).reason
        blind(camera, CameraState.STALLED)
        assert camera.health.restarts >= 1


def test_images_queued_before_the_connection_are_skipped_and_counted() -> None:
    queued = 25
    with (
        server(partial(h264, queued=queued)) as port,
        camera_of(belt_url(port)) as camera,
    ):
        frames = reads(camera, 5)
        assert min(frame.index for frame in frames) >= queued
        assert camera.health.frames_withheld >= queued


def last_before(hang: threading.Event, camera: CameraProcess) -> Frame | None:
    """Reads until the camera hangs and all images in transit have arrived; the last frame."""
    last = None
    quiet = 0
    while not hang.is_set() or quiet < 2:
        try:
            last = camera.read_latest(0.3)
            quiet = 0
        except CameraBlind:
            quiet += hang.is_set()
    return last


def test_after_a_hang_the_images_queued_during_it_are_skipped() -> None:
    hang, resume = threading.Event(), threading.Event()
    serve = partial(h264, hangs_at=150, hang=hang, resume=resume, kept=30)
    with (
        server(serve) as port,
        camera_of(belt_url(port), frame_timeout_s=PATIENCE_S) as camera,
    ):
        last = last_before(hang, camera)
        assert last is not None
        index, before = last.index, camera.health.frames_withheld
        resume.set()
        while True:
            with contextlib.suppress(CameraBlind):  # the hang may still be reported
                after = camera.read_latest(PATIENCE_S)
                break
        assert after.index >= index + 30
        assert camera.health.frames_withheld >= before + 30


def test_a_read_that_times_out_gives_no_image() -> None:
    """FFmpeg hands out an image that it had begun before the timeout, as if it were new."""
    hang, timeout_s = threading.Event(), 2.0
    serve = partial(h264, hangs_at=100, hang=hang, resume=threading.Event())
    with server(serve) as port:
        source = open_source(belt_url(port), read_timeout_s=timeout_s)
        asked_s = time.monotonic()
        while source.grab():
            assert time.monotonic() - asked_s < timeout_s
            asked_s = time.monotonic()
        assert hang.is_set()
        source.close()


def test_an_image_that_arrives_as_the_read_times_out_is_skipped_and_counted() -> None:
    with server(h264) as port:
        source = open_source(belt_url(port), read_timeout_s=PATIENCE_S)
        assert isinstance(source, NetworkStream)
        assert source.grab()
        before = source.passed_over
        source._read_timeout_s = 0.0  # each read lasts longer than that
        assert not source.grab()
        assert source.passed_over == before + 1
        source.close()


def test_a_camera_that_closes_the_stream_is_reopened() -> None:
    with (
        server(partial(jpegs, images=20)) as port,
        camera_of(f"http://127.0.0.1:{port}/mjpg", backoff=AT_ONCE) as camera,
    ):
        assert "the camera closed the stream" in blind(camera, CameraState.ENDED).reason
        reads(camera, 3)
        assert camera.health.restarts >= 1


def test_a_camera_that_accepts_the_connection_and_sends_nothing_times_out() -> None:
    with server(silent) as port, pytest.raises(SourceError) as error:
        open_source(f"rtsp://u:secret@127.0.0.1:{port}/belt", open_timeout_s=0.5)
    assert "sends no image within 0.5 s" in str(error.value)
    assert "secret" not in str(error.value)


def test_a_refused_connection_is_reported_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(SourceError, match="connection refused; check that the camera is on"):
        open_source(f"rtsp://u:secret@127.0.0.1:{port}/belt")
    with pytest.raises(SourceError, match="connection refused"):
        describe_source(f"rtsp://u:secret@127.0.0.1:{port}/belt", PATIENCE_S)


@given(
    password=st.text(string.printable, min_size=1, max_size=20).map(lambda text: f"{text}geheim"),
    answer=st.sampled_from(
        [ConnectionRefusedError(111, "Connection refused"), OSError(5, "geheim@10.0.0.7")]
    ),
)
def test_no_error_contains_the_password(password: str, answer: OSError) -> None:
    with (
        unittest.mock.patch("socket.getaddrinfo"),
        unittest.mock.patch("av.open", side_effect=answer),
        pytest.raises(SourceError) as error,
    ):
        open_source(f"rtsp://operator:{password}@10.0.0.7/belt")
    assert "geheim" not in str(error.value)
    assert "operator" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("rtsp://", "names no host"),
        ("rtsp://u:p@cam:99999/s", "not a valid address"),
        ("rtsp://camera.invalid/s", "no such host"),
        ("gopher://host/s", "unknown kind of source gopher://"),
    ],
)
def test_an_invalid_address_is_refused(url: str, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        open_source(url)
