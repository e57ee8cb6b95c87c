import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.composites import Scene
from models.data.dataset import build, save
from models.data.sources import Sources, read_labels
from models.data.wide_sources import WideSources, read_wide
from models.training.recipe import DataRecipe
from models.workshop import WorkshopError

RECIPE = DataRecipe(
    scenes=4, close_ups=1, heap_copies=1, upright_copies=1, battery_copies=1,
    battery_scene_copies=1, negative_copies=1, as_is=1, belt_frames=1,
)  # fmt: skip


def _silent(_what: str, _done: int, _total: int) -> None:
    return


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*/*"))}


def test_a_dataset_is_the_same_with_any_number_of_workers(
    data: Path, sources: Sources, tmp_path: Path
) -> None:
    for workers in (1, 2):
        build(RECIPE, sources, data, tmp_path / str(workers),
              seed=4, image_px=96, progress=_silent, workers=workers)  # fmt: skip
    one, two = _files(tmp_path / "1"), _files(tmp_path / "2")
    assert one == two
    assert len(one) == 2 * (4 + 3 + 3 + 8)


def test_every_image_has_a_readable_label_file(
    data: Path, sources: Sources, tmp_path: Path
) -> None:
    yaml = build(RECIPE, sources, data, tmp_path, seed=5, image_px=96, progress=_silent, workers=1)
    assert "0: gas_canister\n  1: battery" in yaml.read_text()
    images = sorted((tmp_path / "images").glob("*.jpg"))
    assert images
    for image in images:
        read_labels(tmp_path / "labels" / f"{image.stem}.txt")


def test_hazard_free_scenes_with_the_highest_errors_are_kept(
    data: Path, sources: Sources, tmp_path: Path
) -> None:
    fired: list[float] = []

    def by_brightness(scene: Scene) -> float:
        fired.append(float(np.mean(scene.image)))
        return fired[-1]

    recipe = RECIPE.model_copy(update={"hazard_free": 2})
    build(recipe, sources, data, tmp_path, seed=6, image_px=96, progress=_silent, workers=1,
          error_score=lambda: by_brightness)  # fmt: skip
    brightest = sorted(range(8), key=lambda n: -fired[n])[:2]
    kept = {int(path.stem.removeprefix("free_")) for path in tmp_path.glob("images/free_*.jpg")}
    assert kept == {10**6 + n for n in brightest}


def test_labels_of_scenes_carry_visibility(data: Path, sources: Sources, tmp_path: Path) -> None:
    build(RECIPE, sources, data, tmp_path, seed=7, image_px=96, progress=_silent, workers=1)
    names = sorted(path.name for path in (tmp_path / "visible").iterdir())
    assert len(names) == RECIPE.scenes
    for name in names:
        shares = (tmp_path / "visible" / name).read_text().split()
        assert len(shares) == len(read_labels(tmp_path / "labels" / name))
        assert all(0 < float(share) <= 1 for share in shares)


def test_a_wide_recipe_adds_scenes_of_known_scale_photographs_and_harmless_pictures(
    data: Path, wide_data: Path, sources: Sources, wide: WideSources, tmp_path: Path
) -> None:
    recipe = RECIPE.model_copy(
        update={"belt_scenes": 5, "wide_copies": 2.0, "harmless_copies": 1.0}
    )

    def make(of: WideSources) -> None:
        build(recipe, sources, data, tmp_path, seed=4, image_px=96, progress=_silent, workers=1,
              wide=of)  # fmt: skip

    make(wide)
    assert len(list(tmp_path.glob("images/known_*.jpg"))) == 5
    assert len(list(tmp_path.glob("images/wide_*.jpg"))) == 2 * 1 + 2
    with pytest.raises(WorkshopError, match="made with another wide sources; name another"):
        make(read_wide(wide_data, 0.3, held=True))


class _StoppedError(Exception):
    pass


def test_an_interrupted_build_resumes_and_makes_the_same_images(
    data: Path, sources: Sources, tmp_path: Path
) -> None:
    def stop(_what: str, done: int, _total: int) -> None:
        if done == 5:
            raise _StoppedError

    progress: list[int] = []
    halves, whole = tmp_path / "halves", tmp_path / "whole"
    with pytest.raises(_StoppedError):
        build(RECIPE, sources, data, halves, seed=4, image_px=96, progress=stop, workers=1)
    build(RECIPE, sources, data, halves, seed=4, image_px=96, workers=1,
          progress=lambda _what, done, _total: progress.append(done))  # fmt: skip
    assert progress[0] == 6
    build(RECIPE, sources, data, whole, seed=4, image_px=96, progress=_silent, workers=1)
    assert _files(halves) == _files(whole)


def test_images_of_another_recipe_or_seed_are_neither_used_nor_overwritten(
    data: Path, sources: Sources, tmp_path: Path
) -> None:
    build(RECIPE, sources, data, tmp_path, seed=4, image_px=96, progress=_silent, workers=1)
    before = _files(tmp_path)
    other = RECIPE.model_copy(update={"scenes": 5})
    for recipe, seed, changed in ((RECIPE, 5, "another seed"), (other, 4, "another recipe")):
        with pytest.raises(WorkshopError, match=f"made with {changed}; name another folder"):
            build(recipe, sources, data, tmp_path, seed=seed, image_px=96, progress=_silent)
    assert _files(tmp_path) == before
    (tmp_path / "made_from.json").unlink()
    (tmp_path / "dataset.yaml").unlink()
    with pytest.raises(WorkshopError, match="incomplete images of unknown origin"):
        build(RECIPE, sources, data, tmp_path, seed=4, image_px=96, progress=_silent)


def test_images_with_outdated_labels_are_not_used(
    data: Path, sources: Sources, tmp_path: Path
) -> None:
    build(RECIPE, sources, data, tmp_path, seed=4, image_px=96, progress=_silent, workers=1)
    first, *rest = sources.photographs
    corrected = dataclasses.replace(first, boxes=np.array([[1, 0.1, 0.1, 0.2, 0.2]], np.float32))
    now = dataclasses.replace(sources, photographs=(corrected, *rest))
    with pytest.raises(WorkshopError, match="made with another set of labels; name another folder"):
        build(RECIPE, now, data, tmp_path, seed=4, image_px=96, progress=_silent)


def test_an_image_that_could_not_be_written_has_no_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    monkeypatch.setattr(cv2, "imwrite", lambda *_: False)
    scene = Scene(np.zeros((8, 8, 3), np.uint8), np.zeros((0, 5), np.float32))
    with pytest.raises(WorkshopError, match="cannot be written; is the disk full"):
        save(scene, tmp_path, "one")
    assert not list((tmp_path / "labels").iterdir())
