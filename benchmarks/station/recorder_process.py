"""A recorder that may be killed at any time.

    python -m benchmarks.station.recorder_process FOLDER PUBLISH REQUESTS EVIDENCE

Ends with its stdin.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from benchmarks.station.loaded_line import LINE
from detector.station.recorder import LineAddress, Recorder
from detector.station.store import Store


def main(folder: str, publish: str, requests: str, evidence: str) -> None:
    logging.basicConfig(level=logging.WARNING)
    line = LineAddress(LINE, publish, requests, evidence)
    with Store(Path(folder)) as store, Recorder(store, [line]):
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
