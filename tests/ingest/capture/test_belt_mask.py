"""What leaves the capture process: the belt, and nothing of the people beside it."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.belt.plane import nominal_plane
from detector.hazards.overload.skirtboard import SkirtMarks
from detector.ingest import Frame
from detector.ingest.capture.belt_mask import MASKED_GREY, BeltMask
from detector.ingest.capture.child import CaptureLoop
from detector.ingest.capture.latest_frame import LatestFrame
from detector.ingest.capture.spec import CaptureSettings, CaptureSpec
from detector.ingest.capture.tally import Tally
from detector.ingest.source import Image
from detector.profile.kept_areas import kept_polygons
from detector.profile.line import LineProfile
from detector.vision.belt_view import Rectifier
from detector.vision.small_views import SmallViews
from tests.ingest.fake_cameras import FakeCamera

WIDTH, HEIGHT = 320, 240
BELT = ((20.0, 60.0), (300.0, 48.0), (319.0, 190.0), (0.0, 200.0))
MARKS = ((10.0, 20.0), (310.0, 12.0), (310.0, 30.0), (10.0, 38.0))
PROFILE = LineProfile.model_validate(
    {
        "line": "l",
        "camera": {"source": "rtsp://camera/belt"},
        "belt": {"polygon_px": BELT, "travel": "right", "px_per_mm": 0.5},
        "overload": {"empty_belt": "empty.png", "marks_px": [MARKS]},
    }
)
CORNER = st.tuples(st.floats(-40, WIDTH + 40), st.floats(-40, HEIGHT + 40))


def noise(seed: int = 0) -> Image:
    shape = (HEIGHT, WIDTH, 3)
    return np.random.default_rng(seed).integers(0, 100, shape, dtype=np.uint8)


def test_a_corner_far_outside_the_image_is_on_its_own_side() -> None:
    image = noise()
    BeltMask((((0.0, 0.0), (1e12, 0.0), (1e12, 1e12)),)).apply(image)
    assert (image[10, 20] < 100).all()
    assert (image[20, 10] == MASKED_GREY).all()


@settings(max_examples=30)
@given(st.lists(st.lists(CORNER, min_size=3, max_size=6).map(tuple), min_size=1, max_size=3))
def test_only_the_pixels_of_the_kept_polygons_are_kept(
    kept: list[tuple[tuple[float, float]]],
) -> None:
    whole, masked = noise(), noise()
    BeltMask(tuple(kept)).apply(masked)
    inside = np.zeros((HEIGHT, WIDTH), np.uint8)
    for polygon in kept:
        cv2.fillPoly(inside, [np.rint(np.array(polygon)).astype(np.int32)], 1)
    np.testing.assert_array_equal(masked[inside == 1], whole[inside == 1])
    assert (masked[inside == 0] == MASKED_GREY).all()


def test_the_detector_reads_nothing_that_is_masked() -> None:
    """The belt's views and the skirt's marks are the same of a masked image and of a whole one."""
    whole, masked = noise(), noise()
    kept = kept_polygons(PROFILE)
    assert kept is not None
    BeltMask(kept).apply(masked)
    assert (masked == MASKED_GREY).all(axis=2).mean() > 0.1
    plane = nominal_plane(np.array(BELT), "right", 0.5, "nominal")
    marks = SkirtMarks(noise(1), [MARKS])
    read = []
    for image in (whole, masked):
        rectifier = Rectifier(plane, (WIDTH, HEIGHT), 2.0, 32)
        small = SmallViews(rectifier)
        frame = Frame(image, 0, 0, 0, "fake")
        small.update(frame)
        read.append(
            (
                rectifier.rectify(frame).image.copy(),
                small.for_coverage()[small.coverage_mask],
                small.for_motion()[small.motion_mask],
                marks.hidden(image),
            )
        )
    for of_whole, of_masked in zip(*read, strict=True):
        np.testing.assert_array_equal(of_whole, of_masked)


def test_a_line_may_keep_more_or_mask_nothing() -> None:
    more = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0))
    camera = PROFILE.camera
    whole = PROFILE.model_copy(update={"camera": camera.model_copy(update={"mask": False})})
    wider = PROFILE.model_copy(
        update={"camera": camera.model_copy(update={"also_kept_px": (more,)})}
    )
    kept = kept_polygons(wider)
    assert kept is not None
    assert (kept_polygons(whole), kept[0], kept[-1]) == (None, BELT, more)


class Bystander(FakeCamera):
    """A camera that shows a person in red beside the belt."""

    def retrieve(self, into: Image | None = None) -> Image | None:
        shown = noise(self.grabbed)
        shown[:40] = (0, 0, 255)
        if into is None or into.shape != shown.shape:
            return shown
        np.copyto(into, shown)  # decoded into the shared memory itself
        return into


def test_no_image_in_the_shared_memory_that_is_handed_out_shows_who_stands_beside_the_belt(
    tmp_path: Path,
) -> None:
    latest, counters, (reader, status) = LatestFrame(), Tally.descriptor(), os.pipe()
    order = CaptureSettings("fake", None, False, 5.0, 2.0, 0, "unused:unused", "l", (BELT,))
    spec = CaptureSpec(order, latest.new_writer(), counters, status, os.getpid(), None)
    try:
        CaptureLoop(
            CaptureSpec.from_json(spec.to_json()),
            Bystander(str(tmp_path / "lives"), frames=5),
            Tally(counters),
        ).run()
        stamped = latest.pop()
        assert stamped is not None
        assert (stamped.image[:40] == MASKED_GREY).all()
        assert not (stamped.image == (0, 0, 255)).all(axis=2).any()
        assert (stamped.image[100:150, 40:280] < 100).all()
    finally:
        latest.close()
        for descriptor in (counters, reader, status):
            os.close(descriptor)
