from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.belt.plausibility import DOUBTFUL, BeltCheck, BeltMeasurements, Finding

FRAME_S = 0.05


def findings(
    *,
    encoder: float | None = None,
    image: float | None = None,
    setting: float | None = None,
    ordered: bool | None = True,
    has_encoder: bool = True,
    seconds: float = 8.0,
    speed_at: Callable[[float], float] = lambda _: 1.0,
) -> list[Finding]:
    """The finding of each frame; speeds are multiplied by `speed_at` its time."""
    check, found = BeltCheck(has_encoder=has_encoder), []
    encoder_mm = image_mm = 0.0
    for n in range(round(seconds / FRAME_S)):
        factor = speed_at(n * FRAME_S)
        encoder_mm += (encoder or 0.0) * factor * FRAME_S
        image_mm += (image or 0.0) * factor * FRAME_S
        found.append(
            check.update(
                BeltMeasurements(
                    round(n * FRAME_S * 1e9),
                    ordered,
                    None if encoder is None else encoder_mm,
                    None if image is None else image_mm,
                    None if encoder is None else encoder * factor,
                    None if image is None else image * factor,
                    setting,
                )
            )
        )
    return found


@pytest.mark.parametrize(
    ("measured", "state"),
    [
        ({"encoder": 400, "image": 400}, "runs"),
        ({"encoder": 400, "image": None}, "runs"),
        ({"encoder": 404, "image": 400}, "runs"),  # both are accurate to 1 %
        ({"encoder": 0, "image": 0, "ordered": False}, "stopped"),
        ({"encoder": 0, "image": 0}, "stopped_ordered_to_run"),
        ({"encoder": 400, "image": 400, "ordered": False}, "runs_ordered_to_stop"),
        ({"encoder": -300, "image": -300}, "reverses"),
        ({"encoder": -300, "image": None}, "reverses"),
        ({"encoder": 300, "image": 400}, "slips"),
        ({"encoder": 400, "image": 60}, "slips"),  # or material is stationary
        ({"encoder": 100, "image": 92}, "slips"),
        ({"encoder": None, "image": 400}, "encoder_lost"),
        ({"encoder": 0, "image": 400}, "encoder_stuck"),
        ({"encoder": -400, "image": 400}, "encoder_backwards"),
        ({"image": 400, "setting": 400, "has_encoder": False}, "runs"),
        ({"image": 300, "setting": 400, "has_encoder": False}, "disagrees"),
        ({"image": 0, "setting": 400, "has_encoder": False}, "disagrees"),
        ({"image": 0, "setting": 400, "has_encoder": False, "ordered": False}, "stopped"),
        ({"image": None, "has_encoder": False}, "unknown"),
        ({"image": -200, "has_encoder": False}, "reverses"),
    ],
)
def test_each_combination_of_measurements_gives_a_state_with_its_reason(
    measured: dict[str, float], state: str
) -> None:
    found = findings(**measured)[-1]  # type: ignore[arg-type]
    assert found.state == state
    assert found.doubtful is (state in DOUBTFUL)
    assert (found.reason is None) is (state in {"runs", "stopped"})


def test_the_reason_gives_both_speeds() -> None:
    reason = findings(encoder=300, image=400)[-1].reason
    assert reason is not None
    assert "encoder 300 mm/s, image 400 mm/s" in reason


def test_an_image_whose_parts_move_differently_explains_an_unknown_speed() -> None:
    check = BeltCheck(has_encoder=False)
    assert "material is stationary" in (
        check.update(BeltMeasurements(0, inconsistent=True)).reason or ""
    )
    assert "material is stationary" not in (check.update(BeltMeasurements(1)).reason or "")
    # While the belt is still visible under it, it runs without a fault.
    found = check.update(BeltMeasurements(2, image_mm_s=400, inconsistent=True))
    assert (found.state, found.reason) == ("runs", None)


def test_a_dead_encoder_is_found_within_two_seconds() -> None:
    states = [found.state for found in findings(encoder=0, image=400)]
    assert states.index("encoder_stuck") * FRAME_S <= 2.0


def test_a_belt_that_coasts_for_two_seconds_after_a_stop_order_is_not_a_fault() -> None:
    found = findings(
        encoder=400, image=400, ordered=False, speed_at=lambda t_s: max(0.0, 1 - t_s / 2)
    )
    assert not any(each.doubtful for each in found)
    assert found[-1].state == "stopped"


def test_an_image_lost_for_a_while_gives_no_fault() -> None:
    check = BeltCheck(has_encoder=True)
    states = set()
    for n in range(200):
        visible = not 60 <= n < 100
        # The travel in the gap is missing from the image's position.
        image_mm = n * 20.0 if n < 60 else (n - 40) * 20.0
        measured = BeltMeasurements(
            n * 50_000_000, True, n * 20.0, image_mm if visible else None, 400, 400
        )
        states.add(check.update(measured).state)
    assert states <= {"unknown", "runs"}


@given(
    st.floats(100, 3000),
    st.floats(0.99, 1.01),
    st.floats(0.2, 4.0),
    st.floats(0.0, 1.0),
)
def test_a_belt_that_accelerates_and_brakes_gives_no_fault(
    speed_mm_s: float, off: float, over_s: float, to: float
) -> None:
    found = findings(
        encoder=speed_mm_s,
        image=speed_mm_s * off,
        speed_at=lambda t_s: 1 + (to - 1) * min(1.0, max(0.0, (t_s - 2) / over_s)),
    )
    assert not any(each.doubtful for each in found)
