"""Coverage and overload on drawn belts of known coverage."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detector.belt.motion import Shift, ViewSource
from detector.hazards.overload.monitor import UNKNOWN, OverloadMonitor, describe_cues
from detector.hazards.overload.skirtboard import SkirtMarks
from detector.profile.belt_load import Jam
from detector.wire.messages import Hazard
from tests.fakes import as_image, texture

HEIGHT, WIDTH = 400, 300
STEP_MM = 40.0
WINDOW_STEPS = int(1000 / STEP_MM) + 3
GREY = 90.0

EACH_PX = 5
"""Views are drawn at 1 mm/px and evaluated at 5."""

Paint = Callable[[np.random.Generator], NDArray[np.float64]]


def bright(rng: np.random.Generator) -> NDArray[np.float64]:
    """Packaging: any colour but the belt's."""
    colour = rng.uniform(120, 250, 3)
    colour[rng.integers(3)] *= 0.4
    return np.asarray(colour)


def black(rng: np.random.Generator) -> NDArray[np.float64]:
    return np.full(3, rng.uniform(12, 30))


def belt(
    seed: int,
    covered: float = 0.0,
    *,
    grey: float = GREY,
    paint: Paint = bright,
    light: float | NDArray[np.float64] = 1.0,
) -> tuple[NDArray[np.uint8], float]:
    """A belt view with objects on it, and the share of it that they cover."""
    rng = np.random.default_rng(seed)
    shown = texture(rng, HEIGHT, WIDTH, contrast=5) - 80 + grey
    material = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    while material.mean() < covered:
        centre = (int(rng.integers(WIDTH)), int(rng.integers(HEIGHT)))
        half = (int(rng.integers(25, 60)), int(rng.integers(40, 90)))
        shape = np.zeros_like(material)
        cv2.ellipse(shape, centre, half, float(rng.integers(180)), 0, 360, 1, -1)
        shine = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 3) * 80
        inside = shape > 0
        shown[inside] = (paint(rng) + shine[..., None])[inside]
        material |= shape
    return as_image(shown * light + rng.normal(0, 2, shown.shape)), float(material.mean())


def vignette(strength: float) -> NDArray[np.float64]:
    v, u = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    return np.asarray((1 - strength * (u**2 + v**2) / 2)[..., None])


def small_view(view: NDArray[np.uint8]) -> ViewSource:
    small = cv2.resize(view, (WIDTH // EACH_PX, HEIGHT // EACH_PX), interpolation=cv2.INTER_AREA)
    return lambda: as_image(small)


def monitor(
    empty: NDArray[np.uint8] | None = None, mask: NDArray[np.bool_] | None = None
) -> OverloadMonitor:
    belt_mask = np.ones((HEIGHT, WIDTH), dtype=bool) if mask is None else mask
    return OverloadMonitor(
        small_view(belt(1)[0] if empty is None else empty)(),
        belt_mask[::EACH_PX, ::EACH_PX],
        float(EACH_PX),
        raise_at=0.85,
        release_at=0.7,
        window_mm=1000,
        jam=Jam(),
    )


MOVED, STOPPED = Shift(0, STEP_MM, True), Shift(0, 0, True)
EMPTY, HALF, FULL = belt(2)[0], belt(3, 0.72)[0], belt(4, 0.99)[0]


@pytest.mark.parametrize("covered", [0.0, 0.3, 0.6, 0.9])
def test_coverage_is_as_drawn(covered: float) -> None:
    view, true = belt(5, covered)
    measured = monitor().update(small_view(view), STOPPED, 0).in_view
    assert measured == pytest.approx(true, abs=0.08)


def test_coverage_is_unknown_without_an_image_of_the_empty_belt() -> None:
    blind = OverloadMonitor(
        None,
        np.ones((9, 9), dtype=bool),
        1.0,
        raise_at=0.85,
        release_at=0.7,
        window_mm=1000,
        jam=Jam(),
    )
    assert blind.update(small_view(FULL), MOVED, 0) == UNKNOWN


def test_coverage_is_unknown_until_a_window_of_belt_has_passed() -> None:
    overload = monitor()
    states = [overload.update(small_view(EMPTY), MOVED, 0).state for _ in range(WINDOW_STEPS)]
    assert states[:24] == ["unknown"] * 24
    assert states[-1] == "clear"


def test_an_overload_is_raised_over_the_window_and_cleared_below_the_release() -> None:
    overload = monitor()
    for _ in range(WINDOW_STEPS):
        overload.update(small_view(EMPTY), MOVED, 0)
    states = [overload.update(small_view(FULL), MOVED, 0).state for _ in range(WINDOW_STEPS)]
    # A pile passes: it takes most of the window.
    assert states.index("overload") * STEP_MM > 700
    assert states[-1] == "overload"
    between = [overload.update(small_view(HALF), MOVED, 0) for _ in range(WINDOW_STEPS)]
    assert 0.7 < (between[-1].in_window or 0) < 0.85
    assert {each.state for each in between} == {"overload"}
    states = [overload.update(small_view(EMPTY), MOVED, 0).state for _ in range(WINDOW_STEPS)]
    assert states[0] == "overload"
    assert states[-1] == "clear"


def test_coverage_that_rises_between_release_and_raise_stays_clear() -> None:
    overload = monitor()
    for view in [EMPTY] * WINDOW_STEPS + [HALF] * WINDOW_STEPS:
        last = overload.update(small_view(view), MOVED, 0)
    assert last.state == "clear"


def test_a_stopped_belt_keeps_its_state() -> None:
    overload = monitor()
    for _ in range(WINDOW_STEPS):
        overload.update(small_view(FULL), MOVED, 0)
    states = {
        overload.update(small_view(view), STOPPED, 0).state for view in [EMPTY, HALF, FULL] * 20
    }
    assert states == {"overload"}


def test_belt_that_passed_unseen_is_not_clear_and_ends_no_overload() -> None:
    clear, loaded = monitor(), monitor()
    for _ in range(WINDOW_STEPS):
        clear.update(small_view(EMPTY), MOVED, 0)
        loaded.update(small_view(FULL), MOVED, 0)
    gap = Shift(0, 5000.0, True)
    after = clear.update(small_view(EMPTY), gap, 0)
    assert (after.state, after.in_window) == ("unknown", None)
    assert loaded.update(small_view(EMPTY), gap, 0).state == "overload"


def test_several_stretches_in_one_step_are_each_evaluated_at_their_place() -> None:
    view = EMPTY.copy()
    view[:200] = FULL[:200]
    overload = monitor()
    for _ in range(6):
        last = overload.update(small_view(view), Shift(0, 300.0, True), 0)
    # Half of what entered was full, though the newest stretch of it was empty each time.
    assert last.in_window == pytest.approx(0.4, abs=0.15)


@pytest.mark.parametrize("grey", [45.0, 90.0, 150.0])
@pytest.mark.parametrize("light", [0.75, 0.9, 1.1, 1.25])
def test_a_change_of_light_covers_almost_nothing(grey: float, light: float) -> None:
    empty, _ = belt(1, grey=grey, light=vignette(0.4))
    view, _ = belt(2, grey=grey, light=light * vignette(0.4))
    assert (monitor(empty).update(small_view(view), STOPPED, 0).in_view or 0) < 0.2


@pytest.mark.parametrize("light", [0.8, 1.25])
def test_objects_are_material_in_other_light_too(light: float) -> None:
    view, true = belt(5, 0.6, light=light)
    assert monitor().update(small_view(view), STOPPED, 0).in_view == pytest.approx(true, abs=0.12)


def test_a_belt_full_of_black_bags_is_covered() -> None:
    view, true = belt(6, 0.9, paint=black)
    assert monitor().update(small_view(view), STOPPED, 0).in_view == pytest.approx(true, abs=0.1)


def test_places_outside_the_belt_do_not_count() -> None:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[:, 100:200] = True
    view = EMPTY.copy()
    view[:, :90] = 255
    view[:, 210:] = 255
    assert (monitor(mask=mask).update(small_view(view), STOPPED, 0).in_view or 0) < 0.08


def test_a_line_state_comes_with_its_deciding_cue_first() -> None:
    overload = monitor()
    for _ in range(WINDOW_STEPS):
        last = overload.update(small_view(FULL), MOVED, 0)
    ((hazard, active, cues),) = overload.line_states(last)
    assert (hazard, active) == (Hazard.OVERLOAD, True)
    assert [cue.name for cue in cues] == ["coverage", "stationary_material"]
    assert cues[0].share > 0.85
    assert (cues[0].raised_at, cues[0].cleared_below, cues[0].over_mm) == (0.85, 0.7, 1000)
    assert describe_cues(cues).endswith("over 1.0 m of belt (raised at 85%, cleared below 70%)")


def test_frames_with_little_new_belt_are_not_evaluated() -> None:
    overload = monitor()
    evaluated: list[int] = []

    def view_of(number: int) -> NDArray[np.uint8]:
        evaluated.append(number)
        return small_view(HALF)()

    for number in range(40):  # 20 mm each, at 25 frames/s
        shift = Shift(0, 20.0, True)
        last = overload.update(partial(view_of, number), shift, number * 40_000_000)
    assert 20 <= len(evaluated) <= 21
    assert last.in_window == pytest.approx(0.72, abs=0.1)
    while_running = len(evaluated)
    for number in range(40, 65):
        overload.update(partial(view_of, number), STOPPED, number * 40_000_000)
    assert len(evaluated) - while_running == 5  # 200 ms apart


def test_coverage_waits_one_frame_while_an_inference_pass_runs() -> None:
    overload = monitor()
    overload.update(small_view(EMPTY), STOPPED, 0)
    for number, busy in enumerate([False, True, False, True, True, True, True], start=1):
        last = overload.update(small_view(FULL), MOVED, number * 40_000_000, busy=busy)
        known = last.in_window is not None
        assert known == (number >= 3)
    assert last.in_window == pytest.approx(1, abs=0.05)


class FakeMarks:
    """Skirt marks with that share hidden."""

    def __init__(self, share: float) -> None:
        self.share = share

    def hidden(self, image: NDArray[np.uint8]) -> float:  # noqa: ARG002
        return self.share


def with_marks_hidden(share: float) -> OverloadMonitor:
    return OverloadMonitor(
        small_view(belt(1)[0])(),
        np.ones((HEIGHT // EACH_PX, WIDTH // EACH_PX), dtype=bool),
        float(EACH_PX),
        raise_at=0.85,
        release_at=0.7,
        window_mm=1000,
        jam=Jam(),
        marks=cast("SkirtMarks", FakeMarks(share)),
        marks_at=0.5,
    )


@pytest.mark.parametrize(("hidden", "state"), [(0.3, "clear"), (0.6, "overload")])
def test_a_high_layer_is_an_overload_below_full_coverage(hidden: float, state: str) -> None:
    overload = with_marks_hidden(hidden)
    for _ in range(WINDOW_STEPS):
        last = overload.update(small_view(HALF), MOVED, 0, HALF)
    assert last.state == state
    ((_, _, cues),) = overload.line_states(last)
    assert cues[0].name == ("skirt_marks" if state == "overload" else "coverage")
    assert {cue.name: cue.share for cue in cues}["skirt_marks"] == hidden


def test_a_high_but_narrow_heap_is_not_an_overload() -> None:
    overload = with_marks_hidden(1.0)
    for _ in range(WINDOW_STEPS):
        last = overload.update(small_view(EMPTY), MOVED, 0, EMPTY)
    assert last.state == "clear"
