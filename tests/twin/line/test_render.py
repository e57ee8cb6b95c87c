"""A rendered clip matches its truth file, or neither exists."""

import builtins
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.belt.plane import belt_plane
from detector.profile.loading import load_profile
from twin.line.camera import BeltCamera
from twin.line.clip import ClipError
from twin.line.render import render
from twin.line.scenario import Camera, Scenario, ScenarioError

DEMO = Path(__file__).parents[3] / "twin" / "clips" / "demo"


def read_truth(folder: Path, stem: str = "tiny") -> tuple[dict[str, Any], list[dict[str, Any]]]:
    lines = (folder / f"{stem}.truth.jsonl").read_text().splitlines()
    header, *frames = (json.loads(line) for line in lines)
    return header, frames


def images(clip: Path) -> list[np.ndarray[Any, Any]]:
    video = cv2.VideoCapture(str(clip))
    decoded: list[np.ndarray[Any, Any]] = []
    while True:
        got, image = video.read()
        if not got:
            return decoded
        decoded.append(image)


def test_a_clip_has_all_frames_its_ground_truth_and_its_empty_belt(
    tiny: Path, tmp_path: Path
) -> None:
    out, calls = tmp_path / "deep" / "out", list[tuple[int, int]]()
    render(tiny, out, progress=lambda done, total: calls.append((done, total)))
    assert sorted(each.name for each in out.iterdir()) == [
        "empty.png",
        "encoder.jsonl",
        "tiny.line.toml",
        "tiny.mp4",
        "tiny.truth.jsonl",
    ]
    assert [each.name for each in out.parent.iterdir()] == ["out"]
    header, frames = read_truth(out)
    decoded = images(out / "tiny.mp4")
    assert len(decoded) == len(frames) == header["frames"] == 8
    assert calls == [(n, 8) for n in range(1, 9)]
    assert header["clip_sha256"] == hashlib.sha256((out / "tiny.mp4").read_bytes()).hexdigest()
    empty = cv2.imread(str(out / "empty.png"))
    assert empty is not None
    assert empty.shape == decoded[0].shape == (160, 256, 3)
    for frame in frames:
        assert {each["kind"] for each in frame["objects"]} <= {"d_cell", "pierceable_cartridge"}
        for each in frame["objects"]:
            x0, y0, x1, y1 = each["box_px"]
            assert 0 <= x0 < x1 <= 256
            assert 0 <= y0 < y1 <= 160
            assert 0 < each["visible"] <= 1
        assert 0 <= frame["coverage"] <= 1
    moved = frames[1]["belt_position_mm"] - frames[0]["belt_position_mm"]
    assert moved == pytest.approx(25)
    tracks = [{each["id"]: each for each in frame["objects"]} for frame in frames[:2]]
    for key in tracks[0].keys() & tracks[1].keys():
        assert tracks[1][key]["y_mm"] - tracks[0][key]["y_mm"] == pytest.approx(25, abs=0.2)


def test_equal_seeds_give_equal_clips_and_other_seeds_other_clips(
    tiny: Path, tmp_path: Path
) -> None:
    digests = []
    for name, seed in (("a", None), ("b", None), ("c", 9)):
        render(tiny, tmp_path / name, seed=seed)
        digests.append(read_truth(tmp_path / name)[0]["clip_sha256"])
    assert digests[0] == digests[1] != digests[2]


def test_an_interrupted_render_leaves_nothing(tiny: Path, tmp_path: Path) -> None:
    def stop(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    before = set(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        render(tiny, tmp_path / "out", progress=stop)
    assert set(tmp_path.iterdir()) == before


def test_an_interrupted_render_keeps_the_earlier_clip(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render(tiny, out)
    (out / "notes.txt").write_text("mine")
    before = {each.name: each.read_bytes() for each in out.iterdir()}

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(tiny, out, seed=8, progress=stop)
    assert {each.name: each.read_bytes() for each in out.iterdir()} == before
    render(tiny, out, seed=8)
    assert (out / "notes.txt").read_text() == "mine"


def test_the_line_profile_of_a_clip_loads_unchanged(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render(tiny, out, seed=4)
    profile = load_profile(out / "tiny.line.toml")
    header, _ = read_truth(out)
    assert profile.camera.source == str(out / "tiny.mp4")
    assert profile.overload.empty_belt == out / "empty.png"
    assert profile.belt.speed_mm_s == header["speed_mm_s"] == 500
    assert [each.name for each in profile.action_points] == ["picker 1", "ejector"]
    plane = belt_plane(profile.belt)
    corners = np.array([each["image_px"] for each in header["points"]])
    belt_mm = [each["belt_mm"] for each in header["points"]]
    assert plane.to_belt(corners).tolist() == [pytest.approx(each, abs=1.5) for each in belt_mm]


def test_the_profile_of_a_belt_with_varying_speed_has_no_speed(
    changed: Callable[[str, str], Path], tmp_path: Path
) -> None:
    stops = "loop_mm = 1500\n[[belt.speeds]]\nat_s = 0.2\nspeed_mm_s = 0\n"
    path = changed("loop_mm = 1500\n", stops)
    render(path, tmp_path / "out")
    assert load_profile(tmp_path / "out" / "changed.line.toml").belt.speed_mm_s is None


def test_the_encoder_counts_match_the_belt_travel(tiny: Path, tmp_path: Path) -> None:
    render(tiny, tmp_path / "out")
    header, frames = read_truth(tmp_path / "out")
    lines = (tmp_path / "out" / header["encoder_file"]).read_text().splitlines()
    samples = [json.loads(line) for line in lines]
    last = frames[-1]
    at_last = max(
        each["counts"] for each in samples if each["t_mono_ns"] <= last["t_s"] * 1e9 + 5e6
    )
    counted_mm = at_last / header["encoder"]["counts_per_mm"]
    assert counted_mm == pytest.approx(last["belt_position_mm"], abs=6)
    assert all(each["run"] for each in samples)


def test_duration_and_rate_can_override_the_file(tiny: Path, tmp_path: Path) -> None:
    render(tiny, tmp_path / "out", duration_s=0.3, fps=10)
    header, frames = read_truth(tmp_path / "out")
    assert (header["fps"], header["frames"], len(frames)) == (10, 3, 3)
    with pytest.raises(ScenarioError, match="duration_s: Input should be greater than 0, not -1"):
        render(tiny, tmp_path / "out", duration_s=-1)


def test_a_folder_holds_one_clip(
    tiny: Path, changed: Callable[[str, str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    render(tiny, out)
    before = {each.name: each.read_bytes() for each in out.iterdir()}
    with pytest.raises(ScenarioError, match=r"contains another clip \(tiny\.truth\.jsonl\)"):
        render(changed("seed = 3", "seed = 4"), out)
    assert {each.name: each.read_bytes() for each in out.iterdir()} == before


def test_a_missing_extra_is_reported_with_its_fix(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_av(name: str, *args: Any, **more: Any) -> Any:
        if name == "av":
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without_av)
    with pytest.raises(ClipError, match=r"pip install 'vigitri\[twin\]'"):
        render(tiny, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@settings(max_examples=20, deadline=None)
@given(
    tilt=st.floats(-0.1, 0.1),
    turn_deg=st.floats(-3, 3),
    x_mm=st.floats(0, 600),
    y_mm=st.floats(0, 1197),
)
def test_belt_and_image_positions_convert_both_ways(
    tilt: float, turn_deg: float, x_mm: float, y_mm: float
) -> None:
    small = Camera(width_px=128, height_px=72, px_per_mm=0.1, tilt=tilt, turn_deg=turn_deg)
    camera = BeltCamera(Scenario(duration_s=1, camera=small), np.random.default_rng(0))
    there = camera.image_points(np.array([[x_mm, y_mm]]))
    assert camera.belt_points(there)[0] == pytest.approx((x_mm, y_mm), abs=0.01)


def test_the_bundled_clip_is_complete_small_and_shows_all_its_stretches() -> None:
    header, frames = read_truth(DEMO, "demo")
    clip = DEMO / "demo.mp4"
    assert header["clip_sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert clip.stat().st_size < 5_500_000
    assert (DEMO / "demo.truth.jsonl").stat().st_size < 1_000_000
    assert (DEMO / "empty.png").stat().st_size < 1_100_000
    assert header["renderer"] == "traced"
    assert len(frames) == header["frames"] == 1080
    passed = [obj for obj in header["objects"] if obj["class"] and obj["at_mm"] < 14_000]
    kinds = {obj["kind"]: obj["class"] for obj in passed}
    assert sum(each == "gas_canister" for each in kinds.values()) >= 2
    assert sum(each["class"] == "battery" for each in passed) >= 8
    assert any(end - start >= 1000 for start, end in header["overload_mm"])
    # Belt positions at which the whole view is in one calm stretch.
    for start, end in ((2000, 4000), (4800, 6000), (10000, 12000)):
        calm = [each["coverage"] for each in frames if start <= each["belt_position_mm"] <= end]
        assert 0.12 <= sum(calm) / len(calm) <= 0.40
        assert max(calm) < 0.5  # far from an overload at any moment
