from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from detector.vision.detections import (
    Detections,
    from_end_to_end,
    from_raw_head,
    fused,
    suppress_overlaps,
)
from tests.fakes import detections


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    both = float(np.prod(np.maximum(high - low, 0)))
    areas = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]))
    return both / (areas - both) if areas > both else 0.0


@st.composite
def found(draw: st.DrawFn) -> Detections:
    n = draw(st.integers(0, 12))
    low = draw(arrays(np.float32, (n, 2), elements=st.floats(0, 300, width=32)))
    sides = draw(arrays(np.float32, (n, 2), elements=st.floats(4, 200, width=32)))
    scores = draw(arrays(np.float32, n, elements=st.floats(0.125, 1, width=32)))
    classes = draw(arrays(np.int64, n, elements=st.integers(0, 2)))
    return Detections(np.concatenate([low, low + sides], axis=1), scores, classes)


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="do not match"):
        Detections(np.zeros((2, 4), np.float32), np.zeros(3, np.float32), np.zeros(3, np.int64))


def test_an_end_to_end_head_is_decoded_highest_score_first() -> None:
    output = np.array(
        [[[1, 2, 3, 4, 0.3, 1], [5, 6, 7, 8, 0.9, 0], [0, 0, 0, 0, 0.01, 0]]], dtype=np.float32
    )
    read = from_end_to_end(output, 0.25)
    np.testing.assert_array_equal(read.boxes_px, [[5, 6, 7, 8], [1, 2, 3, 4]])
    np.testing.assert_allclose(read.scores, [0.9, 0.3])
    np.testing.assert_array_equal(read.classes, [0, 1])


def test_a_raw_head_is_decoded_with_the_best_class_per_anchor() -> None:
    output = np.zeros((1, 6, 5), dtype=np.float32)
    output[0, :, 1] = [50, 40, 20, 10, 0.2, 0.8]
    output[0, :, 3] = [150, 140, 10, 30, 0.7, 0.1]
    read = from_raw_head(output, 0.25)
    np.testing.assert_allclose(read.boxes_px, [[40, 35, 60, 45], [145, 125, 155, 155]])
    np.testing.assert_array_equal(read.classes, [1, 0])


def test_an_empty_belt_gives_no_detections_from_either_head() -> None:
    assert len(from_end_to_end(np.zeros((1, 300, 6), np.float32), 0.1)) == 0
    assert len(from_raw_head(np.zeros((1, 6, 2100), np.float32), 0.1)) == 0


def test_one_object_in_many_anchors_is_one_detection() -> None:
    output = np.zeros((1, 6, 40), dtype=np.float32)
    for anchor in range(40):
        output[0, :, anchor] = [100 + anchor % 5, 100, 40, 40, 0.5 + anchor / 100, 0]
    assert len(from_raw_head(output, 0.25)) == 1


@settings(max_examples=40)
@given(found(), st.floats(0.2, 0.9))
def test_after_suppression_no_two_boxes_of_a_class_overlap_more(
    found: Detections, most: float
) -> None:
    kept = suppress_overlaps(found, most)
    for i in range(len(kept)):
        for j in range(i):
            if kept.classes[i] == kept.classes[j]:
                assert iou(kept.boxes_px[i], kept.boxes_px[j]) <= most + 1e-4


@settings(max_examples=40)
@given(found(), st.floats(0.2, 0.9))
def test_a_suppressed_box_overlaps_a_better_one_of_its_class(
    found: Detections, most: float
) -> None:
    kept = suppress_overlaps(found, most)
    rows = {(*tuple(box), score, kind) for box, score, kind in _rows(kept)}
    assert rows <= {(*tuple(box), score, kind) for box, score, kind in _rows(found)}
    for box, score, kind in _rows(found):
        if (*tuple(box), score, kind) not in rows:
            assert any(
                kind == other_kind and other_score >= score and iou(box, other) > most - 1e-4
                for other, other_score, other_kind in _rows(kept)
            )


@settings(max_examples=40)
@given(found(), st.floats(0.2, 0.9))
def test_suppression_sorts_by_score_and_is_idempotent(found: Detections, most: float) -> None:
    once = suppress_overlaps(found, most)
    assert (np.diff(once.scores) <= 0).all()
    twice = suppress_overlaps(once, most)
    np.testing.assert_array_equal(twice.boxes_px, once.boxes_px)
    if len(found):
        assert once.scores[0] == found.scores.max()


@settings(max_examples=40)
@given(found(), found(), st.floats(0.2, 0.9))
def test_fused_boxes_and_scores_stay_within_those_of_the_two_passes(
    one: Detections, other: Detections, most: float
) -> None:
    both = fused([one, other], most)
    assert (np.diff(both.scores) <= 0).all()
    assert len(both) <= len(one) + len(other)
    everything = [*_rows(one), *_rows(other)]
    for box, score, kind in _rows(both):
        mine = [(b, s) for b, s, k in everything if k == kind]
        assert score <= max(s for _, s in mine) + 1e-6
        hull = np.array([b for b, _ in mine])
        assert (box >= hull.min(axis=0) - 1e-3).all()
        assert (box <= hull.max(axis=0) + 1e-3).all()


@settings(max_examples=40)
@given(found(), st.integers(1, 4))
def test_identical_passes_fuse_to_the_scores_of_one(seen: Detections, passes: int) -> None:
    alone = suppress_overlaps(seen, 0.6)
    together = fused([alone] * passes, 0.6)
    np.testing.assert_allclose(together.scores, alone.scores, rtol=1e-5)


def test_empty_passes_fuse_to_no_detections() -> None:
    assert len(fused([detections(), detections()], 0.6)) == 0


def _rows(found: Detections) -> list[tuple[NDArray[np.float32], float, int]]:
    return list(zip(found.boxes_px, found.scores.tolist(), found.classes.tolist(), strict=True))


def test_each_class_has_its_own_threshold() -> None:
    three = detections((0, 0, 9, 9, 0.5, 0), (0, 0, 9, 9, 0.45, 1), (0, 0, 9, 9, 0.3, 0))
    kept = three.above(np.array([0.5, 0.4], dtype=np.float32))
    np.testing.assert_array_equal(kept.classes, [0, 1])
