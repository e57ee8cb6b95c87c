"""The rows of a clip: its revisions, its alerts, its totals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from detector.wire.messages import Alert, Place, Why
from fleet.clips import Clip
from fleet.tables import HAZARDS, Row


def revision_row(clip: Clip, line: str, alert: Alert, at_ns: int) -> Row:
    """One published revision."""
    return {
        "clip": clip.name,
        "line": line,
        "event_id": alert.event_id,
        "revision": alert.revision,
        "kind": alert.kind.value,
        "t_s": round(at_ns / 1e9, 6),
        "hazard": alert.hazard.value,
        "class_name": alert.class_name,
        "priority": alert.priority.value,
        "state": alert.state.value,
        "probability": alert.probability,
        "members": alert.members,
        "pile": alert.pile,
        "detail": alert.detail,
        "alert": alert.model_dump_json(),
        **_place(alert.place),
        **_why(alert.why),
    }


def alert_rows(revisions: Iterable[Row]) -> list[Row]:
    """One row per alert of one clip, as its last revision left it; with the place where it was
    last seen."""
    alerts: dict[str, Row] = {}
    for row in revisions:
        last = {key: value for key, value in row.items() if key not in _OF_REVISIONS}
        known = alerts.get(row["event_id"])
        first = {"t_raised_s": row["t_s"], "raised_frame": row["box_frame"], "revisions": 0}
        if known is not None:
            first = {key: known[key] for key in first}
        last |= first
        last |= {
            "t_last_s": row["t_s"],
            "last_kind": row["kind"],
            "revisions": first["revisions"] + 1,
        }
        alerts[row["event_id"]] = last
    return list(alerts.values())


_OF_REVISIONS = {"revision", "kind", "t_s", "alert"}


def totals_row(clip: Clip, line: str, provenance: str, revisions: list[Row], **known: Any) -> Row:
    """The row of the totals. `known`: its other columns."""
    raised = {row["event_id"]: row["hazard"] for row in revisions if row["kind"] == "raised"}
    counts = {f"raised_{hazard}": 0 for hazard in HAZARDS}
    for row in revisions:
        if row["kind"] == "raised":
            counts[f"raised_{row['hazard']}"] += 1
    assert len(raised) <= sum(counts.values())
    return {
        "clip": clip.name,
        "line": line,
        "provenance": provenance,
        "start_utc": clip.start,
        "start_basis": clip.start_basis,
        "revisions": len(revisions),
        **counts,
        **known,
    }


def _place(place: Place | None) -> Row:
    if place is None:
        return {"box_frame": None}
    x0, y0, x1, y1 = place.box_px
    return {
        "box_frame": place.frame_index,
        "x0_px": x0,
        "y0_px": y0,
        "x1_px": x1,
        "y1_px": y1,
        "x_mm": place.x_mm,
        "y_mm": place.y_mm,
        "belt_position_mm": place.belt_position_mm,
    }


def _why(why: Why | None) -> Row:
    if why is None:
        return {}
    return {
        "score": why.score,
        "hits": why.hits,
        "passes": why.passes,
        "length_mm": why.length_mm,
        "width_mm": why.width_mm,
    }
