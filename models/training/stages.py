"""One training stage with ultralytics, resumable from its last epoch."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

# Before ultralytics imports onnxruntime: this turns its telemetry off.
from detector.cores import available_cores
from detector.vision import onnx_runtime  # noqa: F401
from models.training.recipe import Recipe, StageRecipe
from models.workshop import WorkshopError


def quiet_tools() -> None:
    """Keep ultralytics from phoning home, installing packages and writing to the user's folders.

    Must run before its first import, which reads these variables.
    """
    os.environ["YOLO_OFFLINE"] = "true"
    os.environ["YOLO_AUTOINSTALL"] = "false"
    if "YOLO_CONFIG_DIR" not in os.environ:  # its settings would go below the home folder
        os.environ["YOLO_CONFIG_DIR"] = tempfile.mkdtemp(prefix="vigitri-ultralytics-")
        atexit.register(shutil.rmtree, os.environ["YOLO_CONFIG_DIR"], ignore_errors=True)
    os.environ.setdefault("WANDB_MODE", "disabled")
    # Threads that wait actively for each other lose their turn to other processes: on two cores
    # beside six other jobs a step took 15 s, waiting passively 2 s.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch  # noqa: F401
        import ultralytics
    except ImportError as error:
        raise WorkshopError(
            f"training needs the train extra ({error.name} is missing): pip install '.[train]'"
        ) from error
    ultralytics.settings.update({"sync": False})


def train_stage(
    recipe: Recipe, stage: StageRecipe, start: Path, dataset: Path, folder: Path, *, resume: bool
) -> Path:
    """Train one stage; returns the averaged weights, `<folder>/<stage>/weights/last.pt`.

    A finished stage (with the file `done`) is not trained again when resuming.
    """
    last = folder / stage.name / "weights" / "last.pt"
    done = folder / stage.name / "done"
    if resume and done.is_file() and last.is_file():
        return last
    done.unlink(missing_ok=True)
    quiet_tools()
    import torch

    from models.training.bfloat import on_batch_start, stop_after, trainer_class
    from models.training.device import accelerator

    device = accelerator()

    # Adam's second moments of dead channels sink below 1e-38, where a CPU computes up to a hundred
    # times slower: a step took 8 s instead of 1.4. Threads inherit the setting, so it must be set
    # before torch starts its own.
    torch.set_flush_denormal(True)
    settings: dict[str, Any] = {
        "model": str(start),
        "data": str(dataset),
        "imgsz": recipe.image_px,
        "batch": recipe.batch,
        "nbs": recipe.batch,  # a step per batch; the default of 64 accumulates four
        "epochs": stage.epochs,
        "device": "0" if device == "cuda" else device,
        "workers": 1 if device == "cpu" else min(8, available_cores()),
        "optimizer": "AdamW",
        "lr0": stage.lr,
        "lrf": stage.lr_end / stage.lr,
        "weight_decay": 5e-4,
        "warmup_epochs": 0.0 if stage.minutes else min(0.15, 0.05 * stage.epochs),
        "warmup_bias_lr": stage.lr,
        "mosaic": stage.mosaic,
        "close_mosaic": stage.mosaic_off_epochs,
        "scale": stage.scale,
        "translate": 0.1,
        "fliplr": 0.5,
        "flipud": 0.5,
        "hsv_h": 0.03,
        "hsv_s": 0.5,
        "hsv_v": 0.35,
        "amp": False,  # on CPU models.training.bfloat autocasts; ultralytics' own check wants CUDA
        "val": False,
        "plots": False,
        "seed": recipe.seed,
        "deterministic": False,
        "project": str(folder.resolve()),
        "name": stage.name,
        "exist_ok": True,
        "freeze": stage.frozen or None,
        "time": stage.minutes and stage.minutes / 60,
    }
    if resume and last.is_file():
        settings = {**settings, "model": str(last), "resume": str(last)}
    trainer = trainer_class(one_to_one=recipe.head == "end2end")(overrides=settings)
    trainer.add_callback("on_train_batch_start", on_batch_start(stage))
    trainer.add_callback("on_fit_epoch_end", stop_after(stage))
    trainer.train()
    if not last.is_file():
        raise WorkshopError(f"{last}: the stage {stage.name} wrote no weights")
    done.touch()
    return last
