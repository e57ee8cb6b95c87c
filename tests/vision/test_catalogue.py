from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from detector.profile.line import DEPLOYED_MODEL
from detector.vision.catalogue import Card, ModelError, find_model, model_folders
from tests.fakes import make_card
from tests.verifiers import add_verifier

CARD = """
name = "t"
version = 1
head = "end2end"
training = {{}}
metrics = {{}}
[input]
name = "images"
layout = "nhwc_bgr_u8"
stride = 32
size = [0, 0]
mm_per_px = [0.6, 1.6]
photo_sizes_px = [416]
[[classes]]
index = 0
name = "battery"
hazard = "battery"
plausible_length_mm = [10, 400]
threshold = 0.4
[files]
"model.onnx" = "{digest}"
"""

HARMLESS = """[[classes]]
index = 1
name = "bag"
hazard = "none"
"""
SAMPLE = """[sample]
file = "s.png"
class_name = "battery"
box_px = [1, 2, 3, 4]
min_score = 0.4
"""


def folder(tmp_path: Path, old: str = "", new: str = "") -> str:
    (tmp_path / "model.onnx").write_bytes(b"weights")
    card = CARD.format(digest=hashlib.sha256(b"weights").hexdigest())
    assert old in card
    (tmp_path / "card.toml").write_text(card.replace(old, new) if old else card)
    return f"{tmp_path}/"


def test_a_model_folder_is_found_by_its_path(tmp_path: Path) -> None:
    model = find_model(folder(tmp_path))
    assert model.card.classes[0].name == "battery"
    assert model.sha256 == hashlib.sha256(b"weights").hexdigest()


def test_every_deployed_model_matches_its_card() -> None:
    assert model_folders()
    for path in model_folders():
        assert find_model(path.name).path == path


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match=rf"Known models: .*{DEPLOYED_MODEL}"):
        find_model("vigitri-x9")


def test_a_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    name = folder(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"other weights")
    with pytest.raises(ModelError, match="It is not the file that was tested"):
        find_model(name)


def test_a_missing_file_of_the_card_is_refused(tmp_path: Path) -> None:
    name = folder(tmp_path)
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(ModelError, match="is missing, though the card names it"):
        find_model(name)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('head = "end2end"', 'head = "yolo"', "head"),
        ("version = 1", "version = 0", "version"),
        ("threshold = 0.4", "threshold = 1.4", "classes.0.threshold"),
        ("threshold = 0.4", "threshold = nan", "classes.0.threshold"),
        ("threshold = 0.4", "", "classes.0.threshold"),
        ("index = 0", "index = 1", "listed by index"),
        ("[10, 400]", "[400, 10]", "plausible_length_mm must rise"),
        ("[10, 400]", "[10, inf]", "classes.0.plausible_length_mm.1"),
        ("photo_sizes_px = [416]", "photo_sizes_px = []", "input.photo_sizes_px"),
        ('"model.onnx" =', '"other.onnx" =', "must give the sha256 of model.onnx"),
        ("stride = 32", "stride = 32\ncolour = 1", "input.colour"),
        ('name = "t"', "name = ", "can't be read"),
        ('name = "t"', f"name = {'[' * 3000}", "can't be read"),
        ('hazard = "battery"', 'hazard = "none"', "at least one class must be a hazard"),
        ("[files]", HARMLESS + HARMLESS.replace("1", "2") + "[files]", "bag is there twice"),
        ("[files]", SAMPLE + "[files]", "must give the sha256 of s.png, the sample"),
    ],
)
def test_an_invalid_card_is_refused_in_one_line_with_the_key(
    tmp_path: Path, old: str, new: str, key: str
) -> None:
    with pytest.raises(ModelError) as refused:
        find_model(folder(tmp_path, old, new))
    assert key in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_harmless_class_needs_no_threshold_and_no_size(tmp_path: Path) -> None:
    card = find_model(folder(tmp_path, "[files]", HARMLESS + "[files]")).card
    assert [(each.name, each.hazard) for each in card.classes] == [
        ("battery", "battery"),
        ("bag", "none"),
    ]
    assert card.operating_thresholds == {"battery": 0.4}


def test_the_fake_card_is_valid() -> None:
    assert isinstance(make_card(), Card)


def test_a_proposal_threshold_above_the_threshold_is_refused(tmp_path: Path) -> None:
    added = "threshold = 0.4\nproposal_threshold = 0.5"
    with pytest.raises(ModelError, match=r"classes\.0: proposal_threshold must not be above"):
        find_model(folder(tmp_path, "threshold = 0.4", added))


def test_a_verifier_that_decides_on_a_hazard_without_a_class_is_refused(tmp_path: Path) -> None:
    add_verifier(Path(folder(tmp_path)))
    with pytest.raises(ModelError, match="decides on gas, but no class has that hazard"):
        find_model(f"{tmp_path}/")


def test_a_card_with_a_verifier_has_its_kinds_in_order(tmp_path: Path) -> None:
    folder(tmp_path, 'name = "battery"\nhazard = "battery"', 'name = "gas"\nhazard = "gas"')
    battery = [{"name": "cell", "hazard": "none"}, {"name": "bottle", "hazard": "gas"}]
    fusion = {"gas": {"verifier": 1.5, "detector": 0.2, "offset": -1.0, "threshold": 0.7}}
    add_verifier(tmp_path, kinds=battery, fusion=fusion)
    verifier = find_model(f"{tmp_path}/").card.verifier
    assert verifier is not None
    assert [kind.name for kind in verifier.kinds] == ["cell", "bottle"]
    assert verifier.kinds_of("gas") == (1,)
    assert verifier.fusion["gas"].threshold == 0.7
