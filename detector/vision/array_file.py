"""Reads the arrays of an `.npz` file, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ArrayFileError(ValueError):
    """The file can't be read; one line says why."""


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The arrays of these names. Raises `ArrayFileError`."""
    try:
        # Opened here: NumPy leaves the file open if it is cut off.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: np.asarray(arrays[name]) for name in names}
    # A damaged file raises what zipfile, its decompressors and NumPy's reader of headers raise:
    # BadZipFile, NotImplementedError, RuntimeError, zlib.error, SyntaxError, MemoryError and more.
    except Exception as error:
        raise ArrayFileError((str(error).splitlines() or [type(error).__name__])[0]) from None
