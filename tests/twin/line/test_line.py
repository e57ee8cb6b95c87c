"""The simulated line: images and truth belong together, for as long as one likes."""

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


def seen(**changes: Any) -> list[SimulatedFrame]:
    return list(SimulatedLine(plan(**changes)).run())


def test_truth_without_pictures_is_the_same_truth() -> None:
    with_pictures = [each.truth for each in seen()]
    line = SimulatedLine(plan())
    assert [each.truth for each in line.run(images=False)] == with_pictures
    assert any(each["objects"] for each in with_pictures)
    assert [truth for _, truth in frames(plan())] == with_pictures


def test_a_frame_is_the_same_whether_the_way_there_was_watched_or_skipped() -> None:
    line = SimulatedLine(plan(duration_s=12))
    through = list(line.run())
    for only in ([0, 97], [119], range(3, 120, 29)):
        for each in line.run(only=only):
            same = through[each.truth["frame"]]
            assert each.truth == same.truth
            assert np.array_equal(each.image, same.image)  # type: ignore[arg-type]


def test_hazards_go_with_the_belt_and_have_a_height_and_a_crossing() -> None:
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


def test_hours_take_no_more_memory_than_minutes() -> None:
    most = []
    for minutes in (1, 6):
        line = SimulatedLine(plan(duration_s=60 * minutes, mix={"coverage": 0.1, "strips": 2}))
        tracemalloc.start()
        for _ in line.run(images=False):
            pass
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] < 1.15 * most[0]


def test_a_belt_that_stops_is_told_as_standing_and_its_picture_stands() -> None:
    belt = {**SMALL["belt"], "speeds": [{"at_s": 1, "speed_mm_s": 0, "over_s": 0.2}]}
    told = seen(belt=belt)
    standing = [each for each in told if each.truth["belt_standing"]]
    assert [each.truth["frame"] for each in standing] == list(range(12, 30))
    assert {each.truth["run"] for each in standing} == {False}
    first, last = standing[0].image, standing[-1].image
    assert first is not None
    assert last is not None
    # The lamps flicker; nothing else changes.
    assert np.abs(first.astype(int) - last).max() < 6


def test_a_film_that_hangs_stands_in_the_picture_while_the_belt_runs() -> None:
    film = {"y_mm": 200, "x_mm": 100, "from_s": 1, "until_s": 2, "size_mm": [120, 90]}
    told = [
        (each.truth["t_s"], obj)
        for each in seen(films=[film], mix=None)
        for obj in each.truth["objects"]
        if obj["kind"] == "plastic_film"
    ]
    held = [obj for t_s, obj in told if 1 <= t_s <= 2]
    assert len(held) == 11
    assert all(obj["stalled"] and obj["y_mm"] == 200 for obj in held)
    assert all(obj["class"] is None for obj in held)
    gone = [obj["y_mm"] for t_s, obj in told if t_s > 2]
    assert gone == pytest.approx([200 + 50 * (k + 1) for k in range(len(gone))])


def test_a_film_that_comes_again_is_another_one_each_time() -> None:
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


def test_an_arm_hides_what_lies_below_it() -> None:
    things = [{"kind": "laptop_pack", "at_mm": 400, "x_mm": 100, "angle_deg": 90}]
    belt = {**SMALL["belt"], "speed_mm_s": 200}
    arm = {"at_s": 2.6, "for_s": 2, "y_mm": 320, "x_mm": 60}
    visible = {
        (bool(arms), each.truth["frame"]): each.truth["objects"][0]["visible"]
        for arms in ((), (arm,))
        for each in seen(belt=belt, mix=None, things=things, arms=arms, duration_s=3.8)
        if each.truth["objects"] and each.truth["objects"][0]["kind"] == "laptop_pack"
    }
    assert visible[False, 35] > 0.9
    assert visible[True, 24] == visible[False, 24]
    assert visible[True, 35] < visible[False, 35] - 0.05


def test_a_jam_behind_a_bar_is_told_and_hides_the_skirts_marks() -> None:
    gate = {"y_mm": 380, "from_s": 0.5, "until_s": 30, "coverage": 0.5}
    told = seen(gate=gate, mix=None, duration_s=9)
    assert not told[2].truth["jam"]
    last = told[-1].truth
    assert last["jam"]
    assert last["stalled"] > 0.5
    assert max(last["marks_hidden"]) > max(told[2].truth["marks_hidden"])
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
def test_each_condition_changes_the_picture_and_not_what_is_true_of_the_belt(
    changes: dict[str, Any],
) -> None:
    plain, other = seen(duration_s=1), seen(duration_s=1, **changes)
    assert plain[5].image is not None
    assert other[5].image is not None
    assert np.abs(plain[5].image.astype(int) - other[5].image).mean() > 0.5
    for a, b in zip(plain, other, strict=True):
        assert a.truth["belt_position_mm"] == b.truth["belt_position_mm"]


def traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width_mm: float = 200) -> Scenario:
    """A line of strips from folders, read by a stand-in for the path tracer's reader."""
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


def test_traced_strips_follow_each_other_and_keep_their_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = SimulatedLine(traced(tmp_path, monkeypatch), tmp_path)
    told = list(line.run())
    assert line.header()["renderer"] == "traced"
    kinds = {obj["kind"] for each in told for obj in each.truth["objects"]}
    assert kinds == {"aa_cell"}
    assert len({obj["id"] for each in told for obj in each.new_objects}) >= 4
    empty = line.empty_belt()
    assert empty.shape == (160, 256, 3)
    # The belt is dark and even; nothing that lies on the strips is left in it.
    seen = np.stack([each.image for each in told if each.image is not None])
    assert empty[40:120].max() < 0.8 * seen[:, 40:120].max()


def test_what_lies_apart_on_traced_strips_can_jam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = traced(tmp_path, monkeypatch).model_dump()
    scenario["gate"] = {"y_mm": 300, "from_s": 0.1, "until_s": 9, "coverage": 0.4}
    told = list(SimulatedLine(Scenario.model_validate(scenario), tmp_path).run())
    assert {obj["kind"] for obj in told[0].truth["objects"]} <= {"aa_cell", "tray"}


def test_a_missing_strip_and_one_of_another_width_are_one_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = traced(tmp_path, monkeypatch, width_mm=300)
    with pytest.raises(ScenarioError, match=r"width_mm is 200, but its strips are 300 mm wide"):
        SimulatedLine(wide, tmp_path)
    with pytest.raises(ScenarioError, match=r"traced.strips: .*calm\*: no such folder of a strip"):
        SimulatedLine(wide, tmp_path / "calm-1")
