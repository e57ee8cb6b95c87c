from __future__ import annotations

from benchmarks.accuracy.ground_truth import GroundTruth
from benchmarks.soak.faults import Injected
from benchmarks.soak.footage import TRUTH
from benchmarks.soak.old_images import Frame, old_images

RETURNED = Injected("camera hangs", 0, 1_000_000_000)


def frame(t_s: float, age_s: float) -> Frame:
    """What a model that finds everything finds in an image of this age."""
    truth = GroundTruth.read(TRUTH)
    at = round((t_s - age_s) * truth.fps) % len(truth.frames)
    boxes = tuple(tuple(record["box_px"]) for record in truth.frames[at]["objects"])
    return Frame(round(t_s * 1e9), boxes)


def test_images_as_old_as_they_are_taken_to_be_are_fresh() -> None:
    found = old_images([frame(t_s, 0.2) for t_s in (5.0, 7.0, 9.0)], [RETURNED])
    assert (found["fresh"], found["old"], found["unknown"]) == (3, 0, 0)
    assert found["noticed_if_old"] > 0.5


def test_images_that_queued_for_seconds_are_old() -> None:
    found = old_images([frame(t_s, 2.0) for t_s in (7.0, 9.0, 10.0)], [RETURNED])
    assert (found["fresh"], found["old"], found["unknown"]) == (0, 2, 1)  # one object is too few


def test_only_the_time_after_a_return_is_examined() -> None:
    found = old_images([frame(20.0, 2.0), Frame(5_000_000_000, ())], [RETURNED])
    assert (found["fresh"], found["old"], found["unknown"]) == (0, 0, 1)
