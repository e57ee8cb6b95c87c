"""The belt's plane from a board laid on the belt, several times, in different places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import BoardSight
from detector.belt.lens import Lens
from detector.belt.plane import CalibrationError, transformed

Points = NDArray[np.float64]
Homography = NDArray[np.float64]

FEWEST_LAYS = 3
_STEPS = 30


@dataclass(frozen=True, slots=True, eq=False)
class PlaneFit:
    """A plane and what it misses. Its millimetres may still be shifted and turned on the belt."""

    straight_to_plane: Homography
    points_px: Points
    """`(n, 2)` image px of all that it was fitted to."""
    rms_mm: float
    held_out_mm: Points
    """`(n,)` what points missed that were left out of the fit."""
    worst: str
    """Which of those missed most."""


def fit_lays(sights: Sequence[BoardSight], lens: Lens | None, print_scale: float) -> PlaneFit:
    """The plane on which all these boards lie flat.

    Each lies where it likes; that they are rigid and of known size fixes the plane. Raises
    `CalibrationError`.
    """
    if len(sights) < FEWEST_LAYS:
        raise CalibrationError(
            f"{len(sights)} pictures show the board on the belt, {FEWEST_LAYS} are needed. Lay it "
            "near both ends of what the camera sees and near both edges, a picture each"
        )
    if len({sight.size_px for sight in sights}) > 1:
        raise CalibrationError(
            "pictures of different size show the board on the belt: "
            + ", ".join(f"{each.source} has {each.size_px[0]} x {each.size_px[1]} px"
                        for each in {sight.size_px: sight for sight in sights}.values())
            + ". Give those of the line's camera alone"
        )  # fmt: skip
    if lens is not None and any(sight.size_px != lens.size_px for sight in sights):
        width, height = next(s.size_px for s in sights if s.size_px != lens.size_px)
        raise CalibrationError(
            f"calibration.lens.size_px = {list(lens.size_px)}: the pictures have {width} x "
            f"{height} px. Give pictures of the camera as it was calibrated"
        )
    lays = [_Lay.of(sight, lens, print_scale) for sight in sights]
    plane, missed = _fitted(lays)
    held_out = []
    for left_out, lay in enumerate(lays):
        others, _ = _fitted([other for i, other in enumerate(lays) if i != left_out])
        held_out.append(_missed_rigidly(others, lay))
    worst = int(np.argmax([float(np.sqrt((each**2).mean())) for each in held_out]))
    return PlaneFit(
        plane,
        np.concatenate([sight.px for sight in sights]),
        float(np.sqrt((missed**2).mean())),
        np.concatenate(held_out),
        sights[worst].source,
    )


def missed_by_boards(
    straight_to_belt: Homography, sights: Sequence[BoardSight], lens: Lens | None, scale: float
) -> Points:
    """`(n,)` mm by which boards on the belt now miss a plane that was made before."""
    lays = [_Lay.of(sight, lens, scale) for sight in sights]
    return np.concatenate([_missed_rigidly(straight_to_belt, lay) for lay in lays])


@dataclass(frozen=True, slots=True, eq=False)
class _Lay:
    """One board on the belt: `(n, 2)` straight px, and mm on the board."""

    straight: Points
    on_board: Points

    @staticmethod
    def of(sight: BoardSight, lens: Lens | None, print_scale: float) -> _Lay:
        straight = sight.px if lens is None else lens.straight(sight.px)
        # Belt coordinates turn the other way round than a picture's: x across, y downstream.
        return _Lay(straight, sight.mm(print_scale) * [1, -1])


def _fitted(lays: Sequence[_Lay]) -> tuple[Homography, Points]:
    """Straight px to mm on the plane, and what each point misses (mm).

    Gauss-Newton on the plane's eight numbers and each board's place but the first's, which holds
    the plane in its own; errors count in px, where they are made.
    """
    centre = np.concatenate([lay.straight for lay in lays]).mean(axis=0)
    size = float(np.abs(np.concatenate([lay.straight for lay in lays]) - centre).max())
    to_unit = np.array(
        [[1 / size, 0, -centre[0] / size], [0, 1 / size, -centre[1] / size], [0, 0, 1]]
    )
    units = [transformed(to_unit, lay.straight) for lay in lays]
    length = float(np.abs(lays[0].on_board).max())
    boards = [lay.on_board / length for lay in lays]
    first, _ = cv2.findHomography(boards[0], units[0])
    if first is None:
        raise CalibrationError("the board's corners fix no plane. Lay it flat and take it again")
    back = np.asarray(np.linalg.inv(first), dtype=np.float64)
    places = [
        _place(transformed(back, unit), board) for unit, board in zip(units, boards, strict=True)
    ]
    state = np.concatenate([(first / first[2, 2]).ravel()[:8], *places[1:]])

    def residuals(state: Points) -> Points:
        plane = np.append(state[:8], 1.0).reshape(3, 3)
        where = [np.zeros(3), *state[8:].reshape(-1, 3)]
        return np.concatenate(
            [
                (transformed(plane, _placed(board, place)) - unit).ravel()
                for unit, board, place in zip(units, boards, where, strict=True)
            ]
        )

    now = residuals(state)
    for _ in range(_STEPS):
        slopes = np.column_stack(
            [(residuals(state + step) - now) / 1e-7 for step in 1e-7 * np.eye(len(state))]
        )
        change = np.linalg.lstsq(slopes, -now, rcond=None)[0]
        state = state + change
        now = residuals(state)
        if not np.isfinite(now).all():
            raise CalibrationError(
                "the boards lie on no common plane. Lay them flat on the belt, one at a time"
            )
        if np.abs(change).max() < 1e-9:
            break
    plane = np.append(state[:8], 1.0).reshape(3, 3)
    straight_to_plane = np.diag([length, length, 1.0]) @ np.linalg.inv(plane) @ to_unit
    missed = [_missed_rigidly(straight_to_plane, lay) for lay in lays]
    return np.asarray(straight_to_plane / straight_to_plane[2, 2]), np.concatenate(missed)


def _missed_rigidly(straight_to_plane: Homography, lay: _Lay) -> Points:
    """`(n,)` mm by which a board's corners miss the board, laid over them as well as it goes."""
    seen = transformed(straight_to_plane, lay.straight)
    best = _placed(lay.on_board, _place(seen, lay.on_board))
    return np.asarray(np.linalg.norm(seen - best, axis=1), dtype=np.float64)


def _place(seen: Points, board: Points) -> Points:
    """`(3,)` angle and shift that lay `board` best over `seen`; its size is not changed."""
    a, b = board - board.mean(axis=0), seen - seen.mean(axis=0)
    angle = np.arctan2((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a * b).sum())
    turned = _placed(board.mean(axis=0)[None], np.array([angle, 0.0, 0.0]))[0]
    return np.array([angle, *(seen.mean(axis=0) - turned)])


def _placed(board: Points, place: Points) -> Points:
    angle, *shift = place
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(board @ turn.T + shift, dtype=np.float64)
