"""What `vigitri model verifier …` does: crops, training, export, evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.verifier import evaluation
from models.verifier.answered import answer_folders
from models.verifier.bank import write_bank
from models.verifier.batches import Batches
from models.verifier.card_section import write_section
from models.verifier.crops import build
from models.verifier.drawn_bank import write_drawn_bank
from models.verifier.export import export
from models.verifier.kinds import Kinds, read_kinds
from models.verifier.material import Material
from models.verifier.mining import mine
from models.verifier.pack import Pack
from models.verifier.provenance import BASE, held_out_sources, learned_from
from models.verifier.recipe import VerifierRecipe, read_verifier_recipe
from models.verifier.strip_crops import CropStrip, mine_strips, strips_of, write_strip_bank
from models.verifier.verdicts import HAZARD_NAMES, Verdicts
from models.workshop import WorkshopError

_PROPOSAL_THRESHOLD = 0.05
_SCENES = 80


def build_crops(
    recipe: Path, data: Path, out: Path, *, model: str, renders: Path | None = None
) -> list[Path]:
    """Mine the detector's false boxes and pack all crops. An interrupted run goes on."""
    from models.evaluation.evaluate import open_model

    plan, kinds = read_verifier_recipe(recipe), read_kinds()
    strips = strips_of(renders)
    if renders is not None:
        write_drawn_bank(renders, plan.crops.drawn_per_kind, plan.seed)
        write_strip_bank(renders, strips)
    material = Material(data, plan, kinds, renders)
    out.mkdir(parents=True, exist_ok=True)
    mined, mined_strips = out / "mined.json", out / "mined_strips.json"
    engine = open_model(model, "auto")
    mine(engine, material.harmless, plan.crops.mined_score, mined)
    mine_strips(engine, strips, plan.crops.mined_score, mined_strips)
    return build(
        material, plan, kinds, mined, out,
        strips=strips, mined_strips=mined_strips, answers=answer_folders(renders),
    )  # fmt: skip


def train(
    recipe: Path,
    crops: Path,
    out: Path,
    *,
    minutes: float | None = None,
    threads: int | None = None,
) -> Path:
    """Train on packed crops and export; goes on after the last checkpoint (extra `train`)."""
    from models.verifier import training

    plan, kinds = read_verifier_recipe(recipe), read_kinds()
    batches = Batches(packs_in(crops), kinds, plan.input_px)
    checkpoint = training.train(batches, kinds, plan, out, minutes=minutes, threads=threads)
    return export(checkpoint, plan, kinds, out)


def evaluate(
    recipe: Path, data: Path, crops: Path, folder: Path, *, model: str,
    renders: Path | None = None, out: Path | None = None, write: bool = False,
) -> str:  # fmt: skip
    """Fit the fusion on the tuning side, measure on the held-out one; the report as a page.

    folder: has the verifier's files. model: the detector. write: also the card's section and the
    feature bank, into `folder`, which must then be a model's.
    """
    plan, kinds = read_verifier_recipe(recipe), read_kinds()
    material = Material(data, plan, kinds, renders)
    report = measure(
        plan, kinds, material, crops, folder,
        model=model, data=data if write else None, strips=strips_of(renders),
    )  # fmt: skip
    if out is not None:
        evaluation.write(report, out)
    return evaluation.markdown(report)


def measure(
    plan: VerifierRecipe, kinds: Kinds, material: Material, crops: Path, folder: Path, *,
    model: str, data: Path | None, scenes: int = _SCENES, strips: Sequence[CropStrip] = (),
) -> dict[str, Any]:  # fmt: skip
    """The same report, as figures. data: write feature bank and card, with its licences."""
    from models.evaluation.evaluate import open_model

    engine, packs = open_model(model, "auto"), packs_in(crops)
    verdicts = Verdicts(folder, kinds, plan.input_px, plan.context)
    sets = {
        side: evaluation.verified_sets(
            verdicts,
            evaluation.proposed_sets(engine, material, kinds, side, scenes=scenes, strips=strips),
        )
        for side in ("tuning", "held")
    }
    fusions = evaluation.fitted(sets["tuning"])
    thresholds = [known.threshold for known in engine.card.classes]
    report: dict[str, Any] = {
        "detector": model,
        "fusion": dict(zip(HAZARD_NAMES, (each.model_dump() for each in fusions), strict=True)),
        "pictures": evaluation.compare(sets["held"], fusions, thresholds),
        "crops": evaluation.crop_figures(packs, verdicts, kinds, plan.input_px),
    }
    if data is not None:
        write_bank(packs, verdicts, kinds, plan.input_px, folder)
        write_section(
            folder, plan, kinds, fusions,
            proposal_threshold=dict.fromkeys(HAZARD_NAMES, _PROPOSAL_THRESHOLD),
            made={
                "start_from": BASE, "data": learned_from(data),
                "held_out_sources": held_out_sources(data),
                **{key: report[key] for key in ("pictures", "crops")},
            },
        )  # fmt: skip
    return report


def packs_in(crops: Path) -> list[Pack]:
    """The packs of crops in a folder."""
    paths = [path for path in sorted(crops.glob("*.npz")) if ".part" not in path.name]
    if not paths:
        raise WorkshopError(f"{crops}: no packs of crops; run `vigitri model verifier crops` first")
    return [Pack(path) for path in paths]
