"""The simulated line: images and ground truth match, for any duration."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twin.line import supply
from twin.line.line import SimulatedFrame, SimulatedLine, frames
from twin.line.scenario import Scenario, ScenarioError
from twin.line.strip import empty_strip

SMALL: dict[str, Any] = {
    "seed": 3,
    "duration_s": 3,
    "belt": {"width_mm": 200, "speed_mm_s": 500, "loop_mm": 1500},
    "camera": {"width_px": 256, "height_px": 160, "fps": 10, "px_per_mm": 0.6, "grain": 0},
    "mix": {"coverage": 0.2, "hazards_per_m": 3, "strips": 2},
}


def plan(**changes: Any) -> Scenario:
    return Scenario.model_validate({**SMALL, **changes})


def run(**changes: Any) -> list[SimulatedFrame]:
    return list(SimulatedLine(plan(**changes)).run())


def test_the_ground_truth_is_the_same_when_no_images_are_rendered() -> None:
    with_images = [each.truth for each in run()]
    line = SimulatedLine(plan())
    assert [each.truth for each in line.run(images=False)] == with_images
    assert any(each["objects"] for each in with_images)
    assert [truth for _, truth in frames(plan())] == with_images


def test_a_frame_is_the_same_whether_earlier_frames_were_rendered_or_skipped() -> None:
    line = SimulatedLine(plan(duration_s=12))
    through = list(line.run())
    for only in ([0, 97], [119], range(3, 120, 29)):
        for each in line.run(only=only):
            same = through[each.truth["frame"]]
            assert each.truth == same.truth
            assert np.array_equal(each.image, same.image)  # type: ignore[arg-type]


def test_hazards_move_with_the_belt_and_have_a_height_and_crossings() -> None:
    line = SimulatedLine(plan())
    places: dict[int, float] = {}
    for each in line.run(images=False):
        for obj in each.truth["objects"]:
            at_mm = each.truth["belt_position_mm"] - obj["y_mm"]
            assert places.setdefault(obj["id"], at_mm) == pytest.approx(at_mm, abs=0.2)
            assert obj["height_mm"] > 0
    crossings = line.header()["crossings"]
    for key, at_mm in places.items():
        first = next(each for each in crossings if each["id"] == key)
        assert first["action_point"] == "picker 1"
        assert first["t_s"] == pytest.approx((at_mm + 2500) / 500, abs=0.01)


def test_memory_does_not_grow_with_the_duration() -> None:
    most = []
    for minutes in (1, 6):
        line = SimulatedLine(plan(duration_s=60 * minutes, mix={"coverage": 0.1, "strips": 2}))
        tracemalloc.start()
        for _ in line.run(images=False):
            pass
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] < 1.15 * most[0]


def test_a_stopped_belt_is_recorded_and_its_image_does_not_change() -> None:
    belt = {**SMALL["belt"], "speeds": [{"at_s": 1, "speed_mm_s": 0, "over_s": 0.2}]}
    recorded = run(belt=belt)
    stopped = [each for each in recorded if each.truth["belt_stopped"]]
    assert [each.truth["frame"] for each in stopped] == list(range(12, 30))
    assert {each.truth["run"] for each in stopped} == {False}
    first, last = stopped[0].image, stopped[-1].image
    assert first is not None
    assert last is not None
    # The lamps flicker; everything else is constant.
    assert np.abs(first.astype(int) - last).max() < 6


def test_a_caught_film_is_stationary_while_the_belt_runs() -> None:
    film = {"y_mm": 200, "x_mm": 100, "from_s": 1, "until_s": 2, "size_mm": [120, 90]}
    films = [
        (each.truth["t_s"], obj)
        for each in run(films=[film], mix=None)
        for obj in each.truth["objects"]
        if obj["kind"] == "plastic_film"
    ]
    held = [obj for t_s, obj in films if 1 <= t_s <= 2]
    assert len(held) == 11
    assert all(obj["stalled"] and obj["y_mm"] == 200 for obj in held)
    assert all(obj["class"] is None for obj in held)
    gone = [obj["y_mm"] for t_s, obj in films if t_s > 2]
    assert gone == pytest.approx([200 + 50 * (k + 1) for k in range(len(gone))])


def test_a_recurring_film_gets_a_new_id_each_time() -> None:
    film = {"y_mm": 200, "x_mm": 100, "from_s": 1, "until_s": 2, "every_s": 4}
    line = SimulatedLine(plan(films=[film], mix=None, duration_s=11))
    held = [
        (obj["id"], each.truth["t_s"] % 4)
        for each in line.run(images=False)
        for obj in each.truth["objects"]
        if obj["stalled"]
    ]
    assert len({number for number, _ in held}) == 3
    assert all(0.99 < since < 2.01 for _, since in held)


def test_an_arm_hides_the_objects_below_it() -> None:
    placed = [{"kind": "laptop_pack", "at_mm": 400, "x_mm": 100, "angle_deg": 90}]
    belt = {**SMALL["belt"], "speed_mm_s": 200}
    arm = {"at_s": 2.6, "for_s": 2, "y_mm": 320, "x_mm": 60}
    visible = {
        (bool(arms), each.truth["frame"]): each.truth["objects"][0]["visible"]
        for arms in ((), (arm,))
        for each in run(belt=belt, mix=None, objects=placed, arms=arms, duration_s=3.8)
        if each.truth["objects"] and each.truth["objects"][0]["kind"] == "laptop_pack"
    }
    assert visible[False, 35] > 0.9
    assert visible[True, 24] == visible[False, 24]
    assert visible[True, 35] < visible[False, 35] - 0.05


def test_a_jam_behind_a_bar_is_recorded_and_hides_the_skirt_marks() -> None:
    gate = {"y_mm": 380, "from_s": 0.5, "until_s": 30, "coverage": 0.5}
    recorded = run(gate=gate, mix=None, duration_s=9)
    assert not recorded[2].truth["jam"]
    last = recorded[-1].truth
    assert last["jam"]
    assert last["stalled"] > 0.5
    assert max(last["marks_hidden"]) > max(recorded[2].truth["marks_hidden"])
    stalled = [each for each in last["objects"] if each["stalled"]]
    assert all(each["y_mm"] < 380 for each in stalled)
    assert 0 <= min(each["visible"] for each in stalled) <= max(each["visible"] for each in stalled)


@pytest.mark.parametrize(
    "changes",
    [
        {"light": {"level": 0.3, "gradient_along": -0.4, "drift": 0.1}},
        {"wet": {"amount": 0.9}},
        {"lens": {"distortion": -0.05, "smudges": 4, "drops": 3}},
        {"rollers": [{"y_mm": 200, "x_mm": 100, "from_s": 0, "until_s": 3}]},
    ],
)
def test_each_condition_changes_the_image_and_not_the_ground_truth(
    changes: dict[str, Any],
) -> None:
    plain, other = run(duration_s=1), run(duration_s=1, **changes)
    assert plain[5].image is not None
    assert other[5].image is not None
    assert np.abs(plain[5].image.astype(int) - other[5].image).mean() > 0.5
    for a, b in zip(plain, other, strict=True):
        assert a.truth["belt_position_mm"] == b.truth["belt_position_mm"]


def traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width_mm: float = 200) -> Scenario:
    """A line of strips in folders, read by a fake of the bundle reader."""
    for name in ("calm-1", "calm-2"):
        (tmp_path / name).mkdir()

    def load(folder: Path) -> Any:
        rng = np.random.default_rng(len(folder.name))
        strip = empty_strip(4000, 5200, width_mm, 1.0, loop_mm=1200, rng=rng)
        strip.lay("aa_cell", 4500, 100, 30, rng)
        strip.lay("tray", 4800, 120, 10, rng)
        return strip

    monkeypatch.setattr(supply, "_strip_loader", lambda: load)
    return plan(renderer="traced", traced={"strips": ["calm*"], "order": "shuffled"}, mix=None)


def test_joined_traced_strips_keep_their_ground_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = SimulatedLine(traced(tmp_path, monkeypatch), tmp_path)
    recorded = list(line.run())
    assert line.header()["renderer"] == "traced"
    kinds = {obj["kind"] for each in recorded for obj in each.truth["objects"]}
    assert kinds == {"aa_cell"}
    assert len({obj["id"] for each in recorded for obj in each.new_objects}) >= 4
    empty = line.empty_belt()
    assert empty.shape == (160, 256, 3)
    # The belt is dark and uniform; none of the objects remain in it.
    images = np.stack([each.image for each in recorded if each.image is not None])
    assert empty[40:120].max() < 0.8 * images[:, 40:120].max()


def test_separate_objects_of_traced_strips_can_jam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = traced(tmp_path, monkeypatch).model_dump()
    scenario["gate"] = {"y_mm": 300, "from_s": 0.1, "until_s": 9, "coverage": 0.4}
    recorded = list(SimulatedLine(Scenario.model_validate(scenario), tmp_path).run())
    assert {obj["kind"] for obj in recorded[0].truth["objects"]} <= {"aa_cell", "tray"}


def test_a_missing_strip_and_one_of_another_width_are_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = traced(tmp_path, monkeypatch, width_mm=300)
    with pytest.raises(ScenarioError, match=r"width_mm is 200, but its strips are 300 mm wide"):
        SimulatedLine(wide, tmp_path)
    with pytest.raises(ScenarioError, match=r"traced.strips: .*calm\*: no such strip folder"):
        SimulatedLine(wide, tmp_path / "calm-1")
