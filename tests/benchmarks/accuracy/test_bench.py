from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.accuracy import bench as accuracy
from benchmarks.accuracy import scores
from benchmarks.accuracy.detections_file import RecordedDetections, recording_path
from benchmarks.accuracy.footage import open_footage, profile_of
from benchmarks.accuracy.ground_truth import GroundTruthError
from benchmarks.accuracy.recorder import record_detections
from benchmarks.accuracy.replay import Replay
from detector.line_setup import Line
from detector.pipeline import Pipeline
from detector.profile.line import ModelChoice
from detector.vision.catalogue import find_model
from detector.vision.engine import Engine, OnnxEngine
from detector.vision.engines import open_verifier
from tests.benchmarks.small_footage import write_footage
from tests.small_line import write_model
from tests.verifiers import add_verifier


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_footage(tmp_path_factory.mktemp("footage"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"{write_model(tmp_path_factory.mktemp('models') / 'white-and-red')}/."


@pytest.fixture(autouse=True)
def few_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (accuracy, scores):
        monkeypatch.setattr(module, "GRID", (0.3, 0.6, 0.95))


@pytest.fixture(scope="module")
def kept_once(clip: Path, model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run has kept and reported, to copy."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accuracy, "GRID", (0.3, 0.6, 0.95))
        accuracy.run([str(clip)], folder, model_name=model)
    return folder


@pytest.fixture
def kept(kept_once: Path, tmp_path: Path) -> Path:
    """A folder of the test's own with what a run has kept and reported."""
    return shutil.copytree(kept_once, tmp_path / "kept")


def test_recorded_detections_give_the_same_alerts_as_the_pipeline(
    clip: Path, model: str, tmp_path: Path
) -> None:
    footage, folder = open_footage(str(clip)), find_model(model)
    profile, engine = profile_of(footage.truth, None), OnnxEngine(folder, threads=1)
    pipeline = Pipeline(Line(profile, folder, engine, "bench"))
    alerts = [alert for frame in footage.frames() for alert in pipeline.process(frame).alerts]
    looked_at: list[int] = []
    seen = record_detections(
        footage, profile, folder, engine, lambda done, _: looked_at.append(done)
    )
    assert looked_at == list(range(1, 33))
    seen.write(tmp_path / "kept.npz")
    kept = RecordedDetections.read(tmp_path / "kept.npz")
    again = list(Replay(kept, profile, folder).alerts({}))
    assert again == [alert for alert in alerts if alert.place is not None]
    assert again


@pytest.fixture
def verified(model: str, tmp_path: Path) -> str:
    """The same model with a verifier."""
    return f"{add_verifier(shutil.copytree(model, tmp_path / 'verified'))}/."


def test_recorded_kinds_give_the_same_alerts_as_a_pipeline_with_a_verifier(
    clip: Path, verified: str, tmp_path: Path
) -> None:
    footage, folder = open_footage(str(clip)), find_model(verified)
    profile, engine = profile_of(footage.truth, None), OnnxEngine(folder, threads=1)
    checked = open_verifier(folder, ModelChoice(engine="onnxruntime", threads=1))
    pipeline = Pipeline(Line(profile, folder, engine, "bench", checked))
    alerts = [alert for frame in footage.frames() for alert in pipeline.process(frame).alerts]
    seen = record_detections(footage, profile, folder, engine, lambda *_: None, verifier=checked)
    seen.write(tmp_path / "kept.npz")
    replay = Replay(RecordedDetections.read(tmp_path / "kept.npz"), profile, folder)
    again = list(replay.alerts({}))
    assert again == [alert for alert in alerts if alert.place is not None]
    assert {alert.class_name for alert in again} == {"gas_bottle", "cell"}
    most = max(alert.probability or 0 for alert in again if alert.class_name == "cell")
    fewer = replay.alerts({"battery": most + 0.001})
    assert {alert.class_name for alert in fewer} == {"gas_bottle"}


def test_a_run_of_a_model_with_a_verifier_counts_and_fits_its_verdicts_by_hazard(
    clip: Path, verified: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accuracy.run([str(clip)], tmp_path, model_name=verified)
    figures: dict[str, Any] = json.loads((tmp_path / "report.json").read_text())
    for name in ("gas_canister", "battery"):
        assert figures["recall"][name]["all"]["right"] == 1
    assert figures["false_alarms"]["all"]["count"] == 0
    assert figures["thresholds"] == {"gas_canister": 0.5, "battery": 0.5}
    before = find_model(verified).card
    scores.run(tmp_path, verified, 1.0, write=True)
    printed = capsys.readouterr().out
    after = find_model(verified).card
    assert after.verifier is not None
    gas, battery = (after.verifier.fusion[hazard].threshold for hazard in ("gas", "battery"))
    assert (
        f"[hazards.gas] threshold = {gas:g}, [hazards.battery] threshold = {battery:g}" in printed
    )
    assert {gas, battery} <= set(scores.GRID)
    assert after.classes == before.classes
    assert after.operating["gas_canister"]["threshold"] == gas


def test_a_report_is_written_and_a_second_run_needs_no_inference(
    clip: Path,
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    accuracy.run([str(clip)], tmp_path, model_name=model)
    figures: dict[str, Any] = json.loads((tmp_path / "report.json").read_text())
    for name in ("gas_canister", "battery"):
        assert figures["recall"][name]["all"]["right"] == 1
    assert figures["false_alarms"]["all"]["count"] == 0
    assert figures["position_error_mm"]["p50"] < 10
    assert "1 of 1" in (tmp_path / "report.md").read_text()
    for name in figures["plots"]:
        assert (tmp_path / name).is_file()
    assert figures["sheets"] == []  # no misses, no false alarms

    def no_engine(*_: Any, **__: Any) -> Engine:
        raise AssertionError("ran inference again")

    monkeypatch.setattr(accuracy, "open_engine", no_engine)
    capsys.readouterr()
    accuracy.run(
        [str(clip)], tmp_path, model_name=model, compare=tmp_path / "report.json", as_json=True
    )
    out = capsys.readouterr().out
    assert "nothing changed" in out
    assert json.loads(out.splitlines()[0])["recall"] == figures["recall"]


LINE = """
line = "hall2"
[camera]
source = "-"
[belt]
polygon_px = [[0, 0], [319, 0], [319, 239], [0, 239]]
travel = "right"
px_per_mm = 0.5
"""


def test_a_recording_is_evaluated_with_the_current_profile(
    clip: Path, model: str, tmp_path: Path
) -> None:
    line, report = tmp_path / "line.toml", tmp_path / "report.json"
    line.write_text(LINE)
    accuracy.run([str(clip)], tmp_path, line=line, model_name=model)
    assert json.loads(report.read_text())["recall"]["battery"]["all"]["right"] == 1
    line.write_text(f"{LINE}[model]\nthresholds = {{ battery = 0.95 }}\n")
    accuracy.run([str(clip)], tmp_path, line=line, model_name=model)
    figures = json.loads(report.read_text())
    assert len(list((tmp_path / "detections").glob("*.npz"))) == 1
    assert figures["thresholds"]["battery"] == 0.95
    assert figures["recall"]["battery"]["all"]["right"] == 0
    assert figures["recall"]["gas_canister"]["all"]["right"] == 1


def test_other_monitor_settings_need_another_recording(
    clip: Path, model: str, tmp_path: Path
) -> None:
    footage, folder = open_footage(str(clip)), find_model(model)
    profile = profile_of(footage.truth, None)
    calmer = profile.model_copy(update={"jam": profile.jam.model_copy(update={"watch_s": 3.0})})
    places = {
        recording_path(tmp_path, footage, folder, each, "onnxruntime") for each in (profile, calmer)
    }
    assert len(places) == 2


def test_footage_given_twice_is_refused(clip: Path, model: str, tmp_path: Path) -> None:
    with pytest.raises(
        GroundTruthError, match="is given twice; its hazards and hours would count twice"
    ):
        accuracy.run([str(clip), str(clip.parent)], tmp_path, model_name=model)


@pytest.mark.parametrize("text", ["{}", '{"recall": {}}', "[1]", "no JSON"])
def test_a_file_that_is_not_an_accuracy_report_is_refused_before_inference(
    text: str, clip: Path, model: str, tmp_path: Path
) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(GroundTruthError, match="not an accuracy report"):
        accuracy.run(
            [str(clip)], tmp_path / "out", model_name=model, compare=tmp_path / "report.json"
        )
    assert not (tmp_path / "out").exists()


def test_misses_and_false_alarms_have_contact_sheets(
    clip: Path, model: str, tmp_path: Path
) -> None:
    folder = tmp_path / "footage"
    folder.mkdir()
    (folder / "belt.avi").write_bytes(clip.read_bytes())
    # In this truth the cell is 45 px (90 mm) away from its position in the image.
    first, *rest = map(json.loads, clip.with_name("belt.truth.jsonl").read_text().splitlines())
    first["objects"][1]["outline_mm"] = [
        (at, x + 90) for at, x in first["objects"][1]["outline_mm"]
    ]
    first["objects"][1]["x_mm"] += 90
    for placed in (each for record in rest for each in record["objects"] if each["id"] == 2):
        placed["x_mm"] += 90
        placed["box_px"] = [side + 45 * (n % 2) for n, side in enumerate(placed["box_px"])]
    text = "".join(f"{json.dumps(each)}\n" for each in (first, *rest))
    (folder / "belt.truth.jsonl").write_text(text)
    accuracy.run([str(folder)], tmp_path / "out", model_name=model)
    figures = json.loads((tmp_path / "out" / "report.json").read_text())
    assert figures["recall"]["battery"]["all"]["right"] == 0
    assert figures["false_alarms"]["battery"]["count"] == 1
    assert figures["sheets"] == ["misses.png", "false_alarms.png"]


def test_scores_are_fitted_on_recorded_detections_and_too_little_belt_is_reported(
    kept: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    scores.run(kept, model, 1.0, write=False, as_json=False)
    out = capsys.readouterr().out
    assert "NOT proven" in out
    assert "[model] thresholds = { gas_canister = " in out
    scores.run(kept, model, 1.0, write=True, as_json=True)
    fitted = json.loads(capsys.readouterr().out)
    card = find_model(model).card
    assert {known.name: known.threshold for known in card.classes} == fitted["thresholds"]
    assert card.operating["proven"] is False
    assert card.operating["battery"]["curve"]["found"][0] == 1


def test_with_keep_thresholds_only_the_curves_are_written_into_the_card(
    kept: Path, model: str
) -> None:
    before = find_model(model).card.classes
    scores.run(kept, model, 1.0, write=True, keep_thresholds=True)
    card = find_model(model).card
    assert [each.threshold for each in card.classes] == [each.threshold for each in before]
    assert card.operating["in_use"]["battery"] == [1, 1]
    assert card.operating["battery"]["curve"]["found"][0] == 1
    assert card.operating["trades"]["60_per_h"]["battery"][1] == 1.0


def test_scores_without_detections_of_the_model_are_refused(model: str, tmp_path: Path) -> None:
    with pytest.raises(GroundTruthError, match="no detections of white-and-red"):
        scores.run(tmp_path, model, 1.0, write=False, as_json=False)


def _copied(kept: Path, name: str, was: bytes, now: bytes) -> None:
    """Copy a recording with `was` replaced by `now` in its files."""
    for suffix in (".npz", ".json", ".truth.jsonl"):
        content = kept.with_suffix(suffix).read_bytes()
        kept.with_name(f"{name}{suffix}").write_bytes(content.replace(was, now))


def test_scores_are_not_fitted_on_two_engines_or_on_the_same_belt_twice(
    clip: Path, model: str, tmp_path: Path
) -> None:
    accuracy.run([str(clip)], tmp_path, model_name=model, engine="onnxruntime")
    (kept,) = (tmp_path / "detections").glob("*.npz")
    _copied(kept, "other", b'"engine": "onnxruntime"', b'"engine": "openvino"')
    with pytest.raises(GroundTruthError, match="detections of onnxruntime and openvino"):
        scores.run(tmp_path, model, 1.0, write=False, as_json=False)
    _copied(kept, "other", b'"passes_per_s": 8.0', b'"passes_per_s": 4.0')
    with pytest.raises(
        GroundTruthError, match="more detections of belt through another profile or at another"
    ):
        scores.run(tmp_path, model, 1.0, write=False, as_json=False)


def test_detections_of_another_model_are_not_used_for_a_fit(
    kept: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (detections,) = (kept / "detections").glob("*.npz")
    sha256 = find_model(model).sha256.encode()
    _copied(detections, "other", sha256, b"0" * 64)
    capsys.readouterr()
    scores.run(kept, model, 1.0, write=False, as_json=True)
    assert len(json.loads(capsys.readouterr().out)["operating"]["footage"]) == 1


def test_a_clip_that_does_not_belong_to_its_ground_truth_is_refused(
    clip: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "belt.avi"
    copy.write_bytes(clip.read_bytes())
    first, *rest = clip.with_name("belt.truth.jsonl").read_text().splitlines()
    header = {**json.loads(first), "clip_sha256": "0" * 64}
    (tmp_path / "belt.truth.jsonl").write_text("\n".join([json.dumps(header), *rest]))
    with pytest.raises(GroundTruthError, match="not the clip that its truth was written for"):
        open_footage(str(copy))
    with pytest.raises(GroundTruthError, match="neither footage nor a scenario"):
        open_footage("no-such-scenario")


def test_the_frame_rate_is_rounded_to_whole_steps_of_frames(clip: Path) -> None:
    footage = open_footage(str(clip), fps=2.5)
    assert [frame.index for frame in footage.frames()][:3] == [0, 2, 4]
    assert len(footage.evaluated) == 16
    assert replace(footage, every=5).evaluated[1] == 5
