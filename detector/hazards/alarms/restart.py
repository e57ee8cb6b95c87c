"""Alarms that an earlier start of the detector left open, and their objects, seen again or not."""

from __future__ import annotations

import math
from dataclasses import dataclass

from detector.belt.now import BeltNow
from detector.hazards.alarms.alarm import Alarm
from detector.hazards.tracking.tracker import Track
from detector.wire.messages import AlarmState, Alert, Hazard

SOUGHT_NS = 15_000_000_000
"""So long a former object may come into sight again: a restart takes seconds, and a belt carries
an object through the view in about as many."""
NEAR_MM = 60.0
"""How far from its reckoned place an object may be found, and of its way since then:"""
NEAR_SHARE = 0.15
CARRIED = "from before a restart of the detector; its object is not tracked any more"


def carried_alarm(alert: Alert, t_mono_ns: int, cell_mm: float) -> Alarm:
    """The alarm of an alert's last revision; what this start can't know is left out.

    `cell_mm`: single batteries up to this length are counted, and call nobody.
    """
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
        t_met_ns=t_mono_ns,
        t_gone_ns=t_mono_ns,
        class_name=alert.class_name,
        probability=alert.probability,
        place=place,
        support=alert.support,
        why=alert.why,
        detail=alert.detail if of_line else CARRIED,
        track=None if of_line else alert.track,
        outcome=alert.outcome,
        members=alert.members,
        pile=alert.pile,
        cues=alert.cues,
        held=_is_held(alert, cell_mm),
        boot_id=alert.boot_id,
    )


def _is_held(alert: Alert, cell_mm: float) -> bool:
    """Whether nobody is called for it even once the belt runs: one more of a pile, a single cell.

    Anything else that was suppressed lay on a belt that stood, or was one battery too many, and
    calls when it may.
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
    """When it was there."""
    speed_mm_s: float | None
    until_ns: int


class FormerObjects:
    """Where the objects of an earlier start must be by now, reckoned with the belt's speed."""

    def __init__(self) -> None:
        self._sought: dict[str, _Former] = {}

    def add(self, name: str, alert: Alert, t_mono_ns: int) -> None:
        """An object that was in view when the detector ended."""
        place = alert.place
        if place is None or place.x_mm is None or place.y_mm is None:
            x_mm, y_mm = math.inf, math.inf  # without millimetres it can't be told from another
        else:
            x_mm, y_mm = place.x_mm, place.y_mm
        self._sought[name] = _Former(
            alert.hazard,
            x_mm,
            y_mm,
            (place and place.t_utc_ns) or alert.t_capture_utc_ns,
            alert.arrivals[0].speed_mm_s if alert.arrivals else None,
            t_mono_ns + SOUGHT_NS,
        )

    def found(self, track: Track, hazard: Hazard, belt: BeltNow) -> str | None:
        """The former object that this track must be, the nearest; it is sought no more.

        A battery proves to be gas at times; that gas was none is nobody's to say but an operator's,
        so that what lies where it should be and is no gas is another thing.
        """
        near: list[tuple[float, str]] = []
        for name, former in self._sought.items():
            if former.hazard is Hazard.GAS is not hazard:
                continue
            speed_mm_s = belt.speed_mm_s if belt.speed_mm_s is not None else former.speed_mm_s
            if speed_mm_s is None:
                continue
            way_mm = speed_mm_s * (belt.t_utc_ns - former.t_utc_ns) / 1e9
            across_mm = abs(track.last.x_mm - former.x_mm)
            along_mm = abs(track.last.y_mm - former.y_mm - way_mm)
            if across_mm <= NEAR_MM and along_mm <= NEAR_MM + NEAR_SHARE * abs(way_mm):
                near.append((across_mm + along_mm, name))
        if not near:
            return None
        name = min(near)[1]
        del self._sought[name]
        return name

    def given_up(self, now_ns: int) -> list[str]:
        """Those that have not come into sight again; their alarms count as gone from view."""
        over = [name for name, former in self._sought.items() if former.until_ns <= now_ns]
        for name in over:
            del self._sought[name]
        return over
