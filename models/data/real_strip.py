"""A strip of the real plant's belt with real cut-outs on it, in the twin's own format.

It complements simulated belts in the evaluation: rubber, light and waste are photographs, and a
plan of `vigitri twin trace` gives the layout, so that the truth is as exact as on a traced strip.
Only images held back from training are used. Limits: objects are flat, and the lamps' shadows move
with the belt.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.data.belt_scenes import length_mm
from models.data.composites import NO_DRAWINGS, Canvas, draw_hazard, draw_waste
from models.data.cutting import posed
from models.data.sized_cutouts import SizedCutout, sized_cutouts
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
    StripObject,
    write_facts,
    write_image,
)
from twin.traced.plan import Stretch, StripPlan

_FADE_MM = 60.0
"""Length over which two frames are blended."""
_LARGEST_MM = (450.0, 200.0)
"""Longest sides of a gas canister and of a battery."""
_FLAT = 0.5
"""Height of waste as a share of its shorter side; an object that rolls is as high as wide."""
_TRIES = 4000


def make_strip(
    plan: StripPlan,
    data: Path,
    out: Path,
    *,
    plates: bool = False,
    by_source: bool = False,
    held_back: float = HELD_BACK,
) -> Facts:
    """Write the bundle `out`; belt and wetness are the plant's, not the plan's.

    plates: use belt images without waste, so that coverage is known; otherwise the held-back frames
    with their waste, which the truth counts as bare belt. by_source: cut-outs of the sources in
    `held_out.toml`, with sizes of their kind, in place of the share `held_back` of the first data
    set's, which the model's recipe holds back. Raises `WorkshopError` for unusable data or an
    `out` that is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise WorkshopError(f"{out}: not empty; give another folder with -o")
    sources = read_sources(data, held_back, held=True)
    rng = np.random.default_rng(plan.seed)
    sized = sized_cutouts(data, held_back, held=True) if by_source else ()
    unmet = tuple(each for each in sized if each.part != "cutouts")
    laid = _StripBuilder(rng, _ground(rng, plan, data, plates=plates), plan, sources, unmet)
    for stretch in plan.stretches:
        laid.fill(stretch)
    out.mkdir(parents=True, exist_ok=True)
    return laid.write(out)


def _ground(rng: Rng, plan: StripPlan, data: Path, *, plates: bool) -> Image:
    """Belt of the plan's length: rows across, column 0 upstream, as in `twin.line.strip`."""
    paths = (
        sorted((data / "belt").glob("plate_[0-9]*.jpg")) if plates else belt_frames(data, held=True)
    )
    if not paths:
        raise WorkshopError(f"{data / 'belt'}: contains no plate_*.jpg")
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
    """One frame's belt, `(rows, n, 3)`: the belt runs up in the frame, and to the right here."""
    columns = round(frame.shape[0] / BELT_PX_PER_MM * px_per_mm)
    # The left of the belt, looking downstream, is row 0; the bottom of the frame is column 0.
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


class _StripBuilder:
    """A strip under construction, with the ground truth of each object."""

    def __init__(
        self,
        rng: Rng,
        ground: Image,
        plan: StripPlan,
        sources: Sources,
        unmet: tuple[SizedCutout, ...],
    ) -> None:
        """unmet: cut-outs of held-out sources, used alone where there are any."""
        self._rng, self._plan, self._sources, self._unmet = rng, plan, sources, unmet
        self._canvas = Canvas(rng, ground)
        self._outlines: dict[int, NDArray[np.float32]] = {}
        self._kinds: dict[int, str] = {}

    def fill(self, stretch: Stretch) -> None:
        """Place hazards, the buried ones first, and waste until the plan's coverage is reached."""
        scale = self._plan.px_per_mm
        x0, x1 = (
            round((self._plan.length_mm - mm) * scale) for mm in (stretch.to_mm, stretch.from_mm)
        )
        count = round(stretch.hazards_per_m * (stretch.to_mm - stretch.from_mm) / 1000)
        buried = round(stretch.buried * count)
        self._lay_hazards(buried, x0, x1)
        owner = self._canvas.owner[:, x0:x1]
        for _ in range(_TRIES):
            if np.count_nonzero(owner) >= stretch.coverage * owner.size:
                break
            waste, name = self._draw(-1)
            self._lay(waste, -1, name, self._random_position(x0, x1, 0.0))
        self._lay_hazards(count - buried, x0, x1)

    def _lay_hazards(self, count: int, x0: int, x1: int) -> None:
        for _ in range(count):
            label = GAS if self._rng.random() < 0.45 else BATTERY
            cutout, name = self._draw(label)
            half = max(cutout.shape[:2]) / 2
            self._lay(cutout, label, name, self._random_position(x0, x1, half))

    def _draw(self, label: int) -> tuple[Image, str]:
        """A cut-out of this class (-1: waste) at the strip's scale, and its kind."""
        scale, level = self._plan.px_per_mm, self._canvas.level
        if self._unmet:
            mine = [each for each in self._unmet if each.label == label]
            chosen = mine[int(self._rng.integers(len(mine)))]
            longest = length_mm(self._rng, chosen) * scale
            return posed(self._rng, chosen.read(), longest), chosen.kind
        if label < 0:
            return draw_waste(self._rng, self._sources, NO_DRAWINGS, scale, level), "waste"
        hazard = draw_hazard(
            self._rng, self._sources, NO_DRAWINGS, label=label, zoom=scale, level=level,
            largest=_LARGEST_MM[label] * scale,
        )  # fmt: skip
        return hazard, CLASS_NAMES[label]

    def _random_position(self, x0: int, x1: int, inside: float) -> tuple[float, float]:
        """A position in the stretch, `inside` px or more from the belt's edges and strip's ends."""
        rows, columns = self._canvas.owner.shape
        low, high = max(x0, inside), min(x1, columns - inside)
        return float(self._rng.uniform(low, max(low + 1, high))), float(
            self._rng.uniform(inside, max(inside + 1, rows - inside))
        )

    def _lay(self, cutout: Image, label: int, name: str, centre: tuple[float, float]) -> None:
        number = self._canvas.place(cutout, label, centre)
        if number is None:
            return
        solid = np.argwhere(cutout[..., 3] > 127)[:, ::-1].astype(np.float32)
        corner = np.round(np.array(centre) - np.array(cutout.shape[1::-1]) / 2)
        hull = cv2.convexHull(np.ascontiguousarray(solid + corner + 0.5, np.float32))
        self._kinds[number] = f"cut-out {name}"
        self._outlines[number] = np.asarray(hull.reshape(-1, 2), np.float32)

    def write(self, out: Path) -> Facts:
        """Write the images, and last the facts."""
        plan, owner = self._plan, self._canvas.owner.astype(np.uint16)
        seen = np.bincount(owner.ravel(), minlength=len(self._canvas.labels) + 1)
        objects = [self._object(number, int(seen[number])) for number in self._outlines]
        heights = np.zeros(len(seen), np.uint16)
        for each in objects:
            heights[each.id] = round(each.height_mm * HEIGHT_UNITS_PER_MM)
        image = np.asarray(self._canvas.image.clip(0, 255) + 0.5, np.uint8)
        layers: dict[str, NDArray[Any]] = {
            "picture": image,
            "owners": owner,
            "seen": owner,
            "height": heights[owner],
        }
        for name, layer in layers.items():
            write_image(out / f"{name}.png", layer)
        facts = Facts(
            start_mm=0.0, end_mm=plan.length_mm, width_mm=plan.width_mm, px_per_mm=plan.px_per_mm,
            seed=plan.seed, belt="real", objects=objects,
        )  # fmt: skip
        write_facts(out, facts)
        return facts

    def _object(self, number: int, seen: int) -> StripObject:
        label, scale = self._canvas.labels[number], self._plan.px_per_mm
        along = np.empty_like(self._outlines[number])
        along[:, 0] = self._plan.length_mm - self._outlines[number][:, 0] / scale
        along[:, 1] = self._outlines[number][:, 1] / scale
        (at_mm, x_mm), sides, angle = cv2.minAreaRect(along)
        length, width = max(sides), min(sides)
        return StripObject.model_validate(
            {
                "id": number,
                "kind": self._kinds[number],
                "class": None if label < 0 else CLASS_NAMES[label],
                "at_mm": at_mm,
                "x_mm": x_mm,
                "angle_deg": angle,
                "length_mm": max(length, 1.0),
                "width_mm": max(width, 1.0),
                "height_mm": width * (_FLAT if label < 0 else 1.0),
                "pixels_alone": self._canvas.full[number],
                "pixels_seen": seen,
                "outline_mm": along.tolist(),
            }
        )
