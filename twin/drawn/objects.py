"""Drawn objects by kind: hazards, waste and look-alikes, as cut-outs with alpha.

    image = draw("aa_cell", np.random.default_rng(1), px_per_mm=1.0)  # uint8 BGRA

One seed and scale give one image (per OpenCV version: its fonts differ between versions).
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn import canisters, cells, lookalikes, packaging, soft
from twin.drawn.noise import noise
from twin.drawn.shading import Image, Surface, shade

GAS_CANISTER = "gas_canister"
BATTERY = "battery"

HAZARDS: dict[str, str] = {
    **dict.fromkeys(cells.SIZE_MM, BATTERY),
    **dict.fromkeys(canisters.SIZE_MM, GAS_CANISTER),
}
"""Hazardous kind -> class of the detector."""

LOOKALIKES: tuple[str, ...] = tuple(lookalikes.SIZE_MM)
WASTE: tuple[str, ...] = (*packaging.SIZE_MM, *soft.SIZE_MM, *LOOKALIKES)

SIZE_MM: dict[str, tuple[float, float, float]] = {
    **cells.SIZE_MM,
    **canisters.SIZE_MM,
    **packaging.SIZE_MM,
    **soft.SIZE_MM,
    **lookalikes.SIZE_MM,
}
"""Kind -> typical (length, width, height above the belt); one drawing differs by its `rng`."""

# Share of an object's size by which its outline deforms: card bends, a gas bottle does not.
BEND: dict[str, float] = {
    **dict.fromkeys(soft.SIZE_MM, 0.10),
    **dict.fromkeys(packaging.SIZE_MM, 0.07),
    "cable": 0.0,
    "drink_can_end": 0.03,
    "tin_can": 0.03,
    "tin_can_end": 0.02,
}

Drawer = Callable[[str, np.random.Generator, float], Surface]
_DRAWERS: tuple[tuple[dict[str, tuple[float, float, float]], Drawer], ...] = (
    (cells.SIZE_MM, cells.cell),
    (canisters.SIZE_MM, canisters.canister),
    (packaging.SIZE_MM, packaging.package),
    (soft.SIZE_MM, soft.soft),
    (lookalikes.SIZE_MM, lookalikes.lookalike),
)
DRAWER: dict[str, Drawer] = {kind: drawer for sizes, drawer in _DRAWERS for kind in sizes}


def draw(
    kind: str, rng: np.random.Generator, px_per_mm: float, *, light_deg: float | None = None
) -> Image:
    """One object seen from straight above: uint8 BGRA `(h, w, 4)`, its length along x.

    True to size: `w` and `h` are its length and width times `px_per_mm`, plus a margin of one pixel
    on each side. Colour is not premultiplied by alpha and extends into the margin. `light_deg` is
    the direction of the key lamp, clockwise from +x (default: random): to light many objects with
    one lamp, subtract each object's own rotation.

    Raises `ValueError` for an unknown kind or a scale that is not above 0.
    """
    if kind not in DRAWER:
        raise ValueError(f"unknown kind {kind!r}; known are {', '.join(DRAWER)}")
    if not px_per_mm > 0:
        raise ValueError(f"px_per_mm must be above 0, not {px_per_mm}")
    angle = float(rng.uniform(0, 360)) if light_deg is None else light_deg
    image = shade(DRAWER[kind](kind, rng, px_per_mm), angle, rng)
    return _distort_outline(image, BEND.get(kind, 0.0), rng)


def _distort_outline(image: Image, amount: float, rng: np.random.Generator) -> Image:
    """Deforms the outline inwards in places by up to `amount` of the size; never outwards."""
    if amount <= 0:
        return image
    height, width = image.shape[:2]
    coarse = max(height, width) / 3
    pull = [
        1 + np.float32(amount) * np.clip(noise((height, width), coarse, rng) * 1.4 - 0.2, 0, 1)
        for _ in range(2)
    ]
    x = np.arange(width, dtype=np.float32)[None, :] - np.float32((width - 1) / 2)
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32((height - 1) / 2)
    alpha = image[..., 3:].astype(np.float32)
    flat: NDArray[np.float32] = np.dstack((image[..., :3] * (alpha / 255), alpha))
    flat = np.asarray(
        cv2.remap(
            flat,
            x * pull[0] + np.float32((width - 1) / 2),
            y * pull[1] + np.float32((height - 1) / 2),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
        ),
        np.float32,
    )
    cover = flat[..., 3:] / 255
    mean = flat[..., :3].sum(axis=(0, 1)) / max(float(cover.sum()), 1e-6)
    colour = np.where(cover > 0.02, flat[..., :3] / np.maximum(cover, 0.02), mean)
    return np.asarray(np.clip(np.dstack((colour, flat[..., 3])) + 0.5, 0, 255), np.uint8)
