"""What a plant does in its first week: learn its own pictures, and lose nothing."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from glob import escape
from pathlib import Path
from typing import Any

from detector.profile.line import DEPLOYED_MODEL
from detector.vision.catalogue import ModelError, ModelFolder, find_model
from models.card import sha256, write_card
from models.data.dataset import build
from models.data.provenance import learned_from
from models.data.site_labels import read_answers, split_by_scene
from models.data.sources import CLASS_NAMES, Photograph, read_photographs, read_sources
from models.evaluation import evaluate
from models.evaluation.comparison import RULES, fallen
from models.evaluation.picture_sets import BELT_SCALE, Looks, at_labelled, photo_set, scene_of
from models.evaluation.thresholds import HOW, operating_thresholds
from models.export.onnx import export_onnx
from models.export.quantise import calibration_pictures, derived
from models.training.averaging import between
from models.training.recipe import Recipe, StageRecipe, read_recipe
from models.training.restore import STOCK, restore
from models.training.stages import quiet_tools, train_stage
from models.training.train import RUNS
from models.workshop import WorkshopError, progress_on_stderr

RECIPE = Path(__file__).parents[1] / "recipes" / "adapt.toml"
ANSWERS = "answers"
REACHES = (1.0, 0.6, 0.35)
"""How far from the old weights to the fine-tuned ones; the first that passes is deployed."""
GETS_BETTER = (
    "on the held-back answers, at their best photograph size, AP50 of the classes labelled there "
    "rises by a point or more, or is 0.98 and does not fall"
)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What an adaptation came to. against: one line for each figure that speaks against it."""

    against: list[str]
    candidate: Path


def run(
    answers: Path,
    data: Path,
    out: Path,
    *,
    model: str = DEPLOYED_MODEL,
    recipe: Path = RECIPE,
    share: float = 0.3,
    runs: Path = RUNS,
    scenes: int = 100,
    resume: bool = False,
    smoke: bool = False,
) -> Verdict:
    """Fine-tune a deployed model on a site's answers; writes `out` only if nothing got worse.

    answers: a YOLO or COCO export. data: the standing data folder, replayed and measured on. share:
    of the answers, how many scenes are held back. The candidate stays in `runs` in any case.
    Raises `WorkshopError` on input that is not usable, one line for each thing.
    """
    plan = read_recipe(recipe)
    labelled = read_answers(answers)
    learned, held = split_by_scene(labelled, share)
    if not any(len(each.boxes) for each in held):
        raise WorkshopError(f"{answers}: none of the held-back pictures has a box; label more")
    if not data.is_dir():
        raise WorkshopError(f"{data}: no such data folder; give it with --data")
    try:
        parent = find_model(model)
    except ModelError as error:
        raise WorkshopError(str(error)) from error
    plan = plan.model_copy(update={"leave_out": (*plan.leave_out, *handed_in(labelled, data))})
    quiet_tools()
    if smoke:
        plan, scenes = plan.shrunk(), 4
    folder = runs / f"{out.resolve().name}-adapt"
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_another_start(folder / "started_from.txt", parent)
    learned = apart_from(held, learned)
    weights = folder / "start.pt"
    adaptation = Adaptation(parent, plan, learned, held, data, scenes)
    if not weights.is_file():
        pictures = calibration_pictures(data, plan.held_back, 24, plan.seed)
        restore(parent.onnx_path, weights, pictures, layout=adaptation.layout)
    for stage in plan.stages:
        weights = _trained(plan, stage, weights, learned, data=data, folder=folder, resume=resume)
    candidate = folder / "candidate"
    return Verdict(adaptation.deploy(folder / "start.pt", weights, candidate, out), candidate)


@dataclasses.dataclass(frozen=True)
class Adaptation:
    """What candidates are made from and held against.

    learned, held: a site's pictures, those learned from and those kept to measure on.
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
        return str(self.parent.card.training.get("architecture", STOCK))

    def deploy(self, start: Path, tuned: Path, candidate: Path, out: Path) -> list[str]:
        """Write `out` with the first sound one of `REACHES`; returns what speaks against the last.

        start, tuned: checkpoints before and after the fine-tuning.
        """
        before = self.seen(f"{self.parent.path.resolve()}/")
        against: list[str] = []
        for reach in REACHES:
            weights = tuned
            if reach < 1:
                between_them = candidate.with_name("between.pt")
                weights = between(start, tuned, reach, between_them, layout=self.layout)
            reports, lines = self.judged(out.resolve().name, weights, candidate, before, reach)
            _tell(candidate, reports, lines)
            if not lines:
                shutil.copytree(candidate, out, dirs_exist_ok=True)
                return []
            against = [f"{line}, at {reach:g} of the way" for line in lines]
        return against

    def seen(self, model: str) -> Looks:
        """What a model folder finds in the held-back answers and the standing sets."""
        engine = evaluate.opened(model)
        sizes = engine.card.input.photo_sizes_px
        looks = at_labelled(
            [scene_of(photograph) for photograph in self.held], engine, ((320,), (512,), sizes)
        )
        mine: Looks = {f"{ANSWERS}_{key}": value for key, value in looks.items()}
        return mine | evaluate.look(engine, self.data, self.plan.held_back, self.scenes, ())

    def judged(
        self, name: str, weights: Path, candidate: Path, old: Looks, reach: float
    ) -> tuple[dict[str, Any], list[str]]:
        """Export and card a candidate; its report beside the parent's, and what speaks against."""
        export = export_onnx(weights, candidate, head="raw")
        facts = {
            "parent": f"{self.parent.card.name} {self.parent.sha256}",
            "answers": f"{len(self.learned)} pictures learned from, {len(self.held)} held back, "
            "by scene",
            "reach": f"{reach:g} of the way from the parent's weights to the fine-tuned ones",
        }
        draft = derived(self.parent.card, name, facts=facts)
        site = f"a site's own labelled pictures, {len(self.learned)}: theirs, not redistributed"
        data = (*draft.data, *learned_from(self.plan, self.data), site)
        draft = dataclasses.replace(draft, data=tuple(dict.fromkeys(data)))
        write_card(candidate, draft)
        new = self.seen(f"{candidate.resolve()}/")
        standing = {key: value for key, value in new.items() if not key.startswith(ANSWERS)}
        thresholds = operating_thresholds(standing, draft.photo_sizes_px)
        was = self.parent.card
        reports = {
            was.name: evaluate.judge(was.name, old, [known.threshold for known in was.classes]),
            draft.name: evaluate.judge(draft.name, new, thresholds),
        }
        before, after = (report["sets"] for report in reports.values())
        against = _not_better(before, after) + fallen(before, after, "interval", list(standing))
        metrics = {
            "how": evaluate.HOW,
            "thresholds": HOW,
            "deployed_if": f"{GETS_BETTER}; {RULES['interval']}",
            "export": export.metrics(),
            **evaluate.for_card(reports[draft.name], photo_set(draft.photo_sizes_px)),
        }
        write_card(candidate, dataclasses.replace(draft, thresholds=thresholds, metrics=metrics))
        return reports, against


def handed_in(answers: tuple[Photograph, ...], data: Path) -> list[str]:
    """Names of the standing photographs that are among the answers, byte for byte.

    Replayed, they would teach what is held back to be measured on.
    """
    digests = {sha256(each.path) for each in answers}
    return [
        escape(p.path.stem) for p in read_photographs(data, "train") if sha256(p.path) in digests
    ]


def apart_from(
    held: tuple[Photograph, ...], learned: tuple[Photograph, ...]
) -> tuple[Photograph, ...]:
    """Without those that are held back too, byte for byte, under another name."""
    digests = {sha256(each.path) for each in held}
    return tuple(each for each in learned if sha256(each.path) not in digests)


def _refuse_another_start(note: Path, parent: ModelFolder) -> None:
    """What was begun from one model does not go on from another. Raises `WorkshopError`."""
    if note.is_file() and note.read_text(encoding="utf-8") != parent.sha256:
        raise WorkshopError(
            f"{note.parent}: was begun from another model than {parent.card.name}; leave out "
            "--resume, or name the one that it was begun from with --model"
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
    """One stage over replayed standing data and the answers, each `answer_copies` times."""
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


def _tell(candidate: Path, reports: dict[str, dict[str, Any]], against: list[str]) -> None:
    verdict = "\n".join(f"- {line}" for line in against) or "Nothing got worse."
    page = f"# Old and new\n\n{evaluate.HOW}\n\n{evaluate.table(reports)}\n\n{verdict}\n"
    (candidate / "comparison.md").write_text(page)
    document = {"against": against, "reports": reports}
    (candidate / "comparison.json").write_text(json.dumps(document, indent=1) + "\n")
    print(evaluate.table(reports), file=sys.stderr)
