"""`vigitri model train-packed`: proposer and verifier from a packed data file, one after the other.

Each step leaves its result in the folder, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from detector.cores import available_cores
from detector.vision.catalogue import CATALOGUE, find_model
from models.evaluation import proposal_thresholds
from models.export.quantise import calibration_images
from models.packed.archive import unpack
from models.packed.packing import MINED
from models.training import train
from models.training.device import accelerator
from models.training.recipe import Recipe, read_recipe
from models.training.restore import STOCK, restore
from models.training.stages import quiet_tools
from models.verifier import crops, evaluation
from models.verifier.batches import Batches
from models.verifier.commands import measure, packs_in
from models.verifier.export import FEATURES, HEAD, TOLERANCE, export
from models.verifier.kinds import read_kinds
from models.verifier.material import Material
from models.verifier.recipe import VerifierRecipe, read_verifier_recipe
from models.workshop import WorkshopError, progress_on_stderr

_PROPOSER_SHARE = 0.4
"""Of the time for both trainings."""
_SCENES, _SMOKE_SCENES = 80, 4
_SMOKE_SHARE = 20
"""A smoke run looks at one picture of this number."""
_SMOKE_TOLERANCE = 0.2
"""After a few steps the features hardly spread: float16 shows more."""


@dataclass(frozen=True)
class PackedRun:
    """One folder in which both are trained. minutes: limit of both trainings together."""

    out: Path
    proposer: Path
    """Recipe."""
    verifier: VerifierRecipe
    minutes: float | None
    smoke: bool

    @property
    def data(self) -> Path:
        return self.out / "unpacked" / "data"

    @property
    def crops(self) -> Path:
        return self.out / "crops"

    @property
    def renders(self) -> Path:
        return self.out / "unpacked" / "renders"

    def material(self) -> Material:
        """What crops are made of; in a smoke run, of few pictures."""
        material = Material(self.data, self.verifier, read_kinds(), self.renders)
        if self.smoke:
            material.labelled = material.labelled[::_SMOKE_SHARE]
            material.harmless = material.harmless[::_SMOKE_SHARE]
        return material


def train_packed(
    pack: Path,
    out: Path,
    *,
    recipe: Path,
    verifier_recipe: Path,
    weights: Path | None = None,
    minutes: float | None = None,
    smoke: bool = False,
) -> Path:
    """Train both and write the model folder `out/model`, which is returned.

    weights: the proposer's first checkpoint, or its folder; None: rebuilt from the model of the
    catalogue that the recipe names. minutes: limit of both trainings together; without one, the
    recipes' own. Raises `WorkshopError`, one line on what is missing or wrong.
    """
    plan, verifier = read_recipe(recipe), read_verifier_recipe(verifier_recipe)
    for stage in plan.stages:
        if stage.data.strip_cuts or stage.data.hard_cuts:
            raise WorkshopError(
                f"{recipe}: stage {stage.name} cuts images from whole strips, of which a pack has "
                "the objects only; train it with `vigitri model train --renders`"
            )
    quiet_tools()
    run = PackedRun(out, recipe, verifier.shrunk() if smoke else verifier, minutes, smoke)
    digest = unpack(pack, out / "unpacked", progress_on_stderr())
    _refuse_another_start(
        out / "made_from.json",
        {
            "pack": digest, "recipe": plan.model_dump(mode="json"),
            "verifier's recipe": run.verifier.model_dump(mode="json"), "smoke": smoke,
        },
    )  # fmt: skip
    with _crops_meanwhile(run):
        proposer = _proposer(run, plan, weights)
    return _joined(run, proposer, _verifier(run))


@contextmanager
def _crops_meanwhile(run: PackedRun) -> Iterator[None]:
    """Make the verifier's crops in another process while an accelerator trains the proposer; on a
    CPU each would take the other's time. What it does not finish, `_verifier` makes."""
    if accelerator() == "cpu":
        yield
        return
    process = get_context("spawn").Process(target=_make_crops, args=(run,), daemon=True)
    process.start()
    try:
        yield
    except BaseException:
        process.terminate()
        raise
    finally:
        process.join()


def _make_crops(run: PackedRun) -> None:
    mined = run.out / "unpacked" / MINED
    crops.build(run.material(), run.verifier, read_kinds(), mined, run.crops)


def _refuse_another_start(path: Path, facts: dict[str, object]) -> None:
    """Steps of two recipes or packs in one folder would be mixed."""
    if path.is_file():
        was = json.loads(path.read_text())
        changed = [key for key, value in facts.items() if was.get(key) != value]
        if changed:
            raise WorkshopError(
                f"{path.parent}: was begun with another {' and '.join(changed)}; name another "
                "folder with -o, or delete this one"
            )
        return
    path.write_text(json.dumps(facts, indent=1) + "\n")


def _proposer(run: PackedRun, plan: Recipe, weights: Path | None) -> Path:
    """The model folder of the proposer, with its proposal thresholds."""
    done = run.out / "proposer"
    if not done.is_dir():
        partial = run.out / "proposer.part"
        train.run(
            run.proposer, run.data, weights or _restored(run, plan), partial,
            resume=True, smoke=run.smoke, runs=run.out / "runs", renders=run.renders,
            minutes=run.minutes and run.minutes * _PROPOSER_SHARE, workers=available_cores(),
        )  # fmt: skip
        proposal_thresholds.run(f"{partial.resolve()}/", run.data)
        partial.replace(done)
    return done


def _restored(run: PackedRun, plan: Recipe) -> Path:
    """The folder of a recipe's first checkpoint, rebuilt from that model of the catalogue."""
    name = Path(plan.start_from).stem
    folder = run.out / "runs"
    path = folder / plan.start_from
    if not path.is_file() and (CATALOGUE / name / "card.toml").is_file():
        model = find_model(name)
        images = calibration_images(run.data, plan.held_back, 24, plan.seed)
        layout = model.card.training.architecture or STOCK
        partial = restore(model.onnx_path, folder / f"{name}.part.pt", images, layout=layout)
        partial.replace(path)
    return folder


def _verifier(run: PackedRun) -> Path:
    """The folder with the verifier's files."""
    from models.verifier import training

    folder = run.out / "runs" / "verifier"
    if not (folder / "done").is_file():
        kinds, plan = read_kinds(), run.verifier
        _make_crops(run)
        batches = Batches(packs_in(run.crops), kinds, plan.input_px)
        minutes = run.minutes and run.minutes * (1 - _PROPOSER_SHARE)
        checkpoint = training.train(batches, kinds, plan, folder, minutes=minutes)
        tolerance = _SMOKE_TOLERANCE if run.smoke else TOLERANCE
        export(checkpoint, plan, kinds, folder, tolerance=tolerance)
        (folder / "done").touch()
    return folder


def _joined(run: PackedRun, proposer: Path, verifier: Path) -> Path:
    """Both as one model, whose fusion and figures are of the reduced pictures."""
    model = run.out / "model"
    if not model.is_dir():
        partial = run.out / "model.part"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(proposer, partial)
        for name in (FEATURES, HEAD):
            shutil.copy(verifier / name, partial / name)
        report = measure(
            run.verifier, read_kinds(), run.material(), run.crops, partial,
            model=f"{partial.resolve()}/", data=run.data,
            scenes=_SMOKE_SCENES if run.smoke else _SCENES,
        )  # fmt: skip
        evaluation.write({**report, "detector": f"{model}/"}, run.out)
        partial.replace(model)
    return model
