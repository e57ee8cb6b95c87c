"""What crops are made of: cut-outs, labelled pictures, harmless pictures, each on one side.

A side is `train`, `tuning` (of the training's sources, but left out of the training: fusion and
thresholds are fitted on it) or `held` (`models/data/held_out.toml`, for measuring alone).
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.adaptation.scenes import source_key
from models.data.held_out import PARTS, HeldOut, bare, held_out, part_rows, split_by_source
from models.data.sources import (
    BATTERY,
    CLASS_NAMES,
    GAS,
    HELD_BACK,
    IGNORE,
    Boxes,
    belt_frames,
    is_held_back,
    manifest,
    read_labels,
)
from models.verifier.drawn_bank import FOLDER
from models.verifier.kinds import Kinds
from models.verifier.recipe import VerifierRecipe
from models.workshop import WorkshopError

SIDES = ("train", "tuning", "held")
COMPUTED = ("traced", "drawn")
"""Sources of objects without a photograph."""
_TRACED_IN = 6
"""Of as many traced objects one is held out and one is for tuning."""
_TRASHNET = ("cardboard", "glass", "metal", "paper", "plastic", "trash")
_OLD_MM = {"gas": 350.0, "battery": 65.0, "distractor": 150.0}
_DEFAULT_MM = 150.0


@dataclass(frozen=True)
class Thing:
    """One cut-out. name: a kind, a group or a name of the data. source: who pictured it."""

    path: Path
    name: str
    side: str
    source: str
    longest_mm: float


@dataclass(frozen=True)
class Picture:
    """One photograph. boxes: (n, 5) float32 `class, x0, y0, x1, y1` as shares of its sides.

    name: what its objects are, for crops; None: a background, without a hazard.
    """

    path: Path
    name: str
    side: str
    source: str
    boxes: Boxes
    place: str = ""
    belt: bool = False


class Material:
    """Everything in a data folder and a folder of renders."""

    def __init__(
        self, data: Path, recipe: VerifierRecipe, kinds: Kinds, renders: Path | None = None
    ) -> None:
        self._data, self._recipe, self.kinds = data, recipe, kinds
        self._listed: HeldOut = held_out()
        self.things = [*self._old_things(), *self._new_things(), *self._traced(renders)]
        self.labelled = [*self._old_pictures(), *self._hazards()]
        self.harmless = [*self._harmless(), *self._belts()]

    def _side(self, part: str, source: str, picture: str) -> str:
        if self._listed.holds_source(part, source):
            return "held"
        tuned = bare(source) in self._recipe.tuning_sources
        return "tuning" if tuned or is_held_back(picture, HELD_BACK) else "train"

    def _old_things(self) -> list[Thing]:
        things = []
        for file, row in manifest(self._data).items():
            if not file.startswith("cutouts/"):
                continue
            path = self._data / file
            key = source_key(row.get("src", path.stem))
            name = _old_name(path.parent.name, path.stem, row.get("repo", ""), row.get("src", ""))
            side = "tuning" if is_held_back(key, HELD_BACK) else "train"
            source = bare(row.get("repo", "")) or path.parent.name
            things.append(Thing(path, name, side, source, _OLD_MM[path.parent.name]))
        return things

    def _new_things(self) -> list[Thing]:
        things = []
        for part in ("cutouts2", "cutouts3"):
            if not (self._data / part).is_dir():
                continue
            held = {row["file"] for row in split_by_source(self._data, part, self._listed)[1]}
            for row in part_rows(self._data, part):
                source = row[PARTS[part]]
                file = row["file"].removeprefix("cutouts/")
                picture = row.get("source_path", file)
                things.append(
                    Thing(
                        self._data / part / file,
                        row["subclass"],
                        "held" if row["file"] in held else self._side(part, source, picture),
                        bare(source),
                        float(row["longest_mm"] or _DEFAULT_MM),
                    )
                )
        return things

    def _traced(self, renders: Path | None) -> list[Thing]:
        things = []
        banks = sorted(renders.glob("bank*/index.jsonl")) if renders else []
        for bank, index in enumerate(banks):
            for line in index.read_text().splitlines():
                entry = json.loads(line)
                # Each bank begins elsewhere, so that a small one is not held out whole.
                number = (entry.get("number", 0) + 2 * bank) % _TRACED_IN
                side = entry.get("side") or {0: "held", 1: "tuning"}.get(number, "train")
                path = index.parent / entry["file"]
                if path.is_file():
                    length = float(entry["length_mm"])
                    source = "drawn" if index.parent.name == FOLDER else "traced"
                    things.append(Thing(path, entry["kind"], side, source, length))
        return things

    def _old_pictures(self) -> list[Picture]:
        pictures = []
        for file, row in manifest(self._data).items():
            if not file.startswith("photos/images/") or row["split"] != "train":
                continue
            path = self._data / file
            boxes = read_labels(self._data / "photos/labels" / f"{path.stem}.txt")
            key, repo = source_key(row["src"]), row.get("repo", "")
            name = {GAS: "lpg_bottle", BATTERY: _old_battery(repo, row["src"])}.get(
                int(boxes[0, 0]) if len(boxes) else -1, "none"
            )
            side = "tuning" if is_held_back(key, HELD_BACK) else "train"
            pictures.append(Picture(path, name, side, bare(repo), boxes))
        return pictures

    def _hazards(self) -> list[Picture]:
        pictures = []
        for row in part_rows(self._data, "hazards") if (self._data / "hazards").is_dir() else ():
            path = self._data / "hazards/images" / row["file"]
            boxes = read_labels(self._data / "hazards/labels" / f"{path.stem}.txt")
            side = self._side("hazards", row["source_repo"], row["source_path"])
            name = self._hazard_name(row["subclass"], boxes)
            pictures.append(Picture(path, name, side, bare(row["source_repo"]), boxes))
        return pictures

    def _hazard_name(self, name: str, boxes: Boxes) -> str:
        """The picture's subclass, unless its boxes are of another hazard."""
        labels = {CLASS_NAMES[int(label)] for label in boxes[:, 0] if label != IGNORE}
        hazard = {"gas": "gas_canister"}.get(self.kinds.hazard(name), self.kinds.hazard(name))
        return name if not labels or labels == {hazard} else "by_class"

    def _harmless(self) -> list[Picture]:
        if not (self._data / "harmless").is_dir():
            return []
        rows = part_rows(self._data, "harmless")
        counts = Counter(row["place"] for row in rows)
        nothing = np.zeros((0, 5), np.float32)
        pictures = []
        for row in rows:
            place = row["place"]
            if self._listed.holds_place(place, counts[place]):
                side = "held"
            elif place in self._recipe.tuning_places or is_held_back(place, HELD_BACK):
                side = "tuning"
            else:
                side = "train"
            path = self._data / "harmless" / row["file"]
            name = _harmless_name(row["path"])
            belt = row["kind"] == "belt"
            pictures.append(Picture(path, name, side, bare(row["source"]), nothing, place, belt))
        return pictures

    def _belts(self) -> list[Picture]:
        nothing = np.zeros((0, 5), np.float32)
        return [
            Picture(path, "none", "tuning" if held else "train", "belt", nothing, "belt", True)
            for held in (False, True)
            for path in belt_frames(self._data, held=held)
        ]


def _old_name(part: str, stem: str, repo: str, src: str) -> str:
    if part == "gas":
        return "lpg_bottle"
    if part == "battery":
        return _old_battery(repo, src)
    name = stem.rpartition("_")[0]
    if name not in _TRASHNET:
        raise WorkshopError(
            f"cutouts/distractor/{stem}: expected a TrashNet name such as glass_000"
        )
    return name


def _old_battery(repo: str, src: str) -> str:
    """What the old battery pictures show, as far as their folder tells."""
    if "Work06_Findspare" in repo:
        return "car_battery"
    if "Singapore" in repo and not src.startswith("Other/"):
        return "cell"
    return "battery"


def _harmless_name(path: str) -> str:
    if "bottle-detection" in path or "bouteille" in path or "Plastic-bottle" in path:
        return "plastic_bottle"
    return "carton" if "/Carton/" in path else "none"
