from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from detector.profile.line import DEPLOYED_MODEL
from tests.commands.conftest import Vigitri
from tests.small_line import BATTERY_PX, GAS_PX, PATIENCE_S, RED, WHITE, belt_image
from tests.verifiers import add_verifier

Photo = Callable[..., Path]


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    def write(name: str, *objects: Any) -> Path:
        path = tmp_path / name
        cv2.imwrite(str(path), belt_image(*objects))
        return path

    return write


def test_json_lists_class_score_and_box_of_each_detection(
    vigitri: Vigitri, model: Path, photo: Photo
) -> None:
    path = photo("belt.png", ((100, 80), GAS_PX, WHITE), ((200, 170), BATTERY_PX, RED))
    code, out, err = vigitri("detect", path, "--model", model, "--json")
    assert (code, err) == (0, [])
    (line,) = map(json.loads, out)
    assert list(line) == ["path", "width", "height", "detections"]
    assert (line["path"], line["width"], line["height"]) == (str(path), 320, 240)
    gas, battery = line["detections"]
    assert gas == {"class": "gas_canister", "score": 0.9, "box_px": [70.0, 60.0, 130.0, 100.0]}
    assert battery["class"] == "battery"
    assert battery["box_px"] == pytest.approx([188, 163, 212, 177], abs=1.5)


def test_boxes_are_in_pixels_of_the_original_photograph(
    vigitri: Vigitri, model: Path, tmp_path: Path
) -> None:
    small = belt_image(((100, 80), GAS_PX, WHITE))
    cv2.imwrite(str(tmp_path / "big.png"), cv2.resize(small, (1280, 960)))
    _, out, _ = vigitri("detect", tmp_path / "big.png", "--model", model, "--json")
    (found,) = json.loads(out[0])["detections"]
    assert found["box_px"] == pytest.approx([280, 240, 520, 400], abs=8)


def test_without_json_it_prints_readable_lines(vigitri: Vigitri, model: Path, photo: Photo) -> None:
    full, empty = photo("a.png", ((100, 80), GAS_PX, WHITE)), photo("b.png")
    code, out, _ = vigitri("detect", full, empty, "--model", model)
    assert code == 0
    assert out == [
        f"{full}: gas_canister 0.90 at [70, 60, 130, 100]",
        f"{empty}: nothing found",
    ]


def test_unreadable_files_are_reported_and_the_others_are_processed(
    vigitri: Vigitri, model: Path, photo: Photo, tmp_path: Path
) -> None:
    good = [photo("a.png"), photo("z.png")]
    cut = photo("cut.png")
    cut.write_bytes(cut.read_bytes()[:300])
    text = tmp_path / "text.jpg"
    text.write_text("not a image")
    code, out, err = vigitri(
        "detect", good[0], cut, text, tmp_path / "no.png", good[1], "--model", model, "--json"
    )
    assert code == 1
    assert [json.loads(line)["path"] for line in out] == [str(path) for path in good]
    assert len(err) == 3
    for line, path in zip(err, (cut, text, tmp_path / "no.png"), strict=True):
        assert line.startswith(f"vigitri: {path}: ")


def test_a_folder_is_expanded_to_its_images(
    vigitri: Vigitri, model: Path, photo: Photo, tmp_path: Path
) -> None:
    paths = [photo("1.png"), photo("2.JPG"), photo("10.png")]
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "._1.png").write_bytes(b"what a Mac leaves on a stick")
    code, out, _ = vigitri("detect", tmp_path, "--model", model, "--json")
    assert code == 0
    assert [json.loads(line)["path"] for line in out] == [str(path) for path in paths]


@pytest.mark.parametrize(
    ("name", "encoding", "printed"),
    [
        (os.fsdecode(b"\xe9quipe.png"), "utf-8:strict", b"\\udce9quipe.png"),
        ("\u00e9quipe.png", "ascii:strict", b"\\xe9quipe.png"),
    ],
    ids=["a name that is not valid text", "a character that the terminal lacks"],
)
def test_a_name_that_cannot_be_printed_is_escaped(
    model: Path, photo: Photo, name: str, encoding: str, printed: bytes
) -> None:
    path = photo("a.png")
    path = path.rename(path.with_name(name))
    done = subprocess.run(
        [sys.executable, "-m", "detector.cli", "detect", path, "--model", model],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(printed + b": nothing found\n")


def test_a_folder_without_images_is_reported(
    vigitri: Vigitri, model: Path, photo: Photo, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    code, out, err = vigitri("detect", photo("a.png"), tmp_path / "empty", "--model", model)
    assert (code, len(out)) == (1, 1)
    assert err == [f"vigitri: {tmp_path / 'empty'}: no images in this folder"]


def test_images_of_a_folder_that_are_not_read_are_named_and_the_others_processed(
    vigitri: Vigitri, model: Path, photo: Photo, tmp_path: Path
) -> None:
    photo("a.png")
    (tmp_path / "b.jxl").write_bytes(b"\xff\x0a" + bytes(40))
    data = bytes(cv2.imencode(".jpg", belt_image())[1])
    (tmp_path / "c.jpg").write_bytes(data[: len(data) // 2] + data[-2:])
    code, out, err = vigitri("detect", tmp_path, "--model", model)
    assert (code, out) == (1, [f"{tmp_path}/a.png: nothing found"])
    assert err == [
        f"vigitri: {tmp_path}/b.jxl: not read: JPEG XL; export it as JPEG or PNG",
        f"vigitri: {tmp_path}/c.jpg: the image is damaged: a part of its data is missing or "
        "overwritten; copy it again from its origin",
    ]


def test_min_score_overrides_the_thresholds(vigitri: Vigitri, model: Path, photo: Photo) -> None:
    path = photo("a.png", ((100, 80), GAS_PX, WHITE))
    _, out, _ = vigitri("detect", path, "--model", model, "--min-score", 0.95, "--json")
    assert json.loads(out[0])["detections"] == []


def test_a_min_score_above_1_is_refused(vigitri: Vigitri, photo: Photo) -> None:
    code, out, _ = vigitri("detect", photo("a.png"), "--min-score", 1.5)
    assert (code, out) == (2, [])


def test_an_engine_that_is_not_installed_is_refused_in_one_line(
    vigitri: Vigitri, model: Path, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    for command in (("detect", photo("a.png"), "--model", model), ("model", "check", model)):
        code, out, err = vigitri(*command, "--engine", "openvino")
        assert (code, out, len(err)) == (2, [], 1)
        assert "openvino is missing. pip install 'vigitri[openvino]'" in err[0]


def test_an_unknown_model_is_refused_in_one_line(vigitri: Vigitri, photo: Photo) -> None:
    code, out, err = vigitri("detect", photo("a.png"), "--model", "nosuch")
    assert (code, out, len(err)) == (2, [], 1)
    assert "no model 'nosuch'" in err[0]
    assert DEPLOYED_MODEL in err[0]


def test_the_deployed_model_processes_a_photograph(vigitri: Vigitri, photo: Photo) -> None:
    code, out, err = vigitri("detect", photo("a.png"), "--json")
    assert (code, err) == (0, [])
    assert json.loads(out[0])["width"] == 320


# --- verifier --------------------------------------------------------------------------------


@pytest.fixture
def verified(model: Path, tmp_path: Path) -> Path:
    """A model folder with a verifier."""
    return add_verifier(shutil.copytree(model, tmp_path / "verified"))


def test_with_a_verifier_the_score_is_the_fused_probability_and_the_kind_is_stated(
    vigitri: Vigitri, verified: Path, photo: Photo
) -> None:
    path = photo("belt.png", ((100, 80), GAS_PX, WHITE), ((200, 170), BATTERY_PX, RED))
    code, out, err = vigitri("detect", path, "--model", verified, "--json")
    assert (code, err) == (0, [])
    listed = json.loads(out[0])["detections"]
    assert listed[0]["score"] >= listed[1]["score"]
    battery, gas = sorted(listed, key=lambda each: each["class"])
    assert (gas["class"], gas["kind"], gas["detector_score"]) == ("gas_canister", "gas_bottle", 0.9)
    assert (battery["class"], battery["kind"]) == ("battery", "cell")
    assert gas["box_px"] == [70.0, 60.0, 130.0, 100.0]
    assert all(0.5 < each["score"] < 1 for each in listed)
    _, out, _ = vigitri("detect", path, "--model", verified)
    assert f"gas_bottle {gas['score']:.2f} at [70, 60, 130, 100]" in out[0]


def test_with_a_verifier_harmless_objects_are_listed_only_down_to_a_lower_probability(
    vigitri: Vigitri, verified: Path, photo: Photo
) -> None:
    # Too little white in its square for a bottle.
    path = photo("belt.png", ((150, 80), (200, 8), WHITE))
    _, out, _ = vigitri("detect", path, "--model", verified, "--json")
    assert json.loads(out[0])["detections"] == []
    command = ("detect", path, "--model", verified, "--json", "--min-score", "0.0001")
    (listed,) = json.loads(vigitri(*command)[1][0])["detections"]
    assert 0.0001 < listed["score"] < 0.1
