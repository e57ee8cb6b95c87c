"""A consumer of alerts that may be killed at any time: `python -m benchmarks.faults.consumer`

Arguments: the two endpoints, and the file to which each received alert is written (fsync).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from detector import client

NAME = "faults"
Note = dict[str, Any]


def main(publish: str, requests: str, path: Path) -> None:
    with (
        path.open("a", encoding="utf-8") as notes,
        client.Line(publish, requests, consumer=NAME, after=last_position(path)) as line,
    ):
        print("listening", file=sys.stderr, flush=True)
        for event in line:
            if not isinstance(event, client.Received) or not isinstance(
                event.payload, client.Alert
            ):
                continue
            alert, position = event.payload, line.position
            note = {
                "id": [alert.boot_id, alert.event_id, alert.revision],
                "how": event.how,
                "hazard": alert.hazard,
                "y_mm": alert.place and alert.place.y_mm,
                "t_utc_ns": alert.support[-1].t_capture_utc_ns if alert.support else None,
                "position": position and position.model_dump(),
            }
            # Starts with a newline, so that a line cut short by a kill does not damage the next.
            notes.write(f"\n{json.dumps(note)}")
            notes.flush()
            os.fsync(notes.fileno())


def read_notes(path: Path) -> list[Note]:
    """All notes; lines cut short by a kill are skipped."""
    notes = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            notes.append(json.loads(line))
        except ValueError:
            continue
    return notes


def last_position(path: Path) -> client.Position | None:
    """The position from which the consumer resumes: that of its last note."""
    for note in reversed(read_notes(path)):
        if note["position"]:
            return client.Position.model_validate(note["position"])
    return None


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
