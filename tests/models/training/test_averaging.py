from pathlib import Path

import pytest

from models.training.averaging import interpolated


def test_weights_are_interpolated(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="comes with the train extra")
    pytest.importorskip("ultralytics", reason="comes with the train extra")
    from ultralytics import YOLO
    from ultralytics.nn.tasks import DetectionModel

    from models.training.restore import layers, write_checkpoint

    for seed, name in enumerate(("old", "new")):
        torch.manual_seed(seed)
        net = DetectionModel(layers("yolo26n"), ch=3, nc=2, verbose=False)
        write_checkpoint(net, "yolo26n", tmp_path / f"{name}.pt")
    interpolated(
        tmp_path / "old.pt", tmp_path / "new.pt", 0.25, tmp_path / "out.pt", layout="yolo26n"
    )
    old, new, out = (
        YOLO(str(tmp_path / f"{name}.pt"), task="detect").model.float().state_dict()
        for name in ("old", "new", "out")
    )
    for name, value in out.items():
        if value.is_floating_point():
            expected = 0.75 * old[name] + 0.25 * new[name]
            torch.testing.assert_close(value, expected, rtol=1e-2, atol=1e-3)
