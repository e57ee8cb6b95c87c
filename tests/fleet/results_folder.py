"""Results folders of some alerts, without a run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleet.store import Folder
from fleet.tables import HAZARDS, Row

START = datetime(2026, 3, 1, 6, tzinfo=UTC)


def alert(event: int, hazard: str = "battery", clip: str = "a.mp4", **known: Any) -> Row:
    """A battery at 1 s, in the middle of the belt, unless it is known otherwise."""
    return {
        "clip": clip,
        "line": "infeed",
        "event_id": f"a{event:06d}",
        "hazard": hazard,
        "class_name": "cell",
        "priority": "medium",
        "state": "unacknowledged",
        "probability": 0.8,
        "score": 0.5,
        "hits": 3,
        "passes": 3,
        "members": 1,
        "pile": None,
        "t_raised_s": 1.0,
        "t_last_s": 2.0,
        "last_kind": "cleared",
        "revisions": 2,
        "raised_frame": 10,
        "box_frame": 10,
        "x0_px": 40.0,
        "y0_px": 40.0,
        "x1_px": 60.0,
        "y1_px": 60.0,
        "x_mm": 300.0,
        "y_mm": 500.0,
        "belt_position_mm": 1500.0,
        "length_mm": 50.0,
        "width_mm": 14.0,
        **known,
    }


def state(event: int, hazard: str = "jam", clip: str = "a.mp4", **known: Any) -> Row:
    """A state of the line, which has no place."""
    no_place = (
        "box_frame", "x0_px", "y0_px", "x1_px", "y1_px", "x_mm", "y_mm", "raised_frame",
        "belt_position_mm", "length_mm", "width_mm", "class_name", "probability",
    )  # fmt: skip
    return {**alert(event, hazard, clip), **dict.fromkeys(no_place), **known}


def total(clip: str = "a.mp4", alerts: list[Row] | None = None, **known: Any) -> Row:
    mine = [row for row in alerts or [] if row["clip"] == clip]
    return {
        "clip": clip,
        "line": "infeed",
        "provenance": "p",
        "start_utc": START,
        "start_basis": "name",
        "frames": 36_000,
        "inferences": 9000,
        "recorded_s": 3600.0,
        "belt_mm": 1_800_000.0,
        "blind_frames": 0,
        "blind_s": 0.0,
        **{f"raised_{each}": sum(row["hazard"] == each for row in mine) for each in HAZARDS},
        "revisions": 2 * len(mine),
        "parts": 1,
        "complete": True,
        "notes": [],
        **known,
    }


def write_results(
    place: Path,
    alerts: list[Row],
    totals: list[Row] | None = None,
    failures: list[Row] | None = None,
    settings: dict[str, Any] | None = None,
) -> str:
    """Write the tables; returns the folder."""
    folder = Folder(str(place))
    folder.write_table("alerts", alerts)
    folder.write_table("totals", [total(alerts=alerts)] if totals is None else totals)
    folder.write_table("failures", failures or [])
    provenance = {
        "provenance": "p",
        "line": "infeed",
        "settings": json.dumps(settings or {}),
        "model": "vigitri-n7",
        "model_sha256": "0" * 64,
        "thresholds": "{}",
        "version": "0.1.0",
    }
    folder.write_table("provenance", [provenance])
    return str(place)
