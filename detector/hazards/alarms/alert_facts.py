"""The facts that an alert states about one object: place, arrivals, probability, evidence."""

from __future__ import annotations

from dataclasses import dataclass, field

from detector.belt.now import BeltNow
from detector.hazards.tracking.plausible_size import is_plausible
from detector.hazards.tracking.tracker import Track
from detector.hazards.tracking.verdict import VerifierRules
from detector.profile.line import ActionPoint, Alarms
from detector.vision.catalogue import ModelClass
from detector.vocabulary import Hazard, KindAction
from detector.wire.messages import (
    Arrival,
    KindProbability,
    MmBasis,
    ModelIdentity,
    Place,
    SupportingDetection,
    Why,
)

KINDS_LISTED = 3
"""Kinds that an alert states: its own, and what it may have been instead."""


@dataclass(frozen=True, slots=True)
class LineFacts:
    """The facts that do not change while a line runs."""

    line: str
    boot_id: str
    model: ModelIdentity
    classes: tuple[ModelClass, ...]
    mm_basis: MmBasis
    action_points: tuple[ActionPoint, ...]
    size_tolerance: float
    alarms: Alarms = field(default_factory=Alarms)
    thresholds: tuple[float, ...] = ()
    """Per class: the score from which an object is raised that the verifier could not look at."""
    verifier: VerifierRules | None = None
    """How objects are decided on; None: each confirmed track of a plausible size is raised."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What an object is, and what it is to the site."""

    hazard: Hazard
    class_name: str
    """The verifier's kind, or the detector's class."""
    probability: float
    """Of the hazard."""
    action: KindAction
    """`ignore` also for an object whose probability is below the threshold."""
    plausible_length_mm: tuple[float, float]


def identity_of(track: Track, line: LineFacts, raised_as: Hazard | None = None) -> Identity:
    """What the object is: by the verifier's verdict, or by the detector alone.

    `raised_as`: the hazard of its alarm, which stays if what has been seen since would raise none.
    """
    detected = line.classes[track.class_index]
    if line.verifier is None or track.kind_scores is None:
        below = line.verifier is not None and track.best_score < line.thresholds[detected.index]
        return Identity(
            Hazard(detected.hazard),
            detected.name,
            _detectors_probability(track, detected),
            "ignore" if below else "call",
            detected.plausible_length_mm,
        )
    verdict = track.kind_scores.verdict(track.best_score, raised_as)
    of_hazard = [known for known in line.classes if known.hazard == verdict.hazard.value]
    taken = detected if detected in of_hazard else of_hazard[0]
    return Identity(
        verdict.hazard,
        verdict.kind,
        verdict.probability,
        verdict.action,
        taken.plausible_length_mm,
    )


def _detectors_probability(track: Track, detected: ModelClass) -> float:
    """Probability that the object has its class: calibrated where the model's card has a curve,
    else the raw score."""
    curve = detected.calibration
    return track.best_score if curve is None else curve.probability(track.best_score)


def size_is_plausible(track: Track, identity: Identity, line: LineFacts) -> bool | None:
    """Whether such an object can have this size; None if the size in mm is unknown."""
    if line.mm_basis == "none" or track.size_mm is None:
        return None
    return is_plausible(*track.size_mm, identity.plausible_length_mm, line.size_tolerance)


def place_of(track: Track, belt: BeltNow, line: LineFacts) -> Place:
    """Where the object was last detected; no mm where the scale is unknown."""
    known = line.mm_basis != "none"
    return Place(
        box_px=_rounded(track.last.box_px),
        frame_index=track.last_frame,
        image_size_px=track.last.image_size_px,
        mm_basis=line.mm_basis,
        x_mm=round(track.last.x_mm, 1) if known else None,
        y_mm=round(track.y_mm, 1) if known else None,
        belt_position_mm=round(belt.position_mm, 1)
        if known and belt.position_mm is not None
        else None,
        t_utc_ns=belt.t_utc_ns,
    )


def arrivals_of(track: Track, belt: BeltNow, line: LineFacts) -> tuple[Arrival, ...]:
    """When the object's leading edge reaches each action point; empty if mm or speed are unknown,
    or the belt does not run forwards."""
    speed = belt.speed_mm_s
    if line.mm_basis == "none" or speed is None or speed <= 5.0:
        return ()
    leading_mm = track.y_mm + track.last.height_mm / 2
    if track.size_mm is not None and not track.last.whole:
        # Cut by the view's downstream end: the part out of view arrives first.
        trailing_mm = track.y_mm - track.last.height_mm / 2
        leading_mm = max(leading_mm, trailing_mm + track.size_mm[1])
    arrivals = []
    for point in line.action_points:
        distance_mm = point.y_mm - leading_mm
        eta_ms = distance_mm / speed * 1000
        act_by_ms = eta_ms - point.acting_ms
        arrivals.append(
            Arrival(
                action_point=point.name,
                distance_mm=round(distance_mm, 1),
                eta_ms=round(eta_ms, 1),
                act_by_ms=round(act_by_ms, 1),
                t_deadline_utc_ns=belt.t_utc_ns + round(act_by_ms * 1e6),
                speed_mm_s=round(speed, 2),
                speed_basis=belt.speed_basis,
            )
        )
    return tuple(arrivals)


def counted_from(
    belt: BeltNow, place: Place | None, arrivals: tuple[Arrival, ...]
) -> tuple[Arrival, ...]:
    """The same arrivals, counted from this moment instead of the time of `place`: a revision may
    come long after the last detection, as when an operator acknowledges it. A belt that was stopped
    meanwhile has not moved the object."""
    if place is None or place.t_utc_ns is None or place.t_utc_ns == belt.t_utc_ns:
        return arrivals
    moved = []
    for arrival in arrivals:
        travel_mm = arrival.speed_mm_s * (belt.t_utc_ns - place.t_utc_ns) / 1e9
        # While the line is blind the belt's position is unknown: it is assumed to run on.
        has_frame = belt.frame_index is not None
        if has_frame and belt.position_mm is not None and place.belt_position_mm is not None:
            travel_mm = belt.position_mm - place.belt_position_mm
        eta_ms = arrival.eta_ms - travel_mm / arrival.speed_mm_s * 1000
        act_by_ms = eta_ms - (arrival.eta_ms - arrival.act_by_ms)
        moved.append(
            arrival.model_copy(
                update={
                    "distance_mm": round(arrival.distance_mm - travel_mm, 1),
                    "eta_ms": round(eta_ms, 1),
                    "act_by_ms": round(act_by_ms, 1),
                    "t_deadline_utc_ns": belt.t_utc_ns + round(act_by_ms * 1e6),
                }
            )
        )
    return tuple(moved)


def why_of(track: Track, identity: Identity, line: LineFacts) -> Why:
    """The evidence: score, hits, votes and size; the verifier's kinds."""
    size_mm = None if line.mm_basis == "none" else track.size_mm
    scores = track.kind_scores
    return Why(
        score=round(track.best_score, 4),
        hits=track.hits,
        passes=track.passes,
        votes={line.classes[index].name: votes for index, votes in sorted(track.votes.items())},
        length_mm=None if size_mm is None else round(max(size_mm), 1),
        width_mm=None if size_mm is None else round(min(size_mm), 1),
        plausible_length_mm=None if size_mm is None else identity.plausible_length_mm,
        size_plausible=size_is_plausible(track, identity, line),
        kinds=()
        if scores is None
        else tuple(
            KindProbability(name=name, hazard=hazard, probability=round(probability, 4))
            for name, hazard, probability in scores.top(identity.class_name, KINDS_LISTED)
        ),
        verifier_passes=0 if scores is None else scores.passes,
    )


def support_of(track: Track) -> tuple[SupportingDetection, ...]:
    """The last inference passes that detected it."""
    return tuple(
        SupportingDetection(
            frame_index=hit.frame_index,
            t_capture_utc_ns=hit.t_utc_ns,
            score=round(hit.score, 4),
        )
        for hit in track.support
    )


def _rounded(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (round(float(side), 1) for side in box)
    return x0, y0, x1, y1
