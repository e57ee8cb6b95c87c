"""A camera of known lens and position that photographs the printed board: the ground truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import (
    COLUMNS,
    ROWS,
    SQUARE_MM,
    BoardView,
    Paper,
    first_marker,
    marker_bits,
    marker_mm,
)
from detector.belt.lens import Lens

SIZE_PX = (960, 600)
LENS = Lens(
    np.array([[830.0, 0, 486], [0, 826.0, 292], [0, 0, 1]]),
    np.array([-0.24, 0.09, 8e-4, -6e-4, 0.0]),
    SIZE_PX,
)
_DRAWN_PX_PER_MM = 2.0


@cache
def board_image(paper: Paper) -> NDArray[np.uint8]:
    """The printed pattern with a white margin of half a square."""
    square = round(SQUARE_MM[paper] * _DRAWN_PX_PER_MM)
    side = round(marker_mm(paper) * _DRAWN_PX_PER_MM)
    rim = square // 2
    image = np.full((ROWS * square + 2 * rim, COLUMNS * square + 2 * rim), 235, np.uint8)
    marker = first_marker(paper)
    for row in range(ROWS):
        for column in range(COLUMNS):
            x, y = rim + column * square, rim + row * square
            if (row + column) % 2 == 0:
                image[y : y + square, x : x + square] = 20
                continue
            bits = np.where(marker_bits(marker), np.uint8(235), np.uint8(20))
            drawn = cv2.resize(bits, (side, side), interpolation=cv2.INTER_NEAREST)
            x, y = x + (square - side) // 2, y + (square - side) // 2
            image[y : y + side, x : x + side] = drawn
            marker += 1
    return image


def photograph(
    board_to_straight: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    lens: Lens = LENS,
    paper: Paper = "a3",
    blur_px: float = 0.7,
    noise: float = 3.0,
) -> NDArray[np.uint8]:
    """`(h, w, 3)` the board seen through a homography from board mm to straight px."""
    square = round(SQUARE_MM[paper] * _DRAWN_PX_PER_MM)
    to_mm = np.array([[1, 0, 0.5 - square // 2], [0, 1, 0.5 - square // 2], [0, 0, 1.0]])
    to_mm[:2] /= _DRAWN_PX_PER_MM
    width, height = lens.size_px
    on_drawing = _straight_px(lens) @ np.linalg.inv(board_to_straight @ to_mm).T
    on_drawing = (on_drawing[:, :2] / on_drawing[:, 2:]).astype(np.float32)
    maps = on_drawing.T.reshape(2, height, width)
    seen = cv2.remap(
        board_image(paper), maps[0], maps[1], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=110,
    )  # fmt: skip
    seen = cv2.GaussianBlur(seen, (0, 0), blur_px)
    grey = np.clip(seen + rng.normal(0, noise, seen.shape), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


@cache
def _straight_px(lens: Lens) -> NDArray[np.float64]:
    """`(h * w, 3)` undistorted position of each pixel."""
    v, u = np.mgrid[0 : lens.size_px[1], 0 : lens.size_px[0]]
    straight = lens.straight(np.column_stack([u.ravel(), v.ravel()]).astype(np.float64))
    return np.column_stack([straight, np.ones(len(straight))])


def held(
    x: float, y: float, distance_mm: float, tilt_deg: tuple[float, float], lens: Lens = LENS
) -> NDArray[np.float64]:
    """Board mm to straight px: its centre at `(x, y)` of the image (shares), tilted."""
    turn, _ = cv2.Rodrigues(np.radians([tilt_deg[0], tilt_deg[1], 3.0]))
    at_px = np.array([x, y]) * lens.size_px
    ray = np.linalg.inv(lens.matrix) @ [*at_px, 1.0]
    middle = np.array([COLUMNS / 2, ROWS / 2]) * SQUARE_MM["a3"]
    axes = np.column_stack([turn[:, 0], turn[:, 1], ray * distance_mm - turn[:, :2] @ middle])
    return np.asarray(lens.matrix @ axes, dtype=np.float64)


POSES: Sequence[tuple[float, float, float, tuple[float, float]]] = [
    (x, y, 620 + 40 * ((i + j) % 3), tilt)
    for i, y in enumerate((0.3, 0.7))
    for (j, x), tilt in zip(
        enumerate((0.22, 0.41, 0.6, 0.79)),
        [(25.0, 10.0), (-25.0, 0.0), (0.0, 28.0), (8.0, -28.0)] if i == 0
        else [(-20.0, 20.0), (22.0, -18.0), (-30.0, 4.0), (5.0, 24.0)],
        strict=True,
    )
] + [(0.5, 0.5, 560, (0.0, 0.0)), (0.3, 0.5, 700, (30.0, 0.0)),
     (0.7, 0.5, 700, (0.0, -30.0)), (0.5, 0.45, 800, (-28.0, 12.0))]  # fmt: skip
"""Twelve board poses that cover the whole image."""


def photographs(
    poses: Sequence[tuple[float, float, float, tuple[float, float]]] = POSES, lens: Lens = LENS
) -> Iterator[NDArray[np.uint8]]:
    rng = np.random.default_rng(7)
    for pose in poses:
        yield photograph(held(*pose, lens=lens), rng, lens=lens)


def ideal_view(
    board_to_straight: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    lens: Lens = LENS,
    paper: Paper = "a3",
    noise_px: float = 0.15,
    source: str = "drawn",
) -> BoardView | None:
    """The result of finding the board, without drawing it: corners with noise."""
    ids = np.arange((COLUMNS - 1) * (ROWS - 1))
    bare = BoardView(paper, ids, np.zeros((len(ids), 2)), lens.size_px, source)
    straight = np.column_stack([bare.mm(1.0), np.ones(len(ids))]) @ board_to_straight.T
    px = lens.to_image(straight[:, :2] / straight[:, 2:]) + rng.normal(0, noise_px, (len(ids), 2))
    inside = ((px >= 4) & (px < np.array(lens.size_px) - 4)).all(axis=1)
    if inside.sum() < 12:
        return None
    return BoardView(paper, ids[inside], px[inside], lens.size_px, source)
