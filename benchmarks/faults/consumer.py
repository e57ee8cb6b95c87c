"""A consumer of alerts that may be killed at any instant: `python -m benchmarks.faults.consumer`.

Arguments: the two endpoints, and the file where each alert is noted, on the disk, when it comes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from detector import client

Note = dict[str, Any]


def main(publish: str, answers: str, path: Path) -> None:
    with (
        path.open("a", encoding="utf-8") as notes,
        client.Line(publish, answers, consumer="faults", after=last_position(path)) as line,
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
            # Begins with a newline, so that one cut short by a kill spoils none but itself.
            notes.write(f"\n{json.dumps(note)}")
            notes.flush()
            os.fsync(notes.fileno())


def read_notes(path: Path) -> list[Note]:
    """What has been noted; lines that a kill cut short are passed over."""
    notes = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            notes.append(json.loads(line))
        except ValueError:
            continue
    return notes


def last_position(path: Path) -> client.Position | None:
    """Where the consumer goes on: what it had dealt with before its last note."""
    for note in reversed(read_notes(path)):
        if note["position"]:
            return client.Position.model_validate(note["position"])
    return None


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
