"""`vigitri model pack`: what both trainings need of a data folder, as one file."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from models.packed.archive import write_archive
from models.packed.reduced_copy import reduced_copy
from models.verifier.drawn_bank import FOLDER, write_drawn_bank
from models.verifier.kinds import read_kinds
from models.verifier.material import Material
from models.verifier.mining import mine
from models.verifier.recipe import read_verifier_recipe
from models.workshop import WorkshopError, progress_on_stderr

MOST_MB = 60
MINED = "mined.json"


def pack(data: Path, out: Path, *, recipe: Path, model: str, renders: Path | None = None) -> Path:
    """Write the pack: data and renders reduced, drawn objects, the detector's false boxes.

    recipe: the verifier's, for the drawn objects and the lowest score of a box. model: the
    detector whose boxes in harmless pictures, the reduced ones, are mined.
    """
    from models.evaluation.evaluate import open_model

    if not data.is_dir():
        raise WorkshopError(f"{data}: no such data folder; give it with --data")
    if renders is not None and not renders.is_dir():
        raise WorkshopError(f"{renders}: no such folder; give that of the renders with --renders")
    plan, engine = read_verifier_recipe(recipe), open_model(model, "auto")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f"{out.name}.") as name:
        folder, drawn = Path(name) / "pack", Path(name) / "drawn"
        if renders is None or not (renders / FOLDER).is_dir():
            write_drawn_bank(drawn, plan.crops.drawn_per_kind, plan.seed)
        given = [] if renders is None else [renders]
        reduced_copy(data, [*given, drawn], folder, progress_on_stderr())
        material = Material(folder / "data", plan, read_kinds(), folder / "renders")
        mine(engine, material.harmless, plan.crops.mined_score, folder / MINED)
        write_archive(folder, out)
    size = out.stat().st_size / 1e6
    if size > MOST_MB:
        print(
            f"vigitri: {out} has {size:.0f} MB, more than {MOST_MB}: give fewer --renders",
            file=sys.stderr,
        )
    return out
