from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import pytest

from benchmarks.accuracy.matching import Evaluation, Event, FalseAlarm, Match, match_alerts
from benchmarks.demo import annotated
from benchmarks.demo.annotated import write_sheet, write_video
from benchmarks.demo.run import summary
from benchmarks.subscription import RunMessages
from detector.ingest import Recording
from detector.profile.belt import Belt
from detector.vision.warp import OUTSIDE_GREY
from detector.wire import samples
from detector.wire.messages import DetectedObject, FrameDetections
from fleet.contact_sheet import Colour, Image
from tests.benchmarks.drawn_belt import alert as published
from tests.benchmarks.drawn_belt import box_of, ground_of, overload, placed_object
from tests.small_line import passing
from tests.small_line import write_video as write_clip

POLYGON_PX = [(0, 40), (319, 40), (319, 200), (0, 200)]
BELT = Belt(polygon_px=tuple(POLYGON_PX), travel="right", px_per_mm=0.5, speed_mm_s=160)
BOX_PX = (150.0, 60.0, 210.0, 100.0)
NOTHING = Evaluation([], [], [], 0.0)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "belt.avi", passing(16))


@pytest.fixture
def received() -> RunMessages:
    place = samples.ALERT.place
    assert place is not None
    alert = samples.ALERT.model_copy(
        update={
            "frame_index": 12,
            "place": place.model_copy(update={"frame_index": 12, "box_px": BOX_PX}),
        }
    )
    found = DetectedObject(class_name="gas_canister", score=0.9, box_px=BOX_PX)
    return RunMessages(
        alerts=[alert, alert.model_copy(update={"kind": "updated"})],
        latencies_ms=[10.0, 20.0, 30.0],
        detections={12: FrameDetections(line="belt-1", frame_index=12, detections=(found,))},
        states=[samples.STATE],
    )


def test_the_video_has_every_second_frame_and_nothing_outside_the_belt(
    clip: Path, received: RunMessages, tmp_path: Path
) -> None:
    advanced: list[int] = []
    write_video(clip, BELT, received, tmp_path / "out.mp4", lambda done, _: advanced.append(done))
    assert advanced == list(range(1, 17))
    with Recording(str(tmp_path / "out.mp4")) as recording:
        frames = list(recording)
    assert len(frames) == 8
    assert abs(int(frames[0].image[10, 160].mean()) - OUTSIDE_GREY) < 12
    plain, boxed = frames[0].image, frames[6].image
    left = boxed[70:90, 148:153].reshape(-1, 3).astype(int)  # the box's left side, red
    assert (left[:, 2] - left[:, 1]).max() > 60
    strip = boxed[240:], plain[240:]
    assert strip[0].std() > strip[1].std()  # the text of the alert


def test_the_sheet_has_a_tile_for_each_object(
    clip: Path, received: RunMessages, tmp_path: Path
) -> None:
    write_sheet(clip, POLYGON_PX, received, NOTHING, tmp_path / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert sheet.shape == (338, 4 * 300, 3)
    assert (sheet[:300, :300] > 200).all(axis=2).any()  # the white canister


def test_two_objects_raised_in_one_frame_have_a_tile_each(
    clip: Path, received: RunMessages, tmp_path: Path
) -> None:
    (first, *_) = received.alerts
    received.alerts.append(first.model_copy(update={"event_id": "a000099"}))
    write_sheet(clip, POLYGON_PX, received, NOTHING, tmp_path / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert (sheet[:300, 300:600] > 200).all(axis=2).any()
    assert sheet[:, 600:].std() == 0


def test_captions_have_the_ground_truth_of_each_alert(
    clip: Path, received: RunMessages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captions: list[str] = []
    draw = annotated.tile

    def note(image: Image, box: Sequence[float], lines: Sequence[str], at: Colour) -> Image:
        captions.append(lines[-1])
        return draw(image, box, lines, at)

    monkeypatch.setattr(annotated, "tile", note)
    (alert, *_) = received.alerts
    placed = ground_of(
        placed_object(3, "gas_bottle", "gas_canister", 0, 300, length_mm=300), frames=20
    )
    bottle = Event(placed.passages[3])
    bottle.found = Match(alert.event_id, 12, 0, 0, 0, 0, {}, {}, {})
    bottle.duplicates = ["a000007"]
    wrong = FalseAlarm(alert.hazard, "a000008", 12, 0.5, BOX_PX, "carton", called=True)
    for event_id in ("a000007", "a000008", "a000009"):
        received.alerts.append(alert.model_copy(update={"event_id": event_id}))
    evaluation = Evaluation([bottle], [wrong], [], 0.0)
    write_sheet(clip, POLYGON_PX, received, evaluation, tmp_path / "sheet.png")
    another = "a hazard, but of another kind"
    assert captions == ["right: gas_bottle", "again: gas_bottle", "FALSE: carton", another]


def test_a_jam_does_not_count_as_a_missed_overload(received: RunMessages) -> None:
    ground = ground_of(frames=800, overload=range(100, 120))
    for record in ground.truth.frames[600:640]:
        record["jam"] = True
    assert "overload  1 of 1 found" in summary(
        received, match_alerts([overload(100)], ground), 1350
    )


def test_without_alerts_there_is_no_sheet(clip: Path, tmp_path: Path) -> None:
    write_sheet(clip, POLYGON_PX, RunMessages(), NOTHING, tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()


def test_the_summary_counts_by_class_and_names_the_misses(received: RunMessages) -> None:
    cell = placed_object(1, "aa_cell", "battery", -200, 150, length_mm=50)
    lost = placed_object(2, "d_cell", "battery", -200, 400, length_mm=60)
    bottle = placed_object(3, "gas_bottle", "gas_canister", 0, 300, length_mm=300)
    evaluation = match_alerts(
        [
            published(box_of(cell, 30), 30, "battery"),
            published(box_of(bottle, 30), 30, "gas_canister", "a2"),
            published((600, 20, 650, 60), 40, "gas_canister", "a3"),
            overload(100),
        ],
        ground_of(cell, lost, bottle, frames=800, overload=range(100, 120)),
    )
    text = summary(received, evaluation, 1350)
    assert "1 of 2 battery, 1 of 1 gas_canister; 1 false, 0 duplicates" in text
    assert "1 of 1 found" in text
    assert "missed    d_cell" in text
    assert "p50 20.0 ms" in text
