"""Bundles of strips: read as written, rejected when damaged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from twin.line.strip import Strip
from twin.traced.bundle import BundleError, Facts, StripObject, load_strip, write_facts, write_image

SHAPE = (50, 100)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """200 mm of a belt 100 mm wide at 0.5 px/mm: a cell half under a carton."""
    owners = np.zeros(SHAPE, np.uint16)
    owners[10:20, 10:40] = 1
    owners[10:20, 25:60] = 2
    rng = np.random.default_rng(1)
    write_image(tmp_path / "picture.png", rng.integers(0, 255, (*SHAPE, 3), np.uint8))
    write_image(tmp_path / "owners.png", owners)
    write_image(tmp_path / "seen.png", owners)
    write_image(tmp_path / "height.png", owners)
    objects = [obj(1, "d_cell", "battery", 300, 150), obj(2, "carton_box", None, 350, 350)]
    write_facts(tmp_path, facts(objects))
    return tmp_path


def obj(number: int, kind: str, hazard: str | None, alone: float, seen: float) -> StripObject:
    return StripObject.model_validate(
        {
            "id": number,
            "kind": kind,
            "class": hazard,
            "at_mm": 150.0,
            "x_mm": 30.0,
            "angle_deg": 0.0,
            "length_mm": 61.5,
            "width_mm": 34.2,
            "height_mm": 34.2,
            "pixels_alone": alone,
            "pixels_seen": seen,
            "outline_mm": [(120.0, 20.0), (180.0, 20.0), (180.0, 40.0)],
        }
    )


def facts(objects: list[StripObject]) -> Facts:
    return Facts(
        start_mm=0, end_mm=200, width_mm=100, px_per_mm=0.5, seed=1, belt="worn", objects=objects
    )


def test_a_bundle_becomes_a_strip(bundle: Path) -> None:
    strip = load_strip(bundle)
    assert isinstance(strip, Strip)
    assert strip.image.shape == (*SHAPE, 3)
    assert strip.column(200) == 0
    assert strip.coverage(0, 200) == pytest.approx(10 * 50 / (50 * 100))
    cell, carton = strip.objects
    assert (cell.hazard, carton.hazard) == ("battery", None)
    assert cell.visible() == pytest.approx(0.5)
    assert (cell.left, cell.top, cell.visible_alpha.shape) == (10, 10, (10, 15))


def test_a_completely_hidden_hazard_is_not_visible(bundle: Path) -> None:
    hidden = [obj(7, "d_cell", "battery", 300, 0)]
    write_facts(bundle, facts(hidden))
    assert load_strip(bundle).objects[0].visible() == 0


def broken(change: Callable[[Path], object], folder: Path) -> str:
    change(folder)
    with pytest.raises(BundleError) as error:
        load_strip(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda at: (at / "strip.json").unlink(), "an unfinished strip has none yet"),
        (lambda at: (at / "strip.json").write_text("{"), "strip.json"),
        (lambda at: (at / "strip.json").write_text('{"schema": "other/9"}'), "schema"),
        (lambda at: (at / "picture.png").unlink(), "picture.png: cannot be read"),
        (
            lambda at: (at / "owners.png").write_bytes(b"no image"),
            "owners.png: cannot be decoded as an image",
        ),
        (lambda at: (at / "seen.png").write_bytes(b""), "seen.png: cannot be decoded as an image"),
        (
            lambda at: write_image(at / "picture.png", np.zeros((9, 9, 3), np.uint8)),
            "belong to different strips",
        ),
        (
            lambda at: write_image(at / "owners.png", np.zeros(SHAPE, np.uint8)),
            "belong to different strips",
        ),
    ],
)
def test_a_damaged_bundle_is_reported_in_one_line(
    bundle: Path, change: Callable[[Path], object], reason: str
) -> None:
    assert reason in broken(change, bundle)
