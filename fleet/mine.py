"""`vigitri fleet mine`: what is worth teaching: sure false alarms, and doubtful objects.

Both are written as YOLO exports of crops, as `vigitri model adapt --head-only --answers` takes
them. The doubtful ones carry what the model takes them for: check them first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2

from fleet.answers import FALSE, Answers
from fleet.archive import Archive
from fleet.contact_sheet import COLOUR, WHITE, tile, write_sheet
from fleet.footage_crops import Crop, cut_crops
from fleet.tables import Row

FALSE_FOLDER, CHECK_FOLDER = "false_alarms", "to_check"
SHEET_MOST = 40


@dataclass(slots=True)
class Mined:
    """What was written."""

    false: int = 0
    false_left_out: int = 0
    """Beyond `most`: less sure ones."""
    to_check: int = 0
    to_check_left_out: int = 0
    """Beyond `most`: less doubtful ones."""
    answered: int = 0
    """Objects that are not doubtful any more: an operator has answered."""
    without_place: int = 0
    clips_missing: dict[str, str] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    """Objects to check by proposed name."""


def mine(archive: Archive, answers: Answers | None, out: Path, most: int) -> Mined:
    """Write both exports and their contact sheets into `out`; `most` of each.

    Raises `OSError`.
    """
    objects = [
        row for row in archive.table("alerts").to_pylist() if row["hazard"] in {"gas", "battery"}
    ]
    given = answers or Answers()
    false = sorted(
        (row for row in objects if given.of(row) == FALSE), key=lambda row: -_probability(row)
    )
    open_ones = [row for row in objects if given.of(row) is None]
    doubtful = sorted(open_ones, key=doubt, reverse=True)
    settings = {(row["clip"], row["line"]): archive.settings_of(row) for row in archive.totals}
    mined = Mined(
        false_left_out=max(0, len(false) - most),
        to_check_left_out=max(0, len(doubtful) - most),
        answered=len(objects) - len(open_ones),
    )
    mined.false = _write(mined, false[:most], settings, out / FALSE_FOLDER, known=True)
    mined.to_check = _write(mined, doubtful[:most], settings, out / CHECK_FOLDER, known=False)
    return mined


def doubt(alert: Row) -> float:
    """How doubtful an object is, 0 to 1: the model gives it and the rest of the world the same
    probability, or detected it in half of the passes that should have."""
    undecided = 1 - abs(2 * _probability(alert) - 1)
    passes = alert["passes"] or 0
    seen = min(1.0, float(alert["hits"] or 0) / passes) if passes else 1.0
    flickers = 1 - abs(2 * seen - 1)
    return max(undecided, flickers)


def _probability(alert: Row) -> float:
    return float(alert["probability"] if alert["probability"] is not None else 0.0)


def _write(
    mined: Mined,
    alerts: Sequence[Row],
    settings: dict[tuple[str, str], dict[str, Any]],
    folder: Path,
    *,
    known: bool,
) -> int:
    """Write one export; returns its number of crops. `known`: these are false alarms."""
    crops = cut_crops(alerts, settings)
    mined.without_place += crops.without_place
    mined.clips_missing |= crops.missing
    if not crops.found:
        return 0
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    named = [FALSE if known else str(crop.alert["hazard"]) for crop in crops.found]
    if not known:
        mined.names = dict(Counter(named).most_common())
    names = sorted(set(named))
    for number, (crop, name) in enumerate(zip(crops.found, named, strict=True)):
        stem = f"{number:05d}_{Path(crop.alert['clip']).stem}_{crop.alert['event_id']}"
        cv2.imwrite(str(folder / "images" / f"{stem}.png"), crop.image)
        label = folder / "labels" / f"{stem}.txt"
        label.write_text(f"{names.index(name)} {_shape(crop)}\n", encoding="utf-8")
    listed = "".join(f"  {number}: {name}\n" for number, name in enumerate(names))
    (folder / "data.yaml").write_text(
        f"path: .\ntrain: images\nval: images\nnames:\n{listed}", encoding="utf-8"
    )
    write_sheet([_tile(crop) for crop in crops.found[:SHEET_MOST]], folder / "sheet.png")
    return len(crops.found)


def _shape(crop: Crop) -> str:
    """The box as YOLO has it: centre and size, as shares of the crop."""
    side = crop.image.shape[0]
    x0, y0, x1, y1 = (at / side for at in crop.box_px)
    return f"{(x0 + x1) / 2:.6f} {(y0 + y1) / 2:.6f} {x1 - x0:.6f} {y1 - y0:.6f}"


def _tile(crop: Crop) -> Any:
    alert = crop.alert
    captions = [
        f"{alert['hazard']} {_probability(alert):.2f}, {alert['class_name'] or ''}",
        f"{Path(alert['clip']).name[:24]} {alert['t_raised_s']:.1f} s",
        alert["event_id"],
    ]
    return tile(crop.image, crop.box_px, captions, COLOUR.get(alert["hazard"], WHITE))
