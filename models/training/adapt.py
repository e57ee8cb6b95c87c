"""Adapt a deployed model to a site's own images without losing recall elsewhere."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Mapping
from glob import escape
from pathlib import Path
from typing import Any

from detector.adaptation.scenes import copies_of, split_by_scene
from detector.profile.line import DEPLOYED_MODEL
from detector.vision.catalogue import ModelError, ModelFolder, find_model, sha256, write_card
from models.card import derived, evaluated
from models.data.dataset import build
from models.data.provenance import learned_from
from models.data.site_labels import read_answers
from models.data.sources import CLASS_NAMES, Photograph, read_photographs, read_sources
from models.evaluation import evaluate
from models.evaluation.comparison import RULES, regressions
from models.evaluation.image_sets import BELT_SCALE, SetResults, at_labelled, photo_set, scene_of
from models.evaluation.thresholds import HOW, operating_thresholds
from models.export.onnx import export_onnx
from models.export.quantise import calibration_images
from models.training.averaging import interpolated
from models.training.recipe import Recipe, StageRecipe, read_recipe
from models.training.restore import STOCK, restore
from models.training.stages import quiet_tools, train_stage
from models.training.train import RUNS
from models.workshop import WorkshopError, progress_on_stderr

RECIPE = Path(__file__).parents[1] / "recipes" / "adapt.toml"
ANSWERS = "answers"
REACHES = (1.0, 0.6, 0.35)
"""Shares of the step from the old weights to the fine-tuned ones; the first that passes is
deployed."""
GETS_BETTER = (
    "on the held-back answers, at their best photograph size, AP50 of the classes labelled there "
    "rises by a point or more, or is 0.98 and does not fall"
)


@dataclasses.dataclass(frozen=True)
class AdaptationResult:
    """The result of an adaptation. against: one line for each figure against it. left_out: as of
    `LabelledImages`."""

    against: list[str]
    candidate: Path
    left_out: tuple[str, ...]


def run(
    answers: Path,
    data: Path,
    out: Path,
    *,
    model: str = DEPLOYED_MODEL,
    recipe: Path = RECIPE,
    renamed: Mapping[str, str] | None = None,
    share: float = 0.3,
    runs: Path = RUNS,
    scenes: int = 100,
    resume: bool = False,
) -> AdaptationResult:
    """Fine-tune a deployed model on a site's answers; writes `out` only if nothing is worse.

    answers: a YOLO or COCO export. data: the base data folder, for replay and evaluation. share:
    share of the answers' scenes to hold back. renamed: classes of the export and what they are
    called here. The candidate always stays in `runs`.
    Raises `WorkshopError` on unusable input, with one line per mistake.
    """
    plan = read_recipe(recipe)
    export = read_answers(answers, renamed)
    labelled = export.photographs
    for line in export.noted:
        print(line)
    for line in export.left_out:
        print(f"vigitri: left out: {line}", file=sys.stderr)
    learned, held = split_by_scene(labelled, share)
    if not any(len(each.boxes) for each in held):
        raise WorkshopError(f"{answers}: none of the held-back images has a box; label more")
    if not data.is_dir():
        raise WorkshopError(f"{data}: no such data folder; give it with --data")
    try:
        parent = find_model(model)
    except ModelError as error:
        raise WorkshopError(str(error)) from error
    plan = plan.model_copy(
        update={"leave_out": (*plan.leave_out, *names_of_copies(labelled, data))}
    )
    quiet_tools()
    folder = runs / f"{out.resolve().name}-adapt"
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_another_start(folder / "started_from.txt", parent)
    copies = copies_of(held, learned)
    learned = tuple(each for each in learned if each not in copies)
    weights = folder / "start.pt"
    adaptation = Adaptation(parent, plan, learned, held, data, scenes)
    if not weights.is_file():
        images = calibration_images(data, plan.held_back, 24, plan.seed)
        restore(parent.onnx_path, weights, images, layout=adaptation.layout)
    for stage in plan.stages:
        weights = _trained(plan, stage, weights, learned, data=data, folder=folder, resume=resume)
    candidate = folder / "candidate"
    return AdaptationResult(
        adaptation.deploy(folder / "start.pt", weights, candidate, out),
        candidate,
        export.left_out,
    )


@dataclasses.dataclass(frozen=True)
class Adaptation:
    """Makes candidates and compares them with the parent.

    learned, held: a site's images for training, and those held back for evaluation.
    """

    parent: ModelFolder
    plan: Recipe
    learned: tuple[Photograph, ...]
    held: tuple[Photograph, ...]
    data: Path
    scenes: int

    @property
    def layout(self) -> str:
        """The parent's architecture."""
        return self.parent.card.training.architecture or STOCK

    def deploy(self, start: Path, tuned: Path, candidate: Path, out: Path) -> list[str]:
        """Write `out` with the first acceptable of `REACHES`; returns reasons against the last.

        start, tuned: checkpoints before and after the fine-tuning.
        """
        before = self.detect(f"{self.parent.path.resolve()}/")
        against: list[str] = []
        for reach in REACHES:
            weights = tuned
            if reach < 1:
                mixed = candidate.with_name("between.pt")
                weights = interpolated(start, tuned, reach, mixed, layout=self.layout)
            reports, lines = self.compare(out.resolve().name, weights, candidate, before, reach)
            _write_comparison(candidate, reports, lines)
            if not lines:
                shutil.copytree(candidate, out, dirs_exist_ok=True)
                return []
            against = [f"{line}, at {reach:g} of the step" for line in lines]
        return against

    def detect(self, model: str) -> SetResults:
        """Detections of a model folder on the held-back answers and the base sets."""
        engine = evaluate.open_model(model)
        sizes = engine.card.input.photo_sizes_px
        results = at_labelled(
            [scene_of(photograph) for photograph in self.held], engine, ((320,), (512,), sizes)
        )
        mine: SetResults = {f"{ANSWERS}_{key}": value for key, value in results.items()}
        return mine | evaluate.detect_on_sets(
            engine, self.data, self.plan.held_back, self.scenes, ()
        )

    def compare(
        self, name: str, weights: Path, candidate: Path, old: SetResults, reach: float
    ) -> tuple[dict[str, Any], list[str]]:
        """Export a candidate with its card; returns both models' reports, reasons against it."""
        export = export_onnx(weights, candidate, head="raw")
        site = f"a site's own labelled images, {len(self.learned)}: the site's, not redistributed"
        draft = derived(
            candidate,
            self.parent,
            name,
            [*learned_from(self.plan, self.data), site],
            answers=f"{len(self.learned)} images for training, {len(self.held)} held back, "
            "by scene",
            reach=f"{reach:g} of the step from the parent's weights to the fine-tuned ones",
        )
        write_card(candidate, draft)
        new = self.detect(f"{candidate.resolve()}/")
        base = {key: value for key, value in new.items() if not key.startswith(ANSWERS)}
        thresholds = operating_thresholds(base, draft.input.photo_sizes_px)
        was = self.parent.card
        reports = {
            was.name: evaluate.build_report(
                was.name, old, [known.threshold for known in was.classes]
            ),
            draft.name: evaluate.build_report(draft.name, new, thresholds),
        }
        before, after = (report["sets"] for report in reports.values())
        against = _not_better(before, after) + regressions(before, after, "interval", list(base))
        metrics = {
            "how": evaluate.HOW,
            "thresholds": HOW,
            "deployed_if": f"{GETS_BETTER}; {RULES['interval']}",
            "export": export.metrics(),
            **evaluate.for_card(reports[draft.name], photo_set(draft.input.photo_sizes_px)),
        }
        write_card(candidate, evaluated(draft, thresholds, metrics))
        return reports, against


def names_of_copies(answers: tuple[Photograph, ...], data: Path) -> list[str]:
    """Names of the base photographs that are identical to an answer, byte for byte.

    Replaying them would train on images held back for evaluation.
    """
    digests = {sha256(each.path) for each in answers}
    return [
        escape(p.path.stem) for p in read_photographs(data, "train") if sha256(p.path) in digests
    ]


def _refuse_another_start(note: Path, parent: ModelFolder) -> None:
    """Refuse to resume from another model than at the start. Raises `WorkshopError`."""
    if note.is_file() and note.read_text(encoding="utf-8") != parent.sha256:
        raise WorkshopError(
            f"{note.parent}: started from another model than {parent.card.name}; leave out "
            "--resume, or name the original model with --model"
        )
    note.write_text(parent.sha256, encoding="utf-8")


def _trained(
    plan: Recipe,
    stage: StageRecipe,
    start: Path,
    learned: tuple[Photograph, ...],
    *,
    data: Path,
    folder: Path,
    resume: bool,
) -> Path:
    """Train one stage on replayed base data and the answers, each `answer_copies` times."""
    sources = read_sources(data, plan.held_back, held=False, leave_out=plan.leave_out)
    mixed = dataclasses.replace(
        sources, photographs=sources.photographs + learned * stage.data.answer_copies
    )
    yaml = build(
        stage.data, mixed, data, folder / stage.name / "data",
        seed=plan.seed, image_px=plan.image_px, variants=24 if plan.image_px > 200 else 1,
        progress=progress_on_stderr(),
    )  # fmt: skip
    return train_stage(plan, stage, start, yaml, folder, resume=resume)


def _not_better(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    lines = []
    keys = [key for key in before if key.startswith(ANSWERS) and not key.endswith(BELT_SCALE)]
    for name in CLASS_NAMES:
        if not before[keys[0]][name]["boxes"]:
            continue
        old, new = (max(sets[key][name]["ap50"] for key in keys) for sets in (before, after))
        if new < old + 0.01 - 5e-4 and not (new >= old and new >= 0.98):
            lines.append(f"held-back answers, {name}: AP50 {old:.3f} -> {new:.3f}, no better")
    return lines


def _write_comparison(
    candidate: Path, reports: dict[str, dict[str, Any]], against: list[str]
) -> None:
    verdict = "\n".join(f"- {line}" for line in against) or "Nothing is worse."
    page = f"# Old and new\n\n{evaluate.HOW}\n\n{evaluate.table(reports)}\n\n{verdict}\n"
    (candidate / "comparison.md").write_text(page)
    document = {"against": against, "reports": reports}
    (candidate / "comparison.json").write_text(json.dumps(document, indent=1) + "\n")
    print(evaluate.table(reports), file=sys.stderr)
