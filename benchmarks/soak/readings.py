"""What a PLC has read, each reading on disk as it comes."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detector.bridge.register_words import HazardWord, Status, VisionWord

READING = np.dtype(
    [
        ("asked_ns", "<i8"),
        ("t_ns", "<i8"),
        ("state", "<u2"),
        ("status", "<u2"),
        ("gas", "u1"),
        ("battery", "u1"),
        ("jam", "u1"),
        ("belt_state", "u1"),
        ("frame_age_ms", "<u2"),
        ("heartbeat", "<u2"),
    ]
)
"""CLOCK_MONOTONIC before the request and after its reply; then words of the registers."""
Readings = NDArray[np.void]
WORDS = tuple(name for name in READING.names or () if not name.endswith("_ns"))


class ReadingsFile:
    """Appends readings to a file; a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._row = np.zeros(1, READING)

    def __enter__(self) -> Self:
        self._file = self._path.open("ab", buffering=4096)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, asked_ns: int, t_ns: int, values: dict[str, int]) -> None:
        """values: as `register_map.decode` gives them."""
        row = self._row
        row["asked_ns"], row["t_ns"] = asked_ns, t_ns
        for word in WORDS:
            row[word] = values[word]
        self._file.write(row.tobytes())


def read_readings(path: Path) -> Readings:
    """All complete readings, in order of time."""
    data = path.read_bytes() if path.exists() else b""
    whole = len(data) // READING.itemsize * READING.itemsize
    return np.frombuffer(data[:whole], READING)


def says_seen(readings: Readings) -> NDArray[np.bool_]:
    """Whether each says that the belt is watched: by the state, by the status bit, or by a hazard
    word that is not unknown."""
    watched = np.isin(readings["state"], (VisionWord.READY, VisionWord.DEGRADED))
    watched |= (readings["status"] & int(Status.WATCHING)) != 0
    for hazard in ("gas", "battery", "jam"):
        watched |= readings[hazard] != HazardWord.UNKNOWN
    return watched


def says_clear(readings: Readings) -> NDArray[np.bool_]:
    """Whether any hazard word of each reads clear."""
    clear = np.zeros(len(readings), np.bool_)
    for hazard in ("gas", "battery", "jam"):
        clear |= readings[hazard] == HazardWord.CLEAR
    return clear
