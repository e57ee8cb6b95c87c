"""The answers that an operator would give to a run's alerts, for `vigitri model adapt`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fleet.contact_sheet import masked

if TYPE_CHECKING:
    from benchmarks.accuracy.case import Case

NAMES = ("false_alarm", "gas_canister", "battery")
FALSE_ALARM = NAMES[0]


@dataclass(frozen=True)
class SimulatedAnswer:
    """What is answered to one alert: a frame, the box in it (px), and a name."""

    case: int
    frame: int
    box_px: tuple[float, float, float, float]
    name: str


def write_answers(cases: Sequence[Case], out: Path, most: int, seed: int = 0) -> Counter[str]:
    """Write up to `most` answers, chosen at random, as a YOLO export; returns them by name.

    A right alert is answered with its hazard, a false one with `false_alarm`. Everything outside
    the belt is masked. A frame with several answers is written once.
    """
    rng = np.random.default_rng(seed)
    known = [answer for number, case in enumerate(cases) for answer in _answers(number, case)]
    chosen = [known[int(i)] for i in sorted(rng.permutation(len(known))[:most])]
    by_frame: dict[int, dict[int, list[SimulatedAnswer]]] = defaultdict(lambda: defaultdict(list))
    for answer in chosen:
        by_frame[answer.case][answer.frame].append(answer)
    for part in ("images", "labels"):
        (out / part).mkdir(parents=True, exist_ok=True)
    for number, frames in by_frame.items():
        case = cases[number]
        wanted = sorted(frames)
        polygon_px = case.recorded.profile.belt.polygon_px
        for frame, image in zip(wanted, case.footage.images(wanted), strict=True):
            stem = f"{case.footage.name}_{number}_{frame:06d}"
            cv2.imwrite(str(out / "images" / f"{stem}.png"), masked(image, polygon_px))
            height, width = image.shape[:2]
            lines = [_line(answer, width, height) for answer in frames[frame]]
            (out / "labels" / f"{stem}.txt").write_text("".join(lines))
    listed = "".join(f"  {index}: {name}\n" for index, name in enumerate(NAMES))
    (out / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{listed}")
    return Counter(answer.name for answer in chosen)


def _answers(number: int, case: Case) -> Iterator[SimulatedAnswer]:
    for alarm in case.evaluation.false_alarms:
        if alarm.box_px is not None:
            yield SimulatedAnswer(number, alarm.frame, alarm.box_px, FALSE_ALARM)
    for event in case.evaluation.events:
        if event.found is not None:
            objects = case.ground.truth.frames[event.found.frame]["objects"]
            for record in objects:
                if record["id"] == event.passage.id and record["box_px"] is not None:
                    yield SimulatedAnswer(
                        number, event.found.frame, record["box_px"], event.passage.class_name
                    )


def _line(answer: SimulatedAnswer, width: int, height: int) -> str:
    x0, y0, x1, y1 = answer.box_px
    x0, x1 = (min(max(x / width, 0.0), 1.0) for x in (x0, x1))
    y0, y1 = (min(max(y / height, 0.0), 1.0) for y in (y0, y1))
    label = NAMES.index(answer.name)
    return f"{label} {(x0 + x1) / 2:.6f} {(y0 + y1) / 2:.6f} {x1 - x0:.6f} {y1 - y0:.6f}\n"
