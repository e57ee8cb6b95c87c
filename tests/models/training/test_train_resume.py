"""A killed training resumes; needs the train extra."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from models.data.dataset import build
from models.data.sources import Sources
from models.training.recipe import DataRecipe

SCRIPT = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from models.training.recipe import Recipe
from models.training.stages import quiet_tools, train_stage
quiet_tools()
from ultralytics import YOLO
from ultralytics.utils import callbacks

folder, resume = Path(sys.argv[1]), sys.argv[2] == "resume"
callbacks.default_callbacks["on_model_save"].append(lambda _: print("\\nSAVED", flush=True))
recipe = Recipe.model_validate({
    "name": "killed", "version": 1, "start_from": "start.pt", "seed": 1, "image_px": 64, "batch": 2,
    "stages": [{"name": "one", "epochs": 3, "lr": 1e-4, "lr_end": 1e-5, "mosaic": 0,
                "mosaic_off_epochs": 0, "data": {"scenes": 4}}],
})
start = folder / "start.pt"
if not start.is_file():
    YOLO("yolo26n.yaml", task="detect").save(start)
print(train_stage(recipe, recipe.stages[0], start, folder / "data" / "dataset.yaml", folder,
                  resume=resume))
"""


def _started(folder: Path, how: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[3]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), how],
        cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@pytest.mark.timeout(600)
def test_a_training_killed_after_an_epoch_resumes_with_the_next(
    data: Path, sources: Sources, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("ultralytics")
    none = ("heap", "upright", "battery", "battery_scene", "negative")
    recipe = DataRecipe.model_validate(
        {"scenes": 4, "as_is": 0, "belt_frames": 0, **{f"{each}_copies": 0 for each in none}}
    )
    made = tmp_path / "data"
    build(recipe, sources, data, made, seed=1, image_px=64, progress=lambda *_: None, workers=1)
    with _started(tmp_path, "fresh") as first:
        assert first.stdout is not None
        assert any(line.strip() == "SAVED" for line in first.stdout), (
            "ended before an epoch was saved"
        )
        first.kill()
    assert not (tmp_path / "one" / "done").exists()
    with _started(tmp_path, "resume") as second:
        output, _ = second.communicate()
    assert second.returncode == 0, output
    assert output.count("SAVED") < 3, "started from the beginning"
    assert (tmp_path / "one" / "done").exists()
    with (tmp_path / "one" / "results.csv").open(newline="") as file:
        epochs = [int(float(row["epoch"])) for row in csv.DictReader(file)]
    assert epochs[-1] == 3
    assert epochs == sorted(epochs)
