"""Converts images to a model's input, as its card describes it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.vision.catalogue import Card, ModelInput


class InputTensor:
    """Converts images to a model's input tensor, in a reused buffer."""

    def __init__(self, described: Card | ModelInput) -> None:
        described = described.input if isinstance(described, Card) else described
        self._name, self._size_name = described.name, described.size_input
        self._is_nhwc_u8 = described.layout == "nhwc_bgr_u8"
        self._is_rgb = "rgb" in described.layout
        self._type = np.float16 if described.layout.endswith("f16") else np.float32
        std = np.array(described.std, dtype=np.float32).reshape(3, 1, 1)
        mean = np.array(described.mean, dtype=np.float32).reshape(3, 1, 1)
        self._factor = 1 / std if len(set(described.std)) > 1 else 1 / std[0, 0, 0]
        self._offset = mean / std if mean.any() else None
        self._planar: NDArray[Any] | None = None

    def of(self, image: NDArray[np.uint8]) -> NDArray[Any]:
        """`image`, `(h, w, 3)` uint8 BGR, in the card's layout; valid until the next call.

        `(1, h, w, 3)` uint8 BGR, or `(1, 3, h, w)` float.
        """
        if self._is_nhwc_u8:
            return image[None]
        height, width = image.shape[:2]
        if self._planar is None or self._planar.shape[2:] != (height, width):
            self._planar = np.empty((1, 3, height, width), dtype=self._type)
        planes = (image[..., ::-1] if self._is_rgb else image).transpose(2, 0, 1)
        np.multiply(planes, self._factor, out=self._planar[0], casting="unsafe")
        if self._offset is not None:
            np.subtract(self._planar[0], self._offset, out=self._planar[0], casting="unsafe")
        return self._planar

    def feed(self, image: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """All inputs by name."""
        fed = {self._name: self.of(image)}
        if self._size_name:
            height, width = image.shape[:2]
            fed[self._size_name] = np.array([[width, height]], dtype=np.int64)
        return fed
