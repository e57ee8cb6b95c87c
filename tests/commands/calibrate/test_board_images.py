from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.commands.calibrate.board_images import boards_in


def test_images_without_a_board_are_counted_and_damaged_ones_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "1.png"), noise)
    cv2.imwrite(str(tmp_path / "2.jpg"), noise)
    (tmp_path / "2.jpg").write_bytes((tmp_path / "2.jpg").read_bytes()[:900])
    assert boards_in([str(tmp_path)]) == ([], 1)
    assert f"vigitri: {tmp_path}/2.jpg: the image is cut off" in capsys.readouterr().err
