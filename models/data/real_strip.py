"""A strip of the real plant's belt with real cut-outs on it, in the twin's own format.

What a simulated belt cannot vouch for is measured on it: rubber, light and waste are photographs,
and a plan of `vigitri twin trace` says what lies where, so that the truth is as exact as on a
traced strip. Only pictures that are held back from training are laid. What is missing: things lie
flat, and the lamps' shadows ride along with the belt.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.data.composites import NOTHING_DRAWN, Table, draw_hazard, draw_waste
from models.data.sources import (
    BATTERY,
    BELT_PX_PER_MM,
    CLASS_NAMES,
    GAS,
    HELD_BACK,
    Image,
    Sources,
    belt_frames,
    belt_polygon,
    read_image,
    read_sources,
)
from models.data.textures import Rng
from models.workshop import WorkshopError
from twin.traced.bundle import (
    HEIGHT_UNITS_PER_MM,
    Facts,
    Thing,
    write_facts,
    write_picture,
)
from twin.traced.plan import Stretch, StripPlan

_FADE_MM = 60.0
"""Two frames run into each other over this length."""
_LARGEST_MM = (450.0, 200.0)
"""Longest sides of a gas canister and of a battery."""
_FLAT = 0.5
"""Height of waste in parts of its shorter side; a thing that rolls is as high as it is wide."""
_TRIES = 4000


def make_strip(
    plan: StripPlan,
    data: Path,
    out: Path,
    *,
    plates: bool = False,
    held_back: float = HELD_BACK,
) -> Facts:
    """Write the bundle `out`; its belt and wetness are not the plan's but the plant's.

    plates: belt whose own waste has been taken out, so that coverage is known; without, the
    held-back frames with what lay on them, which the truth calls bare belt. held_back: the share of
    cut-outs that the model's recipe kept back. Raises `WorkshopError` for data that cannot be used
    or an `out` that is taken.
    """
    if out.exists() and any(out.iterdir()):
        raise WorkshopError(f"{out}: is not empty; give another folder with -o")
    sources = read_sources(data, held_back, held=True)
    rng = np.random.default_rng(plan.seed)
    laid = _Laid(rng, _ground(rng, plan, data, plates=plates), plan, sources)
    for stretch in plan.stretches:
        laid.fill(stretch)
    out.mkdir(parents=True, exist_ok=True)
    return laid.write(out)


def _ground(rng: Rng, plan: StripPlan, data: Path, *, plates: bool) -> Image:
    """Empty belt as long as the plan: rows across, column 0 upstream, as in `twin.line.strip`."""
    paths = (
        sorted((data / "belt").glob("plate_[0-9]*.jpg")) if plates else belt_frames(data, held=True)
    )
    if not paths:
        raise WorkshopError(f"{data / 'belt'}: holds no plate_*.jpg")
    polygon = belt_polygon(data)
    rows = round(plan.width_mm * plan.px_per_mm)
    wanted = int(np.ceil(plan.length_mm * plan.px_per_mm))
    fade = round(_FADE_MM * plan.px_per_mm)
    pieces = [_piece(read_image(path), polygon, rows, plan.px_per_mm) for path in paths]
    ground = pieces[0]
    number = 0
    while ground.shape[1] < wanted:
        number += 1
        if number % len(pieces) == 0:
            pieces = [pieces[each] for each in rng.permutation(len(pieces))]
        piece = pieces[number % len(pieces)]
        if rng.random() < 0.5:
            piece = np.ascontiguousarray(piece[:, ::-1])
        ground = _joined(ground, piece, fade)
    return np.ascontiguousarray(ground[:, :wanted])


def _piece(frame: Image, polygon: NDArray[np.int32], rows: int, px_per_mm: float) -> Image:
    """One frame's belt, `(rows, n, 3)`: the belt runs up in the frame, and here to the right."""
    columns = round(frame.shape[0] / BELT_PX_PER_MM * px_per_mm)
    # The left of the belt, seen along its travel, is row 0; the bottom of the frame column 0.
    corners = np.array([[columns, 0], [columns, rows], [0, rows], [0, 0]], np.float32)
    matrix = cv2.getPerspectiveTransform(polygon.astype(np.float32), corners)
    return np.asarray(
        cv2.warpPerspective(frame, matrix, (columns, rows), flags=cv2.INTER_AREA), np.uint8
    )


def _joined(ground: Image, piece: Image, fade: int) -> Image:
    weight = np.linspace(0, 1, fade, dtype=np.float32)[None, :, None]
    before, after = ground[:, -fade:].astype(np.float32), piece[:, :fade].astype(np.float32)
    mixed = np.asarray(before + weight * (after - before) + 0.5, np.uint8)
    return np.concatenate([ground[:, :-fade], mixed, piece[:, fade:]], axis=1)


class _Laid:
    """The strip while it is filled, with what is true of each thing."""

    def __init__(self, rng: Rng, ground: Image, plan: StripPlan, sources: Sources) -> None:
        self._rng, self._plan, self._sources = rng, plan, sources
        self._table = Table(rng, ground)
        self._outlines: dict[int, NDArray[np.float32]] = {}

    def fill(self, stretch: Stretch) -> None:
        """Hazards, the buried ones first, and waste until as much is covered as is asked for."""
        scale = self._plan.px_per_mm
        x0, x1 = (
            round((self._plan.length_mm - mm) * scale) for mm in (stretch.to_mm, stretch.from_mm)
        )
        count = round(stretch.hazards_per_m * (stretch.to_mm - stretch.from_mm) / 1000)
        buried = round(stretch.buried * count)
        self._lay_hazards(buried, x0, x1)
        owner = self._table.owner[:, x0:x1]
        for _ in range(_TRIES):
            if np.count_nonzero(owner) >= stretch.coverage * owner.size:
                break
            waste = draw_waste(self._rng, self._sources, NOTHING_DRAWN, scale, self._table.level)
            self._lay(waste, -1, self._somewhere(x0, x1, 0.0))
        self._lay_hazards(count - buried, x0, x1)

    def _lay_hazards(self, count: int, x0: int, x1: int) -> None:
        scale = self._plan.px_per_mm
        for _ in range(count):
            label = GAS if self._rng.random() < 0.45 else BATTERY
            thing = draw_hazard(
                self._rng, self._sources, NOTHING_DRAWN, label=label, zoom=scale,
                level=self._table.level, largest=_LARGEST_MM[label] * scale,
            )  # fmt: skip
            half = max(thing.shape[:2]) / 2
            self._lay(thing, label, self._somewhere(x0, x1, half))

    def _somewhere(self, x0: int, x1: int, inside: float) -> tuple[float, float]:
        """A place in the stretch, so far from the belt's edges and the strip's ends."""
        rows, columns = self._table.owner.shape
        low, high = max(x0, inside), min(x1, columns - inside)
        return float(self._rng.uniform(low, max(low + 1, high))), float(
            self._rng.uniform(inside, max(inside + 1, rows - inside))
        )

    def _lay(self, thing: Image, label: int, centre: tuple[float, float]) -> None:
        number = self._table.lay(thing, label, centre)
        if number is None:
            return
        solid = np.argwhere(thing[..., 3] > 127)[:, ::-1].astype(np.float32)
        corner = np.round(np.array(centre) - np.array(thing.shape[1::-1]) / 2)
        hull = cv2.convexHull(np.ascontiguousarray(solid + corner + 0.5, np.float32))
        self._outlines[number] = np.asarray(hull.reshape(-1, 2), np.float32)

    def write(self, out: Path) -> Facts:
        """The pictures, and last the facts."""
        plan, owner = self._plan, self._table.owner.astype(np.uint16)
        seen = np.bincount(owner.ravel(), minlength=len(self._table.labels) + 1)
        things = [self._thing(number, int(seen[number])) for number in self._outlines]
        heights = np.zeros(len(seen), np.uint16)
        for each in things:
            heights[each.id] = round(each.height_mm * HEIGHT_UNITS_PER_MM)
        picture = np.asarray(self._table.image.clip(0, 255) + 0.5, np.uint8)
        layers: dict[str, NDArray[Any]] = {
            "picture": picture,
            "owners": owner,
            "seen": owner,
            "height": heights[owner],
        }
        for name, layer in layers.items():
            write_picture(out / f"{name}.png", layer)
        facts = Facts(
            start_mm=0.0, end_mm=plan.length_mm, width_mm=plan.width_mm, px_per_mm=plan.px_per_mm,
            seed=plan.seed, belt="real", things=things,
        )  # fmt: skip
        write_facts(out, facts)
        return facts

    def _thing(self, number: int, seen: int) -> Thing:
        label, scale = self._table.labels[number], self._plan.px_per_mm
        along = np.empty_like(self._outlines[number])
        along[:, 0] = self._plan.length_mm - self._outlines[number][:, 0] / scale
        along[:, 1] = self._outlines[number][:, 1] / scale
        (at_mm, x_mm), sides, angle = cv2.minAreaRect(along)
        length, width = max(sides), min(sides)
        kind = "cut-out waste" if label < 0 else f"cut-out {CLASS_NAMES[label]}"
        return Thing.model_validate(
            {
                "id": number,
                "kind": kind,
                "class": None if label < 0 else CLASS_NAMES[label],
                "at_mm": at_mm,
                "x_mm": x_mm,
                "angle_deg": angle,
                "length_mm": max(length, 1.0),
                "width_mm": max(width, 1.0),
                "height_mm": width * (_FLAT if label < 0 else 1.0),
                "pixels_alone": self._table.full[number],
                "pixels_seen": seen,
                "outline_mm": along.tolist(),
            }
        )
