from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.vision.condition.belt_samples import BeltSamples
from detector.vision.condition.exposure import UnlitError, refuse_unlit
from tests.fakes import as_image, texture

HEIGHT, WIDTH = 240, 320
BELT = np.array([[40, 0], [280, 0], [280, 240], [40, 240]], dtype=np.float64)
SAMPLES = BeltSamples(BELT, (WIDTH, HEIGHT))


def refuse(shown: Any) -> None:
    SAMPLES.update(as_image(shown))
    refuse_unlit(SAMPLES)


@pytest.mark.parametrize(("level", "reason"), [(0, "dark"), (4, "dark"), (255, "white all over")])
def test_a_belt_in_the_dark_or_in_glaring_light_is_unlit(
    level: float, reason: str, rng: np.random.Generator
) -> None:
    shown = level + rng.normal(0, 2, (HEIGHT, WIDTH, 3))
    shown[:, :40] = 128  # beside the belt it is lit
    with pytest.raises(UnlitError, match=reason):
        refuse(shown)


@given(
    gain=st.floats(0.33, 2.0), belt=st.floats(20, 120), seed=st.integers(0, 9), lit=st.booleans()
)
def test_a_belt_at_night_or_in_strong_light_is_accepted(
    gain: float, belt: float, seed: int, lit: bool
) -> None:
    rng = np.random.default_rng(seed)
    shown = texture(rng, HEIGHT, WIDTH, contrast=5) - 80 + belt
    shown[100:140, 100:160] = 200  # an object
    if lit:
        shown[:, :100] = 255
    refuse(gain * shown)
