"""Match alerts with the ground truth, one event at a time.

An alert belongs to a hazard if, in the frame that its box is from, both boxes (cut to the belt in
view, in belt millimetres) overlap by an IoU of 0.3; or if the centre of its box is on the
hazard's own outline, within 10 mm, and its longer side is between half and twice that of the
hazard's box. The second rule is for long objects at an angle, whose boxes are mostly belt.
A hazard counts as found from the first revision that is on it and has the right class.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.accuracy.ground_truth import VISIBLE_MIN, Box, State, iou
from benchmarks.accuracy.passages import LineGroundTruth, Passage
from detector.vocabulary import CLASSES
from detector.wire.messages import AlarmState, Alert, Hazard, Revision

IOU_MIN = 0.3
BESIDE_MM = 10.0
LONGER_MAX = 2.0
SLACK_MM, SLACK_S = 600.0, 1.5
"""An alert on a state of the line may precede or follow the truth's stretch by this much, whichever
is more: the monitor evaluates a window of travel, the truth what is in view."""


_STATES: tuple[State, ...] = ("overload", "jam", "belt_stopped")


@dataclass(slots=True)
class Match:
    """The alert that found a hazard."""

    event_id: str
    frame: int
    """The frame of the revision that found it."""
    after_whole_s: float
    """Time since the frame that first showed all of it; negative: earlier than that."""
    after_whole_mm: float
    """Belt travel in that time."""
    off_mm: float
    """Distance of the alert's box from the hazard, centre to centre, at the box's frame."""
    boxed_off_mm: float
    """The same for the true box, cut to the belt in view: the lower bound for any model."""
    arrivals: dict[str, tuple[float, float]]
    """Action point: predicted and true time from that frame to the hazard's arrival, s."""
    ahead_mm: dict[str, float]
    """Action point: distance to it from the hazard's downstream end at that frame."""
    in_time: dict[str, bool]
    """Action point: whether there was still time to act."""


@dataclass(slots=True)
class Event:
    """One hazard that passed, and the alerts on it."""

    passage: Passage
    found: Match | None = None
    called: str | None = None
    """The class of an alert on it that never had the right class."""
    duplicates: list[str] = field(default_factory=list)
    """Event ids of further alerts on it."""


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """An alert on bare belt or on a harmless object."""

    hazard: Hazard
    event_id: str
    frame: int
    probability: float | None
    box_px: Box | None
    under: str
    """Kind of the object there, or bare belt."""
    called: bool
    """Whether an operator was called; a small cell, an object of a pile or one of many batteries is
    only an event for the PLC."""


@dataclass(slots=True)
class Stretch:
    """One stretch of overload, of jam, or of a belt stopped against its order."""

    state: State
    first: int
    last: int
    after_s: float | None = None
    """Time from its first frame to the alert, negative: before it; None: no alert."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The evaluation of one piece of footage."""

    events: list[Event]
    false_alarms: list[FalseAlarm]
    stretches: list[Stretch]
    belt_h: float
    """How long the belt ran."""
    harmless: Counter[str] = field(default_factory=Counter)
    """Number of harmless objects of each kind that passed."""

    def counted(self) -> list[Event]:
        """The hazards that were at least half visible."""
        return [event for event in self.events if event.passage.visible >= VISIBLE_MIN]


def match_alerts(alerts: Sequence[Alert], ground: LineGroundTruth) -> Evaluation:
    """Evaluate all revisions, in the order of publication."""
    events = {key: Event(passage) for key, passage in ground.passages.items()}
    stretches = [
        Stretch(state, first, last)
        for state in _STATES
        for first, last in ground.truth.stretches(state)
    ]
    false_alarms: list[FalseAlarm] = []
    by_event: dict[tuple[bool, str], list[Alert]] = {}
    for alert in alerts:  # states and objects may come from two runs, both of which count from 1
        by_event.setdefault((alert.place is None, alert.event_id), []).append(alert)
    for revisions in by_event.values():
        raised = revisions[0]
        if raised.hazard is Hazard.VISION_UNAVAILABLE:
            continue
        if raised.hazard is Hazard.BATTERY and raised.place is None:
            continue  # the alert on many batteries: for people, without an object
        if raised.place is None:
            false_alarms += _match_states(revisions, stretches, ground)
            continue
        event = next(
            (events[key] for key in (_under(each, ground) for each in revisions) if key), None
        )
        if event is None:
            false_alarms.append(_false(revisions, ground))
        elif event.found is not None or event.called is not None:
            event.duplicates.append(raised.event_id)
            _find(event, revisions, ground)
        else:
            _find(event, revisions, ground)
    belt_h = ground.truth.running_s() / 3600
    return Evaluation(list(events.values()), false_alarms, stretches, belt_h, ground.harmless)


def _under(alert: Alert, ground: LineGroundTruth) -> int | None:
    """Id of the hazard that the alert's box belongs to; one of the alert's class comes first."""
    return max(_all_under(alert, ground), default=(False, 0.0, None))[2]


def _all_under(alert: Alert, ground: LineGroundTruth) -> Iterator[tuple[bool, float, int]]:
    """Each hazard that the box may belong to: whether the class is the same, IoU, id."""
    if alert.place is None or alert.place.frame_index >= len(ground.truth.frames):
        return
    box_px, frame = alert.place.box_px, alert.place.frame_index
    box_mm = ground.box_on_belt(box_px)
    middle = ((box_px[0] + box_px[2]) / 2, (box_px[1] + box_px[3]) / 2)
    for passage in ground.in_view(frame):
        true_mm = passage.boxes_mm[frame]
        overlap = iou(box_mm, true_mm)
        if overlap < IOU_MIN:
            ratio = _longer(box_mm) / max(_longer(true_mm), 1e-6)
            inside_mm = ground.beside_mm(middle, frame, passage.id)
            if inside_mm is None or inside_mm < -BESIDE_MM:
                continue
            if not 1 / LONGER_MAX <= ratio <= LONGER_MAX:
                continue
        yield CLASSES.get(passage.class_name) is alert.hazard, overlap, passage.id


def _longer(box: Box) -> float:
    return max(box[2] - box[0], box[3] - box[1])


def _find(event: Event, revisions: Sequence[Alert], ground: LineGroundTruth) -> None:
    passage = event.passage
    right = next(
        (
            each
            for each in revisions
            if any(same and key == passage.id for same, _, key in _all_under(each, ground))
        ),
        None,
    )
    if right is None:
        event.called = event.called or revisions[0].class_name
        return
    if event.found is None:
        event.found = _found(right, passage, ground)


def _found(alert: Alert, passage: Passage, ground: LineGroundTruth) -> Match:
    truth = ground.truth
    alarmed = alert.frame_index if alert.frame_index is not None else passage.first_frame
    whole = passage.whole_frame or 0
    positions = truth.positions_mm
    assert alert.place is not None
    boxed = alert.place.frame_index
    nowhere = (float("nan"),) * 4
    middle_mm = passage.centres_mm.get(boxed, nowhere[:2])
    now_mm = passage.centres_mm.get(alarmed, nowhere[:2])[1]
    found = Match(
        alert.event_id,
        alarmed,
        (alarmed - whole) / truth.fps,
        float(positions[min(alarmed, len(positions) - 1)] - positions[whole]),
        _off_mm(ground.box_on_belt(alert.place.box_px), middle_mm),
        _off_mm(passage.boxes_mm.get(boxed, nowhere), middle_mm),
        {},
        {},
        {},
    )
    etas = {each.action_point: each.eta_ms / 1000 for each in alert.arrivals}
    for point in ground.profile.action_points:
        there_s = ground.time_at_s(passage, point.y_mm)
        if there_s is None:
            continue
        left_s = there_s - alarmed / truth.fps
        found.in_time[point.name] = bool(left_s >= point.acting_ms / 1000)
        if point.name in etas:
            found.arrivals[point.name] = (etas[point.name], left_s)
            found.ahead_mm[point.name] = point.y_mm - (now_mm + passage.leading_mm)
    return found


def _off_mm(box: Box, middle_mm: tuple[float, ...]) -> float:
    x0, y0, x1, y1 = box
    return math.hypot((x0 + x1) / 2 - middle_mm[0], (y0 + y1) / 2 - middle_mm[1])


def _false(revisions: Sequence[Alert], ground: LineGroundTruth) -> FalseAlarm:
    alert = revisions[0]
    assert alert.place is not None
    box, frame = alert.place.box_px, alert.place.frame_index
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    known = frame < len(ground.truth.frames)
    under = ground.under(middle, frame) if known else "past the truth"
    called = any(each.state is AlarmState.UNACKNOWLEDGED for each in revisions)
    return FalseAlarm(alert.hazard, alert.event_id, frame, alert.probability, box, under, called)


def _match_states(
    revisions: Sequence[Alert], stretches: Sequence[Stretch], ground: LineGroundTruth
) -> list[FalseAlarm]:
    """Assign each raised state alert to the stretches near it; without one it is a false alarm."""
    truth = ground.truth
    positions = truth.positions_mm
    false = []
    for alert in revisions:
        if alert.kind is not Revision.RAISED:
            continue
        frame = min(alert.frame_index or 0, len(positions) - 1)
        near = []
        for each in stretches:
            if each.state != alert.hazard.value:
                continue
            early = (each.first - frame) / truth.fps, positions[each.first] - positions[frame]
            late = (frame - each.last) / truth.fps, positions[frame] - positions[each.last]
            if all(s <= SLACK_S or mm <= SLACK_MM for s, mm in (early, late)):
                near.append(each)
        for each in near:
            if each.after_s is None:
                each.after_s = (frame - each.first) / truth.fps
        if not near:
            false.append(
                FalseAlarm(
                    alert.hazard, alert.event_id, frame, None, None, alert.detail or "", called=True
                )
            )
    return false
