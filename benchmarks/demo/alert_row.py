"""One alert as one line of the demo's output, at most 100 columns."""

from __future__ import annotations

from datetime import UTC, datetime

from detector.terminal.texts import SHAPES
from detector.wire.messages import AlarmState, Alert

COLUMNS = 100
_STATE = {
    AlarmState.UNACKNOWLEDGED: "calls",
    AlarmState.SUPPRESSED: "counted",
    AlarmState.SHELVED: "shelved",
}


def alert_row(alert: Alert, latency_ms: float | None) -> str:
    """When, what, how sure, where, the time left to act, and how it is called."""
    at = datetime.fromtimestamp(alert.t_capture_utc_ns / 1e9, UTC).strftime("%H:%M:%S.%f")[:12]
    facts = f"{_what(alert):<20}  {_across(alert):<8}  {_act(alert)}".rstrip()
    parts = [
        at,
        f"{SHAPES[alert.priority]} {alert.priority.upper():<6} {alert.hazard:<8}",
        f"{facts:<49}"[:49],
        f"{_STATE.get(alert.state, alert.state):<7}",
        "" if latency_ms is None else f"{latency_ms:.0f} ms",
    ]
    return "  ".join(parts).rstrip()[:COLUMNS]


def _what(alert: Alert) -> str:
    if alert.probability is None:
        return alert.detail or ""
    return f"{alert.class_name} {alert.probability:.2f}"


def _across(alert: Alert) -> str:
    place = alert.place
    return "" if place is None or place.x_mm is None else f"x {place.x_mm:.0f} mm"


def _act(alert: Alert) -> str:
    ahead = [arrival for arrival in alert.arrivals if arrival.act_by_ms > 0]
    if not ahead:
        return ""
    first = min(ahead, key=lambda arrival: arrival.act_by_ms)
    return f"{first.action_point} in {first.act_by_ms / 1e3:.1f} s"
