"""Every kind of object, at any seed, gives a usable cut-out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.drawn.objects import HAZARDS, SIZE_MM, WASTE, draw

KINDS = tuple(SIZE_MM)
seeds = st.integers(0, 2**32 - 1)


def test_every_kind_is_either_hazard_or_waste() -> None:
    assert set(HAZARDS) | set(WASTE) == set(KINDS)
    assert not set(HAZARDS) & set(WASTE)
    assert set(HAZARDS.values()) == {"gas_canister", "battery"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_clean_edge_and_its_true_size(kind: str) -> None:
    for seed in range(2):
        image = draw(kind, np.random.default_rng(seed), 0.5)
        assert image.dtype == np.uint8
        assert image.shape[2] == 4
        length, width, _ = SIZE_MM[kind]
        assert 0.4 < (image.shape[1] - 2) / 0.5 / length < 1.9
        assert 0.35 < (image.shape[0] - 2) / 0.5 / width < 1.9
        alpha = image[..., 3]
        assert alpha.max() > 60
        assert (alpha > 15).mean() > 0.02
        border = np.concatenate((alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]))
        assert border.max() < 100  # the margin contains at most the outline's last soft pixel


@settings(max_examples=12, deadline=None)
@given(kind=st.sampled_from(KINDS), seed=seeds, px_per_mm=st.floats(0.3, 1.0))
def test_the_same_seed_draws_the_same_image(kind: str, seed: int, px_per_mm: float) -> None:
    first, again = (draw(kind, np.random.default_rng(seed), px_per_mm) for _ in range(2))
    assert np.array_equal(first, again)


@settings(max_examples=12, deadline=None)
@given(kind=st.sampled_from(tuple(HAZARDS)), seed=seeds, px_per_mm=st.floats(0.3, 1.5))
def test_a_hazard_fills_the_length_of_its_image(kind: str, seed: int, px_per_mm: float) -> None:
    alpha = draw(kind, np.random.default_rng(seed), px_per_mm)[..., 3]
    columns = np.flatnonzero((alpha > 100).any(axis=0))
    assert columns[-1] - columns[0] + 1 >= 0.85 * (alpha.shape[1] - 2) - 2


def test_two_seeds_draw_two_images() -> None:
    first, second = (draw("aa_cell", np.random.default_rng(seed), 2.0) for seed in range(2))
    assert first.shape != second.shape or not np.array_equal(first, second)


def test_the_lamp_brightens_the_side_that_faces_it() -> None:
    rows = []
    for light_deg in (270.0, 90.0):  # above, below
        image = draw("pipe", np.random.default_rng(5), 1.0, light_deg=light_deg)
        grey = image[..., :3].mean(axis=(1, 2))
        half = len(grey) // 2
        rows.append(grey[3:half].mean() - grey[half:-3].mean())
    assert rows[0] > 0 > rows[1]


def test_the_error_for_an_unknown_kind_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown kind 'anvil'; known are aa_cell"):
        draw("anvil", np.random.default_rng(0), 1.0)


def test_a_scale_of_zero_is_rejected() -> None:
    with pytest.raises(ValueError, match="px_per_mm must be above 0"):
        draw("aa_cell", np.random.default_rng(0), 0.0)
