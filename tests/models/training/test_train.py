import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from models.evaluation import evaluate
from models.export.onnx import export_onnx
from models.training import bfloat, train
from models.training.bfloat import cosine
from models.training.recipe import read_recipe
from models.workshop import WorkshopError

FIRST = Path(__file__).parents[3] / "models" / "recipes" / "first.toml"


def test_a_missing_data_folder_is_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="no such data folder; give it with --data"):
        train.run(FIRST, tmp_path / "none", tmp_path, tmp_path / "out")


def test_the_error_for_missing_weights_names_the_recipe_s_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match=r"the recipe starts from baseline_b\.pt"):
        train.run(FIRST, tmp_path, tmp_path, tmp_path / "out")


def test_the_error_without_the_train_extra_has_the_command_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "baseline_b.pt").touch()
    with pytest.raises(WorkshopError, match=r"torch is missing\): pip install '\.\[train\]'"):
        train.run(FIRST, tmp_path, tmp_path, tmp_path / "out")
    with pytest.raises(WorkshopError, match="train extra"):
        export_onnx(tmp_path / "baseline_b.pt", tmp_path)


def test_exporting_a_missing_checkpoint_is_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="no such checkpoint"):
        export_onnx(tmp_path / "none.pt", tmp_path)


def test_evaluating_a_folder_without_a_model_is_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match=r"card\.toml"):
        evaluate.run(f"{tmp_path}/", tmp_path)


def test_the_learning_rate_follows_a_half_cosine() -> None:
    stage = read_recipe(FIRST).stages[0]
    assert cosine(stage, 0, 100) == pytest.approx(stage.lr)
    assert cosine(stage, 50, 100) == pytest.approx((stage.lr + stage.lr_end) / 2)
    assert cosine(stage, 100, 100) == cosine(stage, 120, 100) == pytest.approx(stage.lr_end)


class _Trainer:
    def __init__(self) -> None:
        self.train_time_start = 1000.0
        self.epoch, self.stop = 0, False
        self.train_loader = range(1000)
        self.optimizer = SimpleNamespace(param_groups=[{"lr": 0.0}, {"lr": 0.0}])


def test_a_stage_with_a_time_limit_warms_up_and_then_falls_by_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = read_recipe(FIRST).stages[0].model_copy(update={"minutes": 10.0})
    now = [1000.0]
    monkeypatch.setattr(bfloat.time, "time", lambda: now[0])
    trainer, set_rates = _Trainer(), bfloat.on_batch_start(stage)
    rates = []
    for step in range(100):
        now[0] = 1000.0 + 6 * step
        set_rates(trainer)
        rates.append(trainer.optimizer.param_groups[0]["lr"])
    assert rates[0] < 0.1 * stage.lr
    assert 20 < rates.index(max(rates)) < 35
    assert rates[50] == pytest.approx((stage.lr + stage.lr_end) / 2, rel=0.05)
    assert rates[-1] == pytest.approx(stage.lr_end, rel=0.05)


def test_where_the_epochs_are_over_before_the_time_the_rate_has_fallen_and_the_stage_ends() -> None:
    stage = read_recipe(FIRST).stages[0].model_copy(update={"minutes": 1e9, "epochs": 2})
    trainer, set_rates, stop = _Trainer(), bfloat.on_batch_start(stage), bfloat.stop_after(stage)
    for epoch in range(2):
        trainer.epoch = epoch
        for _ in trainer.train_loader:
            set_rates(trainer)
        stop(trainer)
        assert trainer.stop == (epoch == 1)
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(stage.lr_end, rel=0.01)


def test_datasets_are_built_by_stage_and_kept_in_later_runs(data: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    stage = (
        '[[stages]]\nname = "{}"\nepochs = 1\nlr = 1e-3\nlr_end = 1e-4\n'
        "data = {{ scenes = 2, heap_copies = 0, upright_copies = 0, battery_copies = 0, "
        "battery_scene_copies = 0, negative_copies = 0, as_is = 0, belt_frames = 0 }}\n"
    )
    recipe.write_text(
        'name = "a"\nversion = 1\nstart_from = "a.pt"\nseed = 1\nimage_px = 96\nheld_back = 0.3\n'
        + stage.format("one")
        + stage.format("two")
    )
    out = tmp_path / "made"
    (one,) = train.build_data(recipe, data, out, stage="one", workers=1)
    assert one == out / "one" / "dataset.yaml"
    assert len(list((out / "one" / "images").iterdir())) == 2
    made = one.stat().st_mtime_ns
    assert train.build_data(recipe, data, out, workers=1) == [one, out / "two" / "dataset.yaml"]
    assert one.stat().st_mtime_ns == made
