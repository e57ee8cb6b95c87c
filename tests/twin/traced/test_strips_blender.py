"""Small renders with Blender; skipped if it is not installed."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from twin.traced import cutouts, strips
from twin.traced.bundle import load_strip
from twin.traced.plan import PlanError, Stretch, StripPlan

pytest.importorskip("bpy")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PLAN = StripPlan(
    seed=5,
    length_mm=600,
    width_mm=200,
    px_per_mm=0.25,
    samples=1,
    hazards={"d_cell": 1},
    stretches=(Stretch(from_mm=0, to_mm=600, coverage=0.1, hazards_per_m=6),),
)


def test_an_interrupted_bank_is_resumed(tmp_path: Path) -> None:
    plan = {"d_cell": 1, "lighter": 1}
    assert cutouts.make(tmp_path, plan, seed=3, samples=2) == 2
    entry = cutouts.read(tmp_path)[0]
    (tmp_path / entry.file).unlink()
    assert cutouts.make(tmp_path, plan, seed=3, samples=2) == 1
    assert cutouts.make(tmp_path, plan, seed=3, samples=2) == 0
    image = cv2.imread(str(tmp_path / entry.file), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert image.shape[2] == 4
    inside = image[..., 3] > 127
    # A D cell is 61.5 x 34.2 mm; here at 2 px/mm, or upright.
    assert inside.sum() == pytest.approx(61.5 * 34.2 * 4, rel=0.3)
    assert image[inside][:, :3].std() > 5
    assert not inside[0].any()


def test_a_strip_shows_its_objects_where_its_ground_truth_records_them(tmp_path: Path) -> None:
    seen = []
    strips.trace_strip(PLAN, tmp_path / "strip", progress=lambda done, _: seen.append(done))
    strip = load_strip(tmp_path / "strip")
    assert strip.image.shape == (50, 150, 3)
    assert 0.05 < strip.covered.mean() < 0.6
    cells = [each for each in strip.objects if each.hazard == "battery"]
    assert cells
    open_ = [cell for cell in cells if cell.visible() > 0.9]
    assert open_
    for cell in open_:
        rows, columns = np.nonzero(cell.visible_alpha)
        at = strip.end_mm - (columns + cell.left + 0.5) / strip.px_per_mm
        across = (rows + cell.top + 0.5) / strip.px_per_mm
        assert at.mean() == pytest.approx(cell.at_mm, abs=8)
        assert across.mean() == pytest.approx(cell.x_mm, abs=8)
        assert cell.total_alpha == pytest.approx(cell.visible_alpha.sum(), rel=0.25)
    assert not (tmp_path / "strip" / "tiles").exists()
    # A complete bundle is neither rendered again nor overwritten by another plan.
    strips.trace_strip(PLAN, tmp_path / "strip", progress=lambda *_: seen.append(-1))
    assert -1 not in seen
    with pytest.raises(PlanError, match="another plan"):
        strips.trace_strip(PLAN.model_copy(update={"seed": 6}), tmp_path / "strip")


def test_an_interrupted_strip_has_no_facts_and_is_completed_later(tmp_path: Path) -> None:
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    plan = PLAN.model_copy(update={"length_mm": 1000.0, "stretches": ()})
    with pytest.raises(KeyboardInterrupt):
        strips.trace_strip(plan, tmp_path / "strip", progress=interrupt)
    assert not (tmp_path / "strip" / "strip.json").exists()
    first = tmp_path / "strip" / "tiles" / "0000.npz"
    made_ns = first.stat().st_mtime_ns
    kept: list[int] = []
    strips.trace_strip(
        plan,
        tmp_path / "strip",
        progress=lambda done, _: kept.append(first.stat().st_mtime_ns if done == 1 else made_ns),
    )
    assert kept[0] == made_ns
    assert load_strip(tmp_path / "strip").objects == []
