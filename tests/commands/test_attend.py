from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import seeing_model
from tests.adaptation.small_model import write_model
from tests.commands.conftest import Vigitri
from tests.vision.test_attention import white_corner


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return f"{write_model(tmp_path / 'model')}/"


@pytest.fixture
def crop(tmp_path: Path) -> Path:
    path = tmp_path / "crop.png"
    cv2.imwrite(str(path), white_corner())
    return path


def test_the_image_is_written_and_the_verdict_printed(
    vigitri: Vigitri, folder: str, crop: Path, tmp_path: Path
) -> None:
    out = tmp_path / "seen.png"
    code, printed, err = vigitri("model", "attend", folder, crop, "-o", out)
    assert (code, err) == (0, [])
    assert printed[0].startswith(("gas 0.", "battery 0."))
    assert printed[1].endswith(f"shown in {out}")
    assert cv2.imread(str(out)).shape == (320, 320, 3)
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_program_gets_one_object(
    vigitri: Vigitri, folder: str, crop: Path, tmp_path: Path
) -> None:
    out = tmp_path / "seen.png"
    options = ("--hazard", "battery", "--json")
    _, (printed,), _ = vigitri("model", "attend", folder, crop, "-o", out, *options)
    document = json.loads(printed)
    assert (document["hazard"], document["image"]) == ("battery", str(out))
    assert 0 <= document["lowest_probability"] <= 1
    assert len(document["kinds"]) == 3


def test_a_model_without_a_verifier_is_refused(
    vigitri: Vigitri, crop: Path, tmp_path: Path
) -> None:
    alone = f"{seeing_model.write_model(tmp_path / 'alone')}/"
    code, _, err = vigitri("model", "attend", alone, crop, "-o", tmp_path / "seen.png")
    assert (code, len(err)) == (2, 1)
    assert f"{alone}: has no verifier" in err[0]


def test_an_image_that_is_no_crop_is_refused_and_nothing_is_written(
    vigitri: Vigitri, folder: str, tmp_path: Path
) -> None:
    oblong, out = tmp_path / "oblong.png", tmp_path / "seen.png"
    cv2.imwrite(str(oblong), np.zeros((40, 60, 3), dtype=np.uint8))
    for wrong, why in ((oblong, "is 60 x 40 px"), (tmp_path / "none.png", "no such file")):
        code, _, err = vigitri("model", "attend", folder, wrong, "-o", out)
        assert (code, len(err)) == (2, 1)
        assert why in err[0]
    assert not out.exists()
