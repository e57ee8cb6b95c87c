from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.vision.array_file import ArrayFileError, read_arrays


def write(path: Path, method: int = 0) -> Path:
    """An `.npz` of one array, said to be packed by that method of ZIP."""
    np.savez(path, weights=np.ones(3, np.float32))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 10] = data[8] = method
    path.write_bytes(data)
    return path


def test_arrays_are_read_by_name(tmp_path: Path) -> None:
    arrays = read_arrays(write(tmp_path / "a.npz"), ["weights"])
    np.testing.assert_array_equal(arrays["weights"], [1, 1, 1])


@pytest.mark.parametrize("method", [8, 9, 12, 14, 99])
def test_a_file_that_no_library_unpacks_is_one_line(tmp_path: Path, method: int) -> None:
    with pytest.raises(ArrayFileError) as error:
        read_arrays(write(tmp_path / "a.npz", method), ["weights"])
    assert str(error.value).strip()
    assert "\n" not in str(error.value)


def test_an_array_that_is_missing_and_a_file_that_is_are_named(tmp_path: Path) -> None:
    with pytest.raises(ArrayFileError, match="bias"):
        read_arrays(write(tmp_path / "a.npz"), ["bias"])
    with pytest.raises(ArrayFileError, match="No such file"):
        read_arrays(tmp_path / "none.npz", ["bias"])
