from pathlib import Path

import pytest

from models.errors import WorkshopError
from models.evaluation.picture_sets import BELT_SCALE
from models.training import trials
from models.training.trials import Trial, table

RECIPE = Path(trials.__file__).parents[1] / "recipes" / "architectures.toml"


def _row(ap50: float, recall: float) -> dict[str, object]:
    return {
        "boxes": 40,
        "ap50": ap50,
        "recall_at_0.2": [recall, 0.0, 1.0],
        "recall_at_0.05": [recall / 2, 0.0, 1.0],
        "of": {"25 to 50 px": {"boxes": 7, "recall_at_0.2": [0.125, 0.0, 1.0]}},
    }


def _trial(name: str, cpu_ms: float) -> Trial:
    row = {"gas_canister": _row(0.75, 0.5), "battery": _row(0.25, 0.375)}
    return Trial(name, 2_380_000, 12.34, cpu_ms, {BELT_SCALE: row, "scenes": row})


def test_a_table_has_a_row_for_each_architecture_and_cpu_time_as_a_share_of_the_first() -> None:
    lines = table([_trial("yolo26n", 30.0), _trial("yolo26n-p4", 21.0)]).splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2].startswith("| yolo26n | 2.38 M | 12.3 | 1.00 | 0.75, 0.50, 0.25 | 0.25, 0.38,")
    assert lines[3].startswith("| yolo26n-p4 | 2.38 M | 12.3 | 0.70 |")
    assert lines[3].endswith("| 0.12 (7) |")


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="no such data folder; give it with --data"):
        trials.run(RECIPE, tmp_path / "none", tmp_path, tmp_path / "out")
    with pytest.raises(WorkshopError, match=r"yolo26n_coco\.pt: no such checkpoint"):
        trials.run(RECIPE, tmp_path, tmp_path, tmp_path / "out", ["yolo26n"])
    with pytest.raises(WorkshopError, match=r"other\.pt: no such checkpoint"):
        trials.run(RECIPE, tmp_path, tmp_path, tmp_path / "out", ["yolo11n=other.pt"])


@pytest.mark.parametrize(("resume", "exported"), [(False, 1), (True, 0)])
def test_an_earlier_run_s_model_is_measured_again_only_when_resuming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resume: bool, exported: int
) -> None:
    made: list[Path] = []
    monkeypatch.setattr(trials, "export_onnx", lambda last, *_, **__: made.append(last))
    monkeypatch.setattr(trials, "write_card", lambda *_: None)
    monkeypatch.setattr(trials.evaluate, "opened", lambda *_: None)
    (tmp_path / "card.toml").touch()  # of a run before
    plan = trials.read_recipe(RECIPE)
    trials._exported(plan, "yolo26n", "a.pt", tmp_path / "last.pt", tmp_path, resume=resume)
    assert len(made) == exported
