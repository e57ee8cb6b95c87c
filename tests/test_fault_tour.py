"""The fault tour: a line's behaviour when something breaks. Real processes, real sockets."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from benchmarks.line_process import LineProcess
from detector.child_process import ChildFailedError
from detector.cli import main
from detector.profile.line import DEPLOYED_MODEL
from detector.wire.messages import (
    AlarmState,
    Alert,
    FrameDetections,
    Hazard,
    Heartbeat,
    LineState,
    Revision,
    VisionState,
)
from tests.small_line import (
    FPS,
    PATIENCE_S,
    StreetCamera,
    belt_image,
    capture_processes,
    listening,
    passing,
    promised,
    wait_for,
    write_model,
    write_profile,
    write_video,
)

VIGITRI = (sys.executable, "-m", "detector.cli")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "white-and-red")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "belt.avi", passing())


@pytest.fixture(scope="module")
def line(
    tmp_path_factory: pytest.TempPathFactory, model: Path, clip: Path
) -> Iterator[LineProcess]:
    """A healthy line on a looped recording, for the tests that leave it healthy."""
    folder = tmp_path_factory.mktemp("line")
    profile = write_profile(folder / "line.toml", clip, model, camera=f"fps = {FPS}\nloop = true")
    with LineProcess(profile, start_s=PATIENCE_S) as running:
        yield running


def vision_lost(alert: Alert) -> bool:
    return alert.hazard is Hazard.VISION_UNAVAILABLE and alert.kind is Revision.RAISED


def cleared_after(lost: Alert) -> Callable[[Alert], bool]:
    return lambda alert: (
        alert.event_id == lost.event_id
        and alert.kind is Revision.CLEARED
        and alert.revision > lost.revision
    )


def open_in_shm(pid: int) -> set[str]:
    """The files that a process has mapped or opened in /dev/shm, which others use too."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines()
    paths = {line.split(maxsplit=5)[-1] for line in maps}
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            paths.add(str(file.readlink()))
    return {path for path in paths if path.startswith("/dev/shm/")}


def is_watching(state: LineState) -> bool:
    return state.vision is VisionState.READY


def refused(*arguments: str | Path) -> list[str]:
    """The error lines of a command that must be refused."""
    done = subprocess.run(
        [*VIGITRI, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    return done.stderr.splitlines()


# --- the source ------------------------------------------------------------------------------


def test_a_missing_source_makes_vision_unavailable_until_it_appears(
    tmp_path: Path, model: Path
) -> None:
    film = tmp_path / "late.avi"
    profile = write_profile(tmp_path / "line.toml", film, model, camera="loop = true")
    with LineProcess(profile, start_s=PATIENCE_S) as line, listening(line.publish) as listener:
        alert = listener.until(vision_lost, Alert).payload
        assert "no such file" in alert.detail
        state = listener.until(
            lambda each: each.vision is VisionState.UNAVAILABLE, LineState
        ).payload
        assert str(film) in state.reason
        assert state.coverage_state == "unknown"
        listener.until(lambda _: True, LineState)  # time passes without an inference pass
        assert listener.all(Heartbeat) == []

        write_video(film, passing())
        listener.until(is_watching, LineState)
        listener.until(lambda _: True, Heartbeat)
        listener.sooner_or_later(cleared_after(alert), Alert)
    assert any(logged.endswith("watching") for logged in line.stderr_lines)


def test_a_killed_capture_process_is_reported_at_once_and_restarted(
    line: LineProcess,
) -> None:
    with listening(line.publish) as listener:
        before = listener.until(is_watching, LineState).payload
        (child,) = capture_processes(line.process.pid)
        os.kill(child, signal.SIGKILL)
        killed_ns = time.monotonic_ns()

        lost = listener.until(lambda each: "killed (SIGKILL)" in (each.detail or ""), Alert).payload
        back = listener.until(
            lambda each: is_watching(each) and each.camera_restarts > before.camera_restarts,
            LineState,
        )
        listener.sooner_or_later(cleared_after(lost), Alert)

    assert (lost.t_capture_mono_ns - killed_ns) / 1e9 < promised(3 / FPS + 0.05)
    assert lost.frame_index is None
    assert back.payload.camera_restarts == before.camera_restarts + 1
    beats = [
        item.header.t_capture_mono_ns
        for item in listener.received
        if isinstance(item.payload, Heartbeat)
        and lost.t_capture_mono_ns < item.header.t_capture_mono_ns
    ]
    assert all(beat >= back.header.t_capture_mono_ns for beat in beats)
    assert capture_processes(line.process.pid) not in (set(), {child})


def test_a_frozen_or_silent_camera_makes_vision_unavailable(tmp_path: Path, model: Path) -> None:
    with StreetCamera(fps=25) as camera:
        profile = write_profile(tmp_path / "line.toml", camera.url, model, camera=f"fps = {FPS}")
        with LineProcess(profile, start_s=PATIENCE_S) as line, listening(line.publish) as listener:
            listener.until(is_watching, LineState)

            camera.frozen.set()
            lost = listener.until(
                lambda each: "are identical" in (each.detail or ""), Alert
            ).payload
            state = listener.until(lambda each: each.vision is VisionState.UNAVAILABLE, LineState)
            assert state.payload.reason.startswith("frozen: ")
            camera.frozen.clear()
            listener.until(is_watching, LineState)
            listener.sooner_or_later(cleared_after(lost), Alert)

            last_beat = listener.until(lambda _: True, Heartbeat)
            camera.silent.set()
            silent = listener.until(vision_lost, Alert)
            # It is not acknowledged yet: the same alarm, not another.
            assert silent.payload.event_id == lost.event_id
            assert "no new image" in silent.payload.detail
            gone_ns = silent.payload.t_capture_mono_ns - last_beat.header.t_capture_mono_ns
            assert gone_ns / 1e9 < promised(1.0)


def test_a_slow_camera_keeps_vision_ready_between_two_frames(tmp_path: Path, model: Path) -> None:
    with StreetCamera(fps=4) as camera:
        profile = write_profile(tmp_path / "line.toml", camera.url, model)
        with LineProcess(profile, start_s=PATIENCE_S) as line, listening(line.publish) as listener:
            listener.until(is_watching, LineState)
            first = listener.until(lambda _: True, FrameDetections).payload.frame_index
            listener.until(lambda each: each.frame_index >= first + 12, FrameDetections)
    states = [state for state in listener.all(LineState) if state.inferences]  # once it has started
    assert {(state.vision, state.reason) for state in states} == {(VisionState.READY, None)}


def test_vision_is_unavailable_after_the_end_of_a_recording(tmp_path: Path, model: Path) -> None:
    film = write_video(tmp_path / "short.avi", [belt_image()] * 10)
    profile = write_profile(tmp_path / "line.toml", film, model)
    with LineProcess(profile, start_s=PATIENCE_S) as line, listening(line.publish) as listener:
        alert = listener.until(vision_lost, Alert).payload
        assert "the recording has ended after 10 frames" in alert.detail
        assert line.running


def test_until_end_exits_with_the_recording_and_publishes_that_vision_is_unavailable(
    tmp_path: Path, model: Path
) -> None:
    film = write_video(tmp_path / "short.avi", passing(8))
    profile = write_profile(tmp_path / "line.toml", film, model)
    with (
        LineProcess(profile, "--until-end", start_s=PATIENCE_S) as line,
        listening(line.publish) as listener,
    ):
        listener.to_the_end()
        assert line.process.wait(PATIENCE_S) == 0
    last = listener.all(LineState)[-1]
    assert last.vision is VisionState.UNAVAILABLE
    assert last.reason == "the recording has ended"


def test_until_end_of_a_missing_recording_is_refused(tmp_path: Path, model: Path) -> None:
    profile = write_profile(tmp_path / "line.toml", tmp_path / "no.avi", model)
    *_, last = refused("run", profile, "--until-end")
    assert last.startswith("vigitri: unreachable: ")
    assert "no such file" in last


def test_until_end_of_a_recording_without_a_readable_image_states_its_error(
    tmp_path: Path, model: Path
) -> None:
    (tmp_path / "belt.png").write_text("no image")
    *_, last = refused(
        "run", write_profile(tmp_path / "line.toml", tmp_path / "belt.png", model), "--until-end"
    )
    assert "not a readable image" in last
    assert "free the machine" not in last


# --- refused at the start --------------------------------------------------------------------


def test_a_model_with_one_byte_changed_is_refused(tmp_path: Path, model: Path) -> None:
    other = shutil.copytree(model, tmp_path / "other")
    data = bytearray((other / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (other / "model.onnx").write_bytes(data)

    (error,) = refused("run", write_profile(tmp_path / "line.toml", "no.avi", other))
    assert f"{other}/model.onnx: its sha256 is" in error
    assert "restore the right one" in error


def test_a_profile_with_five_mistakes_gets_five_lines(tmp_path: Path) -> None:
    profile = tmp_path / "line.toml"
    profile.write_text(
        """
line = "belt 1"
[camera]
source = "x.avi"
fps = -3
[belt]
polygon_px = [[0, 0], [319, 0], [319, 239], [0, 239]]
travel = "sideways"
px_per_mm = 0.5
[tracking]
hitts = 3
[[action_points]]
name = "picker"
"""
    )
    errors = refused("run", profile)
    for line, (key, value, fix) in zip(
        errors,
        [
            ("line", "'belt 1'", "hall2-belt1"),
            ("camera.fps", "-3", "fps = 30"),
            ("belt.travel", "'sideways'", '"right"'),
            ("tracking.hitts", "3", "Did you mean hits?"),
            ("action_points[0].y_mm", "is missing", "y_mm = 3000"),
        ],
        strict=True,
    ):
        assert line.startswith(f"vigitri: {profile}: {key}"), line
        assert value in line
        assert fix in line


def test_a_port_in_use_is_refused(tmp_path: Path, model: Path, clip: Path) -> None:
    profile = write_profile(tmp_path / "line.toml", clip, model)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        (error,) = refused("run", profile, "--publish", endpoint)
    assert f"{endpoint} is in use" in error


# --- subscribers and operators ---------------------------------------------------------------


def test_a_subscriber_that_never_reads_does_not_slow_others(line: LineProcess) -> None:
    with zmq.Context() as context, context.socket(zmq.SUB) as asleep:
        asleep.set(zmq.RCVHWM, 1)
        asleep.set(zmq.LINGER, 0)
        asleep.subscribe("")
        asleep.connect(line.publish)
        with listening(line.publish) as listener:
            first = listener.until(lambda _: True, FrameDetections).payload
            listener.until(
                lambda each: each.frame_index >= first.frame_index + 3 * FPS, FrameDetections
            )
        assert asleep.poll(0)  # it did subscribe
    assert listener.gaps == []
    assert len(listener.all(Heartbeat)) >= 5


def test_an_operators_answers_are_published_as_revisions(
    line: LineProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def vigitri(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["vigitri", *arguments, "--at", line.requests])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), capsys.readouterr().err

    def raised(hazard: Hazard) -> Alert:
        found = listener.until(lambda a: a.hazard is hazard and a.kind is Revision.RAISED, Alert)
        assert isinstance(found.payload, Alert)
        return found.payload

    with listening(line.publish) as listener:
        battery = raised(Hazard.BATTERY)
        assert vigitri("answer", f"{battery.boot_id}/{battery.event_id}") == (0, "")
        acknowledged = listener.until(
            lambda a: a.event_id == battery.event_id and a.kind is Revision.ACKNOWLEDGED, Alert
        ).payload
        assert acknowledged.state in (AlarmState.ACKNOWLEDGED, AlarmState.NORMAL)
        assert acknowledged.revision > battery.revision

        gas = raised(Hazard.GAS)
        assert vigitri("answer", f"{gas.boot_id}/{gas.event_id}", "--outcome", "removed")[0] == 0
        closed = listener.until(
            lambda a: a.event_id == gas.event_id and a.kind is Revision.CLEARED, Alert
        ).payload
        assert (closed.outcome, closed.state) == ("removed", AlarmState.NORMAL)

        code, error = vigitri("answer", f"{gas.boot_id}/a999999")
        assert (code, error.count("\n")) == (2, 1)
        assert "no open alarm a999999" in error
        code, error = vigitri("answer", "0123456789ab/a000001")
        assert code == 2
        assert "no open alarm 0123456789ab/a000001" in error

        code, error = vigitri("shelve", "vision_unavailable")
        assert (code, error.count("\n")) == (2, 1)
        assert "can't be shelved" in error
        assert vigitri("shelve", "battery", "--minutes", "1") == (0, "")
        listener.until(
            lambda a: a.hazard is Hazard.BATTERY and a.state is AlarmState.SHELVED, Alert
        )


# --- the end ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_frame_stops_the_line_in_order(
    number: signal.Signals, tmp_path: Path, model: Path, clip: Path
) -> None:
    profile = write_profile(tmp_path / "line.toml", clip, model, camera="loop = true")
    with LineProcess(profile, start_s=PATIENCE_S) as line, listening(line.publish) as listener:
        listener.until(lambda _: True, FrameDetections)
        children = capture_processes(line.process.pid)
        in_shm = {path for pid in (line.process.pid, *children) for path in open_in_shm(pid)}
        line.process.send_signal(number)
        assert line.process.wait(promised(2.0)) == 0
        listener.to_the_end()
    last = listener.all(LineState)[-1]
    assert (last.vision, last.reason) == (VisionState.UNAVAILABLE, "the detector was stopped")
    assert children
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert not any(Path(path).exists() for path in in_shm)
    assert line.stderr_lines[-1].endswith(" INFO    belt-1: stopped")


def test_ctrl_c_while_the_model_loads_stops_the_line_without_a_traceback(tmp_path: Path) -> None:
    profile = write_profile(tmp_path / "line.toml", tmp_path / "no.avi", Path("x"))
    text = profile.read_text(encoding="utf-8").replace('"x/."', f'"{DEPLOYED_MODEL}"')
    profile.write_text(text, encoding="utf-8")
    process = subprocess.Popen([*VIGITRI, "run", str(profile)], stderr=subprocess.PIPE, text=True)
    with process:
        wait_for(
            lambda: capture_processes(process.pid)
        )  # the signal handlers are installed by then
        process.send_signal(signal.SIGINT)
        _, output = process.communicate(timeout=promised(4.0))
    assert process.returncode == 0
    assert "Traceback" not in output
    assert output.endswith("stopped\n")


def test_a_line_that_cannot_start_reports_why(tmp_path: Path) -> None:
    with (
        pytest.raises(ChildFailedError, match="no such file"),
        LineProcess(tmp_path / "no.toml", start_s=PATIENCE_S),
    ):
        pass
