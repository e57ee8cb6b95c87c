"""The data of a training and its licences, from the data folder's manifest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from models.data.dataset import copies_of
from models.data.held_out import split_by_source
from models.data.sources import BATTERY, GAS, IGNORE, belt_frames, manifest, source_files
from models.training.recipe import Recipe

_WHAT = {
    "gas": "photographs of gas bottles",
    "battery": "photographs of batteries",
    "negative": "photographs without a hazard",
    "ignored": "photographs in which all possible hazards are greyed",
    "cutouts/gas": "cut-outs of gas bottles",
    "cutouts/battery": "cut-outs of batteries",
    "cutouts/distractor": "cut-outs of waste",
    "belt": "frames of a belt",
}
_WIDE = {
    "hazards": "photographs of hazards",
    "cutouts2": "cut-outs of photographs",
    "cutouts3": "cut-outs of shops' pictures",
    "harmless": "pictures without a hazard",
}
_UNSTATED = ("", "not stated", "none", "none stated")


def learned_from(recipe: Recipe, data: Path) -> tuple[str, ...]:
    """One line for each kind of image, source and licence that any stage uses."""
    rows = manifest(data)
    lines: dict[str, None] = {}
    for what, file in _files(recipe, data):
        row = rows.get(file, {})
        lines[_line(_WHAT[what], row.get("repo") or "source not stated", row)] = None
    if any(stage.data.is_wide for stage in recipe.stages):
        for part, what in _WIDE.items():
            for row in split_by_source(data, part)[0]:
                lines[_line(what, row.get("source_repo") or row["source"], row)] = None
    stages = [stage.data for stage in recipe.stages]
    made = {
        "drawings of hazards, waste and look-alikes": any(
            stage.drawn_share and stage.rendered_share < 1 for stage in stages
        ),
        "path-traced hazards, waste and look-alikes": any(
            stage.drawn_share and stage.rendered_share for stage in stages
        ),
        "path-traced strips of belt": any(stage.strip_cuts or stage.hard_cuts for stage in stages),
    }
    return (*lines, *(f"{what}: made by this repository's twin/" for what in made if made[what]))


def _line(what: str, source: str, row: dict[str, str]) -> str:
    licence = row.get("licence") or ""
    if licence.lower() in _UNSTATED:
        licence = "no licence stated, learned from and not redistributed"
    return f"{what}: {source}, {licence}"


def _files(recipe: Recipe, data: Path) -> Iterator[tuple[str, str]]:
    """Kind and manifest name of each file that is used."""
    stages = [stage.data for stage in recipe.stages]
    scenes = any(stage.scenes or stage.hazard_free for stage in stages)
    chosen = source_files(data, recipe.held_back, held=False, leave_out=recipe.leave_out)
    for photograph in chosen.photographs:
        labels = set(photograph.boxes[:, 0].tolist())
        what = "gas" if GAS in labels else "battery" if BATTERY in labels else "negative"
        what = "ignored" if labels == {IGNORE} else what
        # Those without a hazard are also backgrounds of scenes.
        if any(stage.as_is or copies_of(photograph, stage) for stage in stages) or (
            what == "negative" and scenes
        ):
            yield what, f"photos/images/{photograph.path.name}"
    if scenes:
        for kind, files in chosen.cutouts.items():
            for path, _ in files:
                yield f"cutouts/{kind}", f"cutouts/{kind}/{path.name}"
    if scenes or any(stage.belt_frames for stage in stages):
        for path in belt_frames(data, held=False):
            yield "belt", f"belt/{path.name}"
