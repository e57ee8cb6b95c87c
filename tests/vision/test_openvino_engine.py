"""The OpenVINO engine on the tiny models of test_engine; its error texts without OpenVINO."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from detector.profile.line import ModelChoice
from detector.vision import openvino_engine
from detector.vision.catalogue import ModelError
from detector.vision.engine import EngineError, OnnxEngine
from detector.vision.engines import chosen_engine, open_engine
from detector.vision.openvino_engine import OpenVinoEngine
from tests.vision.test_engine import grey_image, model


def test_without_openvino_a_profile_that_selects_it_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModelError, match=r"openvino is missing\. pip install 'vigitri\[openvino\]"):
        open_engine(model(tmp_path), ModelChoice(engine="openvino"))


def test_without_openvino_auto_selects_onnxruntime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert isinstance(open_engine(model(tmp_path), ModelChoice(engine="auto")), OnnxEngine)
    assert isinstance(open_engine(model(tmp_path)), OnnxEngine)
    name, why = chosen_engine()
    assert name == "onnxruntime"
    assert "OpenVINO is not installed (pip install 'vigitri[openvino]')" in why


def test_auto_selects_onnxruntime_if_the_profile_names_providers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openvino_engine, "faster_here", lambda: (True, "the CPU is made for it"))
    assert chosen_engine() == ("openvino", "auto: the CPU is made for it")
    on_gpu = ModelChoice(providers=("CUDAExecutionProvider", "CPUExecutionProvider"))
    assert chosen_engine(on_gpu) == (
        "onnxruntime",
        "auto: model.providers names CUDAExecutionProvider",
    )


def test_openvino_is_not_loaded_for_a_cpu_that_lacks_bfloat16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr(openvino_engine, "lacks_bfloat16", lambda: True)
    monkeypatch.setattr(openvino_engine, "_core", lambda: pytest.fail("loaded"))
    name, why = chosen_engine()
    assert (name, "lacks bfloat16" in why) == ("onnxruntime", True)


def test_auto_selects_the_engine_by_the_cpus_capabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_engine, "lacks_bfloat16", lambda: False)
    for capabilities, name in ((["FP32", "BF16"], "openvino"), (["FP32"], "onnxruntime")):
        core = SimpleNamespace(get_property=lambda *_, known=capabilities: known)
        monkeypatch.setattr(openvino_engine, "_core", lambda core=core: core)
        assert chosen_engine()[0] == name
        assert chosen_engine(ModelChoice(engine="onnxruntime"))[0] == "onnxruntime"


@pytest.mark.parametrize("flat", [True, False])
def test_both_engines_give_the_same_detections_at_every_size(tmp_path: Path, flat: bool) -> None:
    pytest.importorskip("openvino")
    folder = model(tmp_path, flat=flat)
    one, other = OnnxEngine(folder, threads=1), OpenVinoEngine(folder, threads=1)
    other.prepare([(96, 64), (64, 32)])  # (96, 32) is not prepared
    for size in ((64, 96), (32, 64), (64, 96), (96, 32)):
        a, b = one.detect(grey_image(*size), 0.25), other.detect(grey_image(*size), 0.25)
        np.testing.assert_allclose(a.boxes_px, b.boxes_px, rtol=0.01)  # bfloat16: 8 bits
        np.testing.assert_allclose(a.scores, b.scores, rtol=0.01)
        np.testing.assert_array_equal(a.classes, b.classes)


def test_an_image_that_openvino_rejects_is_an_error_not_an_empty_belt(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    fixed = model(tmp_path, size=(64, 96), input={"size": [64, 96]})
    engine = OpenVinoEngine(fixed, threads=1)
    assert len(engine.detect(grey_image(), 0.25)) == 2
    with pytest.raises(EngineError, match="test-n1: inference failed"):
        engine.detect(grey_image(64, 64), 0.25)


def test_openvino_telemetry_is_not_imported(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    OpenVinoEngine(model(tmp_path), threads=1)
    assert sys.modules["openvino_telemetry"] is None
