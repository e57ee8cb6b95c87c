"""A strip of real cut-outs on a real belt, made from a plan, with exact ground truth."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.real_strip import make_strip
from models.data.sized_cutouts import sized_cutouts
from models.workshop import WorkshopError
from tests.models.conftest import HELD_BACK
from twin.traced.bundle import load_strip, read_facts, read_layer
from twin.traced.plan import Stretch, StripPlan

PLAN = StripPlan(
    seed=3,
    length_mm=1500,
    width_mm=500,
    px_per_mm=0.8,
    stretches=(
        Stretch(from_mm=0, to_mm=700, coverage=0.2, hazards_per_m=6, buried=0.5),
        Stretch(from_mm=700, to_mm=1500, coverage=0.9),
    ),
)


@pytest.fixture(scope="module")
def bundle(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("real") / "strip"
    make_strip(PLAN, data, out, held_back=HELD_BACK)
    return out


def test_the_twin_can_load_the_strip(bundle: Path) -> None:
    strip = load_strip(bundle)
    assert strip.image.shape == (400, 1200, 3)
    assert sum(each.hazard is not None for each in strip.objects) == 4


def test_each_stretch_has_the_plan_s_coverage(bundle: Path) -> None:
    covered = load_strip(bundle).covered
    dense, sparse = covered[:, :640], covered[:, 640:]  # column 0 is upstream
    assert dense.mean() == pytest.approx(0.9, abs=0.1)
    assert sparse.mean() == pytest.approx(0.2, abs=0.2)


def test_each_object_is_inside_its_outline(bundle: Path) -> None:
    facts = read_facts(bundle)
    owners = read_layer(bundle, facts, "owners")
    for item in facts.objects:
        outline = np.array(item.outline_mm)
        px = np.stack([(facts.end_mm - outline[:, 0]), outline[:, 1]], axis=1) * facts.px_per_mm
        inside = np.zeros(owners.shape, np.uint8)
        cv2.fillConvexPoly(inside, np.round(px - 0.5).astype(np.int32), 1)
        own = owners == item.id
        assert np.count_nonzero(own) == item.pixels_seen
        assert np.count_nonzero(own & (inside == 0)) <= 0.02 * max(50, item.pixels_seen)


def test_the_same_seed_makes_the_same_strip(bundle: Path, data: Path, tmp_path: Path) -> None:
    make_strip(PLAN, data, tmp_path / "again", held_back=HELD_BACK)
    assert read_facts(tmp_path / "again") == read_facts(bundle)


def test_a_folder_that_is_not_empty_and_data_without_plates_are_refused(
    bundle: Path, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(WorkshopError, match="not empty; give another folder"):
        make_strip(PLAN, data, bundle, held_back=HELD_BACK)
    with pytest.raises(WorkshopError, match=r"contains no plate_\*\.jpg"):
        make_strip(PLAN, data, tmp_path / "out", plates=True, held_back=HELD_BACK)


def test_cut_outs_of_held_out_sources_have_their_kind_and_size(
    wide_data: Path, tmp_path: Path
) -> None:
    facts = make_strip(PLAN, wide_data, tmp_path / "strip", by_source=True, held_back=HELD_BACK)
    kinds = {item.kind for item in facts.objects}
    held = sized_cutouts(wide_data, HELD_BACK, held=True)
    known = {f"cut-out {each.kind}": each for each in held if each.part != "cutouts"}
    assert kinds <= set(known)
    for item in facts.objects:
        low, high = known[item.kind].longest_mm
        assert item.length_mm < 1.5 * high
        assert item.length_mm > 0.6 * low
