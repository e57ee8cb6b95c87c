from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from detector.adaptation.coco_outlines import is_one_piece, mask_of, outer_box, turned

masks = arrays(
    np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 1)
)


def runs_of(mask: np.ndarray[Any, Any]) -> dict[str, Any]:
    lengths, value = [0], 0
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            lengths.append(0)
            value = pixel
        lengths[-1] += 1
    return {"size": list(mask.shape), "counts": lengths}


@given(mask=masks)
def test_a_mask_is_what_its_runs_say_and_its_box_holds_all_of_it(
    mask: np.ndarray[Any, Any],
) -> None:
    runs = runs_of(mask)
    np.testing.assert_array_equal(mask_of(runs), mask)
    x0, y0, x1, y1 = (int(side) for side in outer_box(runs))
    assert mask[y0:y1, x0:x1].sum() == mask.sum()
    if mask.any():
        assert mask[y0].any()
        assert mask[y1 - 1].any()
        assert mask[:, x0].any()
        assert mask[:, x1 - 1].any()


def test_crumbs_of_a_brush_make_no_second_piece() -> None:
    mask = np.zeros((60, 80), np.uint8)
    mask[10:40, 10:50] = 1
    assert is_one_piece(runs_of(mask))
    mask[50, 70] = 1
    assert is_one_piece(runs_of(mask))
    mask[45:58, 60:78] = 1
    assert not is_one_piece(runs_of(mask))
    assert not is_one_piece(runs_of(np.zeros((4, 4), np.uint8)))
    assert not is_one_piece([[0, 0, 4, 0, 4, 4]])


@pytest.mark.parametrize("counts", [[1, 2], [-1, 17], [[16]], "1"])
def test_runs_of_another_size_are_refused(counts: Any) -> None:
    with pytest.raises(ValueError, match="a mask's runs are not those of 4 x 4 px"):
        mask_of({"size": [4, 4], "counts": counts})


@given(degrees=st.floats(-360, 360))
def test_the_outer_box_of_a_turned_box_holds_it_around_the_same_centre(degrees: float) -> None:
    x0, y0, x1, y1 = turned((10, 20, 50, 30), degrees)
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((30, 25))
    assert 10 <= x1 - x0 <= np.hypot(40, 10) + 1e-9
    assert 10 <= y1 - y0 <= np.hypot(40, 10) + 1e-9
