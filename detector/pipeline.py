"""The way of one frame: from the picture to the alerts.

    Frame --> BeltView --> Detections --> Tracks --> AlarmBook --> alerts
                  |                                     |
                  +-----------> OverloadMonitor --------+

`detector.live` feeds it from a camera and publishes what comes out; `detector.replay` feeds it
every frame of a recording.
"""

from __future__ import annotations

from dataclasses import dataclass

from calibration.belt_motion import Shift
from detector.hazards.alarm_book import AlarmBook
from detector.hazards.object_facts import BeltNow
from detector.hazards.overload import UNKNOWN
from detector.hazards.sighting import Sighting, place_on_belt
from detector.ingest.frame import Frame
from detector.line_setup import Line, LineParts
from detector.stage_clock import StageClock
from detector.wire.messages import Alert, Hazard

STAGES = ("belt view", "model", "belt motion", "tracks", "overload", "alarms")


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one frame."""

    alerts: list[Alert]
    sightings: list[Sighting]
    """All that the model saw at or above its operating thresholds."""
    looked: bool
    """False: the frame showed no belt that needs another look yet, and gave its motion only."""


NOTHING_NEW = Seen([], [], looked=False)
STILL = Shift(0.0, 0.0, known=True)


class Pipeline:
    """One line's watch, in one thread."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.book = AlarmBook(line.facts)
        self.clock = StageClock(STAGES)
        self.coverage = UNKNOWN
        self.belt = BeltNow(0, 0, None, None, None, "none")
        self.frames = self.inferences = 0
        self._moved = STILL
        """The belt, since the last look."""
        self._parts: LineParts | None = None

    def see(self, frame: Frame) -> Seen:
        """Take one frame all the way; a look at the belt is part of it where one is due.

        Raises `EngineError`, `CalibrationError` or `ModelError`: then nobody has seen this frame,
        and `blind` must be told.
        """
        parts = self._parts = self._parts or self.line.parts_for(frame.size_px)
        lap = self.clock.start()

        view = parts.rectifier.look(frame)
        lap("belt view")
        shift = parts.motion.advance(view.image, frame.t_mono_ns)
        self.belt = self.belt.after(shift, parts.motion, frame)
        self._moved = self._moved.then(shift)
        parts.tracker.carry(shift)
        lap("belt motion")
        wanted = parts.tracker.wants_look_to_mm
        strip = parts.plan.next_strip(shift, frame.t_mono_ns, wanted)
        self.frames += 1
        if strip is None:
            return NOTHING_NEW
        found = self.line.engine.detect(strip.of(view), float(self.line.thresholds.min()))
        parts.plan.looked(strip, frame.t_mono_ns)
        self.inferences += 1
        lap("model")
        sightings = place_on_belt(found.above(self.line.thresholds), view, strip, parts.rectifier)
        looked_at_mm = strip.upstream_mm, strip.downstream_mm
        tracks, left = parts.tracker.follow(sightings, looked_at_mm, frame.index, frame.t_utc_ns)
        lap("tracks")
        self.coverage = parts.overload.watch(view.image, self._moved)
        self._moved = STILL
        lap("overload")
        alerts = self.book.report(tracks, left, self.belt)
        if self.coverage.state != "unknown":  # which ends no overload
            overloaded = self.coverage.state == "overload"
            cue = parts.overload.cue() if overloaded else None
            alerts += self.book.line_state(Hazard.OVERLOAD, overloaded, cue, self.belt)
        alerts += self.book.line_state(Hazard.VISION_UNAVAILABLE, False, None, self.belt)
        lap("alarms")
        return Seen(alerts, sightings, looked=True)

    @property
    def unseen_mm(self) -> float:
        """How much belt lay too much between the last looks, see `StripPlan.unseen_mm`."""
        return 0.0 if self._parts is None else self._parts.plan.unseen_mm

    @property
    def encoder_lost(self) -> bool:
        """The profile names an encoder, and the PLC's reports of it do not come."""
        return self._parts is not None and self._parts.motion.encoder_lost

    def blind(self, reason: str, t_mono_ns: int, t_utc_ns: int) -> list[Alert]:
        """Nobody sees the belt, and why. What is covered is unknown from then on."""
        self.coverage = UNKNOWN
        if self._parts is not None:
            self._parts.plan.begin_anew()
        self.belt = self.belt.unseen(t_mono_ns, t_utc_ns)
        return self.book.line_state(Hazard.VISION_UNAVAILABLE, True, reason, self.belt)
