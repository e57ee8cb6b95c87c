"""One stage's training images, written to disk as JPEG and YOLO labels."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from models.data.belt_scenes import belt_scene
from models.data.belt_strips import TracedStrip, read_strips, strip_scene
from models.data.composites import CLOSE_LARGEST_PX, CLOSE_ZOOM, DrawnObjects, Scene, compose
from models.data.drawings import drawings
from models.data.photographs import as_is, at_belt_size, resized
from models.data.sources import (
    BATTERY,
    CLASS_NAMES,
    GAS,
    Photograph,
    Sources,
    belt_frames,
    read_image,
)
from models.data.wide_sources import WideSources, digest
from models.training.recipe import DataRecipe
from models.workshop import Progress, WorkshopError

_MADE_FROM = "made_from.json"
ErrorScore = Callable[[Scene], float]  # error of the last model on a scene
_MINED_FROM = 4  # candidates per image that is kept
_OBJECTS_PX = {"photo": {GAS: (60.0, 330.0)}, "wide": {GAS: (40.0, 400.0), BATTERY: (18.0, 160.0)}}
_USUAL_PX = (34.0, 250.0)


@dataclass(frozen=True)
class _Job:
    """One image to make; `number` and the seed determine all its random draws."""

    kind: str
    number: int
    photograph: Photograph | None = None
    path: Path | None = None

    @property
    def name(self) -> str:
        """Stem of its file names."""
        return f"{self.kind}_{self.number:06d}"


@dataclass(frozen=True)
class _StageImages:
    """Sources and settings of all images of a stage."""

    sources: Sources
    drawn: DrawnObjects
    folder: Path
    seed: int
    image_px: int
    strips: tuple[TracedStrip, ...] = ()
    wide: WideSources | None = None

    def make(self, job: _Job) -> Scene:  # noqa: PLR0911 - one way for each kind
        rng = np.random.default_rng([self.seed, job.number])
        square = (self.image_px, self.image_px)
        if job.kind in ("scene", "free"):
            wanted = False if job.kind == "free" else None
            return compose(rng, self.sources, square, drawn=self.drawn, hazards=wanted)
        if job.kind == "close":
            return compose(
                rng, self.sources, square,
                drawn=self.drawn, zoom=CLOSE_ZOOM, largest_px=CLOSE_LARGEST_PX,
            )  # fmt: skip
        if job.kind == "known":
            assert self.wide is not None
            return belt_scene(rng, self.wide, self.image_px, self.drawn)
        if job.kind in ("strip", "hard"):
            return strip_scene(rng, self.strips, self.image_px)
        if job.photograph is not None and job.kind == "as_is":
            return as_is(job.photograph, round(self.image_px * 1.1))
        if job.photograph is not None:
            boxes = job.photograph.boxes
            label = int(boxes[0, 0]) if len(boxes) else -1
            objects = _OBJECTS_PX[job.kind].get(label, _USUAL_PX)
            return at_belt_size(
                rng, job.photograph, self.sources,
                busy=self.drawn.grounds, size=self.image_px, objects_px=objects,
            )  # fmt: skip
        assert job.path is not None
        frame = Scene(read_image(job.path), np.zeros((0, 5), np.float32))
        return resized(frame, rng.uniform(0.35, 0.75))

    def has(self, job: _Job) -> bool:
        """Whether an earlier, interrupted run has made it."""
        return (self.folder / "labels" / f"{job.name}.txt").is_file()

    def write(self, job: _Job) -> None:
        save(self.make(job), self.folder, job.name)


def save(scene: Scene, folder: Path, name: str) -> None:
    """Write one scene as images/<name>.jpg and labels/<name>.txt.

    If the visible shares are known, visible/<name>.txt has a share in 0..1 for each line of labels.
    """
    height, width = scene.image.shape[:2]
    lines, shares = [], []
    size = np.array([width, height, width, height], np.float64)
    for number, (label, *corners) in enumerate(scene.boxes.tolist()):
        x0, y0, x1, y1 = (np.clip(corners, 0, size) / size).tolist()
        if x1 > x0 and y1 > y0:
            lines.append(
                f"{int(label)} {(x0 + x1) / 2:.6f} {(y0 + y1) / 2:.6f} {x1 - x0:.6f} {y1 - y0:.6f}"
            )
            if scene.visible is not None:
                shares.append(f"{scene.visible[number]:.3f}")
    path = folder / "images" / f"{name}.jpg"
    if not cv2.imwrite(str(path), scene.image, [cv2.IMWRITE_JPEG_QUALITY, 94]):
        raise WorkshopError(f"{path}: cannot be written; is the disk full?")
    if scene.visible is not None:
        (folder / "visible" / f"{name}.txt").write_text("\n".join(shares))
    # Last and atomically: an image with labels is complete, and is not made again.
    draft = folder / "labels" / f"{name}.part"
    draft.write_text("\n".join(lines))
    draft.replace(draft.with_suffix(".txt"))


def copies_of(photograph: Photograph, recipe: DataRecipe) -> float:
    """Average number of belt-size images that a stage makes from a photograph."""
    labels = photograph.boxes[:, 0]
    if GAS in labels:
        return recipe.heap_copies if len(labels) > 2 else recipe.upright_copies
    if BATTERY in labels:
        return recipe.battery_copies if photograph.white else recipe.battery_scene_copies
    return recipe.negative_copies


def _jobs(
    recipe: DataRecipe, sources: Sources, wide: WideSources | None, frames: list[Path], seed: int
) -> list[_Job]:
    rng = np.random.default_rng([seed, 2**31])
    jobs = [
        _Job("close" if number < recipe.close_ups else "scene", number)
        for number in range(recipe.scenes)
    ]
    for photograph in sources.photographs:
        copies = copies_of(photograph, recipe)
        count = int(copies) + int(rng.random() < copies % 1)
        jobs += [_Job("photo", len(jobs) + n, photograph) for n in range(count)]
        jobs += [_Job("as_is", len(jobs) + n, photograph) for n in range(recipe.as_is)]
    if wide is not None:
        for photographs, copies in (
            (wide.photographs, recipe.wide_copies),
            (wide.harmless, recipe.harmless_copies),
        ):
            for photograph in photographs:
                count = int(copies) + int(rng.random() < copies % 1)
                jobs += [_Job("wide", len(jobs) + n, photograph) for n in range(count)]
        jobs += [_Job("known", len(jobs) + n) for n in range(recipe.belt_scenes)]
    for path in frames * recipe.belt_frames:
        jobs.append(_Job("belt", len(jobs), path=path))
    jobs += [_Job("strip", len(jobs) + n) for n in range(recipe.strip_cuts)]
    return jobs


_stages: list[_StageImages] = []  # per worker process


def _init_worker(stage: _StageImages) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends its workers
    cv2.setNumThreads(1)
    _stages.append(stage)


def _write_job(job: _Job) -> None:
    _stages[-1].write(job)


def _write_all(stage: _StageImages, jobs: Iterable[_Job], progress: Progress, workers: int) -> None:
    jobs = list(jobs)
    left = [job for job in jobs if not stage.has(job)]
    done = len(jobs) - len(left)
    if workers <= 1:
        for number, job in enumerate(left, done + 1):
            stage.write(job)
            progress("images", number, len(jobs))
        return
    # Spawn, although it copies the cut-outs: a fork hangs once OpenCV has started its threads.
    with multiprocessing.get_context("spawn").Pool(workers, _init_worker, (stage,)) as pool:
        for number, _ in enumerate(pool.imap_unordered(_write_job, left, chunksize=8), done + 1):
            progress("images", number, len(jobs))


def build(
    recipe: DataRecipe,
    sources: Sources,
    data: Path,
    folder: Path,
    *,
    seed: int,
    image_px: int,
    progress: Progress,
    workers: int = 2,
    variants: int = 24,
    error_score: Callable[[], ErrorScore] | None = None,
    renders: Path | None = None,
    wide: WideSources | None = None,
) -> Path:
    """Make one stage's images under `folder`; returns the dataset YAML that a trainer reads.

    The same seed, recipe and sources give the same images, with any number of workers. Images of an
    interrupted run are kept. error_score: makes the function that scores the previous stage's
    error; of hazard-free scenes and hard strip cuts, those with the largest error are kept.
    renders: folder of path-traced objects, for a recipe with a `rendered_share`, and of traced
    strips in `strips`, for one with `strip_cuts` or `hard_cuts`. wide: for a recipe with `is_wide`.
    Raises `WorkshopError` if the folder contains images made from anything else.
    """
    yaml = folder / "dataset.yaml"
    made_from = _made_from(
        recipe, sources, seed=seed, image_px=image_px, renders=renders, wide=wide
    )
    _refuse_others(folder, made_from)
    if yaml.is_file():
        return yaml
    negatives = [p.read() for p in sources.photographs if not len(p.boxes)]
    drawn = drawings(
        recipe.drawn_share, negatives, seed=seed, variants=variants,
        renders=renders, rendered_share=recipe.rendered_share,
    )  # fmt: skip
    strips = _strips(recipe, renders)
    for part in ("images", "labels", "visible"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / _MADE_FROM).write_text(made_from)
    stage = _StageImages(sources, drawn, folder, seed, image_px, strips, wide)
    jobs = _jobs(recipe, sources, wide, belt_frames(data, held=False), seed)
    _write_all(stage, jobs, progress, workers)
    hard = {"free": recipe.hazard_free, "hard": recipe.hard_cuts}
    if any(hard.values()) and error_score is not None:
        score_error = error_score()
        for kind, keep in hard.items():
            _mine(stage, kind, keep, score_error, progress)
    names = "".join(f"  {index}: {name}\n" for index, name in enumerate(CLASS_NAMES))
    yaml.write_text(f"path: {folder.resolve()}\ntrain: images\nval: images\nnames:\n{names}")
    return yaml


def _made_from(
    recipe: DataRecipe,
    sources: Sources,
    *,
    seed: int,
    image_px: int,
    renders: Path | None,
    wide: WideSources | None,
) -> str:
    """Everything that determines the images, as JSON."""
    facts = {
        "recipe": recipe.model_dump(),
        "seed": seed,
        "image_px": image_px,
        "renders": renders and str(renders.resolve()),
        "photographs": [each.path.name for each in sources.photographs],
        "cutouts": {kind: [each.source for each in of] for kind, of in sources.cutouts.items()},
        "set of labels": labels_digest(sources.photographs),
    }
    if wide is not None:
        facts["wide sources"] = digest(wide)
    return json.dumps(facts, indent=1) + "\n"


def labels_digest(photographs: Iterable[Photograph]) -> str:
    """Digest of all boxes, so that corrected labels are detected."""
    boxes = [[each.path.name, each.boxes.tolist()] for each in photographs]
    return hashlib.sha256(json.dumps(boxes).encode()).hexdigest()


def _refuse_others(folder: Path, made_from: str) -> None:
    """Refuse a folder with images of another recipe, seed or data."""
    path = folder / _MADE_FROM
    if path.is_file():
        now = json.loads(made_from)
        # Folders from before labels were recorded have no digest of them.
        was = {"set of labels": now["set of labels"], **json.loads(path.read_text())}
        changed = [key for key, value in now.items() if was.get(key) != value]
        if changed:
            raise WorkshopError(
                f"{folder}: contains images made with another {' and '.join(changed)}; name "
                "another folder, or delete this one"
            )
    elif any(folder.glob("labels/*")) and not (folder / "dataset.yaml").is_file():
        raise WorkshopError(
            f"{folder}: contains incomplete images of unknown origin; name "
            "another folder, or delete this one"
        )


def _strips(recipe: DataRecipe, renders: Path | None) -> tuple[TracedStrip, ...]:
    wanted = {"strip_cuts": recipe.strip_cuts, "hard_cuts": recipe.hard_cuts}
    if not any(wanted.values()):
        return ()
    if renders is None:
        key, count = next((key, count) for key, count in wanted.items() if count)
        raise WorkshopError(
            f"{key} is {count}: name with --renders a folder that contains traced strips in its "
            "folder strips/"
        )
    return tuple(read_strips(renders / "strips"))


def _mine(
    stage: _StageImages, kind: str, keep: int, error_score: ErrorScore, progress: Progress
) -> None:
    """Keep the images of a kind on which the last stage's model has the largest error."""
    scored: list[tuple[float, int]] = []
    for number in range(10**6, 10**6 + keep * _MINED_FROM):
        scored.append((error_score(stage.make(_Job(kind, number))), number))
        progress("hard images", len(scored), keep * _MINED_FROM)
    for _, number in sorted(scored, reverse=True)[:keep]:
        stage.write(_Job(kind, number))
