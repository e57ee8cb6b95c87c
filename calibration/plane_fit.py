"""The belt's plane from a board laid on the belt in several places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import BoardView
from detector.belt.lens import Lens
from detector.belt.plane import CalibrationError, transformed

Points = NDArray[np.float64]
Homography = NDArray[np.float64]

MIN_BOARDS = 3
_STEPS = 30


@dataclass(frozen=True, slots=True, eq=False)
class PlaneFit:
    """A plane and its errors. It may still be shifted and rotated on the belt."""

    straight_to_plane: Homography
    points_px: Points
    """`(n, 2)` image px of all fitted points."""
    rms_mm: float
    held_back_mm: Points
    """`(n,)` errors of points held back from the fit."""
    worst: str
    """The one with the largest error."""


def fit_boards(boards: Sequence[BoardView], lens: Lens | None, print_scale: float) -> PlaneFit:
    """The plane on which all these boards lie flat.

    Their positions on the belt are unknown; their rigid shape and known size fix the plane. Raises
    `CalibrationError`.
    """
    if len(boards) < MIN_BOARDS:
        raise CalibrationError(
            f"{len(boards)} images show the board on the belt, {MIN_BOARDS} are needed. Lay it "
            "near both ends of the visible belt and near both edges, one image each"
        )
    if len({board.size_px for board in boards}) > 1:
        raise CalibrationError(
            "images of different sizes show the board on the belt: "
            + ", ".join(f"{each.source} has {each.size_px[0]} x {each.size_px[1]} px"
                        for each in {board.size_px: board for board in boards}.values())
            + ". Give images of the line's camera only"
        )  # fmt: skip
    if lens is not None and any(board.size_px != lens.size_px for board in boards):
        width, height = next(s.size_px for s in boards if s.size_px != lens.size_px)
        raise CalibrationError(
            f"calibration.lens.size_px = {list(lens.size_px)}: the images have {width} x "
            f"{height} px. Give images of the size that was calibrated"
        )
    placed = [_PlacedBoard.of(board, lens, print_scale) for board in boards]
    plane, errors_mm = _fit(placed)
    held_back = []
    for left_out, lay in enumerate(placed):
        others, _ = _fit([other for i, other in enumerate(placed) if i != left_out])
        held_back.append(_rigid_errors_mm(others, lay))
    worst = int(np.argmax([float(np.sqrt((each**2).mean())) for each in held_back]))
    return PlaneFit(
        plane,
        np.concatenate([board.px for board in boards]),
        float(np.sqrt((errors_mm**2).mean())),
        np.concatenate(held_back),
        boards[worst].source,
    )


def board_errors_mm(
    straight_to_belt: Homography, boards: Sequence[BoardView], lens: Lens | None, scale: float
) -> Points:
    """`(n,)` errors of boards on the belt against an existing plane, mm."""
    placed = [_PlacedBoard.of(board, lens, scale) for board in boards]
    return np.concatenate([_rigid_errors_mm(straight_to_belt, lay) for lay in placed])


@dataclass(frozen=True, slots=True, eq=False)
class _PlacedBoard:
    """One board on the belt: `(n, 2)` straight px, and mm on the board."""

    straight: Points
    on_board: Points

    @staticmethod
    def of(board: BoardView, lens: Lens | None, print_scale: float) -> _PlacedBoard:
        straight = board.px if lens is None else lens.straight(board.px)
        # Belt coordinates have the opposite handedness of image coordinates.
        return _PlacedBoard(straight, board.mm(print_scale) * [1, -1])


def _fit(placed: Sequence[_PlacedBoard]) -> tuple[Homography, Points]:
    """Straight px to mm on the plane, and the error of each point, mm.

    Gauss-Newton on the plane's eight parameters and on the pose of each board but the first, which
    fixes the plane's own coordinates. Errors are minimised in px, where they arise.
    """
    centre = np.concatenate([lay.straight for lay in placed]).mean(axis=0)
    size = float(np.abs(np.concatenate([lay.straight for lay in placed]) - centre).max())
    to_unit = np.array(
        [[1 / size, 0, -centre[0] / size], [0, 1 / size, -centre[1] / size], [0, 0, 1]]
    )
    units = [transformed(to_unit, lay.straight) for lay in placed]
    length = float(np.abs(placed[0].on_board).max())
    boards = [lay.on_board / length for lay in placed]
    first, _ = cv2.findHomography(boards[0], units[0])
    if first is None:
        raise CalibrationError(
            "the board's corners do not fix a plane. Lay it flat and take the image again"
        )
    back = np.asarray(np.linalg.inv(first), dtype=np.float64)
    places = [
        _pose(transformed(back, unit), board) for unit, board in zip(units, boards, strict=True)
    ]
    state = np.concatenate([(first / first[2, 2]).ravel()[:8], *places[1:]])

    def residuals(state: Points) -> Points:
        plane = np.append(state[:8], 1.0).reshape(3, 3)
        where = [np.zeros(3), *state[8:].reshape(-1, 3)]
        return np.concatenate(
            [
                (transformed(plane, _transformed_rigidly(board, place)) - unit).ravel()
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
                "the boards are not on one plane. Lay them flat on the belt, one at a time"
            )
        if np.abs(change).max() < 1e-9:
            break
    plane = np.append(state[:8], 1.0).reshape(3, 3)
    straight_to_plane = np.diag([length, length, 1.0]) @ np.linalg.inv(plane) @ to_unit
    errors_mm = [_rigid_errors_mm(straight_to_plane, lay) for lay in placed]
    return np.asarray(straight_to_plane / straight_to_plane[2, 2]), np.concatenate(errors_mm)


def _rigid_errors_mm(straight_to_plane: Homography, lay: _PlacedBoard) -> Points:
    """`(n,)` distances of a board's corners from the best rigid fit of the board, mm."""
    seen = transformed(straight_to_plane, lay.straight)
    best = _transformed_rigidly(lay.on_board, _pose(seen, lay.on_board))
    return np.asarray(np.linalg.norm(seen - best, axis=1), dtype=np.float64)


def _pose(seen: Points, board: Points) -> Points:
    """`(3,)` angle and shift of the best rigid fit of `board` to `seen`."""
    a, b = board - board.mean(axis=0), seen - seen.mean(axis=0)
    angle = np.arctan2((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a * b).sum())
    turned = _transformed_rigidly(board.mean(axis=0)[None], np.array([angle, 0.0, 0.0]))[0]
    return np.array([angle, *(seen.mean(axis=0) - turned)])


def _transformed_rigidly(board: Points, place: Points) -> Points:
    angle, *shift = place
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(board @ turn.T + shift, dtype=np.float64)
