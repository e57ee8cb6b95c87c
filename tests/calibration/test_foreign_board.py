from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.board import find_board
from calibration.foreign_board import foreign_board
from tests.calibration.board_camera import POSES, held, photograph

CORNERS_PX = np.array([[40, 60], [900, 30], [860, 560], [80, 590]], np.float32)


def seen(
    columns: int, rows: int, share: float, dictionary: int, first: int = 0
) -> NDArray[np.uint8]:
    """A ChArUco board of another maker, by OpenCV, in perspective: `(600, 960, 3)`."""
    ids = np.arange(first, first + columns * rows // 2, dtype=np.int32)
    markers = cv2.aruco.getPredefinedDictionary(dictionary)
    board = cv2.aruco.CharucoBoard((columns, rows), 1.0, share, markers, ids)
    drawn = board.generateImage((columns * 60, rows * 60))
    drawn = cv2.copyMakeBorder(drawn, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=255)
    height, width = drawn.shape
    sheet = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    place = cv2.getPerspectiveTransform(sheet, CORNERS_PX)
    image = cv2.warpPerspective(drawn, place, (960, 600), borderValue=120)
    image = cv2.GaussianBlur(image, (0, 0), 0.7)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)


@pytest.mark.parametrize(
    ("columns", "rows", "share", "dictionary", "first", "name"),
    [
        (11, 7, 0.74, cv2.aruco.DICT_5X5_100, 0, "38 markers ArUco 5x5, numbers 0 to 37"),
        (8, 6, 0.75, cv2.aruco.DICT_6X6_250, 0, "24 markers ArUco 6x6, numbers 0 to 23"),
        (8, 6, 0.75, cv2.aruco.DICT_APRILTAG_36h11, 0, "24 markers AprilTag 36h11, numbers 0 to"),
        (8, 6, 0.75, cv2.aruco.DICT_4X4_50, 0, "24 markers ArUco 4x4, numbers 0 to 23"),
        (12, 9, 0.74, cv2.aruco.DICT_4X4_250, 0, "54 markers ArUco 4x4, numbers 0 to 53"),
        (8, 6, 0.75, cv2.aruco.DICT_4X4_250, 200, "24 markers ArUco 4x4, numbers 200 to 223"),
        (11, 7, 0.5, cv2.aruco.DICT_4X4_50, 0, "our pattern, but with markers of 0.4"),
        (11, 7, 0.6, cv2.aruco.DICT_4X4_50, 0, "our pattern, but with markers of 0.5"),
    ],
)
def test_a_foreign_board_is_named_and_not_read_as_ours(  # noqa: PLR0917
    columns: int, rows: int, share: float, dictionary: int, first: int, name: str
) -> None:
    image = seen(columns, rows, share, dictionary, first)
    assert find_board(image, "foreign") is None
    found = foreign_board(image)
    assert found is not None
    assert found.startswith(name)


def test_our_board_in_part_and_an_image_without_a_board_are_not_foreign() -> None:
    rng = np.random.default_rng(7)
    ours = photograph(held(*POSES[8]), rng)
    ours[:, 330:] = 110
    assert find_board(ours, "in part") is None
    assert foreign_board(ours) is None
    assert foreign_board(rng.integers(0, 255, (600, 960, 3)).astype(np.uint8)) is None
