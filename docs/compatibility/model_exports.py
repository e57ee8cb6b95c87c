"""Real exports of detectors, each given to `vigitri model import`: the table of compatibility.md.

    pip install '.[train]' transformers==5.24.0 yolov5==7.0.14 rfdetr==1.11.2 yolox==0.3.0
    python docs/compatibility/model_exports.py WEIGHTS.pt > table.md

WEIGHTS.pt: a YOLO26 trained on COCO, for the rows that look for persons. All other networks are
built without weights, which is enough for shapes and layouts. Not part of CI: it takes 15 min.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false", HF_HUB_OFFLINE="1")

from detector.commands.import_model import ImportOptions, import_model
from detector.errors import VigitriError
from detector.vision.catalogue import find_model
from detector.vision.imports.class_choice import Choices
from detector.vision.onnx_runtime import ort  # noqa: F401 (its telemetry is off from here on)

import torch  # isort: skip
from ultralytics import RTDETR, YOLO  # isort: skip

logging.getLogger("ultralytics").setLevel(logging.ERROR)

NAMES = {0: "gas bottle", 1: "battery"}
TWO = ("gas bottle=gas", "battery=battery")
PX = 160
OPTIONS: dict[str, dict[str, Any]] = {
    "fixed": {},
    "dynamic": {"dynamic": True},
    "rectangular": {"imgsz": (96, 160)},
    "half": {"half": True},
    "nms=False": {"nms": False},
    "nms=True": {"nms": True},
    "batch=4": {"batch": 4},
}
ULTRALYTICS = {
    "YOLOv5u": "yolov5n.yaml",
    "YOLOv8": "yolov8n.yaml",
    "YOLOv9": "yolov9t.yaml",
    "YOLOv10": "yolov10n.yaml",
    "YOLO11": "yolo11n.yaml",
    "YOLO12": "yolo12n.yaml",
    "YOLO26": "yolo26n.yaml",
    "RT-DETR (Ultralytics)": "rtdetr-resnet50.yaml",
}
OTHER_TASKS = ("yolo11n-seg.yaml", "yolo26n-obb.yaml", "yolo26n-pose.yaml", "yolo11n-cls.yaml")


def main(weights: Path) -> None:
    _nms_without_compiled_operators()
    # Newer versions of torch have a second exporter, which these tools do not mean.
    torch.onnx.export = functools.partial(torch.onnx.export, dynamo=False)
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        print("| export | read as |\n|---|---|")
        for title, cell in _others(weights):
            print(f"| {title} | {cell} |", flush=True)
        print("\n| | " + " | ".join(OPTIONS) + " |\n|" + "---|" * (len(OPTIONS) + 1))
        for name, config in ULTRALYTICS.items():
            cells = [_cell(lambda o=o, c=config: _ultralytics(c, o)) for o in OPTIONS.values()]
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _others(weights: Path) -> Iterator[tuple[str, str]]:
    for config in OTHER_TASKS:
        yield f"Ultralytics {config}", _cell(lambda c=config: _ultralytics(c, {}))
    for title, make in (
        ("YOLOv5 7.0, `export.py`", _yolov5),
        ("YOLOv5 7.0, one class", lambda: _yolov5(1)),
        ("YOLOX 0.3.0, as `tools/export_onnx.py`", _yolox),
        ("YOLOX 0.3.0, decoded", lambda: _yolox(decoded=True)),
        ("RT-DETR, Transformers", lambda: _transformers("RTDetr")),
        ("RT-DETRv2, Transformers", lambda: _transformers("RTDetrV2")),
        ("D-FINE, Transformers", lambda: _transformers("DFine")),
        ("D-FINE, with post-processing", lambda: _transformers("DFine", processed=True)),
        ("RF-DETR", _rf_detr),
    ):
        classes = ["0=battery"] if "one class" in title else list(TWO)
        names = () if "YOLOv5" in title else tuple(NAMES.values())
        yield title, _cell(make, classes=classes, names=names)
    more = {
        "nms=True dynamic": {"nms": True, "dynamic": True},
        "simplify=False": {"simplify": False},
    }
    picture = Path(sys.modules["ultralytics"].__file__ or "").parent / "assets" / "bus.jpg"
    for title, options in (OPTIONS | more).items():
        if title != "batch=4":
            yield (
                f"YOLO26, trained on COCO, {title}",
                _cell(
                    lambda o=options: _trained(weights, o),
                    classes=["0=gas"],
                    picture=picture,
                ),
            )
    yield (
        "YOLO26, trained on COCO, the `.pt` itself",
        _cell(lambda: weights, classes=["0=gas"], picture=picture),
    )


def _cell(
    make: Callable[[], Path],
    *,
    classes: list[str] | tuple[str, ...] = TWO,
    names: tuple[str, ...] = (),
    picture: Path | None = None,
) -> str:
    """Import what `make` exports; the head as it was read, or the refusal."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            file = make()
    except Exception as error:
        return f"the exporter refuses: {_first_line(error)}"
    choices = Choices(classes, others_harmless=picture is not None, given_names=names)
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(said):
        try:
            folder = import_model(
                file, Path(place) / "m", ImportOptions(choices, None, picture, 0.25)
            )
        except VigitriError as error:
            return "refused: " + str(error).replace(str(file), file.name).split(". ", maxsplit=1)[0]
        except Exception as error:
            return f"FAILS: {type(error).__name__} {_first_line(error)}"
        card = find_model(f"{folder}/.").card
    unit = ", shares" if card.box_unit == "share" else ""
    half = ", half" if card.input.layout.endswith("f16") else ""
    found = [line for line in card.imported.found if line.startswith("in ")]
    fixed = "" if not all(card.input.size) else " fixed"
    untried = "" if "boxes in drawn" in said.getvalue() or found else ", boxes not tried"
    return f"{card.head}{unit}{half}{fixed}{untried}" + "".join(f"; {line}" for line in found)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:150]


def _ultralytics(config: str, options: dict[str, Any]) -> Path:
    model = (RTDETR if "rtdetr" in config else YOLO)(config)
    made = model.model
    model.model = type(made)(config, nc=len(NAMES), verbose=False)
    model.model.names, model.model.task, model.model.args = NAMES, made.task, made.args
    return _exported(model, {"simplify": False, **options})


def _trained(weights: Path, options: dict[str, Any]) -> Path:
    copy = Path("trained.pt")
    copy.write_bytes(weights.read_bytes())
    return _exported(YOLO(str(copy)), options | {"imgsz": options.get("imgsz", 416)})


def _exported(model: Any, options: dict[str, Any]) -> Path:
    given = {"format": "onnx", "imgsz": PX, "device": "cpu", "opset": 17, **options}
    with contextlib.redirect_stderr(io.StringIO()):
        return Path(model.export(**given))


def _yolov5(classes: int = 2) -> Path:
    import yolov5
    from yolov5.export import export_onnx
    from yolov5.models.yolo import Model

    config = Path(yolov5.__file__).parent / "models" / "hub" / "yolov5n.yaml"
    if not config.is_file():
        config = next(Path(yolov5.__file__).parent.rglob("yolov5n.yaml"))
    model = Model(str(config), nc=classes).eval()
    model.names = {0: "battery"} if classes == 1 else NAMES
    model.model[-1].export = True
    image = torch.zeros(1, 3, PX, PX)
    model(image)
    path, _ = export_onnx(model, image, Path("yolov5.pt"), 17, False, False)
    return Path(path)


def _yolox(*, decoded: bool = False) -> Path:
    from yolox.exp import get_exp
    from yolox.models.network_blocks import SiLU
    from yolox.utils import replace_module

    described = get_exp(exp_name="yolox-nano")
    described.num_classes = len(NAMES)
    network = replace_module(described.get_model().eval(), torch.nn.SiLU, SiLU)
    network.head.decode_in_inference = decoded
    torch.onnx.export(
        network,
        torch.rand(1, 3, PX, PX),
        "yolox.onnx",
        opset_version=17,
        input_names=["images"],
        output_names=["output"],
    )
    return Path("yolox.onnx")


def _transformers(family: str, *, processed: bool = False) -> Path:
    import transformers

    config = getattr(transformers, f"{family}Config")(num_labels=2)
    config.use_pretrained_backbone = False
    config.backbone_config = config.backbone_config or None
    network = getattr(transformers, f"{family}ForObjectDetection")(config).eval()
    wrapped = _Processed(network) if processed else _Bare(network)
    image = torch.rand(1, 3, 640, 640)
    given = (image, torch.tensor([[640, 640]])) if processed else (image,)
    path = Path(f"{family}.onnx")
    torch.onnx.export(
        wrapped,
        given,
        str(path),
        opset_version=17,
        input_names=["images", "orig_target_sizes"] if processed else ["pixel_values"],
        output_names=["labels", "boxes", "scores"] if processed else ["logits", "pred_boxes"],
    )
    return path


class _Bare(torch.nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Any) -> Any:
        given = self.network(image)
        return given.logits, given.pred_boxes


class _Processed(_Bare):
    """As `tools/export_onnx.py` of RT-DETR and D-FINE: the best classes of all queries, in px."""

    def forward(self, image: Any, sizes: Any) -> Any:  # type: ignore[override]
        logits, boxes = super().forward(image)
        cx, cy, w, h = boxes.unbind(-1)
        corners = torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], -1)
        corners = corners * sizes.repeat(1, 2).unsqueeze(1)
        scores, index = torch.topk(logits.sigmoid().flatten(1), boxes.shape[1], dim=-1)
        labels = index % logits.shape[2]
        rows = (index // logits.shape[2]).unsqueeze(-1).repeat(1, 1, 4)
        return labels, corners.gather(1, rows), scores


def _rf_detr() -> Path:
    from rfdetr import RFDETRNano

    model = RFDETRNano(pretrain_weights=None, num_classes=1)
    model.export(output_dir="rf")
    return next(Path("rf").glob("*.onnx"))


def _nms_without_compiled_operators() -> None:
    """`nms=True` needs torchvision's operator, which its CPU wheels of some sources lack."""
    import torchvision
    from torchvision.extension import _has_ops

    if _has_ops():
        return
    torch.library.define(
        "torchvision::nms", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    )

    def keep(boxes: Any, scores: Any, iou_threshold: float) -> Any:  # noqa: ARG001
        return torch.argsort(scores, descending=True)[:1]  # traced, not run: ONNX has its own

    torch.library.impl("torchvision::nms", "cpu", keep)
    torchvision.extension._assert_has_ops = lambda: None
    torchvision.ops.boxes._assert_has_ops = lambda: None
    torchvision.ops._register_onnx_ops._register_custom_op()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
