"""The traced belt: a painted rubber or PVC surface, flat or with cleats, dry or wet."""

from dataclasses import dataclass

import numpy as np

from twin.drawn.belt import belt_loop
from twin.drawn.labels import tint
from twin.drawn.shading import Image
from twin.traced.bodies import Points

PAINTED = {"worn": "worn", "clean": "clean", "fabric": "fabric", "cleats": "worn"}
PVC = {"green": tint(0.42, 0.62, 0.42), "blue": tint(0.58, 0.62, 0.55), "white": (0.74, 0.78, 0.78)}
JOIN_MM = 30.0
"""The painted loop's end is blended into its start over this length; its splice is just behind."""
CLEAT_MM = 400.0
"""Distance between cleats."""


@dataclass(frozen=True)
class BeltSkin:
    """rough: 0 mirror .. 1 chalk. wet: share covered by water. cleats_mm: height of the cleats."""

    rough: float
    wet: float
    cleats_mm: float
    seed: float

    def surface(
        self, left_mm: float, top_mm: float, length_mm: float, width_mm: float
    ) -> tuple[Points, Points]:
        """A grid of points and its UVs under a window of the strip."""
        right = np.linspace(left_mm, left_mm + length_mm, 2)
        if self.cleats_mm > 0:
            first = np.floor(left_mm / CLEAT_MM) * CLEAT_MM
            bars = np.arange(first, left_mm + length_mm + CLEAT_MM, CLEAT_MM)
            edges = np.concatenate([bars + shift for shift in (-7, -4.5, -4, 4, 4.5, 7)])
            inside = edges[(edges > left_mm) & (edges < left_mm + length_mm)]
            right = np.sort(np.concatenate((right, inside)))
        away = np.abs((right + CLEAT_MM / 2) % CLEAT_MM - CLEAT_MM / 2)
        up = self.cleats_mm * np.clip((7 - away) / 3, 0, 1)
        down = np.linspace(top_mm + width_mm, top_mm, 2)
        shape = (len(right), 2)
        points = np.stack(
            (
                np.broadcast_to(right[:, None], shape),
                np.broadcast_to(-down[None, :], shape),
                np.broadcast_to(up[:, None], shape),
            ),
            2,
        )
        u = (right - left_mm) / length_mm
        v = np.broadcast_to(np.array((0.0, 1.0))[None, :], shape)
        uv = np.stack((np.broadcast_to(u[:, None], shape), v), 2)
        return points.astype(np.float32), uv.astype(np.float32)


def painted_belt(
    kind: str,
    length_mm: float,
    width_mm: float,
    px_per_mm: float,
    rng: np.random.Generator,
    *,
    dirt: float = 1.0,
) -> Image:
    """The strip's empty belt, unlit: uint8 BGR, one loop with its splice at a random position."""
    loop = belt_loop(length_mm + JOIN_MM, width_mm, px_per_mm, PAINTED.get(kind, "clean"), rng)
    loop = _close_loop(loop, int(np.ceil(length_mm * px_per_mm)))
    loop = np.roll(loop, int(rng.integers(loop.shape[1])), axis=1)
    smooth = np.float32(loop.mean(axis=(0, 1)))
    mixed = smooth + (loop.astype(np.float32) - smooth) * np.float32(dirt)
    if kind in PVC:
        base = np.array(PVC[kind], np.float32) * 255
        grime = mixed / np.maximum(smooth, 1.0)  # dirt that darkens rubber darkens PVC
        mixed = base * np.clip(grime, 0.25, 1.35) ** 0.7
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def _close_loop(longer: Image, columns: int) -> Image:
    """The first `columns` of an image, with its end blended into its start."""
    over = longer[:, columns:].astype(np.float32)
    loop = longer[:, :columns].copy()
    share = np.linspace(1, 0, over.shape[1], dtype=np.float32)[None, :, None]
    start = loop[:, : over.shape[1]]
    start[:] = np.clip(share * over + (1 - share) * start, 0, 255).astype(np.uint8)
    return loop


def belt_skin(kind: str, wet: float, rng: np.random.Generator) -> BeltSkin:
    rough = rng.uniform(0.35, 0.5) if kind in PVC else rng.uniform(0.55, 0.8)
    return BeltSkin(float(rough), wet, 12.0 if kind == "cleats" else 0.0, float(rng.uniform(0, 50)))
