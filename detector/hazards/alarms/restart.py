"""Alarms that an earlier start of the detector left open, and matching their objects."""

from __future__ import annotations

import math
from dataclasses import dataclass

from detector.belt.now import BeltNow
from detector.hazards.alarms.alarm import Alarm
from detector.hazards.alarms.alert_facts import LineFacts
from detector.hazards.tracking.tracker import Track
from detector.wire.messages import AlarmState, Alert, Hazard

MATCH_NS = 15_000_000_000
"""For how long a former object may be detected again: a restart takes seconds, and a belt moves an
object through the view in about as many."""
NEAR_MM = 60.0
"""Tolerance around an object's predicted place, plus this share of its travel since then:"""
NEAR_SHARE = 0.15
CARRIED_OVER = "from before a restart of the detector; its object is no longer tracked"


def restored_alarm(alert: Alert, t_mono_ns: int, line: LineFacts) -> Alarm:
    """The alarm of an alert's last revision, without the facts that this start can't know."""
    counted = _is_counted(alert, line)
    of_line = alert.place is None
    gone = alert.state in {AlarmState.RETURNED_UNACKNOWLEDGED, AlarmState.LATCHED}
    # Belt positions count from the start that is over.
    place = alert.place and alert.place.model_copy(update={"belt_position_mm": None})
    return Alarm(
        event_id=alert.event_id,
        hazard=alert.hazard,
        state=alert.state,
        t_raised_utc_ns=alert.t_raised_utc_ns,
        revision=alert.revision,
        active=not gone,
        t_last_active_ns=t_mono_ns,
        t_gone_ns=t_mono_ns,
        class_name=alert.class_name,
        probability=alert.probability,
        place=place,
        support=alert.support,
        why=alert.why,
        detail=alert.detail if of_line else CARRIED_OVER,
        track=None if of_line else alert.track,
        outcome=alert.outcome,
        members=alert.members,
        pile=alert.pile,
        cues=alert.cues,
        suppressed=counted or _is_suppressed(alert, line.alarms.cell_mm),
        counted=counted,
        boot_id=alert.boot_id,
        evidence_id=alert.evidence_id,
    )


def _is_counted(alert: Alert, line: LineFacts) -> bool:
    """Whether it is suppressed because the site only counts objects of its kind."""
    if alert.state is not AlarmState.SUPPRESSED or line.verifier is None:
        return False
    return alert.class_name in line.verifier.counted


def _is_suppressed(alert: Alert, cell_mm: float) -> bool:
    """Whether it stays suppressed even once the belt runs: part of a pile, or a single cell.

    Any other suppressed alarm was raised on a stopped belt or beyond the limit of calls, and calls
    as soon as that permits.
    """
    if alert.state is not AlarmState.SUPPRESSED or alert.hazard is not Hazard.BATTERY:
        return False
    length_mm = None if alert.why is None else alert.why.length_mm
    return alert.pile is not None or (length_mm is not None and length_mm <= cell_mm)


@dataclass(frozen=True, slots=True)
class _Former:
    hazard: Hazard
    x_mm: float
    y_mm: float
    t_utc_ns: int
    """When it was at that place."""
    speed_mm_s: float | None
    until_ns: int


class FormerObjects:
    """The objects of an earlier start, and where the belt must have moved them by now."""

    def __init__(self) -> None:
        self._former: dict[str, _Former] = {}

    def add(self, name: str, alert: Alert, t_mono_ns: int) -> None:
        """Add an object that was in view when the detector ended."""
        place = alert.place
        if place is None or place.x_mm is None or place.y_mm is None:
            x_mm, y_mm = math.inf, math.inf  # without millimetres it can't be matched
        else:
            x_mm, y_mm = place.x_mm, place.y_mm
        self._former[name] = _Former(
            alert.hazard,
            x_mm,
            y_mm,
            (place and place.t_utc_ns) or alert.t_capture_utc_ns,
            alert.arrivals[0].speed_mm_s if alert.arrivals else None,
            t_mono_ns + MATCH_NS,
        )

    def match(self, track: Track, hazard: Hazard, belt: BeltNow) -> str | None:
        """The name of the nearest former object that this track can be; it is matched once.

        A battery alarm may be upgraded to gas, but only an operator may dismiss a gas alarm; a
        non-gas object at the expected position of gas is therefore treated as a different object.
        """
        near: list[tuple[float, str]] = []
        for name, former in self._former.items():
            if former.hazard is Hazard.GAS is not hazard:
                continue
            speed_mm_s = belt.speed_mm_s if belt.speed_mm_s is not None else former.speed_mm_s
            if speed_mm_s is None:
                continue
            travel_mm = speed_mm_s * (belt.t_utc_ns - former.t_utc_ns) / 1e9
            across_mm = abs(track.last.x_mm - former.x_mm)
            along_mm = abs(track.last.y_mm - former.y_mm - travel_mm)
            if across_mm <= NEAR_MM and along_mm <= NEAR_MM + NEAR_SHARE * abs(travel_mm):
                near.append((across_mm + along_mm, name))
        if not near:
            return None
        name = min(near)[1]
        del self._former[name]
        return name

    def expired(self, now_ns: int) -> list[str]:
        """Remove the objects that were not detected again in time; they count as gone from view."""
        expired = [name for name, former in self._former.items() if former.until_ns <= now_ns]
        for name in expired:
            del self._former[name]
        return expired
