"""Synthetic hazards and waste, drawn or path-traced by the twin: kinds without photographs."""

from __future__ import annotations

import importlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from models.data.composites import Drawer, DrawnObjects
from models.data.sources import CLASS_NAMES, Image, read_image
from models.data.strip_objects import ObjectImages, objects_on_strips
from models.data.textures import Rng
from models.workshop import WorkshopError

_PX_PER_MM = 1.3  # a little larger than most scenes need, then reduced


@dataclass(frozen=True)
class _Bank:
    """A drawer that selects from images of one kind made in advance: a drawn bottle takes 0.2 s, a
    traced one seconds, a whole scene 0.08 s.

    made: BGRA images and the px per mm of each.
    """

    made: tuple[tuple[Image, float], ...]

    def __call__(self, rng: Rng, px_per_mm: float) -> Image:
        image, made_at = self.made[int(rng.integers(len(self.made)))]
        scale = px_per_mm / made_at * rng.uniform(0.9, 1.1)
        size = (max(4, round(image.shape[1] * scale)), max(4, round(image.shape[0] * scale)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


@dataclass(frozen=True)
class _WeightedChoice:
    """A drawer that uses `second` with probability `share`, else `first`."""

    first: Drawer
    second: Drawer
    share: float

    def __call__(self, rng: Rng, px_per_mm: float) -> Image:
        return (self.second if rng.random() < self.share else self.first)(rng, px_per_mm)


def _bank(draw: Callable[..., Image], kind: str, variants: int, seed: tuple[int, int]) -> _Bank:
    rngs = [np.random.default_rng([*seed, n]) for n in range(variants)]
    return _Bank(tuple((draw(kind, rng, _PX_PER_MM), _PX_PER_MM) for rng in rngs))


def read_renders(folder: Path) -> dict[tuple[str, int], Drawer]:
    """Path-traced objects, (kind, class or -1) to drawer.

    They come from `vigitri twin cutouts`, and from the unobstructed objects of the strips in the
    folder's strips/. Raises `WorkshopError` if there is neither.
    """
    index = folder / "index.jsonl"
    made = objects_on_strips(folder / "strips")
    if index.is_file():
        for key, images in _listed(index).items():
            made.setdefault(key, []).extend(images)
    if not made:
        raise WorkshopError(
            f"{folder}: no path-traced object; make strips with `vigitri twin trace PLAN.toml -o "
            f"{folder}/strips/NAME` or cut-outs with `vigitri twin cutouts -o {folder}`, and name "
            "that folder with --renders"
        )
    return {key: _Bank(tuple(images)) for key, images in made.items()}


def _listed(index: Path) -> ObjectImages:
    made: ObjectImages = defaultdict(list)
    for number, line in enumerate(index.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            name, kind, hazard = str(row["file"]), str(row["kind"]), row["hazard"]
            px_per_mm = float(row["px_per_mm"])
            label = CLASS_NAMES.index(hazard) if hazard is not None else -1
        except (ValueError, KeyError, TypeError) as error:
            raise WorkshopError(
                f"{index}:{number}: not a line about a cut-out ({error})"
            ) from error
        image = read_image(index.parent / name, cv2.IMREAD_UNCHANGED)
        made[kind, label].append((image, px_per_mm))
    return made


def drawings(
    share: float,
    grounds: Sequence[Image],
    *,
    seed: int,
    variants: int = 24,
    renders: Path | None = None,
    rendered_share: float = 0.0,
) -> DrawnObjects:
    """Backgrounds for scenes, and with a share above 0 the twin's objects.

    rendered_share: share of these taken from the folder `renders` instead of drawn; a kind that
    only one of the two has is always taken from it.
    """
    if share <= 0:
        return DrawnObjects(grounds=grounds)
    if rendered_share > 0 and renders is None:
        raise WorkshopError(
            f"rendered_share is {rendered_share}: make path-traced strips with `vigitri twin "
            "trace PLAN.toml -o DIR/strips/NAME` and name DIR with --renders"
        )
    try:
        twin_objects = importlib.import_module("twin.drawn.objects")
    except ImportError as error:
        raise WorkshopError(
            f"drawn_share is {share}, but twin/drawn/objects.py cannot be imported ({error}); "
            "run from the repository's root or set drawn_share = 0"
        ) from error
    kinds = {kind: CLASS_NAMES.index(label) for kind, label in twin_objects.HAZARDS.items()}
    kinds |= dict.fromkeys(twin_objects.WASTE, -1)
    drawers: dict[tuple[str, int], Drawer] = {}
    if rendered_share < 1:
        for number, (kind, label) in enumerate(kinds.items()):
            drawers[kind, label] = _bank(twin_objects.draw, kind, variants, (seed, number))
    if renders is not None and rendered_share > 0:
        for key, traced in read_renders(renders).items():
            drawn = drawers.get(key)
            drawers[key] = _WeightedChoice(drawn, traced, rendered_share) if drawn else traced
    hazards = [(drawer, label) for (_, label), drawer in drawers.items() if label >= 0]
    waste = [drawer for (_, label), drawer in drawers.items() if label < 0]
    return DrawnObjects(hazards, waste, share, grounds)
