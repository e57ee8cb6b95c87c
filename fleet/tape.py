"""The tape of a part of a clip: the input of its alarm book, frame by frame.

The alarm book's memory has no end: a state of the line that returns is the same alarm, ten minutes
of batteries decide on the next one's call. So a part keeps no alarms. It records its book's input,
exact to the last bit, and one book reads the tapes of all parts in order.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from detector.belt.now import BeltNow
from detector.hazards.alarms.alarm_book import AlarmBook
from detector.hazards.alarms.alert_facts import LineFacts
from detector.hazards.tracking.detection import Detection
from detector.hazards.tracking.tracker import SIZES_KEPT, SUPPORT_KEPT, Hit, Track
from detector.hazards.tracking.verdict import KindScores, VerifierRules
from detector.wire.messages import Alert, Cue, Hazard

Json = dict[str, Any]
_NOT_TAPED = {"looks", "crop"}
"""Images, which the alarm book does not look at."""
_BELT = tuple(field.name for field in fields(BeltNow))


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened in one frame."""

    frame_index: int
    t_ns: int
    calls: list[list[Any]]


class Tape(AlarmBook):
    """An alarm book that raises nothing, and records its input."""

    def __init__(self, line: LineFacts) -> None:
        super().__init__(line)
        self._calls: list[list[Any]] = []
        self._changes = _Changes()
        self._compressor = zlib.compressobj(6)
        self._chunks: list[bytes] = []

    def update(self, in_view: Sequence[Track], left: Sequence[Track], belt: BeltNow) -> list[Alert]:
        tracks = [
            [self._changes.of(track_json(track)) for track in each] for each in (in_view, left)
        ]
        self._calls.append(["update", _belt_json(belt), *tracks])
        return []

    def line_state(
        self,
        hazard: Hazard,
        active: bool,
        detail: str | None,
        belt: BeltNow,
        cues: tuple[Cue, ...] = (),
    ) -> list[Alert]:
        taped = [cue.model_dump(mode="json") for cue in cues]
        self._calls.append(["state", _belt_json(belt), hazard.value, active, detail, taped])
        return []

    def end_frame(self, frame_index: int, t_ns: int, *, keep: bool) -> None:
        """The calls so far belong to this frame. `keep`: it is the part's own, not its lead."""
        calls, self._calls = self._calls, []
        if keep and calls:
            line = json.dumps([frame_index, t_ns, calls], separators=(",", ":"))
            self._chunks.append(self._compressor.compress(line.encode() + b"\n"))
        elif calls:
            self._changes = _Changes()  # what was not kept is no base for what is

    def content(self) -> bytes:
        """The whole tape, compressed; ends it."""
        return b"".join((*self._chunks, self._compressor.flush()))


class _Changes:
    """What has changed of each track since the last time: a tenth of all that it is."""

    def __init__(self) -> None:
        self._known: dict[int, Json] = {}

    def of(self, shown: Json) -> Json:
        known = self._known.get(shown["id"], {})
        self._known[shown["id"]] = shown
        changes = {
            key: _appended(known.get(key), value) if isinstance(value, list) else value
            for key, value in shown.items()
            if key not in known or known[key] != value
        }
        return {**changes, "id": shown["id"]}


class TrackReader:
    """The tracks of one tape, from their changes."""

    def __init__(self, rules: VerifierRules | None) -> None:
        """`rules`: of the line's verifier."""
        self._rules = rules
        self._known: dict[int, Json] = {}

    def read(self, changes: Json) -> Track:
        """The next track of the tape."""
        known = self._known.setdefault(changes["id"], {})
        for key, value in changes.items():
            if isinstance(value, dict):  # its last items are new
                kept = known[key] + value["new"]
                known[key] = kept[len(kept) - value["length"] :]
            else:
                known[key] = value
        return track_of(known, self._rules)


def _appended(old: list[Any] | None, new: list[Any]) -> list[Any] | Json:
    """`new`, or only its last item if the others were there before."""
    before = new[:-1]
    if old and before and old[-len(before) :] == before:
        return {"new": new[-1:], "length": len(new)}
    return new


def entries(content: bytes) -> Iterator[Entry]:
    """The entries of a tape, in order; one at a time in memory."""
    decompressor, rest = zlib.decompressobj(), b""
    for start in range(0, len(content), 1 << 16):
        *lines, rest = (rest + decompressor.decompress(content[start : start + (1 << 16)])).split(
            b"\n"
        )
        for line in lines:
            yield Entry(*json.loads(line))


def track_json(track: Track) -> Json:
    """A track without its images."""
    shown = {
        field.name: getattr(track, field.name)
        for field in fields(Track)
        if field.name not in _NOT_TAPED
    }
    shown["last"] = _values(track.last)
    shown["support"] = [_values(hit) for hit in track.support]
    for key in ("votes", "weights"):
        shown[key] = list(shown[key].items())
    for key in ("recent", "sizes_mm"):
        shown[key] = list(shown[key])
    scores = track.kind_scores
    shown["kind_scores"] = None if scores is None else scores.as_json()
    return shown


def track_of(shown: Json, rules: VerifierRules | None) -> Track:
    """The track of `track_json`. `rules`: of the line."""
    scores = shown["kind_scores"]
    if scores is not None and rules is None:
        raise ValueError("a tape of a line with a verifier is read by one without")
    last = dict(zip((field.name for field in fields(Detection)), shown["last"], strict=True))
    last["box_px"], last["image_size_px"] = tuple(last["box_px"]), tuple(last["image_size_px"])
    hits = ((index, t_ns, score, tuple(box)) for index, t_ns, score, box in shown["support"])
    return Track(
        **{
            **shown,
            "last": Detection(**last),
            "recent": deque(shown["recent"]),
            "votes": Counter(dict(shown["votes"])),
            "weights": dict(shown["weights"]),
            "support": deque((Hit(*hit) for hit in hits), maxlen=SUPPORT_KEPT),
            "sizes_mm": deque((tuple(size) for size in shown["sizes_mm"]), maxlen=SIZES_KEPT),
            "kind_scores": None
            if scores is None or rules is None
            else KindScores.restored(rules, scores),
        }
    )


def belt_of(shown: list[Any]) -> BeltNow:
    """The belt of a taped call."""
    return BeltNow(*shown)


def _belt_json(belt: BeltNow) -> list[Any]:
    return [getattr(belt, name) for name in _BELT]


def _values(item: Any) -> list[Any]:
    return [getattr(item, field.name) for field in fields(item)]
