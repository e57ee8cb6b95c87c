"""Joins the parts of a clip: one alarm book reads their tapes as if they were one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import hypot
from typing import Any

from detector.belt.now import BeltNow
from detector.hazards.alarms.alarm_book import AlarmBook
from detector.hazards.alarms.alert_facts import LineFacts
from detector.hazards.tracking.tracker import Track
from detector.wire.messages import Alert, Cue, Hazard
from fleet.parts import Joint, PartResult
from fleet.tape import TrackReader, belt_of, entries, track_of

SAME_MM = 40.0
"""Two tracks of one class are one object if their centres at the joint are this close, or closer
than half of its length."""


def joined(
    parts: Sequence[PartResult], line: LineFacts, on_step: Callable[[], None] = lambda: None
) -> Iterator[tuple[int, int, Alert]]:
    """Every alert of the clip, with the frame and the time (ns) of its publishing. `on_step`:
    called for each frame of the tapes.

    Tracks keep their number, and the belt its position, from part to part.
    """
    book, numbers = AlarmBook(line), _Numbers()
    offset_mm = 0.0
    before: Joint | None = None
    for part in parts:
        gone: list[Track] = []
        if before is not None and part.first is not None:
            offset_mm += before.position_mm - part.first.position_mm
            lost = numbers.enter(before, part.first)
            gone = [numbers.former(track_of(shown, line.verifier)) for shown in lost]
        else:
            numbers.enter(Joint(0.0, []), Joint(0.0, []))
        tracks = TrackReader(line.verifier)
        for entry in entries(part.tape):
            on_step()
            for kind, belt_values, *told in entry.calls:
                belt = _moved(belt_of(belt_values), offset_mm)
                alerts: list[Alert]
                if kind == "state":
                    hazard, active, detail, cues = told
                    taped = tuple(Cue.model_validate(cue) for cue in cues)
                    alerts = book.line_state(Hazard(hazard), active, detail, belt, taped)
                else:
                    in_view, left = (
                        [numbers.renumbered(tracks.read(shown)) for shown in each] for each in told
                    )
                    alerts = book.update(in_view, [*gone, *left], belt)
                    gone = []
                for alert in alerts:
                    yield entry.frame_index, entry.t_ns, alert
        before = part.last


class _Numbers:
    """The clip's numbers of the tracks of the part that is read."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._former: dict[int, int] = {}
        self._next = 1

    def enter(self, before: Joint, after: Joint) -> list[dict[str, Any]]:
        """Enter the next part; returns the tracks of the part before that it does not have."""
        self._former, self._numbers = self._numbers, {}
        pairs = sorted(
            (apart, old["id"], new["id"])
            for old in before.tracks
            for new in after.tracks
            if (apart := _apart(old, new)) is not None
        )
        taken: set[int] = set()
        for _, old_id, new_id in pairs:
            if old_id in taken or new_id in self._numbers:
                continue
            taken.add(old_id)
            if old_id in self._former:
                self._numbers[new_id] = self._former[old_id]
        return [
            old for old in before.tracks if old["id"] not in taken and old["id"] in self._former
        ]

    def renumbered(self, track: Track) -> Track:
        """The track with the clip's number for it."""
        if track.id not in self._numbers:
            self._numbers[track.id], self._next = self._next, self._next + 1
        track.id = self._numbers[track.id]
        return track

    def former(self, track: Track) -> Track:
        """A track of the part before, with the clip's number for it."""
        track.id = self._former[track.id]
        return track


def _apart(old: dict[str, Any], new: dict[str, Any]) -> float | None:
    """Distance of two tracks at the joint, mm; None: they are two objects."""
    apart_mm = hypot(old["x_mm"] - new["x_mm"], old["y_mm"] - new["y_mm"])
    sizes = [max(size) for each in (old, new) for size in each["sizes_mm"]]
    within_mm = max(SAME_MM, max(sizes, default=0.0) / 2)
    return apart_mm if apart_mm <= within_mm else None


def _moved(belt: BeltNow, by_mm: float) -> BeltNow:
    if not by_mm or belt.position_mm is None:
        return belt
    return replace(belt, position_mm=belt.position_mm + by_mm)
