"""A detector as a proposer: what share of the hazards it proposes, at how many proposals.

A second network decides on each proposal, so a proposal counts whatever its class, and a false one
costs a crop, not an alarm. Every set is of sources and places held out from training.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.exact_intervals import clopper_pearson
from detector.vision.detections import Detections, suppress_overlaps
from detector.vision.engine import Engine
from models.data.belt_scenes import Conditions, Placed, labelled, lay, length_mm, shown
from models.data.photographs import resized
from models.data.real_belts import stretch
from models.data.sources import CLASS_NAMES, HELD_BACK, Image, read_photographs
from models.data.wide_sources import WideSources, read_wide
from models.evaluation.evaluate import open_model
from models.evaluation.image_sets import at_belt_scale, ground_truth_of, padded, scene_of
from models.evaluation.scoring import IOU, GroundTruth, average_precision, overlaps, tally
from models.workshop import progress_on_stderr

FLOOR = 0.005
VIEW_MM = (600.0, 992.0)
SCALES = (1.0, 1.5, 2.0)
FALSE_PER_PICTURE = (0.25, 0.5, 1.0, 2.0)
"""False proposals per held-out harmless picture at which recall is given."""
PER_METRE = (4.0, 6.0, 8.0, 12.0)
"""Proposals, right and false, per metre of composed belt at which recall is given."""
_HAZARDS, _WASTE = (2, 4), (4, 9)
_PHOTO_PX = (50.0, 200.0)
_HARMLESS_PX = 416
_SAME_IOU = 0.6


@dataclass(frozen=True)
class Pictures:
    """One set. metres: of belt that all images show; 0: they show no belt of known scale."""

    name: str
    images: tuple[Image, ...]
    truths: tuple[GroundTruth, ...]
    metres: float = 0.0


@dataclass
class Scored:
    """One engine on one set.

    best: for each class, the score of the best proposal on each hazard, 0: none. false: scores of
    the proposals on none. found: detections with their class, for AP50.
    """

    best: dict[int, NDArray[np.float32]]
    false: NDArray[np.float32]
    every: NDArray[np.float32]
    found: list[Detections] = field(default_factory=list)


def proposals(found: Detections) -> Detections:
    """One proposal per object: of boxes that overlap, whatever their class, the best."""
    alone = Detections(found.boxes_px, found.scores, np.zeros(len(found), np.int64))
    return suppress_overlaps(alone, _SAME_IOU)


def score(engine: Engine, pictures: Pictures) -> Scored:
    """Run an engine on a set."""
    best: dict[int, list[float]] = {label: [] for label in range(len(CLASS_NAMES))}
    false: list[float] = []
    every: list[float] = []
    detections = []
    for image, truth in zip(pictures.images, pictures.truths, strict=True):
        found = engine.detect(image, FLOOR)
        detections.append(found)
        proposed = proposals(found)
        iou, _ = overlaps(proposed.boxes_px, truth.boxes_px)
        _, ignored = overlaps(proposed.boxes_px, truth.ignored_px)
        counted = ~(ignored >= 0.5).any(1)
        right = iou >= IOU
        scores = np.where(right, proposed.scores[:, None], 0).max(0, initial=0.0)
        for label, value in zip(truth.classes.tolist(), scores.tolist(), strict=True):
            best[label].append(value)
        false += proposed.scores[counted & ~right.any(1)].tolist()
        every += proposed.scores[counted].tolist()
    return Scored(
        {label: np.array(values, np.float32) for label, values in best.items()},
        np.sort(np.array(false, np.float32))[::-1],
        np.sort(np.array(every, np.float32))[::-1],
        detections,
    )


def threshold_at(scores: NDArray[np.float32], count: float) -> float:
    """The lowest threshold that at most `count` of these scores reach; scores: best first."""
    allowed = int(count)
    if len(scores) <= allowed:
        return FLOOR
    return float(np.nextafter(scores[allowed], np.float32(2)))


def share(best: NDArray[np.float32], threshold: float) -> list[float]:
    """Recall at a threshold, with its exact 95 % interval."""
    right = int((best >= max(threshold, 1e-6)).sum())
    if not len(best):
        return [float("nan"), 0.0, 1.0]
    return [right / len(best), *clopper_pearson(right, len(best))]


def composed(
    wide: WideSources, count: int, mm_per_px: float, *, seed: int = 71, large_gas: bool = False
) -> Pictures:
    """Held-out cut-outs on held-out belts, half of them blurred or dim; hazards wholly visible.

    large_gas: only gas bottles, of 150 to 600 mm. The same seed lays the same objects in the same
    places at every scale.
    """
    images, truths = [], []
    hazards = [number for number, each in enumerate(wide.cutouts) if each.label >= 0]
    if large_gas:
        hazards = [n for n in hazards if wide.cutouts[n].kind.startswith(("lpg", "gas"))]
    waste = [number for number, each in enumerate(wide.cutouts) if each.label < 0]
    places = sorted(wide.belts)
    columns, rows = (int(mm / mm_per_px) // 32 * 32 for mm in VIEW_MM)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        conditions = Conditions(
            mm_per_px,
            blur_mm=float(rng.uniform(3, 20)) if rng.random() < 0.5 else 0.0,
            light=float(rng.uniform(0.3, 0.8)) if rng.random() < 0.3 else 1.0,
        )
        objects = []
        for chosen, (low, high) in ((hazards, _HAZARDS), (waste, _WASTE)):
            chances = wide.chances[chosen] / wide.chances[chosen].sum()
            for picked in rng.choice(chosen, int(rng.integers(low, high + 1)), p=chances):
                cutout = wide.cutouts[int(picked)]
                mm = min(length_mm(rng, cutout), VIEW_MM[0])
                if large_gas and cutout.label >= 0:
                    mm = float(rng.uniform(150, 600))
                half = np.minimum(mm / 2 + 8, np.array(VIEW_MM) / 2)
                at = rng.uniform(half, np.array(VIEW_MM) - half) / mm_per_px
                objects.append(Placed(cutout, mm, (float(at[0]), float(at[1]))))
        objects.sort(key=lambda each: (-(each.cutout.label < 0), -each.longest_mm))
        place = places[int(rng.integers(len(places)))]
        ground = stretch(rng, wide.belts[place], (rows, columns), 1 / mm_per_px)
        canvas, _ = lay(rng, ground, objects, conditions)
        boxes, visible = labelled(canvas)
        images.append(np.ascontiguousarray(shown(canvas, conditions)))
        truths.append(
            GroundTruth(boxes[:, 1:], boxes[:, 0].astype(np.int64), boxes[:0, 1:],
                        (columns, rows), visible)
        )  # fmt: skip
    name = f"{'gas 150 to 600 mm' if large_gas else 'cut-outs'} on belts, {mm_per_px:g} mm/px"
    return Pictures(name, tuple(images), tuple(truths), count * rows * mm_per_px / 1000)


def photographed(wide: WideSources) -> Pictures:
    """Held-out photographs of hazards, their objects 50 to 200 px long, never enlarged."""
    images, truths = [], []
    for number, photograph in enumerate(wide.photographs):
        if not len(photograph.boxes):
            continue
        rng = np.random.default_rng([72, number])
        scene = scene_of(photograph)
        sides = (scene.boxes[:, 3:] - scene.boxes[:, 1:3]).max(1)
        wanted = float(np.exp(rng.uniform(*np.log(_PHOTO_PX))))
        scene = resized(scene, min(1.0, wanted / float(np.median(sides))))
        images.append(padded(scene.image))
        truths.append(ground_truth_of(scene))
    return Pictures("hazard photographs at belt scale", tuple(images), tuple(truths))


def harmless(wide: WideSources, most: int = 400) -> Pictures:
    """Held-out harmless pictures, the longest side 416 px; single places first."""
    images = []
    for photograph in wide.harmless[:: max(1, len(wide.harmless) // most)]:
        image = photograph.read()
        scale = min(1.0, _HARMLESS_PX / max(image.shape[:2]))
        scene = scene_of(photograph)
        images.append(padded(resized(scene, scale).image))
    nothing = np.zeros((0, 4), np.float32)
    truth = GroundTruth(nothing, np.zeros(0, np.int64), nothing)
    return Pictures("harmless pictures", tuple(images), (truth,) * len(images))


def dev_photographs(data: Path) -> Pictures:
    """The development photographs at belt scale, as `model evaluate` measures them."""
    scenes = [at_belt_scale(scene_of(each)) for each in read_photographs(data, "dev")]
    return Pictures(
        "dev photographs at belt scale",
        tuple(padded(scene.image) for scene in scenes),
        tuple(ground_truth_of(scene) for scene in scenes),
    )


def every_set(data: Path, held_back: float, views: int) -> list[Pictures]:
    """All sets; the harmless pictures last."""
    wide = read_wide(data, held_back, held=True)
    sets = [composed(wide, views, scale) for scale in SCALES]
    sets += [composed(wide, views // 2, scale, large_gas=True) for scale in SCALES]
    return [*sets, photographed(wide), dev_photographs(data), harmless(wide)]


def run(
    models: Sequence[str],
    data: Path,
    *,
    out: Path | None = None,
    engine: str = "onnxruntime",
    held_back: float = HELD_BACK,
    views: int = 80,
) -> dict[str, Any]:
    """Measure models beside each other on the same images; with `out`, write JSON and a page."""
    sets = every_set(data, held_back, views)
    progress = progress_on_stderr()
    report: dict[str, Any] = {"sets": {}, "models": list(models)}
    opened = {name: open_model(name, engine) for name in models}
    for name, at_work in opened.items():
        free = score(at_work, sets[-1])
        for number, pictures in enumerate(sets, 1):
            progress(f"{name}: sets", number, len(sets))
            began = time.process_time()
            scored = free if pictures is sets[-1] else score(at_work, pictures)
            row = figures(scored, free, pictures, len(sets[-1].images))
            if pictures.metres:
                row["cpu_s_per_m"] = round((time.process_time() - began) / pictures.metres, 4)
            report["sets"].setdefault(pictures.name, {})[name] = row
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "proposals.json").write_text(json.dumps(report, indent=1) + "\n")
        (out / "proposals.md").write_text(markdown(report))
    return report


def figures(
    scored: Scored, free: Scored, pictures: Pictures, harmless_count: int
) -> dict[str, Any]:
    """One engine's figures on one set. free: the same engine on the harmless pictures."""
    row: dict[str, Any] = {"images": len(pictures.images), "classes": {}}
    at_false = {
        str(each): threshold_at(free.false, each * harmless_count) for each in FALSE_PER_PICTURE
    }
    per_metre = {
        str(each): threshold_at(scored.every, each * pictures.metres)
        for each in PER_METRE
        if pictures.metres
    }
    for label, name in enumerate(CLASS_NAMES):
        best = scored.best[label]
        if len(best):
            row["classes"][name] = {
                "hazards": len(best),
                "ap50": average_precision(tally(scored.found, pictures.truths, label)),
                "at_false_per_picture": {k: share(best, t) for k, t in at_false.items()},
                "per_metre": {k: share(best, t) for k, t in per_metre.items()},
            }
    row["thresholds"] = at_false
    row["false_per_image"] = {
        f"{t:g}": round(float((scored.false >= t).sum()) / len(pictures.images), 3)
        for t in (0.02, 0.05, 0.1, 0.25)
    }
    return row


def markdown(report: dict[str, Any]) -> str:
    """The report as a table for each class: a row per set, the models side by side."""
    lines = ["Recall of hazards by proposals of any class, IoU 0.5, with exact 95 % intervals."]
    for kind, budgets, unit in (
        ("at_false_per_picture", FALSE_PER_PICTURE, "false proposals per harmless picture"),
        ("per_metre", PER_METRE, "proposals per metre of belt"),
    ):
        head = " | ".join(f"{each:g}" for each in budgets)
        lines += ["", f"| set | class | hazards | model | AP50 | {head} ({unit}) |"]
        lines += ["|---" * (5 + len(budgets)) + "|"]
        for name, rows in report["sets"].items():
            for model, row in rows.items():
                for label, figure in row["classes"].items():
                    if figure[kind]:
                        cells = " | ".join(
                            f"{a:.2f} ({b:.2f} to {c:.2f})" for a, b, c in figure[kind].values()
                        )
                        lines.append(
                            f"| {name} | {label} | {figure['hazards']} | {model} | "
                            f"{figure['ap50']:.3f} | {cells} |"
                        )
    lines += ["", "| set | model | images | false proposals per image at 0.02, 0.05, 0.1, 0.25 |"]
    lines += ["|---|---|---|---|"]
    for name, rows in report["sets"].items():
        for model, row in rows.items():
            many = ", ".join(f"{each:.2f}" for each in row["false_per_image"].values())
            lines.append(f"| {name} | {model} | {row['images']} | {many} |")
    return "\n".join(lines) + "\n"
