from __future__ import annotations

import numpy as np
import pytest

from detector.vision.sound_boxes import unsound
from tests.fakes import detections

SIZE_PX = (96, 128)
GOOD = (10, 20, 50, 60, 0.9, 0)


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([], ""),
        ([GOOD], ""),
        ([(-20, 5, 40, 90, 0.9, 0)], ""),
        ([GOOD] * 9 + [(50, 20, 40, 60, 0.1, 0)], ""),
        ([(50, 20, 10, 60, 0.9, 0)], "1 of 1 boxes end before they begin"),
        ([(0.1, 0.2, 0.5, 0.6, 0.9, 0)], "they are in shares, not px"),
        ([(400, 20, 500, 60, 0.9, 0)], "1 of 1 boxes lie outside the image"),
        ([(10, 20, 50, 60, 7.5, 0)], "scores reach 7.5, beyond 0 to 1"),
        ([(10, 20, 50, 60, -0.5, 0)], "beyond 0 to 1"),
    ],
)
def test_boxes_and_scores_that_make_no_sense_are_named(
    rows: list[tuple[float, float, float, float, float, int]], wrong: str
) -> None:
    found = unsound(detections(*rows), SIZE_PX)
    assert wrong in found
    assert bool(wrong) == bool(found)


def test_only_the_highest_scores_are_examined() -> None:
    """Noise may be anywhere."""
    noise = [(50.0, 20.0, 10.0, 60.0, float(score), 0) for score in np.linspace(0.1, 0, 300)]
    assert unsound(detections(*([GOOD] * 100), *noise), SIZE_PX) == ""
