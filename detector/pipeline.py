"""The way of one frame: from the picture to the alerts.

    Frame --> BeltView --> Detections --> Tracks --> AlarmBook --> alerts
      |                                                 |
      +--> SmallViews --> BeltMotion, OverloadMonitor --+

The model sees the belt in full detail, but strips of it only, where a look is due. How the belt
moves and how full it is are told from a few pixels.

`detector.live` feeds it from a camera and publishes what comes out; `detector.replay` feeds it
every frame of a recording.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from detector.belt.now import BeltNow
from detector.belt.plausibility import DOUBTFUL, Finding
from detector.belt.unexpected_stop import StandingBelt
from detector.hazards.alarms.alarm_book import AlarmBook
from detector.hazards.overload.monitor import UNKNOWN, said
from detector.hazards.tracking.sighting import Sighting, place_on_belt
from detector.ingest.frame import Frame
from detector.line_setup import Line, LineParts
from detector.runtime.inference_lock import HEEDS_NOBODY
from detector.runtime.stage_timer import StageClock
from detector.wire.messages import Alert, Hazard

STAGES = ("belt motion", "overload", "belt view", "model", "tracks", "alarms")


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one frame."""

    alerts: list[Alert]
    sightings: list[Sighting]
    """All that the model saw at or above its operating thresholds."""
    looked: bool
    """False: the frame showed no belt that needs another look yet; it gave the belt's motion, and
    how full the belt is."""


NOTHING_NEW = Seen([], [], looked=False)


class Pipeline:
    """One line's watch, in one thread."""

    def __init__(self, line: Line, turns: AbstractContextManager[bool] = HEEDS_NOBODY) -> None:
        """`turns`: entered for each look, and False where another line looks just now."""
        self.line = line
        self._turns = turns
        self.book = AlarmBook(line.facts)
        self.clock = StageClock(STAGES)
        self.coverage = UNKNOWN
        self.belt = BeltNow(0, 0, None, None, None, "none")
        self.frames = self.inferences = 0
        self._standing = StandingBelt()
        self._parts: LineParts | None = None

    def see(self, frame: Frame) -> Seen:
        """Take one frame all the way; a look at the belt is part of it where one is due.

        Raises `EngineError`, `CalibrationError`, `ModelError` or `UnlitError`: then nobody has seen
        this frame, and `blind` must be told.
        """
        if self._parts is None:
            self.line.reported.begins(frame.index, frame.t_mono_ns)
        parts = self._parts = self._parts or self.line.parts_for(frame.size_px)
        lap = self.clock.start()

        parts.small.take(frame)
        parts.exposure.refuse_unlit(frame)
        shift = parts.motion.advance(parts.small.for_motion, frame.t_mono_ns)
        self.belt = self.belt.after(
            shift,
            parts.motion,
            t_utc_ns=frame.t_utc_ns,
            t_mono_ns=frame.t_mono_ns,
            frame_index=frame.index,
        )
        parts.tracker.carry(shift)
        lap("belt motion")
        strip = parts.plan.next_strip(shift, frame.t_mono_ns, parts.tracker.wants_look_to_mm)
        self.coverage = parts.overload.watch(
            parts.small.for_coverage,
            shift,
            frame.t_mono_ns,
            frame.image,
            busy=strip is not None,
            place_lost=parts.motion.finding.state in DOUBTFUL,
        )
        lap("overload")
        self.frames += 1
        if strip is None:
            return NOTHING_NEW
        least = float(self.line.thresholds.min())
        with self._turns as my_turn:
            if not my_turn:
                return NOTHING_NEW
            view = parts.rectifier.look(frame, strip)
            lap("belt view")
            found = parts.tiling.detect(self.line.engine, view.image, least)
        parts.plan.record_pass(strip, frame.t_mono_ns)
        self.inferences += 1
        lap("model")
        sightings = place_on_belt(found.above(self.line.thresholds), view, strip, parts.rectifier)
        looked_at_mm = strip.upstream_mm, strip.downstream_mm
        tracks, left = parts.tracker.follow(sightings, looked_at_mm, frame.index, frame.t_utc_ns)
        lap("tracks")
        alerts = self.book.report(tracks, left, self.belt)
        for hazard, active, cues in parts.overload.told(self.coverage):
            detail = said(cues) if active else None
            alerts += self.book.line_state(hazard, active, detail, self.belt, cues)
        stands = self._standing.watch(self.line.reported.runs(frame.t_mono_ns), self.belt)
        if stands is not None:
            cue = self._standing.cue() if stands else None
            alerts += self.book.line_state(Hazard.BELT_STANDING, stands, cue, self.belt)
        alerts += self.book.line_state(Hazard.VISION_UNAVAILABLE, False, None, self.belt)
        lap("alarms")
        return Seen(alerts, sightings, looked=True)

    @property
    def unseen_mm(self) -> float:
        """How much belt lay too much between the last looks, see `StripPlan.unseen_mm`."""
        return 0.0 if self._parts is None else self._parts.plan.unseen_mm

    @property
    def belt_finding(self) -> Finding:
        """What the belt does, by all that tells of it."""
        return Finding() if self._parts is None else self._parts.motion.finding

    def blind(self, reason: str, t_mono_ns: int, t_utc_ns: int) -> list[Alert]:
        """Nobody sees the belt, and why. What is covered is unknown from then on."""
        self.unseen(t_mono_ns, t_utc_ns)
        self.coverage = UNKNOWN
        if self._parts is not None:
            self._parts.plan.reset()
        return self.book.line_state(Hazard.VISION_UNAVAILABLE, True, reason, self.belt)

    def unseen(self, t_mono_ns: int, t_utc_ns: int) -> None:
        """There was no picture, of which nothing more follows: it is later all the same, and
        whoever answers an alarm now answers it now."""
        self.belt = self.belt.unseen(t_mono_ns, t_utc_ns)
