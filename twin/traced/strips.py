"""A strip of belt, path-traced from its plan: settled, rendered tile by tile, measured.

    folder = trace_strip(load_plan(Path("mixed.toml")), Path("strips/mixed"))

The same plan settles identically, so an interrupted run renders only the tiles that its folder
lacks. Positions start at 0: a strip extends from `start_mm` 0 to `end_mm`, its length.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.objects import LOOKALIKES, SIZE_MM
from twin.drawn.shading import Image
from twin.line.heap import FREQUENCY
from twin.traced.belts import BeltSkin, belt_skin, painted_belt
from twin.traced.bodies import Points
from twin.traced.bundle import (
    FACTS,
    HEIGHT_UNITS_PER_MM,
    Facts,
    StripObject,
    write_facts,
    write_image,
)
from twin.traced.light import belt_light
from twin.traced.objects import HAZARDS, build, pose
from twin.traced.plan import PlanError, Stretch, StripPlan
from twin.traced.settle import HeightField, RestingBody, settle
from twin.traced.stage import Stage, Window

TILE_MM = 480.0
OVERLAP_PX = 16
"""Overlap of the tiles: a denoiser has less context at an image edge."""
SHADOW_MM = 260.0
"""Objects within this distance of a tile still cast light or shadow into it."""
PLAN_FILE = "plan.json"
FINE = 4
"""Oversampling of a silhouette relative to the strip."""
MAX_WASTE_PER_M = 70
"""Limit when coverage cannot be reached; a layer of 25 cm is at the limit (DOMAIN)."""
HEAP = 0.6
"""Coverage from which objects overlap instead of being spread out."""


@dataclass(frozen=True)
class PlacedBody:
    """An object at rest on the strip; `id` counts from 1 in the order of placement."""

    id: int
    rest: RestingBody


def lay_out_strip(plan: StripPlan) -> list[PlacedBody]:
    """All objects of the strip, settled; the same plan gives the same strip."""
    field = HeightField(plan.length_mm, plan.width_mm)
    placed: list[PlacedBody] = []
    for number, along in enumerate(plan.stretches):
        # The plan counts along the belt, the image columns against it.
        stretch = along.model_copy(
            update={
                "from_mm": plan.length_mm - along.to_mm,
                "to_mm": plan.length_mm - along.from_mm,
            }
        )
        rng = np.random.default_rng([plan.seed, 11, number])
        for kind in _order(plan, stretch, field, rng):
            body = pose(build(kind, rng), rng)
            place = _place(field, stretch, body.size_mm(), rng)
            rest = settle(field, body, place, float(rng.uniform(0, 360)))
            placed.append(PlacedBody(len(placed) + 1, rest))
    return placed


def _order(plan: StripPlan, stretch: Stretch, field: HeightField, rng: np.random.Generator) -> Any:
    """Kinds in the order in which they fall: buried hazards, waste, other hazards."""
    kinds = list(plan.hazards or HAZARDS)
    weights = np.array([plan.hazards.get(kind, 1.0) for kind in kinds])
    count = int(rng.poisson(stretch.hazards_per_m * (stretch.to_mm - stretch.from_mm) / 1000))
    hazards = [str(kind) for kind in rng.choice(kinds, count, p=weights / weights.sum())]
    below = rng.random(count) < stretch.buried
    yield from (kind for kind, hidden in zip(hazards, below, strict=True) if hidden)
    above = [kind for kind, hidden in zip(hazards, below, strict=True) if not hidden]
    early = above[: len(above) // 3]  # a third falls early and may be covered by chance
    yield from early
    frequency = plan.waste or {k: w for k, w in FREQUENCY.items() if k not in LOOKALIKES}
    waste = list(frequency)
    share = np.array([frequency[kind] for kind in waste], np.float64)
    if stretch.coverage > HEAP:  # only large objects can fill a belt
        share *= np.sqrt([SIZE_MM[kind][0] * SIZE_MM[kind][1] for kind in waste])
    for _ in range(int(MAX_WASTE_PER_M * (stretch.to_mm - stretch.from_mm) / 1000) + 1):
        if field.coverage(stretch.from_mm, stretch.to_mm) >= stretch.coverage:
            break
        if not plan.waste and rng.random() < plan.lookalikes:
            yield str(rng.choice(LOOKALIKES))
        else:
            yield str(rng.choice(waste, p=share / share.sum()))
    yield from above[len(early) :]


def _place(
    field: HeightField,
    stretch: Stretch,
    size_mm: tuple[float, float, float],
    rng: np.random.Generator,
) -> tuple[float, float]:
    """The lowest and emptiest of twelve places (right, down), mm; in heaps up to the skirts.

    `stretch` is in mm of the image columns here.
    """
    reach = (size_mm[0] + size_mm[1]) / 4
    inset = min(reach * (0.3 if stretch.coverage > HEAP else 1.0), field.width_mm / 2)
    first = stretch.from_mm + inset
    last = max(stretch.to_mm - inset, first + 1)
    places = [
        (float(rng.uniform(first, last)), float(rng.uniform(inset, field.width_mm - inset)))
        for _ in range(12)
    ]
    return min(places, key=lambda place: field.placement_cost(place[0], place[1], 0.7 * reach))


def trace_strip(
    plan: StripPlan,
    out: Path,
    *,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Renders a plan into the bundle `out` and returns it; resumes an interrupted run.

    Raises `PlanError` if `out` belongs to another plan, `StageError` without Blender.
    """
    if (out / FACTS).exists():
        if (out / PLAN_FILE).read_text(encoding="utf-8") != plan.model_dump_json():
            raise PlanError(f"{out}: contains a strip of another plan; give another folder")
        return out
    tiles = out / "tiles"
    tiles.mkdir(parents=True, exist_ok=True)
    plan_file = out / PLAN_FILE
    if plan_file.exists() and plan_file.read_text(encoding="utf-8") != plan.model_dump_json():
        raise PlanError(f"{out}: contains tiles of another plan; give another folder or remove it")
    plan_file.write_text(plan.model_dump_json(), encoding="utf-8")
    placed = lay_out_strip(plan)
    rng = np.random.default_rng([plan.seed, 5])
    belt = painted_belt(
        plan.belt, plan.length_mm, plan.width_mm, plan.px_per_mm, rng, dirt=plan.dirt
    )
    scene = _Scene(plan, placed, belt, belt_skin(plan.belt, plan.wet, rng))
    windows = tile_windows(plan)
    with Stage(samples=plan.samples, threads=threads) as stage:
        for done, window in enumerate(windows):
            if not (tiles / f"{done:04d}.npz").exists():
                tile = _trace(stage, scene, window, done)
                _save_tile(tiles / f"{done:04d}.npz", tile)
            if progress is not None:
                progress(done + 1, len(windows))
    _write_bundle(plan, placed, windows, out)
    shutil.rmtree(tiles)
    return out


@dataclass(frozen=True)
class _Scene:
    """Everything under the camera: the plan, its objects at rest, its belt."""

    plan: StripPlan
    placed: list[PlacedBody]
    belt: Image
    skin: BeltSkin


@dataclass(frozen=True)
class _Tile:
    image: Image
    owners: NDArray[np.uint16]
    seen: NDArray[np.uint16]
    height_mm: NDArray[np.float32]


def tile_windows(plan: StripPlan) -> list[Window]:
    """The strip divided into tiles, left to right, each with its overlap."""
    scale = plan.px_per_mm
    columns = int(np.ceil(plan.length_mm * scale))
    rows = round(plan.width_mm * scale)
    count = max(1, round(plan.length_mm / TILE_MM))
    cuts = np.linspace(0, columns, count + 1).round().astype(int)
    return [
        Window(
            (max(0, a - OVERLAP_PX)) / scale,
            0.0,
            min(columns, b + OVERLAP_PX) - max(0, a - OVERLAP_PX),
            rows,
            scale,
        )
        for a, b in pairwise(cuts)
    ]


def _trace(stage: Stage, scene: _Scene, window: Window, number: int) -> _Tile:
    plan, placed, belt = scene.plan, scene.placed, scene.belt
    stage.clear()
    stage.light(belt_light(np.random.default_rng([plan.seed, 6])))
    scale = window.px_per_mm
    left = round(window.left_mm * scale)
    wide = window.width_px
    # The belt extends beyond the tile, so that its edge is not lit from below.
    columns = np.arange(left - 200, left + wide + 200) % belt.shape[1]
    around = Window(window.left_mm - 200 / scale, 0.0, wide + 400, window.height_px, scale)
    stage.belt(belt[:, columns], around, scene.skin)
    clear = []
    for each in placed:
        rest = each.rest
        points = rest.body.points()
        if points[:, 0].max() + rest.right_mm < window.left_mm - SHADOW_MM:
            continue
        if points[:, 0].min() + rest.right_mm > window.left_mm + wide / scale + SHADOW_MM:
            continue
        rng = np.random.default_rng([plan.seed, 8, each.id])
        obj = stage.add(rest.body, rng, index=each.id)
        stage.move(obj, rest.right_mm, rest.down_mm, rest.up_mm)
        if rest.body.clear > 0.3:
            clear.append(obj)
    image = stage.render(window, seed=plan.seed * 1000 + number)[..., :3]
    owners, height = stage.measure(window)
    for obj in clear:
        obj.hide_render = True
    seen = stage.measure(window)[0] if clear else owners
    return _Tile(np.ascontiguousarray(image), owners, seen, height)


def _save_tile(path: Path, tile: _Tile) -> None:
    draft = path.with_suffix(".part")
    with draft.open("wb") as stream:
        np.savez_compressed(
            stream,
            picture=tile.image,
            owners=tile.owners,
            seen=tile.seen,
            height_mm=tile.height_mm,
        )
    draft.replace(path)


def _write_bundle(
    plan: StripPlan, placed: list[PlacedBody], windows: list[Window], out: Path
) -> None:
    """Joins the tiles, each cut in the middle of its overlap, and writes the bundle."""
    scale = plan.px_per_mm
    shape = (round(plan.width_mm * scale), int(np.ceil(plan.length_mm * scale)))
    image = np.zeros((*shape, 3), np.uint8)
    owners, seen = np.zeros(shape, np.uint16), np.zeros(shape, np.uint16)
    height = np.zeros(shape, np.float32)
    for number, window in enumerate(windows):
        with np.load(out / "tiles" / f"{number:04d}.npz") as tile:
            left = round(window.left_mm * scale)
            skip = OVERLAP_PX if number else 0
            to = np.s_[:, left + skip : left + window.width_px]
            image[to] = tile["picture"][:, skip:]
            owners[to], seen[to] = tile["owners"][:, skip:], tile["seen"][:, skip:]
            height[to] = tile["height_mm"][:, skip:]
    counts = np.bincount(seen.ravel(), minlength=len(placed) + 1)
    objects = [_strip_object(plan, each, shape, int(counts[each.id])) for each in placed]
    write_image(out / "picture.png", image)
    write_image(out / "owners.png", owners)
    write_image(out / "seen.png", seen)
    tenths = np.clip(height * HEIGHT_UNITS_PER_MM, 0, 65535)
    write_image(out / "height.png", np.round(tenths).astype(np.uint16))
    facts = Facts(
        start_mm=0.0,
        end_mm=plan.length_mm,
        width_mm=plan.width_mm,
        px_per_mm=scale,
        seed=plan.seed,
        belt=plan.belt,
        objects=objects,
    )
    write_facts(out, facts)


def _strip_object(
    plan: StripPlan, placed: PlacedBody, shape: tuple[int, int], seen: int
) -> StripObject:
    rest = placed.rest
    points = rest.body.points()
    middle = np.array((rest.right_mm, rest.down_mm), np.float32)
    flat = middle + points[:, :2] * np.array((1, -1), np.float32)
    hull = cv2.convexHull(flat.astype(np.float32))[:, 0]
    at = plan.length_mm - hull[:, 0]
    across = np.clip(hull[:, 1], 0, plan.width_mm)  # the skirts hide the rest
    hazard: Any = HAZARDS.get(rest.body.kind)
    top = float(points[:, 2].max() + rest.up_mm)
    return StripObject.model_validate(
        {
            "id": placed.id,
            "kind": rest.body.kind,
            "class": hazard,
            "at_mm": _tenth((at.min() + at.max()) / 2),
            "x_mm": _tenth((across.min() + across.max()) / 2),
            "angle_deg": _tenth(rest.angle_deg),
            "length_mm": _tenth(rest.size_mm[0]),
            "width_mm": _tenth(rest.size_mm[1]),
            "height_mm": max(0.0, _tenth(top)),
            "pixels_alone": _tenth(silhouette(placed.rest, plan.px_per_mm, shape)),
            "pixels_seen": seen,
            "outline_mm": [(_tenth(a), _tenth(b)) for a, b in zip(at, across, strict=True)],
        }
    )


def _tenth(value: Any) -> float:
    return round(float(value), 1)


def silhouette(rest: RestingBody, px_per_mm: float, shape: tuple[int, int]) -> float:
    """Number of px of a strip `(rows, columns)` that the object covers when nothing is on top."""
    scale = px_per_mm * FINE
    outlines: list[Points] = []
    for part in rest.body.parts:
        p = part.points[..., :2] * np.array((1, -1), np.float32)
        p = (p + np.array((rest.right_mm, rest.down_mm), np.float32)) * np.float32(scale)
        quads = np.stack((p[:-1, :-1], p[1:, :-1], p[1:, 1:], p[:-1, 1:]), 2)
        outlines.append(quads.reshape(-1, 4, 2))
    every = np.concatenate(outlines)
    low = np.maximum(np.floor(every.min(axis=(0, 1))), 0)
    high = np.minimum(np.ceil(every.max(axis=(0, 1))), (shape[1] * FINE, shape[0] * FINE))
    wide, tall = (int(v) for v in high - low)
    if wide <= 0 or tall <= 0:
        return 0.0
    mask = np.zeros((tall, wide), np.uint8)
    for quad in np.round((every - low - 0.5) * 16).astype(np.int32):
        cv2.fillConvexPoly(mask, quad, 1, cv2.LINE_8, 4)
    # A filled polygon includes the pixels on its edge: about half a fine px all around.
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    rim = sum(len(contour) for contour in contours)
    return max(0.0, float(mask.sum()) - 0.5 * rim) / FINE**2
