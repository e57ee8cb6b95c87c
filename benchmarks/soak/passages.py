"""The hazards that passed the camera during a run, and the alerts that were raised on them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.ground_truth import VISIBLE_MIN, GroundTruth
from benchmarks.accuracy.passages import LineGroundTruth, Passage
from benchmarks.soak.footage import TRUTH
from detector.profile.loading import load_profile
from detector.vocabulary import CLASSES

ALONG_MM, ACROSS_MM = 150.0, 100.0
"""An alert is on the nearest hazard of its kind within these; stamps are up to two frame periods
late, 80 mm."""
SURE_SHARE, SURE_TIMES = 0.9, 5
"""A hazard of the film that is found in this share of its undisturbed passages, of at least so
often, is one that the model finds."""
Span = tuple[int, int]
"""From and until, CLOCK_MONOTONIC, ns."""


class Film:
    """The film of the camera: which hazard is where at a time of CLOCK_MONOTONIC."""

    def __init__(self, profile: Path) -> None:
        truth = GroundTruth.read(TRUTH)
        ground = LineGroundTruth(truth, load_profile(profile))
        self._fps = truth.fps
        self._frames = len(truth.frames)
        self.period_ns = round(self._frames / truth.fps * 1e9)
        self.passages = {
            key: passage
            for key, passage in ground.passages.items()
            if passage.visible >= VISIBLE_MIN
        }

    def spans(self, from_ns: int, until_ns: int) -> dict[tuple[int, int], Span]:
        """When each hazard was in view: by round of the film and id, those that are whole."""
        found = {}
        for round_ in range(from_ns // self.period_ns, until_ns // self.period_ns + 1):
            for key, passage in self.passages.items():
                frames = passage.boxes_mm
                span = tuple(
                    round_ * self.period_ns + round(frame / self._fps * 1e9)
                    for frame in (min(frames), max(frames))
                )
                if span[0] >= from_ns and span[1] <= until_ns:
                    found[round_, key] = span[0], span[1]
        return found

    def hazard_at(self, hazard: str, x_mm: float, y_mm: float, t_ns: int) -> tuple[int, int] | None:
        """Round and id of the hazard that an alert is on; None: it is on none."""
        frame = round(t_ns % self.period_ns / 1e9 * self._fps)
        best, nearest_mm = None, ALONG_MM
        for key, passage in self.passages.items():
            centre = self._centre(passage, frame)
            if centre is None or CLASSES.get(passage.class_name) != hazard:
                continue
            along_mm = abs(centre[1] - y_mm)
            if abs(centre[0] - x_mm) <= ACROSS_MM and along_mm < nearest_mm:
                best, nearest_mm = (t_ns // self.period_ns, key), along_mm
        return best

    def _centre(self, passage: Passage, frame: int) -> tuple[float, float] | None:
        """Up to two frame periods earlier, where the last place of an object that has left is."""
        for back in range(8):
            if (centre := passage.centres_mm.get(frame - back)) is not None:
                return centre
        return None


def evaluate(
    film: Film, alerts: Iterable[dict[str, Any]], blind: Sequence[Span], run: Span
) -> dict[str, Any]:
    """Compare; `blind`: from each fault that takes the sight until the sight was back."""
    raised: defaultdict[tuple[int, int], set[tuple[str, str]]] = defaultdict(set)
    on_nothing = 0
    for alert in alerts:
        place = alert["place"]
        if alert["kind"] != "raised" or place is None or alert["hazard"] not in CLASSES.values():
            continue
        placed_ns = place["t_utc_ns"] or alert["t_capture_utc_ns"]
        t_ns = alert["t_capture_mono_ns"] + placed_ns - alert["t_capture_utc_ns"]
        key = film.hazard_at(alert["hazard"], place["x_mm"], place["y_mm"], t_ns)
        if key is None:
            on_nothing += 1
        else:
            raised[key].add((alert["boot_id"], alert["event_id"]))
    edges = np.array(blind, np.int64).reshape(-1, 2)
    calm: Counter[int] = Counter()
    found: Counter[int] = Counter()
    disturbed = disturbed_found = 0
    missed: list[tuple[int, int]] = []
    for key, (from_ns, until_ns) in film.spans(*run).items():
        if ((edges[:, 0] < until_ns) & (edges[:, 1] > from_ns)).any():
            disturbed += 1
            disturbed_found += key in raised
            continue
        calm[key[1]] += 1
        found[key[1]] += key in raised
        if key not in raised:
            missed.append(key)
    sure = {
        id_
        for id_, count in calm.items()
        if count >= SURE_TIMES and found[id_] >= SURE_SHARE * count
    }
    return {
        "passed": sum(calm.values()) + disturbed,
        "undisturbed": sum(calm.values()),
        "undisturbed_found": sum(found.values()),
        "sure_hazards": len(sure),
        "sure_undisturbed": sum(calm[each] for each in sure),
        "sure_missed": sorted(key for key in missed if key[1] in sure),
        "disturbed": disturbed,
        "disturbed_found": disturbed_found,
        "under_a_second_id": sorted(
            [list(key), sorted(names)] for key, names in raised.items() if len(names) > 1
        ),
        "alerts_on_no_hazard": on_nothing,
    }
