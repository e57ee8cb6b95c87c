from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detector.ingest import SourceError
from detector.profile.line import LineProfile
from detector.replay import ReplayedAlert, Totals, replay
from detector.vision.engine import EngineError
from detector.wire.messages import Alert, Hazard, Revision
from tests.fakes import FakeEngine, bright_objects, folder_of
from tests.ingest.films import evenly, write_film
from tests.small_line import FPS, belt_image, passing, write_video
from tests.test_live import PROFILE


def replayed(
    *sources: Path,
    detect: Callable[[Any], Any] = bright_objects,
    totals: Totals | None = None,
    profile: LineProfile = PROFILE,
    fps: float | None = None,
) -> tuple[list[ReplayedAlert], Totals, list[tuple[int, int | None]]]:
    engine = FakeEngine(detect)
    totals = totals or Totals()
    progress: list[tuple[int, int | None]] = []
    alerts = list(
        replay(
            [str(source) for source in sources],
            profile,
            folder_of(engine.card),
            engine,
            totals,
            fps=fps,
            on_frame=lambda frame, count: progress.append((frame.index, count)),
        )
    )
    return alerts, totals, progress


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "belt.avi", passing())


def test_every_frame_is_processed_and_counted(clip: Path) -> None:
    _, totals, progress = replayed(clip)
    assert [index for index, _ in progress] == list(range(32))
    assert totals.frames == 32
    assert totals.recorded_s == pytest.approx(32 / FPS)
    assert totals.raised == {"gas": 1, "battery": 1}
    assert totals.complete


def test_the_same_footage_gives_the_same_alerts(clip: Path) -> None:
    first, second = replayed(clip)[0], replayed(clip)[0]
    assert [each.as_json() for each in first] == [each.as_json() for each in second]


def test_each_alert_states_its_place_in_the_footage(clip: Path) -> None:
    for replayed_alert in replayed(clip)[0]:
        line = replayed_alert.as_json()
        assert (
            Alert.model_validate({key: line[key] for key in Alert.model_fields})
            == replayed_alert.alert
        )
        assert set(line) - set(Alert.model_fields) == {"source", "source_frame", "t_source_s"}
        assert line["source"] == str(clip)
        assert replayed_alert.alert.place is not None
        assert line["source_frame"] == replayed_alert.alert.place.frame_index
        assert line["t_source_s"] == pytest.approx(replayed_alert.alert.t_capture_mono_ns / 1e9)


def test_each_source_is_a_start_with_its_own_boot_id(clip: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.avi"
    again.write_bytes(clip.read_bytes())
    alerts, totals, _ = replayed(clip, again)
    assert totals.sources == 2
    boots = {each.source: each.alert.boot_id for each in alerts}
    assert boots == {str(clip): "replay-1", str(again): "replay-2"}


def test_footage_is_replayed_at_the_rate_of_the_line(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(8):
        cv2.imwrite(str(folder / f"{number}.png"), belt_image())
    camera = PROFILE.camera.model_copy(update={"fps": 4.0, "source": str(clip)})
    profile = PROFILE.model_copy(update={"camera": camera})

    def seconds(source: Path, **how: Any) -> float:
        return replayed(source, **how)[1].recorded_s

    assert seconds(folder) == pytest.approx(8 / 10)
    assert seconds(folder, profile=profile) == pytest.approx(8 / 4)
    assert seconds(clip, profile=profile) == pytest.approx(32 / 4)  # as `vigitri run` plays it
    other = tmp_path / "other.avi"
    other.write_bytes(clip.read_bytes())
    assert seconds(other, profile=profile) == pytest.approx(32 / FPS)  # the recording's own rate
    for source in (folder, clip, other):
        assert seconds(source, profile=profile, fps=16) in {8 / 16, 32 / 16}


def test_frames_on_which_the_engine_fails_are_counted_as_blind(clip: Path) -> None:
    passes = 0

    def detect(image: Any) -> Any:
        nonlocal passes
        passes += 1
        if 10 <= passes < 13:
            raise EngineError("out of memory")
        return bright_objects(image)

    alerts, totals, _ = replayed(clip, detect=detect)
    assert totals.blind_frames == 3
    assert not totals.complete
    (lost,) = [
        each.alert
        for each in alerts
        if each.alert.hazard is Hazard.VISION_UNAVAILABLE and each.alert.kind is Revision.RAISED
    ]
    assert lost.detail == "out of memory"
    assert json.dumps(totals.as_json())


def test_a_missing_source_does_not_stop_the_others(clip: Path, tmp_path: Path) -> None:
    _, totals, _ = replayed(tmp_path / "no.avi", clip)
    assert totals.frames == 32
    (problem,) = totals.unreadable
    assert "no such file" in problem
    assert not totals.complete


def test_a_missing_single_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        replayed(tmp_path / "no.avi")


def test_a_truncated_recording_is_not_complete(clip: Path) -> None:
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) // 2])
    _, totals, _ = replayed(clip)
    assert 0 < totals.frames < 32
    assert not totals.complete


def test_an_empty_view_raises_no_alert(tmp_path: Path) -> None:
    film = write_video(tmp_path / "empty.avi", [np.full((240, 320, 3), 70, np.uint8)] * 5)
    alerts, totals, _ = replayed(film)
    assert alerts == []
    assert totals.as_json()["totals"]["raised"] == {}


def test_alerts_of_a_film_have_the_times_of_its_own_frames(tmp_path: Path) -> None:
    """A film with a gap, in which vision is unavailable, as on a line whose camera stalls."""
    at_s = [*evenly(16, FPS), *evenly(16, FPS, start_s=60.0)]
    images = passing()
    film = write_film(tmp_path / "gap.mp4", [belt_image()] * 16 + images[:16], at_s)
    alerts, totals, _ = replayed(film)
    told = [(each.alert.hazard, each.alert.kind, each.t_source_s) for each in alerts]
    lost = next(n for n, each in enumerate(told) if each[0] is Hazard.VISION_UNAVAILABLE)
    assert told[lost][1:] == (Revision.RAISED, pytest.approx(3.0 + 2.2, abs=0.01))
    assert alerts[lost].alert.detail == "the recording has no image for 57.0 s"
    back = told[lost + 1]
    assert back == (Hazard.VISION_UNAVAILABLE, Revision.CLEARED, pytest.approx(60.0, abs=0.01))
    gas = next(each for each in told if each[0] is Hazard.GAS)
    assert 60.0 < gas[2] < 63.2
    assert totals.complete
    assert totals.recorded_s == pytest.approx(63.2, abs=0.01)
    assert totals.time_notes == [f"{film}: a gap of 57.0 s after 3.00 s: nothing was recorded"]
