"""Batches of crops for training: drawn with balance, and changed at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.data.cutting import recoloured
from models.data.sources import GREY, Image
from models.data.textures import Rng
from models.verifier.kinds import HAZARDS, Kinds
from models.verifier.pack import STORED_PX, Pack

_SHARES = {"gas": 0.3, "battery": 0.28, "none": 0.42}
"""Of the crops shown, by hazard."""


@dataclass(frozen=True)
class Batch:
    """pixels: (b, px, px, 3) uint8 BGR. allowed, members: (b, k) bool, the kinds that each crop may
    be, and the kinds of its hazard."""

    pixels: NDArray[np.uint8]
    allowed: NDArray[np.bool_]
    members: NDArray[np.bool_]


class Batches:
    """The crops of some packs on some sides."""

    def __init__(
        self, packs: Sequence[Pack], kinds: Kinds, input_px: int, sides: Sequence[str] = ("train",)
    ) -> None:
        self._packs, self._px = packs, input_px
        self._rows = [(n, int(i)) for n, pack in enumerate(packs) for i in pack.on(*sides)]
        names = [str(packs[n].names[i]) for n, i in self._rows]
        self.allowed = np.stack([kinds.allowed(name) for name in names])
        hazards = [kinds.hazard(name) for name in names]
        members = {hazard: kinds.members(hazard) for hazard in HAZARDS}
        self.members = np.stack([members[hazard] for hazard in hazards])
        self._weights = _weights(names, hazards, kinds)

    def __len__(self) -> int:
        return len(self._rows)

    def drawn(self, rng: Rng, batch: int, count: int) -> Iterator[Batch]:
        """`count` batches, drawn with replacement and changed at random."""
        for _ in range(count):
            chosen = rng.choice(len(self), batch, p=self._weights)
            pixels = np.stack([changed(rng, self.stored(int(i)), self._px) for i in chosen])
            yield Batch(pixels, self.allowed[chosen], self.members[chosen])

    def stored(self, index: int) -> Image:
        """One crop as it is stored."""
        number, row = self._rows[index]
        return self._packs[number].pixels(row)


def _weights(names: Sequence[str], hazards: Sequence[str], kinds: Kinds) -> NDArray[np.float64]:
    """Rare kinds are shown as often as the square root of their number."""
    meant = ["/".join(sorted(kinds.meanings[name])) for name in names]
    counts = Counter(meant)
    weights = np.array([1 / np.sqrt(counts[each]) for each in meant])
    for hazard, share in _SHARES.items():
        mine = np.array([each == hazard for each in hazards])
        if mine.any():
            weights[mine] *= share / weights[mine].sum()
    return np.asarray(weights / weights.sum())


def middle(stored: Image, input_px: int) -> Image:
    """The part of a stored crop that the line would show."""
    first = (STORED_PX - input_px) // 2
    return stored[first : first + input_px, first : first + input_px]


def changed(rng: Rng, stored: Image, input_px: int) -> Image:
    """One crop as another camera might show it: turned, off by a tenth, in other light and blur."""
    image: NDArray[Any] = np.rot90(stored, int(rng.integers(4)))
    if rng.random() < 0.5:
        image = image[:, ::-1]
    scale = rng.uniform(0.86, 1.18)
    shift = rng.uniform(-0.06, 0.06, 2) * STORED_PX
    skew = np.eye(2) + rng.normal(0, 0.03, (2, 2))
    matrix = np.hstack([skew * scale, np.zeros((2, 1))])
    matrix[:, 2] = input_px / 2 - matrix[:, :2] @ (np.array([STORED_PX / 2] * 2) + shift)
    image = cv2.warpAffine(
        np.ascontiguousarray(image), matrix, (input_px, input_px), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    if rng.random() < 0.3:  # fewer pixels, as of something small
        few = int(rng.uniform(20, 0.7 * input_px))
        image = cv2.resize(image, (few, few), interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (input_px, input_px), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.2:
        length = int(rng.integers(2, 12))
        image = cv2.blur(image, (1, length) if rng.random() < 0.5 else (length, 1))
    if rng.random() < 0.15:  # something lies over it
        w, h = rng.integers(input_px // 8, input_px // 2, 2)
        x, y = rng.integers(0, input_px - w), rng.integers(0, input_px - h)
        image[y : y + h, x : x + w] = GREY if rng.random() < 0.3 else rng.integers(0, 256, 3)
    if rng.random() < 0.25:  # a maker's colour is not its kind
        image = recoloured(rng, np.asarray(image, np.uint8), 0.7, 0.3)
    table = _light(rng)
    image = np.stack([cv2.LUT(image[..., c], table[c]) for c in range(3)], -1)
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(2, 10), image.shape)
        image = (image + noise).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])[1]
        image = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(image, np.uint8)


def _light(rng: Rng) -> NDArray[np.uint8]:
    """(3, 256) uint8: gamma, gain and cast."""
    level = np.arange(256) / 255
    gamma, gain = np.exp(rng.normal(0, 0.25)), np.exp(rng.normal(0, 0.2))
    cast = np.exp(rng.normal(0, 0.06, (3, 1)))
    return np.asarray((level**gamma * gain * cast * 255).clip(0, 255), np.uint8)
