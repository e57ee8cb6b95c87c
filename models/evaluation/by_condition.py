"""Recall of single cut-outs on real belts, varying one condition at a time.

It shows why a model misses what it misses: size, cut by the strip's end, blur, light, contrast,
kind and source of the object, and belt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.exact_intervals import clopper_pearson
from detector.vision.engine import Engine
from models.data.belt_scenes import Conditions, Placed, labelled, lay, shown
from models.data.real_belts import PLANT, RealBelt, real_belts, stretch
from models.data.sized_cutouts import SizedCutout, sized_cutouts
from models.data.sources import GAS, HELD_BACK, Image
from models.evaluation.evaluate import open_model
from models.evaluation.scoring import overlaps

FLOOR = 0.05
_BELT_MM = (600.0, 1000.0)  # width and length of the view
_STRIP_MM = 224.0
"""The shortest strip of a line with view.object_mm = 200, which a long bottle never fits into."""
_WASTE = 5


@dataclass(frozen=True)
class Case:
    """One row of the table: which cut-outs, where, and how.

    length_mm: None: of the kind. seen: share of the object inside the image, at its upstream end;
    strip: the view is the shortest strip, not the whole belt.
    """

    factor: str
    value: str
    cutouts: tuple[SizedCutout, ...]
    conditions: Conditions
    length_mm: float | None = 300.0
    seen: float = 1.0
    strip: bool = False
    place: str | None = None


@dataclass
class Found:
    """Scores of the best box on each object: of its class, of any class, and its overlap."""

    of_class: list[float] = field(default_factory=list)
    of_any: list[float] = field(default_factory=list)
    loose: list[float] = field(default_factory=list)
    """... of its class with an overlap of 0.3 instead of 0.5."""
    false: int = 0


Picture = tuple[Image, NDArray[np.float32]]


def picture(
    rng: np.random.Generator,
    case: Case,
    belts: dict[str, list[RealBelt]],
    waste: Sequence[SizedCutout],
) -> Picture | None:
    """The image and `class, x0, y0, x1, y1` of its one hazard; None: it is not visible."""
    scale = case.conditions.mm_per_px
    place = case.place or sorted(belts)[int(rng.integers(len(belts)))]
    cutout = case.cutouts[int(rng.integers(len(case.cutouts)))]
    length = case.length_mm or float(np.mean(cutout.longest_mm))
    long_mm = _STRIP_MM if case.strip else _BELT_MM[1]
    rows, columns = (max(32, int(mm / scale) // 32 * 32) for mm in (long_mm, _BELT_MM[0]))
    ground = stretch(rng, belts[place], (rows, columns), 1 / scale)
    half = length / scale / 2
    x = rng.uniform(min(half, columns / 2), max(columns - half, columns / 2))
    if case.seen < 1 or case.strip:
        y = rows + (1 - 2 * case.seen) * half  # as if it lay along the travel
    else:
        y = rng.uniform(min(half, rows / 2), max(rows - half, rows / 2))
    objects = [
        Placed(each, float(np.mean(each.longest_mm)), tuple(rng.uniform(0, [columns, rows])))
        for each in (waste[int(n)] for n in rng.integers(len(waste), size=_WASTE))
    ]
    objects.append(Placed(cutout, length, (float(x), float(y))))
    canvas, numbers = lay(rng, ground, objects, case.conditions)
    if numbers[-1] is None:
        return None
    boxes, _ = labelled(canvas)
    if len(boxes) != 1:
        return None
    return shown(canvas, case.conditions), boxes[0]


def measure(
    engine: Engine,
    case: Case,
    belts: dict[str, list[RealBelt]],
    waste: Sequence[SizedCutout],
    *,
    count: int,
    seed: int = 11,
) -> Found:
    """Run the engine on `count` images of a case; the same seed gives the same images."""
    found = Found()
    for number in range(count):
        made = picture(np.random.default_rng([seed, number]), case, belts, waste)
        if made is None:
            continue
        image, box = made
        got = engine.detect(np.ascontiguousarray(image), FLOOR)
        iou = overlaps(got.boxes_px, box[None, 1:])[0][:, 0]
        same = got.classes == box[0]

        def best(mask: NDArray[np.bool_], scores: NDArray[np.float32] = got.scores) -> float:
            return float(scores[mask].max(initial=0.0))

        found.of_class.append(best(same & (iou >= 0.5)))
        found.of_any.append(best(iou >= 0.5))
        found.loose.append(best(same & (iou >= 0.3)))
        found.false += int((iou < 0.3).sum())
    return found


def cases(
    cutouts: Sequence[SizedCutout], known_sources: Callable[[SizedCutout], bool]
) -> Iterator[Case]:
    """One case after another; known_sources: whether the measured model was trained on a source."""
    gas = tuple(each for each in cutouts if each.label == GAS)
    bottles = tuple(each for each in gas if "lpg" in each.kind or each.part == "cutouts")
    unknown = tuple(each for each in bottles if not known_sources(each))
    known = tuple(each for each in bottles if known_sources(each))
    normal = Conditions(mm_per_px=1.5)
    for scale in (1.0, 1.5, 2.0):
        for length in (100, 150, 200, 300, 400, 500, 600):
            at = Conditions(mm_per_px=scale)
            yield Case(f"length, {scale} mm/px", f"{length} mm", unknown, at, float(length))
    for seen in (1.0, 0.75, 0.5, 0.3):
        yield Case("seen, 400 mm", f"{seen:.0%}", unknown, normal, 400.0, seen)
    for seen in (0.55, 0.3):
        yield Case(
            "strip of 224 mm, 400 mm", f"{seen:.0%}", unknown, normal, 400.0, seen, strip=True
        )
    for blur in (0, 5, 10, 20, 40):
        yield Case("blur", f"{blur} mm", unknown, replace(normal, blur_mm=float(blur)))
    for light in (1.0, 0.6, 0.4, 0.25, 0.15):
        yield Case("light", f"{light:g}", unknown, replace(normal, light=light))
    for contrast in (1.0, 0.6, 0.35, 0.2):
        yield Case("contrast", f"{contrast:g}", unknown, replace(normal, contrast=contrast))
    yield Case("source of bottles", "trained on", known, normal)
    yield Case("source of bottles", "not trained on", unknown, normal)
    kinds: dict[str, Callable[[SizedCutout], bool]] = {
        "LPG, steel": lambda c: c.kind in ("lpg_cylinder", "lpg_bottle"),
        "LPG, composite": lambda c: c.kind == "lpg_composite",
        "extinguisher": lambda c: c.kind == "fire_extinguisher",
        "aerosol": lambda c: c.kind.startswith("aerosol"),
        "cartridge": lambda c: "cartridge" in c.kind,
    }
    for name, is_kind in kinds.items():
        chosen = tuple(each for each in gas if is_kind(each) and not known_sources(each))
        yield Case("kind, 300 mm", name, chosen, normal)
        yield Case("kind, own size", name, chosen, normal, None)
    for place in (PLANT, "lab_black_textured", "wds_lab_belt", "parcel_green_lab", "mine_belts_cl"):
        yield Case("belt", place, unknown, normal, place=place)


def run(
    model: str,
    data: Path,
    *,
    held_back: float = HELD_BACK,
    count: int = 60,
    engine: str = "onnxruntime",
) -> str:
    """A table of all cases with held-out cut-outs; those trained on are only in their own row."""
    at_work = open_model(model, engine)
    train, held = (sized_cutouts(data, held_back, held=each) for each in (False, True))
    known = {each.path for each in train}
    belts = real_belts(data, held=True)
    for place, images in real_belts(data, held=False).items():
        belts.setdefault(place, images)
    waste = [each for each in held if each.label < 0]
    lines = [
        f"Recall of one hazard per view at a score of {FLOOR:g}, {model}.",
        "",
        "| varied | | objects | right class (95 %) | IoU 0.3 | any class | false per view |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in cases((*train, *held), lambda each: each.path in known):
        if not case.cutouts:
            continue
        found = measure(at_work, case, belts, waste, count=count)
        seen = max(1, len(found.of_class))
        right, loose, either = (
            sum(each > 0 for each in scores)
            for scores in (found.of_class, found.loose, found.of_any)
        )
        low, high = clopper_pearson(right, seen)
        lines.append(
            f"| {case.factor} | {case.value} | {seen} | {right / seen:.2f} ({low:.2f} to "
            f"{high:.2f}) | {loose / seen:.2f} | {either / seen:.2f} | {found.false / seen:.1f} |"
        )
    return "\n".join(lines) + "\n"
