"""What the verifier attended to in a crop: how much less sure it is with a part of it hidden.

A grey patch is moved over the crop. Where it hides what the verdict rests on, the probability of
the hazard falls. Needs nothing but the verifier as the line runs it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.vision.verifier import Verifier, log_odds
from detector.vision.verifier_card import HAZARDS, VerifiedHazard
from detector.vision.warp import OUTSIDE_GREY

_PATCHES_A_SIDE, _STEPS_A_SIDE = 5, 12
"""A patch hides a fifth of the side; it is moved in twelve steps."""
_KINDS_LISTED = 3
_SHOWN_PX = 320
_STRONGEST = 0.65
"""Share of the colour where the map is highest: the object stays visible."""


@dataclass(frozen=True, slots=True, eq=False)
class Attention:
    """The verifier's view of one crop."""

    hazard: VerifiedHazard
    """The hazard that was examined: the most probable one, unless another was asked for."""
    hazard_probability: float
    kinds: tuple[tuple[str, str, float], ...]
    """Name, hazard and probability of the most probable kinds, in order."""
    lowest_probability: float
    """Of the hazard, with the most telling part hidden."""
    fall: NDArray[np.float32]
    """`(px, px)` float32 of the verifier's input: fall of the hazard's log-odds while that place is
    hidden; 0 where hiding it changes nothing, or makes the hazard more probable."""


def attention(
    verifier: Verifier, crop: NDArray[np.uint8], hazard: VerifiedHazard | None = None
) -> Attention:
    """Examine a square crop, `(n, n, 3)` uint8 BGR.

    `hazard`: gas or battery; None: the one that is more probable. Raises `EngineError`.
    """
    card = verifier.card
    px = card.input_px
    shrink = cv2.INTER_AREA if len(crop) > px else cv2.INTER_LINEAR
    shown = np.asarray(cv2.resize(crop, (px, px), interpolation=shrink), np.uint8)
    verifier.crops[0] = shown
    whole = verifier.probabilities(1)[0]
    sums = {each: float(whole[list(card.kinds_of(each))].sum()) for each in HAZARDS}
    chosen = max(HAZARDS, key=lambda each: sums[each]) if hazard is None else hazard
    kinds = list(card.kinds_of(chosen))

    patch = max(1, px // _PATCHES_A_SIDE)
    starts = np.unique(np.linspace(0, px - patch, _STEPS_A_SIDE).round().astype(int))
    places = [(int(top), int(left)) for top in starts for left in starts]
    hidden = np.zeros(len(places), dtype=np.float32)
    for first in range(0, len(places), card.max_crops_per_pass):
        part = places[first : first + card.max_crops_per_pass]
        for row, (top, left) in enumerate(part):
            verifier.crops[row] = shown
            verifier.crops[row, top : top + patch, left : left + patch] = OUTSIDE_GREY
        hidden[first : first + len(part)] = verifier.probabilities(len(part))[:, kinds].sum(axis=1)

    total = np.zeros((px, px), dtype=np.float32)
    covered = np.zeros((px, px), dtype=np.float32)
    before = float(log_odds(np.array([sums[chosen]], dtype=np.float32))[0])
    for (top, left), after in zip(places, log_odds(hidden), strict=True):
        place = np.s_[top : top + patch, left : left + patch]
        total[place] += max(0.0, before - float(after))
        covered[place] += 1
    likely = [
        (card.kinds[kind].name, card.kinds[kind].hazard, float(whole[kind]))
        for kind in np.argsort(whole)[::-1][:_KINDS_LISTED]
    ]
    return Attention(
        chosen, min(1.0, sums[chosen]), tuple(likely), float(hidden.min()), total / covered
    )


def overlay(crop: NDArray[np.uint8], fall: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The crop in grey, and over it in colour where the verdict rests on, `(n, n, 3)` uint8 BGR."""
    side = max(_SHOWN_PX, len(crop))
    grey = cv2.cvtColor(cv2.resize(crop, (side, side)), cv2.COLOR_BGR2GRAY)
    strength = cv2.resize(fall, (side, side), interpolation=cv2.INTER_CUBIC)
    strength = cv2.GaussianBlur(strength, (0, 0), side / 40)  # no edges of patches
    strength = np.clip(strength / max(1e-6, float(strength.max())), 0, 1)[..., None]
    colour = cv2.applyColorMap((strength * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    share = _STRONGEST * strength
    mixed = grey[..., None] * (1 - share) + colour * share
    return np.asarray(mixed.round(), np.uint8)
